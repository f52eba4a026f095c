//! The history with its title and its input.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Theme, clipped, fill, put, put_right};
use crate::{
    chat::{
        areas::{Talk, inside},
        editor::Editor,
        history::{GUTTER, Part},
        state::{Focus, State},
        wrap,
    },
    harmless,
};

/// Draws all of it; returns where the cursor belongs.
pub fn draw(buffer: &mut Buffer, talk: &Talk, state: &State, theme: Theme) -> Option<(u16, u16)> {
    if state.history.conversation.is_none() {
        nothing(buffer, talk, state, theme);
        return None;
    }
    title(buffer, talk.title, state, theme);
    messages(buffer, talk.messages, state, theme);
    remark(buffer, talk.remark, state, theme);
    label(buffer, talk.label, state, theme);
    let focused = state.focus == Focus::Input;
    let empty = Editor::words();
    let compose = state.compose();
    let editor = compose.map_or(&empty, |compose| &compose.editor);
    if editor.text().is_empty() {
        put(buffer, talk.input.x + 1, talk.input.y, inside(talk.input), state.words.placeholder, theme.faint());
    }
    files(buffer, talk.files, state, theme);
    let cursor = input(buffer, talk.input, editor, Style::new());
    focused.then_some(cursor)
}

/// The files that will be attached; the last ones, if there are more than rows.
fn files(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let Some(compose) = state.compose() else { return };
    let shown = usize::from(area.height);
    for (row, file) in compose.files.iter().skip(compose.files.len().saturating_sub(shown)).enumerate() {
        let size = (state.words.bytes)(file.size);
        let columns = inside(area);
        let name = wrap::cut(&harmless::line(&file.name), columns.saturating_sub(wrap::width(&size) + 6));
        put(buffer, area.x + 1, area.y + row as u16, columns, &format!("+ [{name}] {size}"), theme.strong());
    }
}

fn nothing(buffer: &mut Buffer, talk: &Talk, state: &State, theme: Theme) {
    let empty = state.list.as_ref().is_some_and(Vec::is_empty);
    let text = match &state.list {
        None => state.words.one_moment,
        Some(_) if empty => state.words.welcome,
        Some(_) => state.words.nothing_chosen,
    };
    let columns = inside(talk.messages).min(60);
    for (row, line) in wrap::lines(text, columns).iter().enumerate().take(usize::from(talk.messages.height)) {
        put(buffer, talk.messages.x + 2, talk.messages.y + 1 + row as u16, columns, line, Style::new());
    }
    if empty {
        let words = state.words;
        let (key, word) = ((words.key)(crate::chat::keys::Pressed::N), (words.hint)(crate::chat::keys::Hint::New).1);
        let y = talk.messages.y + 2 + wrap::lines(text, columns).len() as u16;
        let x = put(buffer, talk.messages.x + 2, y, columns, key, theme.strong());
        put(buffer, x + 1, y, columns, word, Style::new());
    }
}

fn title(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let style = if state.focus == Focus::List { theme.strong() } else { theme.bar() };
    fill(buffer, area, style);
    let Some(conversation) = state.chosen() else { return };
    let words = state.words;
    let status = if conversation.at_server { words.status(conversation.status) } else { words.not_sent_yet };
    let assignee = conversation.assignee.as_ref().map(|assignee| harmless::line(&assignee.name));
    let assignee = assignee.unwrap_or_else(|| words.nobody_yet.to_owned());
    let about = format!("{} · {status}", wrap::cut(&assignee, 20));
    let right = Rect { width: area.width.saturating_sub(1), ..area };
    let end = put_right(buffer, right, area.y, &about, style);
    let columns = usize::from(end.saturating_sub(area.x + 3));
    put(buffer, area.x + 1, area.y, columns, &harmless::line(&conversation.subject), style);
}

fn messages(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let history = &state.history;
    if !history.loaded {
        put(buffer, area.x + GUTTER as u16, area.y, inside(area), state.words.one_moment, theme.faint());
        return;
    }
    let rows = state.rows(area.width);
    let top = history.top(&rows, usize::from(area.height));
    // A short history stands at the bottom, beside the input.
    let empty = usize::from(area.height).saturating_sub(rows.len()) as u16;
    for (at, row) in rows.iter().enumerate().skip(top).take(usize::from(area.height)) {
        let y = area.y + empty + (at - top) as u16;
        let message = history.messages.get(row.message);
        let belongs = !matches!(row.part, Part::Earlier(_) | Part::Day(_) | Part::New | Part::Blank);
        if belongs && state.focus == Focus::History && message.map(|message| message.id) == history.selected {
            put(buffer, area.x, y, 1, "▌", theme.strong());
        }
        part(buffer, Rect { y, height: 1, ..area }, &row.part, state, theme);
    }
}

fn part(buffer: &mut Buffer, area: Rect, part: &Part, state: &State, theme: Theme) {
    let x = area.x + GUTTER as u16;
    let columns = usize::from(area.width).saturating_sub(GUTTER + 1);
    match part {
        Part::Earlier(text) => ruled(buffer, area, text, theme.faint()),
        Part::Day(day) => ruled(buffer, area, day, theme.faint()),
        Part::New => ruled(buffer, area, state.words.new_messages, theme.other()),
        Part::Head { name, own, time, state, wedged } => {
            let style = if *own { theme.strong() } else { theme.other() };
            let state_columns = wrap::width(state);
            // The state stands at the right end if there is room beside the name, else it follows the time.
            let name = wrap::cut(name, columns.saturating_sub(wrap::width(time) + state_columns + 4).max(3));
            let end = put(buffer, x, area.y, columns, &name, style);
            let end = put(buffer, end + 2, area.y, 6, time, theme.faint());
            let style = if *wedged { theme.alarm() } else { theme.faint() };
            let left = usize::from(area.right().saturating_sub(end + 3));
            if state_columns <= left {
                put_right(buffer, Rect { width: area.width - 1, ..area }, area.y, state, style);
            } else {
                put(buffer, end + 2, area.y, left, state, style);
            }
        }
        Part::Words(line) => {
            put(buffer, x, area.y, columns, line, Style::new());
        }
        Part::File(name, about) => {
            // The state matters more than the end of a long name.
            let room = columns.saturating_sub(wrap::width(about) + 4).max(8);
            let end = put(buffer, x, area.y, columns, &format!("[{}]", wrap::cut(name, room)), theme.strong());
            let left = usize::from((area.right() - 1).saturating_sub(end + 1));
            put(buffer, end + 1, area.y, left, about, Style::new());
        }
        Part::Remark(line) => {
            put(buffer, x, area.y, columns, line, theme.faint());
        }
        Part::Reason(line) => {
            put(buffer, x, area.y, columns, line, theme.alarm());
        }
        Part::Blank => {}
    }
}

/// A word in the middle of a line.
fn ruled(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let columns = inside(area);
    let text = wrap::cut(text, columns.saturating_sub(6));
    let side = columns.saturating_sub(wrap::width(&text) + 2) / 2;
    let line =
        format!("{} {text} {}", "─".repeat(side), "─".repeat(columns.saturating_sub(side + wrap::width(&text) + 2)));
    put(buffer, area.x + 1, area.y, columns, &line, style);
}

fn remark(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let newer = (state.newer > 0).then(|| (state.words.newer_below)(state.newer));
    let (text, style) = match (newer, state.typist()) {
        (Some(newer), _) => (newer, theme.strong()),
        (None, Some(typist)) => (typist, theme.faint()),
        (None, None) => return,
    };
    put(buffer, area.x + GUTTER as u16, area.y, inside(area), &text, style);
}

fn label(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let editing = state.compose().is_some_and(|compose| compose.editing.is_some());
    let text = if editing { state.words.editing } else { state.words.message };
    let focused = state.focus == Focus::Input;
    let line = "─".repeat(usize::from(area.width));
    put(buffer, area.x, area.y, usize::from(area.width), &line, theme.faint());
    let style = if focused { theme.strong() } else { theme.faint() };
    put(buffer, area.x + 1, area.y, inside(area), &format!(" {text} "), style);
}

/// Draws what is being written, with its cursor in sight; returns where that stands.
pub fn input(buffer: &mut Buffer, area: Rect, editor: &Editor, style: Style) -> (u16, u16) {
    let columns = inside(area);
    let rows = editor.rows(columns);
    let (row, column) = editor.place(columns);
    let height = usize::from(area.height).max(1);
    let first = (row + 1).saturating_sub(height);
    for (at, text) in rows.iter().enumerate().skip(first).take(height) {
        let y = area.y + (at - first) as u16;
        put(buffer, area.x + 1, y, columns, &clipped(text, 0, columns), style);
    }
    (area.x + 1 + column as u16, area.y + (row - first) as u16)
}
