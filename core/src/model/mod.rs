//! Plain data as an app sees it: conversations, messages, outbox items, events.

mod attachment;
mod conversation;
mod event;
mod message;
mod outbox;

pub use attachment::{Attachment, AttachmentState, MessageDraft, Transfer};
pub use conversation::{Conversation, TicketDraft};
pub use event::{ClientEvent, Connection, Typing};
pub use message::{Message, MessageBody, MessageState};
pub use outbox::{OperationKind, OutboxItem, OutboxState};
