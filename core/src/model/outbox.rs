//! What waits in the outbox, as an app sees it.

use beistand_protocol::{ConversationId, MessageId, OperationId, UnixMillis};

/// What a row of the outbox does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperationKind {
    /// Opens a conversation with its first message.
    Open,
    /// Sends a message.
    Send,
    /// Changes the words of a message.
    Edit,
    /// Takes a message back.
    Retract,
    /// Takes a whole conversation back.
    Withdraw,
    /// Closes or reopens a conversation.
    Status,
    /// Tells how far the person has read.
    Read,
    /// Tells what the person thinks of an article of the FAQ.
    Feedback,
    /// Tells what was counted in the FAQ.
    Report,
}

impl OperationKind {
    /// The stable name, as stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Send => "send",
            Self::Edit => "edit",
            Self::Retract => "retract",
            Self::Withdraw => "withdraw",
            Self::Status => "status",
            Self::Read => "read",
            Self::Feedback => "feedback",
            Self::Report => "report",
        }
    }
}

/// Where a row stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboxState {
    /// Leaves by itself.
    Queued,
    /// On its way right now.
    Sending,
    /// Stopped until the person decides.
    Wedged {
        /// Why: a code of the server, or `expired`, `poison`.
        code: String,
        /// One sentence for developers.
        detail: String,
    },
}

/// A row of the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxItem {
    /// The operation.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// Where.
    pub conversation_id: ConversationId,
    /// To which message, if to one.
    pub message_id: Option<MessageId>,
    /// Where it stands.
    pub state: OutboxState,
    /// How many attempts have failed.
    pub attempts: u32,
    /// When it was written, by this phone's clock.
    pub created_at: UnixMillis,
}
