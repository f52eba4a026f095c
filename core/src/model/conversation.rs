//! A conversation as an app sees it, and the draft that opens one.

use crate::attachments::AttachmentSource;
use beistand_protocol::{Assignee, ConversationId, Fields, Priority, Status, UnixMillis};

/// What a person fills in to open a conversation.
#[derive(Debug, Default)]
pub struct TicketDraft {
    /// What it is about; one line.
    pub subject: String,
    /// The first message.
    pub text: String,
    /// One of the announced categories.
    pub category: Option<String>,
    /// How pressing it is.
    pub priority: Priority,
    /// Values of announced custom fields.
    pub fields: Fields,
    /// Files of the first message, in the order they are to be shown.
    pub attachments: Vec<AttachmentSource>,
}

/// A conversation as this phone knows it, what waits in the outbox included.
#[derive(Clone, PartialEq, Debug)]
pub struct Conversation {
    /// Which one.
    pub id: ConversationId,
    /// What it is about.
    pub subject: String,
    /// What it is filed under.
    pub category: Option<String>,
    /// How pressing it is.
    pub priority: Priority,
    /// Values of custom fields.
    pub fields: Fields,
    /// Where it stands; a change under way shows at once.
    pub status: Status,
    /// Who takes care of it.
    pub assignee: Option<Assignee>,
    /// Messages of others that the person has not read.
    pub unread: u64,
    /// Whether the server has it.
    pub at_server: bool,
    /// When it was opened: the server's time once known, else this phone's.
    pub created_at: UnixMillis,
    /// When something last happened in it, likewise.
    pub updated_at: UnixMillis,
    /// The newest message in words, for a list; empty if it has none.
    pub preview: String,
}
