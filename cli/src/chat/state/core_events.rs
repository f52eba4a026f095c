//! What the core tells: lists, histories, the connection, and what became of what was asked.

use beistand_core::protocol::MessageId;
use beistand_core::{ClientEvent, Conversation, OutboxItem, OutboxState};

use super::{Focus, Hindrance, Screen, State};
use crate::chat::{
    event::{Action, Event},
    history::{Earlier, History, Scroll},
};

impl State {
    pub(super) fn hear(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Conversations(list) => return self.hear_list(list),
            Event::Timeline { conversation, differences, has_earlier, unread }
                if Some(conversation) == self.history.conversation =>
            {
                self.hear_timeline(differences, has_earlier, unread);
                return self.moving();
            }
            Event::Earlier(conversation, came) if Some(conversation) == self.history.conversation => {
                self.history.earlier = if came { Earlier::Idle } else { Earlier::Unreachable };
            }
            Event::Missing(conversation) if Some(conversation) == self.history.conversation => {
                self.notice = Some(self.words.gone.to_owned());
                self.history = History::default();
                self.focus = Focus::List;
                return self.look_at_first();
            }
            Event::Outbox(items) => self.hear_outbox(&items),
            Event::Config(config) => {
                if let Some(form) = &mut self.form {
                    form.adapt(&config, self.words);
                }
                self.config = *config;
            }
            Event::Connection(connection) => self.connection = connection,
            Event::Typing(typing) => self.typing = typing,
            Event::News(news) => self.hear_news(&news),
            Event::Opened(id) => {
                self.form = None;
                self.screen = Screen::Talk;
                self.focus = Focus::Input;
                return self.look(id);
            }
            Event::NotOpened(member, code) => {
                if let Some(form) = &mut self.form {
                    form.refuse(&member, code, self.words);
                }
            }
            Event::NotDone(code) => self.notice = Some(self.words.why(code)),
            Event::File(event) => self.hear_file(event),
            Event::NotWritten { conversation, editing, text, files, code } => {
                self.notice = Some(self.words.why(code));
                self.composing.entry(conversation).or_default().put_back(editing, &text, files);
            }
            _ => {}
        }
        Vec::new()
    }

    fn hear_list(&mut self, list: Vec<Conversation>) -> Vec<Action> {
        let known = |id| list.iter().any(|conversation: &Conversation| conversation.id == id);
        // One that was just opened may not be in the list yet: its history says so if it is not there.
        let lost = self.history.loaded && self.history.conversation.is_some_and(|id| !known(id));
        self.composing.retain(|id, compose| known(*id) || !compose.is_blank());
        self.list = Some(list);
        if lost {
            self.notice = Some(self.words.gone.to_owned());
            self.history = History::default();
            self.focus = Focus::List;
        }
        if self.history.conversation.is_none() { self.look_at_first() } else { Vec::new() }
    }

    fn look_at_first(&mut self) -> Vec<Action> {
        let first = self.list.as_ref().and_then(|list| list.first()).map(|conversation| conversation.id);
        first.map_or_else(Vec::new, |id| self.look(id))
    }

    fn hear_timeline(&mut self, differences: Vec<beistand_core::Difference>, has_earlier: bool, unread: Option<u64>) {
        let held = self.shown_rows().filter(|_| self.history.earlier == Earlier::Loading).and_then(|(rows, height)| {
            // Loading was asked for by going up: what is seen stays where it is.
            self.history.hold(&rows, self.history.top(&rows, height))
        });
        let was_at_end = self.shown_rows().is_some_and(|(rows, height)| self.history.at_end(&rows, height));
        let was_loaded = self.history.loaded;
        let added = self.history.apply(differences);
        self.history.has_earlier = has_earlier;
        if let (Some(held), true) = (held, added.is_empty()) {
            self.history.scroll = held;
        }
        if let Some(unread) = unread {
            self.place_mark(unread);
        }
        let unseen = !was_at_end || !self.in_front || self.focus == Focus::List;
        if let (Some(first), true) = (added.first(), was_loaded && unseen) {
            self.newer += if was_at_end { 0 } else { added.len() };
            self.history.first_new = self.history.first_new.or(Some(*first));
        }
    }

    /// Marks what was new when the history was opened.
    fn place_mark(&mut self, unread: u64) {
        self.history.mark_new(unread);
        // A long absence begins to be read where it began.
        if let (Some(first), Some((rows, height))) = (self.history.first_new, self.shown_rows()) {
            let mark = rows.iter().position(|row| row.part == crate::chat::history::Part::New);
            if let Some(mark) = mark.filter(|mark| rows.len() - mark > height) {
                self.history.scroll_to(&rows, height, mark);
            }
            debug_assert!(self.history.messages.iter().any(|message| message.id == first));
        } else {
            self.history.scroll = Scroll::End;
        }
    }

    fn hear_outbox(&mut self, items: &[OutboxItem]) {
        let wedged = |item: &&OutboxItem| matches!(item.state, OutboxState::Wedged { .. });
        let waiting = items.iter().filter(|item| !wedged(item)).count();
        if waiting < self.waiting {
            // Something has left, so nothing is in the way any more.
            self.hindrance = None;
        }
        self.waiting = waiting;
        let code = |item: &OutboxItem| -> Option<(MessageId, String)> {
            match &item.state {
                OutboxState::Wedged { code, .. } => Some((item.message_id?, code.clone())),
                _ => None,
            }
        };
        self.codes = items.iter().filter_map(code).collect();
    }

    fn hear_news(&mut self, news: &ClientEvent) {
        match news {
            ClientEvent::UpdateRequired => self.hindrance = Some(Hindrance::UpdateRequired),
            ClientEvent::UnknownApp => self.hindrance = Some(Hindrance::UnknownApp),
            ClientEvent::CredentialRefused => self.hindrance = Some(Hindrance::CredentialRefused),
            ClientEvent::DatabaseRecovered { .. } => self.notice = Some(self.words.recovered.to_owned()),
            ClientEvent::HistoryChanged { requeued } if *requeued > 0 => {
                self.notice = Some((self.words.history_changed)(*requeued));
            }
            ClientEvent::TaskFailed { .. } => self.notice = Some(self.words.task_failed.to_owned()),
            ClientEvent::Wedged { code, .. } => {
                self.notice = Some(format!("{} {}", self.words.wedged, self.words.why(code)));
            }
            _ => {}
        }
    }
}
