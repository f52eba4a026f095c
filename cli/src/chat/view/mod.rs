//! The picture of a state. Nothing is decided and nothing is remembered here. No meaning hangs on a colour alone: each has
//! a word, a sign or a weight beside it.

mod bars;
mod dialog;
mod form;
mod list;
mod style;
mod talk;
#[cfg(test)]
pub mod tests;

use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation;

pub use style::Theme;

use super::{
    areas::SMALLEST,
    state::{Screen, State},
    wrap,
};

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: Theme) {
    let Some(areas) = state.areas() else {
        too_small(frame, state);
        return;
    };
    bars::banner(frame.buffer_mut(), areas.banner, state, theme);
    if let Some(area) = areas.list {
        list::draw(frame.buffer_mut(), area, state, theme);
    }
    if let Some(area) = areas.line {
        for y in area.top()..area.bottom() {
            put(frame.buffer_mut(), area.x, y, 1, "│", theme.faint());
        }
    }
    let cursor = match (areas.form, areas.talk) {
        (Some(area), _) => form::draw(frame.buffer_mut(), area, state, theme),
        (None, Some(talk)) => talk::draw(frame.buffer_mut(), &talk, state, theme),
        (None, None) => None,
    };
    bars::notice(frame.buffer_mut(), areas.notice, state, theme);
    bars::help(frame.buffer_mut(), areas.help, state, theme);
    let cursor = if state.dialog.is_some() { dialog::draw(frame.buffer_mut(), state, theme) } else { cursor };
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    debug_assert!(state.screen == Screen::Talk || areas.form.is_some());
}

fn too_small(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    let text = (state.words.too_small)(SMALLEST.0, SMALLEST.1);
    for (row, line) in wrap::lines(&text, usize::from(area.width)).iter().enumerate().take(usize::from(area.height)) {
        put(frame.buffer_mut(), area.x, area.y + row as u16, usize::from(area.width), line, Style::new());
    }
}

/// Puts text at a place, cut to so many columns; returns the column behind it.
fn put(buffer: &mut Buffer, x: u16, y: u16, columns: usize, text: &str, style: Style) -> u16 {
    let area = buffer.area;
    if y >= area.bottom() || x >= area.right() || columns == 0 {
        return x;
    }
    let columns = columns.min(usize::from(area.right() - x));
    let (end, _) = buffer.set_stringn(x, y, wrap::cut(text, columns), columns, style);
    end
}

/// Gives a whole row a look.
fn fill(buffer: &mut Buffer, area: Rect, style: Style) {
    for y in area.top()..area.bottom() {
        let row = " ".repeat(usize::from(area.width));
        put(buffer, area.x, y, usize::from(area.width), &row, style);
    }
}

/// Text on the right end of a row; returns the column where it begins.
fn put_right(buffer: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) -> u16 {
    let columns = wrap::width(text).min(usize::from(area.width));
    let x = area.right() - columns as u16;
    put(buffer, x, y, columns, text, style);
    x
}

/// A line of an input, by columns: a long line without spaces would hang over otherwise.
fn clipped(text: &str, from: usize, columns: usize) -> String {
    let (mut at, mut shown) = (0, String::new());
    for character in text.graphemes(true) {
        let width = wrap::width(character);
        if at >= from && at + width <= from + columns {
            shown.push_str(character);
        }
        at += width;
    }
    shown
}
