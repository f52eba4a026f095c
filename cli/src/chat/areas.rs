//! Where things stand on the screen. Model and view both ask here: scrolling has to know what is seen.

use ratatui::layout::Rect;

use super::{
    state::{Focus, Screen, State},
    wrap,
};

/// The smallest screen that makes sense.
pub const SMALLEST: (u16, u16) = (40, 10);

/// From this width on, list and history stand beside each other.
const BESIDE: u16 = 84;

/// The most rows that the input takes, and of the screen at most a third.
const INPUT_ROWS: usize = 8;

/// The parts of the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Areas {
    /// What stands above everything, if there is something to be said.
    pub banner: Rect,
    /// The list.
    pub list: Option<Rect>,
    /// The line between list and history.
    pub line: Option<Rect>,
    /// The history with everything that belongs to it.
    pub talk: Option<Talk>,
    /// The new ticket.
    pub form: Option<Rect>,
    /// What was said last.
    pub notice: Rect,
    /// The keys that work.
    pub help: Rect,
}

/// The parts of the history.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Talk {
    /// Subject and status.
    pub title: Rect,
    /// The messages.
    pub messages: Rect,
    /// Who types, and what is further below.
    pub remark: Rect,
    /// What the input is for.
    pub label: Rect,
    /// The files that will be attached.
    pub files: Rect,
    /// The input.
    pub input: Rect,
}

/// The columns that a text has inside a part.
pub fn inside(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(2)).max(1)
}

/// Divides the screen; `None` if it is too small.
pub fn areas(state: &State) -> Option<Areas> {
    let (width, height) = state.size;
    if width < SMALLEST.0 || height < SMALLEST.1 {
        return None;
    }
    let mut rest = Rect::new(0, 0, width, height);
    let columns = inside(rest);
    let banner = state.banner().map_or(0, |text| wrap::lines(&text, columns).len().min(2));
    let notice = state.notice.as_ref().map_or(0, |text| wrap::lines(text, columns).len().min(2));
    let banner = take_top(&mut rest, banner);
    let help = take_bottom(&mut rest, 1);
    let notice = take_bottom(&mut rest, notice);
    let mut areas = Areas { banner, notice, help, ..Areas::default() };
    if state.screen == Screen::Form {
        areas.form = Some(rest);
        return Some(areas);
    }
    let beside = width >= BESIDE;
    if beside {
        let list = (width * 3 / 10).clamp(26, 40);
        areas.list = Some(Rect { width: list, ..rest });
        areas.line = Some(Rect { x: list, width: 1, ..rest });
        rest = Rect { x: list + 1, width: width - list - 1, ..rest };
    } else if state.focus == Focus::List {
        areas.list = Some(rest);
        return Some(areas);
    }
    let rows = state.compose().map_or(1, |compose| compose.editor.rows(inside(rest)).len());
    let most = INPUT_ROWS.min(usize::from(rest.height) / 3).max(1);
    let title = take_top(&mut rest, 1);
    let input = take_bottom(&mut rest, rows.clamp(1, most));
    let files = state.compose().map_or(0, |compose| compose.files.len().min(3));
    let files = take_bottom(&mut rest, files);
    let label = take_bottom(&mut rest, 1);
    let remark = take_bottom(&mut rest, 1);
    areas.talk = Some(Talk { title, messages: rest, remark, label, files, input });
    Some(areas)
}

fn take_top(rest: &mut Rect, rows: usize) -> Rect {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    rest.y += rows;
    rest.height -= rows;
    taken
}

fn take_bottom(rest: &mut Rect, rows: usize) -> Rect {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(rest.height);
    rest.height -= rows;
    Rect { y: rest.y + rest.height, height: rows, ..*rest }
}
