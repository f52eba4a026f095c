//! Questions and the help, in a frame above everything else.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    widgets::{Block, Clear, Widget},
};

use super::{Theme, clipped, put};
use crate::chat::{
    editor::Editor,
    help::{self, Line},
    keys::{Hint, Pressed},
    state::{Dialog, State},
    wrap,
};
use crate::harmless;

/// Draws what stands above everything; returns where the cursor belongs, if something is written there.
pub fn draw(buffer: &mut Buffer, state: &State, theme: Theme) -> Option<(u16, u16)> {
    let words = state.words;
    match &state.dialog {
        Some(Dialog::Help(from)) => draw_help(buffer, state, *from, theme),
        Some(Dialog::Quit) => ask(buffer, state, words.quit_title, words.quit, theme),
        Some(Dialog::TakeBack(_)) => ask(buffer, state, words.take_back_title, words.take_back, theme),
        Some(Dialog::Discard(_)) => ask(buffer, state, words.discard_title, words.discard, theme),
        Some(Dialog::Attach(editor, fault)) => {
            return prompt(buffer, state, (words.attach_title, words.attach), editor, fault.as_ref(), theme);
        }
        Some(Dialog::Save(at, editor, fault)) => {
            let name = state.selected_files().get(*at).map(|file| harmless::line(&file.name)).unwrap_or_default();
            return prompt(
                buffer,
                state,
                (words.save_title, &format!("{name}: {}", words.save)),
                editor,
                fault.as_ref(),
                theme,
            );
        }
        None => {}
    }
    None
}

/// A frame in the middle of the screen; returns its inside.
fn frame(buffer: &mut Buffer, state: &State, columns: usize, rows: usize, title: &str, theme: Theme) -> Rect {
    let (width, height) = (state.size.0, state.size.1.saturating_sub(1));
    let outer_width = (columns as u16 + 4).min(width);
    let outer_height = (rows as u16 + 2).min(height);
    let area = Rect::new((width - outer_width) / 2, (height - outer_height) / 2, outer_width, outer_height);
    Clear.render(area, buffer);
    let block = Block::bordered().title(format!(" {title} ")).title_style(theme.strong());
    let inside = block.inner(area);
    block.render(area, buffer);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

fn ask(buffer: &mut Buffer, state: &State, title: &str, question: &str, theme: Theme) {
    let words = state.words;
    let columns = usize::from(state.size.0).saturating_sub(8).min(56);
    let lines = wrap::lines(question, columns);
    let area = frame(buffer, state, columns, lines.len() + 2, title, theme);
    for (row, line) in lines.iter().enumerate() {
        put(buffer, area.x, area.y + row as u16, usize::from(area.width), line, Style::new());
    }
    let y = area.y + lines.len() as u16 + 1;
    let mut x = area.x;
    for (key, hint) in [(Pressed::Yes, Hint::Yes), (Pressed::Escape, Hint::No)] {
        let left = |x: u16| usize::from(area.right().saturating_sub(x));
        x = put(buffer, x, y, left(x), (words.key)(key), theme.strong());
        x = put(buffer, x + 1, y, left(x + 1), (words.hint)(hint).0, Style::new()) + 3;
    }
}

/// Asks for a line of text.
fn prompt(
    buffer: &mut Buffer,
    state: &State,
    (title, question): (&str, &str),
    editor: &Editor,
    fault: Option<&String>,
    theme: Theme,
) -> Option<(u16, u16)> {
    let columns = usize::from(state.size.0).saturating_sub(8).min(66);
    let lines = wrap::lines(question, columns);
    let faults = fault.map_or_else(Vec::new, |fault| wrap::lines(fault, columns.saturating_sub(2)));
    let area = frame(buffer, state, columns, lines.len() + 1 + faults.len(), title, theme);
    let mut y = area.y;
    for line in &lines {
        put(buffer, area.x, y, usize::from(area.width), line, Style::new());
        y += 1;
    }
    let at = editor.place(usize::MAX).1;
    let width = usize::from(area.width).max(1);
    let from = (at + 1).saturating_sub(width);
    let written = Style::new().add_modifier(Modifier::UNDERLINED);
    put(buffer, area.x, y, width, &" ".repeat(width), written);
    put(buffer, area.x, y, width, &clipped(editor.text(), from, width), written);
    for (row, line) in faults.iter().enumerate() {
        put(buffer, area.x, y + 1 + row as u16, width, &format!("✗ {line}"), theme.alarm());
    }
    Some((area.x + (at - from) as u16, y))
}

fn draw_help(buffer: &mut Buffer, state: &State, from: usize, theme: Theme) {
    let (columns, rows) = help::room(state.size);
    let lines = help::lines(state.words, columns);
    let area = frame(buffer, state, columns, rows.min(lines.len()), state.words.help_title, theme);
    let from = from.min(lines.len().saturating_sub(usize::from(area.height)));
    for (row, line) in lines.iter().skip(from).take(usize::from(area.height)).enumerate() {
        let y = area.y + row as u16;
        match line {
            Line::Heading(text) => {
                put(buffer, area.x, y, usize::from(area.width), text, theme.other());
            }
            Line::Key(key, text) => {
                let x = put(buffer, area.x + 2, y, usize::from(area.width) - 2, key, theme.strong());
                put(buffer, x + 2, y, usize::from(area.right().saturating_sub(x + 2)), text, Style::new());
            }
            Line::Text(text) => {
                put(buffer, area.x, y, usize::from(area.width), text, Style::new());
            }
            Line::Blank => {}
        }
    }
    let arrows = [(from > 0, "↑", area.y), (from + usize::from(area.height) < lines.len(), "↓", area.bottom() - 1)];
    for (more, arrow, y) in arrows {
        if more {
            put(buffer, area.right(), y, 1, arrow, theme.strong());
        }
    }
}
