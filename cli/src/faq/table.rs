//! A table that fits: each column as wide as it needs where there is room, narrower where its cells can be broken between
//! words, and otherwise one row below the other with the words of the header before each cell. Pure.

use beistand_core::faq::Alignment;
use textwrap::core::display_width;

use super::columns::{behind, filled, wrap};
use super::ink::Ink;

/// Between two columns.
const GAP: usize = 2;

/// Draws a table of texts that are harmless already. Every row has as many cells as the header.
pub fn lines(alignments: &[Alignment], header: &[String], rows: &[Vec<String>], width: usize, ink: Ink) -> Vec<String> {
    if header.is_empty() {
        return Vec::new();
    }
    match widths(header, rows, width) {
        Some(widths) => in_columns(alignments, header, rows, &widths, ink),
        None => one_below_the_other(header, rows, width, ink),
    }
}

/// How wide each column is; none if some word would have to be broken.
fn widths(header: &[String], rows: &[Vec<String>], width: usize) -> Option<Vec<usize>> {
    let columns = header.len();
    let (mut least, mut most) = (vec![1; columns], vec![1; columns]);
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        for (column, cell) in row.iter().enumerate().take(columns) {
            let word = cell.split([' ', '\n']).map(display_width).max().unwrap_or(0);
            let line = cell.split('\n').map(display_width).max().unwrap_or(0);
            least[column] = least[column].max(word);
            most[column] = most[column].max(line);
        }
    }
    let room = width.checked_sub(GAP * (columns - 1))?;
    let mut left = room.checked_sub(least.iter().sum())?;
    // Column by column of the terminal, to the narrowest that still needs one: so the widest are broken, and evenly.
    while left > 0 {
        let next = (0..columns).filter(|column| least[*column] < most[*column]).min_by_key(|column| least[*column]);
        let Some(next) = next else { break };
        least[next] += 1;
        left -= 1;
    }
    Some(least)
}

fn in_columns(
    alignments: &[Alignment],
    header: &[String],
    rows: &[Vec<String>],
    widths: &[usize],
    ink: Ink,
) -> Vec<String> {
    let cells: Vec<String> = header.iter().map(|cell| ink.bold(cell)).collect();
    let mut lines = row(alignments, &cells, widths);
    let gap = " ".repeat(GAP);
    lines.push(widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join(&gap));
    let rows: Vec<Vec<String>> = rows.iter().map(|cells| row(alignments, cells, widths)).collect();
    // Where a row takes several lines, an empty one shows where it ends.
    let apart = rows.iter().any(|row| row.len() > 1);
    for (at, row) in rows.into_iter().enumerate() {
        if apart && at > 0 {
            lines.push(String::new());
        }
        lines.extend(row);
    }
    lines
}

fn row(alignments: &[Alignment], cells: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> = cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |number: usize| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if column > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let text = cell.get(number).map_or("", String::as_str);
            line.push_str(&aligned(text, *width, alignments.get(column).copied()));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

fn aligned(text: &str, width: usize, alignment: Option<Alignment>) -> String {
    let free = width.saturating_sub(display_width(text));
    let before = match alignment {
        Some(Alignment::Right) => free,
        Some(Alignment::Center) => free / 2,
        _ => 0,
    };
    filled(&format!("{}{text}", " ".repeat(before)), width)
}

fn one_below_the_other(header: &[String], rows: &[Vec<String>], width: usize, ink: Ink) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let Some((first, others)) = row.split_first() else { continue };
        lines.extend(wrap(&ink.bold(first), width));
        for (name, cell) in header.iter().skip(1).zip(others).filter(|(_, cell)| !cell.trim().is_empty()) {
            let text = if name.trim().is_empty() { cell.clone() } else { format!("{name}: {cell}") };
            lines.extend(behind(wrap(&text, width.saturating_sub(4).max(1)), "  ", "    "));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize) -> Vec<String> {
        let texts = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows = [
            texts(&["Wollmantel", "die größere, er ist an den Schultern schmal", "9"]),
            texts(&["Jeans", "die kleinere", "10"]),
        ];
        let alignments = [Alignment::Natural, Alignment::Left, Alignment::Right];
        lines(&alignments, &texts(&["Artikel", "Empfehlung", "Nr."]), &rows, width, Ink::Plain)
    }

    #[test]
    fn columns_are_as_wide_as_they_need() {
        assert_eq!(
            table(80),
            [
                "Artikel     Empfehlung                                   Nr.",
                "──────────  ───────────────────────────────────────────  ───",
                "Wollmantel  die größere, er ist an den Schultern schmal    9",
                "Jeans       die kleinere                                  10",
            ]
        );
    }

    #[test]
    fn the_widest_column_is_broken_between_words() {
        assert_eq!(
            table(40),
            [
                "Artikel     Empfehlung               Nr.",
                "──────────  ───────────────────────  ───",
                "Wollmantel  die größere, er ist an     9",
                "            den Schultern schmal",
                "",
                "Jeans       die kleinere              10",
            ]
        );
    }

    #[test]
    fn where_words_would_break_rows_stand_below_each_other() {
        assert_eq!(
            table(22),
            [
                "Wollmantel",
                "  Empfehlung: die",
                "    größere, er ist an",
                "    den Schultern",
                "    schmal",
                "  Nr.: 9",
                "",
                "Jeans",
                "  Empfehlung: die",
                "    kleinere",
                "  Nr.: 10",
            ]
        );
    }
}
