//! The page of help: every key that does something, by where it does it.

use super::{
    keys::{Bound, EVERYWHERE, IN_FORM, IN_HISTORY, IN_INPUT, IN_LIST},
    state::State,
    words::Words,
    wrap,
};

/// A line of the help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// What the following keys are for.
    Heading(&'static str),
    /// A key, and what it does; a long sentence goes on below without a key.
    Key(String, String),
    /// A sentence.
    Text(String),
    /// Room.
    Blank,
}

/// The columns of the keys.
fn key_columns(words: &Words) -> usize {
    let bound = [&EVERYWHERE[..], &IN_LIST, &IN_HISTORY, &IN_INPUT, &IN_FORM].concat();
    bound.iter().map(|(key, _)| wrap::width((words.key)(*key))).max().unwrap_or(0)
}

/// The lines at a width.
pub fn lines(words: &'static Words, columns: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = wrap::lines(words.help_intro, columns).into_iter().map(Line::Text).collect();
    let keys = key_columns(words);
    let sections: [(&'static str, &[Bound]); 5] = [
        (words.everywhere, &EVERYWHERE),
        (words.in_list, &IN_LIST),
        (words.in_history, &IN_HISTORY),
        (words.in_input, &IN_INPUT),
        (words.in_form, &IN_FORM),
    ];
    for (heading, bound) in sections {
        lines.extend([Line::Blank, Line::Heading(heading)]);
        for (key, hint) in bound {
            let mut name = format!("{:keys$}", (words.key)(*key), keys = keys);
            for line in wrap::lines((words.hint)(*hint).1, columns.saturating_sub(keys + 4)) {
                lines.push(Line::Key(std::mem::replace(&mut name, " ".repeat(keys)), line));
            }
        }
    }
    lines
}

/// Columns and rows of the help inside its frame.
pub fn room(size: (u16, u16)) -> (usize, usize) {
    // A frame, a space on each side, and the help line below.
    (usize::from(size.0.min(84)).saturating_sub(6).max(1), usize::from(size.1).saturating_sub(3).max(1))
}

/// By how many rows the help can be scrolled at most.
pub fn scrollable(state: &State) -> usize {
    let (columns, rows) = room(state.size);
    lines(state.words, columns).len().saturating_sub(rows)
}
