//! A message as an app sees it.

use beistand_protocol::{Author, Code, ConversationId, MessageId, UnixMillis};

use super::attachment::Attachment;

/// How far a message of the person has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageState {
    /// Safe on this phone; leaves by itself.
    Queued,
    /// On its way right now.
    Sending,
    /// The server has it.
    Sent,
    /// It has reached an agent's screen's device.
    Delivered,
    /// An agent has looked at it.
    Read,
    /// The server refused it, or it has waited too long: it stays here until the person retries, edits or discards it.
    /// `None` where the reason is a code of the phone itself, see the outbox item.
    Wedged(Option<Code>),
    /// It came from somebody else.
    Received,
}

impl MessageState {
    /// A short stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Wedged(_) => "wedged",
            Self::Received => "received",
        }
    }
}

/// What a message holds.
#[derive(Clone, PartialEq, Debug)]
pub enum MessageBody {
    /// Plain text; an edit under way shows at once.
    Text(String),
    /// It was taken back.
    Retracted,
    /// A kind that this version does not know: the JSON is kept and renders once the app is updated.
    Unsupported {
        /// The name of the kind.
        kind: String,
        /// The JSON as it came.
        raw: String,
    },
}

/// A message of a timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// Which one.
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place in the server's order; `None` until the server has it.
    pub seq: Option<u64>,
    /// Who wrote it.
    pub author: Author,
    /// What it holds.
    pub body: MessageBody,
    /// Its files, in the order their writer gave them.
    pub attachments: Vec<Attachment>,
    /// How far it has got.
    pub state: MessageState,
    /// Whether an edit or a retraction of it is still under way.
    pub change_pending: bool,
    /// Whether its words were changed.
    pub edited: bool,
    /// When it was written: the server's time once known, else this phone's.
    pub created_at: UnixMillis,
}

impl Message {
    /// The words, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            MessageBody::Text(text) => Some(text),
            _ => None,
        }
    }
}
