//! What the screen knows, and what follows from what happens: [`State::update`] takes an event and returns actions. It
//! does no input and output, so everything a person can do is tested without a terminal.

mod compose;
mod core_events;
mod files;
mod hints;
mod press;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use beistand_core::protocol::{AppConfig, AttachmentId, Author, ConversationId, MessageId, Status, UnixMillis};
use beistand_core::{Connection, Conversation, Message, MessageBody, MessageState, Transfer, Typing};

use super::{
    areas::{Areas, areas, inside},
    calendar::Calendar,
    editor::Editor,
    event::{Action, Event},
    form::Form,
    history::{History, Row, Writing},
    words::Words,
};

pub use compose::{Chosen, Compose};

/// Which part the keys go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Focus {
    /// The list of conversations.
    List,
    /// The messages.
    History,
    /// The input.
    Input,
}

/// What fills the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Screen {
    /// List and history.
    Talk,
    /// The new ticket.
    Form,
}

/// A question or a page above everything else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dialog {
    /// The help, scrolled down by so many rows.
    Help(usize),
    /// Leave, though there is unsent text?
    Quit,
    /// Take a message back?
    TakeBack(MessageId),
    /// Give up what was not accepted?
    Discard(MessageId),
    /// Which file is to be attached, and why the last one could not be.
    Attach(Editor, Option<String>),
    /// Where a file is to be saved, and why it cannot be there; its place among the files of the message.
    Save(usize, Editor, Option<String>),
}

/// Why nothing is delivered, if the server has said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hindrance {
    /// It wants a newer version.
    UpdateRequired,
    /// It does not know the app key.
    UnknownApp,
    /// It does not accept this installation.
    CredentialRefused,
}

/// Everything that the screen shows.
pub struct State {
    /// The language.
    pub words: &'static Words,
    /// Days and times.
    pub calendar: Calendar,
    /// The time of the last event.
    pub now: UnixMillis,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Which part the keys go to.
    pub focus: Focus,
    /// What fills the screen.
    pub screen: Screen,
    /// What stands above it.
    pub dialog: Option<Dialog>,
    /// The conversations; `None` until they have come.
    pub list: Option<Vec<Conversation>>,
    /// The one that is looked at.
    pub history: History,
    /// What is being written, by conversation.
    pub composing: BTreeMap<ConversationId, Compose>,
    /// The ticket that is being written.
    pub form: Option<Form>,
    /// What the server announces.
    pub config: AppConfig,
    /// How many writes wait to be sent.
    pub waiting: usize,
    /// Why messages have stopped.
    pub codes: BTreeMap<MessageId, String>,
    /// How the client stands to its server.
    pub connection: Connection,
    /// Why nothing is delivered.
    pub hindrance: Option<Hindrance>,
    /// Who types.
    pub typing: Vec<Typing>,
    /// What was said last; goes with the next key.
    pub notice: Option<String>,
    /// Whether the terminal is in front.
    pub in_front: bool,
    /// Messages of others that came while one read further up.
    pub newer: usize,
    /// How far files have got.
    pub transfers: BTreeMap<AttachmentId, Transfer>,
    /// Files that are being fetched.
    pub fetching: BTreeSet<AttachmentId>,
}

impl State {
    /// The screen before anything has come; with a conversation, one writes at once.
    pub fn new(
        words: &'static Words,
        calendar: Calendar,
        size: (u16, u16),
        conversation: Option<ConversationId>,
    ) -> Self {
        Self {
            words,
            calendar,
            now: UnixMillis(0),
            size,
            focus: if conversation.is_some() { Focus::Input } else { Focus::List },
            screen: Screen::Talk,
            dialog: None,
            list: None,
            history: conversation.map_or_else(History::default, History::of),
            composing: BTreeMap::new(),
            form: None,
            config: AppConfig::default(),
            waiting: 0,
            codes: BTreeMap::new(),
            connection: Connection::Idle,
            hindrance: None,
            typing: Vec::new(),
            notice: None,
            in_front: true,
            newer: 0,
            transfers: BTreeMap::new(),
            fetching: BTreeSet::new(),
        }
    }

    /// What follows from an event.
    pub fn update(&mut self, event: Event, now: UnixMillis) -> Vec<Action> {
        self.now = now;
        let mut actions = match event {
            Event::Key(key) => self.press(&key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(columns, rows) => {
                self.size = (columns, rows);
                Vec::new()
            }
            Event::InFront(in_front) => {
                self.in_front = in_front;
                Vec::new()
            }
            Event::Stop => vec![Action::Quit],
            Event::Day => Vec::new(),
            event => self.hear(event),
        };
        actions.extend(self.seen());
        actions
    }

    /// The conversation that is looked at.
    pub fn chosen(&self) -> Option<&Conversation> {
        let id = self.history.conversation?;
        self.list.as_ref()?.iter().find(|conversation| conversation.id == id)
    }

    /// What is being written in it.
    pub fn compose(&self) -> Option<&Compose> {
        self.composing.get(&self.history.conversation?)
    }

    pub(super) fn compose_mut(&mut self) -> Option<&mut Compose> {
        Some(self.composing.entry(self.history.conversation?).or_default())
    }

    /// Whether a message can be changed or taken back by the person.
    pub fn is_own(message: &Message) -> bool {
        message.author == Author::Person && message.body != MessageBody::Retracted
    }

    /// Whether it waits for a decision.
    pub fn is_wedged(message: &Message) -> bool {
        matches!(message.state, MessageState::Wedged(_))
    }

    /// Whether a conversation is done.
    pub fn is_done(conversation: &Conversation) -> bool {
        matches!(conversation.status, Status::Closed | Status::Solved)
    }

    /// What stands above everything: why nothing is delivered, or that there is no connection and what waits.
    pub fn banner(&self) -> Option<String> {
        let words = self.words;
        match (self.hindrance, self.connection) {
            (Some(Hindrance::UpdateRequired), _) => Some(words.update_required.to_owned()),
            (Some(Hindrance::UnknownApp), _) => Some(words.unknown_app.to_owned()),
            (Some(Hindrance::CredentialRefused), _) => Some(words.credential_refused.to_owned()),
            (None, Connection::Offline) => Some(format!("{} · {}", words.offline, (words.waiting)(self.waiting))),
            (None, _) => None,
        }
    }

    /// Who types in the conversation that is looked at.
    pub fn typist(&self) -> Option<String> {
        let here = |typing: &&Typing| {
            Some(typing.conversation_id) == self.history.conversation && typing.author != Author::Person
        };
        let typing = self.typing.iter().find(here)?;
        Some((self.words.types)(&self.words.author(&typing.author)))
    }

    /// Where things stand; `None` if the screen is too small.
    pub fn areas(&self) -> Option<Areas> {
        areas(self)
    }

    /// The rows of the history at a width.
    pub fn rows(&self, columns: u16) -> Vec<Row> {
        let writing = Writing {
            words: self.words,
            calendar: &self.calendar,
            now: self.now,
            codes: &self.codes,
            transfers: &self.transfers,
            fetching: &self.fetching,
        };
        self.history.rows(&writing, usize::from(columns))
    }

    /// The rows of the history and how many are seen; nothing where the history is not shown.
    fn shown_rows(&self) -> Option<(Vec<Row>, usize)> {
        let talk = self.areas()?.talk?;
        Some((self.rows(talk.messages.width), usize::from(talk.messages.height)))
    }

    /// The columns of the input, or of the long text of the form.
    fn input_columns(&self) -> usize {
        let areas = self.areas();
        let area = areas.and_then(|areas| areas.form.or(areas.talk.map(|talk| talk.input)));
        area.map_or(1, inside)
    }

    /// Whether there is text that was never sent.
    fn has_unsent(&self) -> bool {
        self.composing.values().any(|compose| !compose.is_blank())
            || self.form.as_ref().is_some_and(|form| !form.is_blank())
    }

    /// Looks at another conversation.
    fn look(&mut self, id: ConversationId) -> Vec<Action> {
        if self.history.conversation == Some(id) {
            return Vec::new();
        }
        self.history = History::of(id);
        self.newer = 0;
        vec![Action::Look(id)]
    }

    /// Marks as read what a person sees: the end of the history, in a terminal in front, and not only passed by in the
    /// list.
    fn seen(&mut self) -> Option<Action> {
        let looking =
            self.screen == Screen::Talk && self.dialog.is_none() && self.focus != Focus::List && self.in_front;
        let conversation = self.chosen().filter(|_| looking && self.history.loaded)?;
        let (id, unread) = (conversation.id, conversation.unread);
        if unread == 0 && self.newer == 0 {
            return None;
        }
        let (rows, height) = self.shown_rows()?;
        if !self.history.at_end(&rows, height) {
            return None;
        }
        self.newer = 0;
        let newest = self.history.newest();
        if unread == 0 || newest <= self.history.told_read {
            return None;
        }
        self.history.told_read = newest;
        Some(Action::MarkRead(id, newest))
    }
}
