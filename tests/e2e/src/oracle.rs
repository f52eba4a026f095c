//! What must be true at the end of a run, known from nothing but what the person and the agents did.

use std::collections::BTreeMap;

use beistand_core::{Message as Shown, MessageBody, MessageState};
use beistand_protocol::{Author, Content, ConversationId, Message, MessageId, Visibility, message::KnownContent};

/// What became of a message of the person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// It is to be there, once, with these words.
    There(String),
    /// It is to be nowhere, or taken back.
    Gone,
}

/// What the person wants of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The messages in the order they were written.
    pub messages: Vec<(MessageId, Wanted)>,
    /// Whether the whole conversation was taken back before a server confirmed it.
    pub discarded: bool,
    /// What agents wrote for the person to see.
    pub answers: Vec<MessageId>,
    /// What agents wrote for themselves.
    pub notes: Vec<MessageId>,
}

/// Everything that is expected.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// By conversation, in the order they were opened.
    pub conversations: Vec<(ConversationId, Expected)>,
    /// Texts of calls that failed while the disk did: they may be there or not, as a whole.
    pub uncertain: Vec<String>,
}

impl Oracle {
    /// The expectations of a conversation.
    pub fn of(&mut self, id: ConversationId) -> &mut Expected {
        let index = match self.conversations.iter().position(|(known, _)| *known == id) {
            Some(index) => index,
            None => {
                self.conversations.push((id, Expected::default()));
                self.conversations.len() - 1
            }
        };
        &mut self.conversations[index].1
    }

    /// The wish for a message.
    pub fn wanted(&mut self, id: MessageId) -> Option<&mut Wanted> {
        self.conversations
            .iter_mut()
            .flat_map(|(_, expected)| expected.messages.iter_mut())
            .find(|(known, _)| *known == id)
            .map(|(_, wanted)| wanted)
    }

    /// All messages that are still wanted.
    pub fn wanted_messages(&self) -> Vec<MessageId> {
        self.conversations
            .iter()
            .filter(|(_, expected)| !expected.discarded)
            .flat_map(|(_, expected)| expected.messages.iter())
            .filter(|(_, wanted)| matches!(wanted, Wanted::There(_)))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Holds the server's messages of a conversation against what is expected; the reasons why they do not fit.
    pub fn check_server(&self, id: ConversationId, server: &[Message]) -> Vec<String> {
        let mut faults = Vec::new();
        let Some((_, expected)) = self.conversations.iter().find(|(known, _)| *known == id) else {
            return vec![format!("{id}: nobody opened it")];
        };
        let mut seen = BTreeMap::new();
        for message in server {
            if seen.insert(message.id, message.seq).is_some() {
                faults.push(format!("{}: stored twice", message.id));
            }
        }
        let seqs: Vec<u64> = server.iter().map(|message| message.seq).collect();
        if !seqs.is_sorted() || seqs.first().is_some_and(|first| *first == 0) {
            faults.push("seqs are not in order".to_owned());
        }
        let mut order = Vec::new();
        for (message, wanted) in &expected.messages {
            let stored = server.iter().find(|stored| stored.id == *message);
            match (wanted, stored) {
                (Wanted::There(_), _) if expected.discarded => {}
                (Wanted::There(text), Some(stored)) => {
                    order.push(stored.seq);
                    if stored.content.as_text() != Some(text) {
                        faults.push(format!("{message}: other words than wanted ({:?} for {text:?})", stored.content));
                    }
                }
                (Wanted::There(_), None) => faults.push(format!("{message}: lost")),
                (Wanted::Gone, Some(stored)) => {
                    if !matches!(stored.content, Content::Known(KnownContent::Retracted)) {
                        faults.push(format!("{message}: taken back and still there"));
                    }
                }
                (Wanted::Gone, None) => {}
            }
        }
        if !order.is_sorted() {
            faults.push(format!("reordered: {order:?}"));
        }
        for stored in server {
            let known = match stored.author {
                Author::Person => {
                    expected.messages.iter().any(|(id, _)| *id == stored.id)
                        || stored.content.as_text().is_some_and(|text| self.uncertain.iter().any(|known| known == text))
                }
                _ => expected.answers.contains(&stored.id) || expected.notes.contains(&stored.id),
            };
            if !known {
                faults.push(format!("{}: nobody wrote it", stored.id));
            }
        }
        for id in expected.answers.iter().chain(&expected.notes) {
            if !seen.contains_key(id) {
                faults.push(format!("{id}: an agent's message is lost"));
            }
        }
        faults
    }

    /// Holds what the phone shows against what the server has.
    pub fn check_phone(server: &[Message], phone: &[Shown]) -> Vec<String> {
        let mut faults = Vec::new();
        let visible: Vec<&Message> = server.iter().filter(|message| message.visibility == Visibility::All).collect();
        let ids: Vec<MessageId> = visible.iter().map(|message| message.id).collect();
        let shown: Vec<MessageId> = phone.iter().map(|message| message.id).collect();
        if ids != shown {
            faults.push(format!("the phone shows {shown:?}, the server has {ids:?}"));
            return faults;
        }
        for (stored, shown) in visible.iter().zip(phone) {
            let same = match (&stored.content, &shown.body) {
                (Content::Known(KnownContent::Retracted), MessageBody::Retracted) => true,
                (content, MessageBody::Text(text)) => content.as_text() == Some(text),
                _ => false,
            };
            if !same {
                faults.push(format!("{}: the phone shows other words", shown.id));
            }
            if matches!(shown.state, MessageState::Queued | MessageState::Sending | MessageState::Wedged(_)) {
                faults.push(format!("{}: still {}", shown.id, shown.state.as_str()));
            }
            if shown.change_pending {
                faults.push(format!("{}: a change is still pending", shown.id));
            }
        }
        faults
    }
}
