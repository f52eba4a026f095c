//! A picture of a terminal as SVG, cell by cell.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

const WIDTH: f64 = 9.0;
const HEIGHT: f64 = 19.0;
const MARGIN: f64 = 14.0;
const GROUND: &str = "#1b1f27";
const INK: &str = "#e4e7ec";

/// How cells look that stand side by side.
#[derive(PartialEq, Clone)]
struct Look {
    ink: String,
    ground: String,
    bold: bool,
    dim: bool,
    underline: bool,
}

fn look(cell: &Cell) -> Look {
    let (mut ink, mut ground) = (colour(cell.fgcolor(), INK), colour(cell.bgcolor(), GROUND));
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut ground);
    }
    Look { ink, ground, bold: cell.bold(), dim: cell.dim(), underline: cell.underline() }
}

fn colour(colour: Color, usual: &str) -> String {
    match colour {
        Color::Idx(1) => "#ff7a70".into(),
        Color::Idx(5) => "#d69bff".into(),
        _ => usual.to_owned(),
    }
}

/// The picture of a screen; `title` says what it shows to whoever cannot see it.
pub fn picture(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (width, height) =
        (f64::from(columns.get()) * WIDTH + 2.0 * MARGIN, f64::from(rows.get()) * HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"'DejaVu Sans Mono', 'Noto Sans Mono', 'Noto Sans Mono CJK JP', Menlo, Consolas, monospace\" \
         font-size=\"15\" xml:space=\"preserve\">\n",
        escaped(title)
    );
    for row in 0..rows.get() {
        let mut column = 0;
        while column < columns.get() {
            let Some(cell) = screen.cell(row, column) else { break };
            let first = look(cell);
            let begin = column;
            let mut text = String::new();
            let mut push = |cell: &Cell| text.push_str(if cell.has_contents() { cell.contents() } else { " " });
            push(cell);
            column += 1;
            // A wide character stands alone: fonts differ in how wide it is.
            if cell.is_wide() {
                column += 1;
            } else {
                while let Some(next) = screen.cell(row, column).filter(|next| look(next) == first && !next.is_wide()) {
                    push(next);
                    column += 1;
                }
            }
            run(&mut svg, (row, begin, column), &text, &first);
        }
    }
    if !screen.hide_cursor() {
        let (row, column) = screen.cursor_position();
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"2\" height=\"{HEIGHT}\" fill=\"{INK}\"/>",
            f64::from(column) * WIDTH + MARGIN,
            f64::from(row) * HEIGHT + MARGIN
        );
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn run(svg: &mut String, (row, begin, end): (u16, u16, u16), text: &str, look: &Look) {
    let (x, y) = (f64::from(begin) * WIDTH + MARGIN, f64::from(row) * HEIGHT + MARGIN);
    let width = f64::from(end - begin) * WIDTH;
    if look.ground != GROUND {
        let _ =
            writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{}\"/>", look.ground);
    }
    if text.trim().is_empty() && !look.underline {
        return;
    }
    let mut style = String::new();
    if look.bold {
        style.push_str(" font-weight=\"bold\"");
    }
    if look.dim {
        style.push_str(" fill-opacity=\"0.62\"");
    }
    if look.underline {
        let line = y + HEIGHT - 2.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{line}\" width=\"{width}\" height=\"1\" fill=\"{}\" fill-opacity=\"0.5\"/>",
            look.ink
        );
    }
    let text = text.trim_end();
    if text.is_empty() {
        return;
    }
    let length = unicode_columns(text, end - begin) * WIDTH;
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{style}>{}</text>",
        y + 14.5,
        look.ink,
        escaped(text)
    );
}

/// The columns of a run whose trailing spaces were left out; a wide character stands alone in its run.
fn unicode_columns(text: &str, columns: u16) -> f64 {
    let narrow = text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count() as f64;
    narrow.max(1.0).min(f64::from(columns)).max(if columns == 2 && text.chars().count() == 1 { 2.0 } else { 0.0 })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
