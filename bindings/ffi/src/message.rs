//! Messages and their files as an app sees them.

use beistand_core::protocol::{Author, Dimensions};
use beistand_core::{Attachment, AttachmentState, Message, MessageBody, MessageState};

/// Who wrote a message, or types.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiAuthor {
    /// The person whose conversation it is.
    Person,
    /// An agent.
    Agent {
        /// Which agent.
        id: String,
        /// The name that persons see.
        name: String,
    },
    /// The server itself.
    System,
    /// A kind that this version does not know.
    Unknown,
}

impl From<Author> for FfiAuthor {
    fn from(author: Author) -> Self {
        match author {
            Author::Person => Self::Person,
            Author::Agent { id, name } => Self::Agent { id: id.to_string(), name },
            Author::System => Self::System,
            Author::Unknown => Self::Unknown,
        }
    }
}

/// What a message holds.
#[derive(Clone, PartialEq, Debug, uniffi::Enum)]
pub enum FfiMessageBody {
    /// Plain text.
    Text {
        /// The words.
        text: String,
    },
    /// It was taken back.
    Retracted,
    /// A kind that this version does not know.
    Unsupported {
        /// The name of the kind.
        kind: String,
        /// The JSON as it came.
        raw: String,
    },
}

impl From<MessageBody> for FfiMessageBody {
    fn from(body: MessageBody) -> Self {
        match body {
            MessageBody::Text(text) => Self::Text { text },
            MessageBody::Retracted => Self::Retracted,
            MessageBody::Unsupported { kind, raw } => Self::Unsupported { kind, raw },
        }
    }
}

/// How far a message has got.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiMessageState {
    /// Safe on this phone; leaves by itself.
    Queued,
    /// On its way right now.
    Sending,
    /// The server has it.
    Sent,
    /// It has reached an agent's device.
    Delivered,
    /// An agent has looked at it.
    Read,
    /// Stopped until the person decides.
    Wedged {
        /// The server's code; none where the reason is the phone's own, see the outbox item.
        code: Option<String>,
    },
    /// It came from somebody else.
    Received,
}

impl From<MessageState> for FfiMessageState {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Queued => Self::Queued,
            MessageState::Sending => Self::Sending,
            MessageState::Sent => Self::Sent,
            MessageState::Delivered => Self::Delivered,
            MessageState::Read => Self::Read,
            MessageState::Wedged(code) => Self::Wedged { code: code.map(|code| code.as_str().to_owned()) },
            MessageState::Received => Self::Received,
        }
    }
}

/// Where a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiAttachmentState {
    /// Safe on this phone; leaves before its message does.
    Waiting,
    /// On its way right now.
    Uploading,
    /// On this phone.
    Here,
    /// At the server only.
    Remote,
    /// At the server, and its virus scan has not ended.
    Scanning,
    /// The virus scan has found something.
    Blocked,
}

impl From<AttachmentState> for FfiAttachmentState {
    fn from(state: AttachmentState) -> Self {
        match state {
            AttachmentState::Waiting => Self::Waiting,
            AttachmentState::Uploading => Self::Uploading,
            AttachmentState::Here => Self::Here,
            AttachmentState::Remote => Self::Remote,
            AttachmentState::Scanning => Self::Scanning,
            AttachmentState::Blocked => Self::Blocked,
        }
    }
}

/// Pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiDimensions {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

impl From<Dimensions> for FfiDimensions {
    fn from(dimensions: Dimensions) -> Self {
        Self { width: dimensions.width, height: dimensions.height }
    }
}

/// A file of a message.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiAttachment {
    /// Which file.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is, as its bytes tell.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its size in pixels, if it is a picture.
    pub dimensions: Option<FfiDimensions>,
    /// The size in pixels of its small picture at the server, if there is one.
    pub thumbnail: Option<FfiDimensions>,
    /// Where it is.
    pub state: FfiAttachmentState,
}

impl From<Attachment> for FfiAttachment {
    fn from(attachment: Attachment) -> Self {
        Self {
            id: attachment.id.to_string(),
            name: attachment.name,
            media_type: attachment.media_type,
            size: attachment.size,
            dimensions: attachment.dimensions.map(Into::into),
            thumbnail: attachment.thumbnail.map(Into::into),
            state: attachment.state.into(),
        }
    }
}

/// A message of a timeline.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiMessage {
    /// Which one.
    pub id: String,
    /// Where it stands.
    pub conversation: String,
    /// Its place in the server's order; none until the server has it.
    pub seq: Option<u64>,
    /// Who wrote it.
    pub author: FfiAuthor,
    /// What it holds.
    pub body: FfiMessageBody,
    /// Its files, in the order their writer gave them.
    pub attachments: Vec<FfiAttachment>,
    /// How far it has got.
    pub state: FfiMessageState,
    /// Whether an edit or a retraction of it is still under way.
    pub change_pending: bool,
    /// Whether its words were changed.
    pub edited: bool,
    /// When it was written, in milliseconds since 1970.
    pub created_at: i64,
}

impl From<Message> for FfiMessage {
    fn from(message: Message) -> Self {
        Self {
            id: message.id.to_string(),
            conversation: message.conversation_id.to_string(),
            seq: message.seq,
            author: message.author.into(),
            body: message.body.into(),
            attachments: message.attachments.into_iter().map(Into::into).collect(),
            state: message.state.into(),
            change_pending: message.change_pending,
            edited: message.edited,
            created_at: message.created_at.0,
        }
    }
}
