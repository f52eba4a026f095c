//! The new ticket.

use beistand_core::protocol::fields::FieldKind;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Theme, clipped, fill, put, put_right, talk};
use crate::{
    chat::{
        areas::inside,
        form::{Field, Input, What},
        state::State,
        wrap,
    },
    harmless,
};

/// The most rows that the first message takes.
const TEXT_ROWS: usize = 8;

/// Draws the form; returns where the cursor belongs.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) -> Option<(u16, u16)> {
    let form = state.form.as_ref()?;
    fill(buffer, Rect { height: 1, ..area }, theme.bar());
    put(buffer, area.x + 1, area.y, inside(area), state.words.new_ticket, theme.bar());
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let height = usize::from(area.height);
    let text_rows = TEXT_ROWS.min(height.saturating_sub(3).max(1));
    let heights: Vec<usize> = form.fields.iter().map(|field| rows(field, inside(area), text_rows)).collect();
    // The field with the cursor stays in sight, with as many of those before it as fit.
    let mut first = form.at;
    let mut used = heights.get(form.at).copied().unwrap_or(0);
    while let Some(above) =
        first.checked_sub(1).and_then(|above| heights.get(above)).filter(|above| used + **above <= height)
    {
        used += above;
        first -= 1;
    }
    let mut cursor = None;
    let mut y = area.y;
    for (at, field) in form.fields.iter().enumerate().skip(first) {
        let rows = heights.get(at).copied().unwrap_or(0) as u16;
        if y + rows > area.bottom() && at != form.at {
            break;
        }
        let place = Rect { y, height: rows.min(area.bottom() - y), ..area };
        let focused = at == form.at;
        let at = draw_field(buffer, place, field, focused, state, theme);
        if focused {
            cursor = at;
        }
        y += rows;
    }
    cursor
}

/// Label, value, and what is wrong.
fn rows(field: &Field, columns: usize, text_rows: usize) -> usize {
    let value = match (&field.what, &field.input) {
        (What::Text, Input::Written(editor)) => editor.rows(columns).len().clamp(1, text_rows),
        _ => 1,
    };
    let fault = field.fault.as_ref().map_or(0, |fault| wrap::lines(fault, columns.saturating_sub(2)).len());
    1 + value + fault
}

fn draw_field(
    buffer: &mut Buffer,
    area: Rect,
    field: &Field,
    focused: bool,
    state: &State,
    theme: Theme,
) -> Option<(u16, u16)> {
    let words = state.words;
    let columns = inside(area);
    let must = if field.required { words.required } else { words.optional };
    let mark = if focused { "▸" } else { " " };
    let style = if focused { theme.strong() } else { Style::new() };
    put(buffer, area.x, area.y, 1, mark, theme.strong());
    let right = Rect { width: area.width.saturating_sub(1), ..area };
    put_right(buffer, right, area.y, must, theme.faint());
    let left = columns.saturating_sub(wrap::width(must) + 1);
    put(buffer, area.x + 1, area.y, left, &harmless::line(&field.label), style);
    let fault = field.fault.as_ref().map_or_else(Vec::new, |fault| wrap::lines(fault, columns.saturating_sub(2)));
    let value = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + fault.len() as u16), ..area };
    let cursor = match &field.input {
        _ if value.height == 0 => None,
        Input::Written(editor) if field.what == What::Text => {
            underline(buffer, value);
            Some(talk::input(buffer, value, editor, Style::new()))
        }
        Input::Written(editor) => {
            underline(buffer, value);
            // A long line is seen around its cursor.
            let at = editor.place(usize::MAX).1;
            let from = (at + 1).saturating_sub(columns);
            if let (What::Custom(definition), true) = (&field.what, editor.text().is_empty())
                && definition.kind == FieldKind::Date
            {
                put(buffer, value.x + 1, value.y, columns, words.date_form, theme.faint());
            }
            put(buffer, value.x + 1, value.y, columns, &clipped(editor.text(), from, columns), Style::new());
            Some((value.x + 1 + (at - from) as u16, value.y))
        }
        Input::Chosen { values, at } => {
            let label = at.and_then(|at| values.get(at)).map_or(words.no_choice, |(_, label)| label.as_str());
            let text = format!("◂ {} ▸", wrap::cut(&harmless::line(label), columns.saturating_sub(4)));
            let style = if focused { theme.chosen() } else { Style::new() };
            put(buffer, value.x + 1, value.y, columns, &text, style);
            None
        }
    };
    for (row, line) in fault.iter().enumerate() {
        let y = value.bottom() + row as u16;
        if y < area.bottom() {
            put(buffer, area.x + 1, y, columns, &format!("✗ {line}"), theme.alarm());
        }
    }
    cursor.filter(|_| focused)
}

/// Shows where something can be written.
fn underline(buffer: &mut Buffer, area: Rect) {
    let style = Style::new().add_modifier(ratatui::style::Modifier::UNDERLINED);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    fill(buffer, inner, style);
}
