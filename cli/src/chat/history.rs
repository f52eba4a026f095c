//! The history of the conversation that is looked at: its messages, as rows of a given width, and which rows are seen.
//! One is at the end, or holds on to a message: what comes in or is loaded elsewhere does not move what one reads.

use std::collections::{BTreeMap, BTreeSet};

use beistand_core::protocol::{AttachmentId, Author, ConversationId, MessageId, UnixMillis};
use beistand_core::{Attachment, Difference, Message, MessageBody, MessageState, Transfer};

use super::{calendar::Calendar, words::Words, wrap};
use crate::{harmless, progress::percent};

/// The columns left of the words, where the mark of the selected message stands.
pub const GUTTER: usize = 2;

/// How loading earlier messages goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Earlier {
    /// Nobody has asked.
    #[default]
    Idle,
    /// They are under way.
    Loading,
    /// They are at the server, which cannot be reached.
    Unreachable,
}

/// Which rows are seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scroll {
    /// The newest.
    #[default]
    End,
    /// From a row on: so many rows below the head of a message, or above it.
    At(MessageId, isize),
}

/// A conversation's history, as far as it is here.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Whose.
    pub conversation: Option<ConversationId>,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Whether they have come.
    pub loaded: bool,
    /// Whether there are earlier ones.
    pub has_earlier: bool,
    /// How loading them goes.
    pub earlier: Earlier,
    /// Which rows are seen.
    pub scroll: Scroll,
    /// The message that keys are about.
    pub selected: Option<MessageId>,
    /// Above it stands the mark of new messages.
    pub first_new: Option<MessageId>,
    /// Up to which place everything was told to be read.
    pub told_read: u64,
}

/// What a row shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// There are earlier messages.
    Earlier(&'static str),
    /// A day begins.
    Day(String),
    /// New messages begin.
    New,
    /// Who, when, how far.
    Head {
        /// The author.
        name: String,
        /// Whether it is the person.
        own: bool,
        /// The time.
        time: String,
        /// How far it has got, and what else is to be said.
        state: String,
        /// Whether it waits for a decision.
        wedged: bool,
    },
    /// Words of the message.
    Words(String),
    /// A file: its name, and where it is.
    File(String, String),
    /// Something about the message in place of its words.
    Remark(String),
    /// Why it was not accepted.
    Reason(String),
    /// Room between messages.
    Blank,
}

/// A row of the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The place of the message that it belongs to.
    pub message: usize,
    /// What it shows.
    pub part: Part,
}

impl History {
    /// The history of another conversation, of which nothing has come yet.
    pub fn of(conversation: ConversationId) -> Self {
        Self { conversation: Some(conversation), ..Self::default() }
    }

    /// Applies what has changed; returns messages of others that were added at the end.
    pub fn apply(&mut self, differences: Vec<Difference>) -> Vec<MessageId> {
        let mut added = Vec::new();
        for difference in differences {
            match difference {
                Difference::Reset(messages) => {
                    self.messages = messages;
                    self.loaded = true;
                }
                Difference::Insert { index, message } => {
                    if message.state == MessageState::Received && index >= self.messages.len() {
                        added.push(message.id);
                    }
                    self.messages.insert(index.min(self.messages.len()), message);
                }
                Difference::Update { index, message } => {
                    if let Some(shown) = self.messages.get_mut(index) {
                        *shown = message;
                    }
                }
                Difference::Remove { index, .. } if index < self.messages.len() => {
                    self.messages.remove(index);
                }
                Difference::Remove { .. } => {}
            }
        }
        if self.selected().is_none() {
            self.selected = None;
        }
        if let Scroll::At(id, _) = self.scroll
            && self.place(id).is_none()
        {
            self.scroll = Scroll::End;
        }
        added
    }

    fn place(&self, id: MessageId) -> Option<usize> {
        self.messages.iter().position(|message| message.id == id)
    }

    /// The message that keys are about.
    pub fn selected(&self) -> Option<&Message> {
        self.messages.iter().find(|message| Some(message.id) == self.selected)
    }

    /// Puts the mark above the first of so many messages of others.
    pub fn mark_new(&mut self, unread: u64) {
        let received = self.messages.iter().rev().filter(|message| message.state == MessageState::Received);
        self.first_new = received.take(usize::try_from(unread).unwrap_or(usize::MAX)).last().map(|first| first.id);
    }

    /// The newest place in the server's order.
    pub fn newest(&self) -> u64 {
        self.messages.iter().filter_map(|message| message.seq).max().unwrap_or(0)
    }

    /// The rows at a width.
    pub fn rows(&self, writing: &Writing<'_>, columns: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut put = |message, part| rows.push(Row { message, part });
        let words = writing.words;
        match self.earlier {
            _ if !self.has_earlier => {}
            Earlier::Idle => put(0, Part::Earlier(words.earlier_there)),
            Earlier::Loading => put(0, Part::Earlier(words.earlier_loading)),
            Earlier::Unreachable => put(0, Part::Earlier(words.earlier_unreachable)),
        }
        let mut day = None;
        let inside = columns.saturating_sub(GUTTER + 1).max(1);
        for (place, message) in self.messages.iter().enumerate() {
            let today = writing.calendar.day(message.created_at);
            if today != day
                && let Some(today) = today
            {
                put(place, Part::Day(writing.calendar.day_line(today, writing.now, words)));
                day = Some(today);
            }
            if Some(message.id) == self.first_new {
                put(place, Part::New);
            }
            let reason = match message.state {
                MessageState::Wedged(_) => Some(writing.why(message)),
                _ => None,
            };
            put(place, writing.head(message));
            let body: Vec<Part> = match &message.body {
                MessageBody::Text(text) => {
                    wrap::lines(harmless::lines(text).trim_end(), inside).into_iter().map(Part::Words).collect()
                }
                MessageBody::Retracted => wrap::lines(words.taken_back, inside).into_iter().map(Part::Remark).collect(),
                MessageBody::Unsupported { .. } => {
                    wrap::lines(words.unsupported, inside).into_iter().map(Part::Remark).collect()
                }
            };
            let words_are_shown =
                message.attachments.is_empty() || message.text().is_none_or(|text| !text.trim().is_empty());
            body.into_iter().filter(|_| words_are_shown).for_each(|part| put(place, part));
            for file in &message.attachments {
                let (name, about) = writing.file(file);
                put(place, Part::File(name, about));
            }
            for line in reason.iter().flat_map(|reason| wrap::lines(reason, inside)) {
                put(place, Part::Reason(line));
            }
            put(place, Part::Blank);
        }
        rows
    }

    /// The first row that is seen.
    pub fn top(&self, rows: &[Row], height: usize) -> usize {
        let end = rows.len().saturating_sub(height);
        match self.scroll {
            Scroll::End => end,
            Scroll::At(id, below) => {
                let head = self.place(id).and_then(|place| head_of(rows, place));
                head.map_or(end, |head| head.saturating_add_signed(below)).min(end)
            }
        }
    }

    /// Whether the newest row is seen.
    pub fn at_end(&self, rows: &[Row], height: usize) -> bool {
        self.top(rows, height) + height >= rows.len()
    }

    /// Moves so that a row is the first one, or as near to it as there are rows.
    pub fn scroll_to(&mut self, rows: &[Row], height: usize, top: usize) {
        self.scroll =
            if top + height >= rows.len() { Scroll::End } else { self.hold(rows, top).unwrap_or(Scroll::End) };
    }

    /// Holds on to what is seen, also at the end: what is loaded above must not move it.
    pub fn hold(&self, rows: &[Row], top: usize) -> Option<Scroll> {
        let row = rows.get(top)?;
        let head = head_of(rows, row.message)?;
        let message = self.messages.get(row.message)?;
        Some(Scroll::At(message.id, top as isize - head as isize))
    }

    /// Moves as little as possible so that the selected message is seen.
    pub fn show_selected(&mut self, rows: &[Row], height: usize) {
        let Some(place) = self.selected.and_then(|id| self.place(id)) else { return };
        let mut of_message = rows.iter().enumerate().filter(|(_, row)| row.message == place).map(|(at, _)| at);
        let Some(first) = of_message.next() else { return };
        let last = of_message.next_back().unwrap_or(first);
        let top = self.top(rows, height);
        if first < top {
            self.scroll_to(rows, height, first);
        } else if last >= top + height {
            self.scroll_to(rows, height, (last + 1 - height).min(first));
        }
    }

    /// Selects the message above or below; the newest if there was none. `false` if there is none further below.
    pub fn select(&mut self, by: isize) -> bool {
        let place = match self.selected.and_then(|id| self.place(id)) {
            Some(place) => place.checked_add_signed(by).filter(|place| *place < self.messages.len()),
            None => self.messages.len().checked_sub(1),
        };
        if let Some(message) = place.and_then(|place| self.messages.get(place)) {
            self.selected = Some(message.id);
            return true;
        }
        by < 0
    }
}

fn head_of(rows: &[Row], place: usize) -> Option<usize> {
    rows.iter().position(|row| row.message == place && matches!(row.part, Part::Head { .. }))
}

/// What it takes to put a history into words.
pub struct Writing<'a> {
    /// The language.
    pub words: &'static Words,
    /// Days and times.
    pub calendar: &'a Calendar,
    /// Which day is today.
    pub now: UnixMillis,
    /// Why rows of the outbox have stopped.
    pub codes: &'a BTreeMap<MessageId, String>,
    /// How far files have got.
    pub transfers: &'a BTreeMap<AttachmentId, Transfer>,
    /// Files that are being fetched.
    pub fetching: &'a BTreeSet<AttachmentId>,
}

impl Writing<'_> {
    fn why(&self, message: &Message) -> String {
        match message.state {
            MessageState::Wedged(Some(code)) => self.words.why(code.as_str()),
            _ => self.words.why(self.codes.get(&message.id).map_or("unknown", String::as_str)),
        }
    }

    fn file(&self, file: &Attachment) -> (String, String) {
        let state =
            if self.fetching.contains(&file.id) { self.words.fetching } else { self.words.file_state(file.state) };
        let size = (self.words.bytes)(file.size);
        let about = match self.transfers.get(&file.id).filter(|transfer| transfer.total > 0) {
            Some(transfer) => {
                let percent = percent(transfer.done, transfer.total);
                let full = usize::try_from(percent / 10).unwrap_or(10);
                format!("{size} · {state} {}{} {percent} %", "█".repeat(full), "░".repeat(10 - full))
            }
            None => format!("{size} · {state}"),
        };
        (harmless::line(&file.name), about)
    }

    fn head(&self, message: &Message) -> Part {
        let own = message.author == Author::Person;
        let retracted = message.body == MessageBody::Retracted;
        let wedged = matches!(message.state, MessageState::Wedged(_));
        let state = match message.state {
            MessageState::Queued => self.words.queued,
            MessageState::Sending => self.words.sending,
            MessageState::Sent => self.words.sent,
            MessageState::Delivered => self.words.delivered,
            MessageState::Read => self.words.read,
            MessageState::Wedged(_) => self.words.wedged,
            MessageState::Received => "",
        };
        let mark = match (message.change_pending, message.edited) {
            (true, _) => self.words.change_waits,
            (false, true) if !retracted => self.words.edited,
            _ => "",
        };
        let state = [mark, state].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        Part::Head {
            name: self.words.author(&message.author),
            own,
            time: self.calendar.time(message.created_at),
            state,
            wedged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{sample, words::DE};

    const NONE: BTreeMap<MessageId, String> = BTreeMap::new();

    fn rows(history: &History, columns: usize) -> Vec<Row> {
        let calendar = Calendar::utc();
        let codes = NONE;
        let writing = Writing {
            words: &DE,
            calendar: &calendar,
            now: sample::NOW,
            codes: &codes,
            transfers: &BTreeMap::new(),
            fetching: &BTreeSet::new(),
        };
        history.rows(&writing, columns)
    }

    fn history(count: u8) -> History {
        let mut history = History::of(sample::CONVERSATION);
        history.apply(vec![Difference::Reset((0..count).map(|at| sample::own(at, "eins zwei drei")).collect())]);
        history
    }

    #[test]
    fn what_comes_in_does_not_move_what_one_reads() {
        let mut history = history(10);
        let before = rows(&history, 40);
        history.scroll_to(&before, 5, 4);
        let seen = before[4].clone();
        history.apply(vec![
            Difference::Insert { index: 0, message: sample::own(90, "früher") },
            Difference::Insert { index: 11, message: sample::received(91, "neu") },
        ]);
        let after = rows(&history, 40);
        assert_eq!(after[history.top(&after, 5)].part, seen.part);
        assert!(!history.at_end(&after, 5));
    }

    #[test]
    fn at_the_end_one_stays_at_the_end() {
        let mut history = history(10);
        history.apply(vec![Difference::Insert { index: 10, message: sample::received(91, "neu") }]);
        let rows = rows(&history, 40);
        assert!(history.at_end(&rows, 5));
        assert_eq!(history.top(&rows, 1000), 0);
    }

    #[test]
    fn the_selected_message_is_always_seen() {
        let mut history = history(10);
        let rows = rows(&history, 40);
        for by in [-1; 12].into_iter().chain([1; 12]) {
            history.select(by);
            history.show_selected(&rows, 4);
            let top = history.top(&rows, 4);
            let place = history.messages.iter().position(|message| Some(message.id) == history.selected).unwrap();
            assert!(rows[top..(top + 4).min(rows.len())].iter().any(|row| row.message == place));
        }
    }

    #[test]
    fn no_row_is_wider_than_the_history() {
        let mut history = History::of(sample::CONVERSATION);
        let text = "Die Rücksendebestätigung 返品をお願いします fehlt 👩‍👩‍👧‍👦.";
        history.apply(vec![Difference::Reset(vec![sample::own(1, text)])]);
        for columns in 8..60 {
            for row in rows(&history, columns) {
                if let Part::Words(line) = row.part {
                    assert!(wrap::width(&line) + GUTTER < columns, "{columns}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_mark_stands_above_the_first_unread_message() {
        let mut history = History::of(sample::CONVERSATION);
        let messages =
            vec![sample::received(1, "a"), sample::own(2, "b"), sample::received(3, "c"), sample::received(4, "d")];
        history.apply(vec![Difference::Reset(messages)]);
        history.mark_new(2);
        let rows = rows(&history, 40);
        let mark = rows.iter().position(|row| row.part == Part::New).unwrap();
        assert_eq!(rows[mark].message, 2);
        history.mark_new(0);
        assert_eq!(history.first_new, None);
    }

    #[test]
    fn a_lost_message_is_neither_selected_nor_held_on_to() {
        let mut history = history(3);
        history.select(-1);
        history.scroll = Scroll::At(history.messages[2].id, 0);
        let id = history.messages[2].id;
        history.apply(vec![Difference::Remove { index: 2, id }]);
        assert_eq!((history.selected, history.scroll), (None, Scroll::End));
    }
}
