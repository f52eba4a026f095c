//! What stands above and below everything: the banner, what was said last, and the keys that work.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Theme, fill, put};
use crate::chat::{areas::inside, state::State, wrap};

/// Why nothing is delivered.
pub fn banner(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let Some(text) = state.banner().filter(|_| area.height > 0) else { return };
    fill(buffer, area, theme.warning());
    let columns = inside(area);
    for (row, line) in wrap::lines(&text, columns).iter().enumerate().take(usize::from(area.height)) {
        put(buffer, area.x + 1, area.y + row as u16, columns, line, theme.warning());
    }
}

/// What was said last.
pub fn notice(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let Some(text) = state.notice.as_ref().filter(|_| area.height > 0) else { return };
    let columns = inside(area);
    for (row, line) in wrap::lines(text, columns).iter().enumerate().take(usize::from(area.height)) {
        put(buffer, area.x + 1, area.y + row as u16, columns, line, theme.strong());
    }
}

/// The keys that work; those that do not fit are in the help, so F1 stays.
pub fn help(buffer: &mut Buffer, area: Rect, state: &State, theme: Theme) {
    let words = state.words;
    let texts: Vec<(&str, &str)> =
        state.hints().into_iter().map(|(key, hint)| ((words.key)(key), (words.hint)(hint).0)).collect();
    let width = |(key, word): &(&str, &str)| wrap::width(key) + 1 + wrap::width(word) + 2;
    // The last two are help and leaving: they have a claim to their room.
    let (own, common) = texts.split_at(texts.len().saturating_sub(2));
    let kept: usize = common.iter().map(width).sum();
    let mut room = inside(area) + 2;
    room = room.saturating_sub(kept);
    let mut shown = Vec::new();
    for text in own {
        if width(text) > room {
            break;
        }
        room -= width(text);
        shown.push(*text);
    }
    shown.extend(common);
    let mut x = area.x + 1;
    for (key, word) in shown {
        let left = |x: u16| usize::from(area.right().saturating_sub(x));
        x = put(buffer, x, area.y, left(x), key, theme.strong());
        x = put(buffer, x + 1, area.y, left(x + 1), word, ratatui::style::Style::new()) + 2;
    }
}
