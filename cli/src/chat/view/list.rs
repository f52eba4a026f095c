//! The list of conversations: three rows each. What is new stands out by weight and a number.

use beistand_core::Conversation;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Theme, fill, put, put_right};
use crate::{
    chat::{
        areas::inside,
        state::{Focus, State},
        wrap,
    },
    harmless,
};

/// Rows of a conversation, the empty one below included.
const ROWS: u16 = 4;

/// Draws the list.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let words = state.words;
    let title = Rect { height: 1, ..area };
    let style = if state.focus == Focus::List { theme.bar() } else { theme.strong() };
    fill(buffer, title, style);
    put(buffer, area.x + 1, area.y, inside(area), words.conversations, style);
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(list) = &state.list else {
        put(buffer, area.x + 1, area.y, inside(area), words.one_moment, theme.faint());
        return;
    };
    if list.is_empty() {
        let mut y = area.y + 1;
        for line in wrap::lines(words.empty_list, inside(area)) {
            put(buffer, area.x + 1, y, inside(area), &line, theme.strong());
            y += 1;
        }
        // Beside it the history has room for a welcome; where there is none, it stands here.
        if state.areas().is_none_or(|areas| areas.talk.is_none()) {
            for line in
                wrap::lines(words.welcome, inside(area)).iter().take(usize::from(area.bottom().saturating_sub(y + 1)))
            {
                y += 1;
                put(buffer, area.x + 1, y, inside(area), line, Style::new());
            }
        }
        return;
    }
    let chosen = state.history.conversation.and_then(|id| list.iter().position(|entry| entry.id == id)).unwrap_or(0);
    let fitting = usize::from(area.height / ROWS).max(1);
    // The chosen one stays in sight, with as many of the newest above it as fit.
    let first = chosen.saturating_sub(fitting - 1);
    for (row, conversation) in list.iter().skip(first).enumerate() {
        let y = area.y + row as u16 * ROWS;
        if y >= area.bottom() {
            break;
        }
        let place = Rect { y, height: (ROWS - 1).min(area.bottom() - y), ..area };
        entry(buffer, place, state, conversation, theme);
    }
}

fn entry(buffer: &mut Buffer, area: Rect, state: &State, conversation: &Conversation, theme: Theme) {
    let words = state.words;
    let here = state.history.conversation == Some(conversation.id);
    let focused = here && state.focus == Focus::List;
    let base = if focused { theme.chosen() } else { Style::new() };
    if focused {
        fill(buffer, area, base);
    }
    if here {
        for y in area.top()..area.bottom() {
            put(buffer, area.x, y, 1, "▌", base);
        }
    }
    let (x, columns) = (area.x + 1, inside(area));
    let news = conversation.unread > 0;
    let weight = if news { theme.strong() } else { Style::new() };
    let count = if news { (words.new_count)(conversation.unread) } else { String::new() };
    let right = Rect { width: area.width.saturating_sub(1), ..area };
    let badge = if focused { theme.strong() } else { theme.other() };
    put_right(buffer, right, area.y, &count, base.patch(badge));
    let left = columns.saturating_sub(if news { wrap::width(&count) + 1 } else { 0 });
    put(buffer, x, area.y, left, &harmless::line(&conversation.subject), base.patch(weight));
    if area.height > 1 {
        let when = state.calendar.short(conversation.updated_at, state.now, words);
        let status = if conversation.at_server { words.status(conversation.status) } else { words.not_sent_yet };
        let draft = state.composing.get(&conversation.id).is_some_and(|compose| !compose.is_blank());
        let pencil = if draft { " ✎" } else { "" };
        let about = format!("{when} · {status}{pencil}");
        put(buffer, x, area.y + 1, columns, &about, base.patch(theme.faint()));
    }
    if area.height > 2 {
        put(buffer, x, area.y + 2, columns, &harmless::line(&conversation.preview), base.patch(weight));
    }
}
