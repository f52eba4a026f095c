//! The wire of Beistand: every id, request, reply, frame, problem and limit, shared by the phone's core and the server.
//!
//! Nothing here does I/O or keeps state. What both sides must judge alike (is this text empty, does this field fit its
//! definition) stands here too, so that a phone refuses offline what the server would refuse later.
//!
//! Types are additive within `/v1`: unknown JSON members are ignored, unknown kinds of content and change are kept raw.

pub mod agent;
pub mod attachment;
pub mod config;
pub mod conversation;
pub mod device;
pub mod faq;
pub mod fields;
pub mod file_name;
pub mod frames;
pub mod hex;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod media_type;
pub mod message;
pub mod operation;
pub mod problem;
pub mod push;
pub mod sync;
pub mod text;
pub mod time;
pub mod upload;

pub use attachment::{Attachment, AttachmentState, Dimensions};
pub use config::{AppConfig, Category};
pub use conversation::{
    Assignee, Conversation, OpenConversation, Opened, PersonSummary, Priority, ReadMarks, Receipts, Status,
    StatusChange, Withdrawn,
};
pub use device::{Credential, Device, DeviceSecret, RegisterDevice};
pub use fields::{FieldDefinition, FieldKind, FieldValue, Fields};
pub use frames::{ClientFrame, ServerFrame};
pub use identity::{Identity, LogIn};
pub use ids::{AgentId, AttachmentId, ConversationId, DeviceId, FaqReportId, MessageId, OperationId, PersonId};
pub use limits::Limits;
pub use message::{Author, Content, EditMessage, Message, MessagePage, Retraction, SendMessage, Visibility};
pub use operation::{Lane, OperationOrder};
pub use problem::{Code, Problem, Violation};
pub use push::PushToken;
pub use sync::{Change, ChangeBody, Epoch, KnownChange, LaneMark, SnapshotPart, SyncPage};
pub use time::UnixMillis;

/// The major version in every path.
pub const API: &str = "/v1";
