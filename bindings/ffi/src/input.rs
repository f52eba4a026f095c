//! What comes in from an app: ids as text, drafts, custom fields. Ids are held against their form here, everything else by
//! the core.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use beistand_core::protocol::{Code, FieldValue, Priority};
use beistand_core::{AttachmentSource, MessageDraft, TicketDraft};

use crate::error::{FfiError, FfiErrorKind, FfiRetry};
use crate::stream::FfiByteStream;

/// Reads an id; `what` names it for the developer.
pub(crate) fn id<T: FromStr>(text: &str, what: &str) -> Result<T, FfiError> {
    text.parse().map_err(|_| bad_parameter(&format!("{what} has not the form of one")))
}

/// Something that no caller with a typed façade can pass.
pub(crate) fn bad_parameter(detail: &str) -> FfiError {
    FfiError::Failed {
        kind: FfiErrorKind::InvalidInput,
        code: Code::BadParameter.as_str().to_owned(),
        retry: FfiRetry::AfterChange,
        detail: detail.to_owned(),
    }
}

/// How pressing a conversation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiPriority {
    /// Can wait.
    Low,
    /// The usual case.
    Normal,
    /// Before the usual ones.
    High,
    /// Somebody is stuck.
    Urgent,
}

impl From<FfiPriority> for Priority {
    fn from(priority: FfiPriority) -> Self {
        match priority {
            FfiPriority::Low => Self::Low,
            FfiPriority::Normal => Self::Normal,
            FfiPriority::High => Self::High,
            FfiPriority::Urgent => Self::Urgent,
        }
    }
}

impl From<Priority> for FfiPriority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
            Priority::Urgent => Self::Urgent,
        }
    }
}

/// The value of a custom field.
#[derive(Clone, PartialEq, Debug, uniffi::Enum)]
pub enum FfiFieldValue {
    /// For a field of kind `bool`.
    Flag {
        /// Yes or no.
        value: bool,
    },
    /// For a field of kind `number`; finite.
    Number {
        /// The number.
        value: f64,
    },
    /// For fields of kind `text`, `choice` and `date` (`YYYY-MM-DD`).
    Text {
        /// The text.
        value: String,
    },
}

impl From<FfiFieldValue> for FieldValue {
    fn from(value: FfiFieldValue) -> Self {
        match value {
            FfiFieldValue::Flag { value } => Self::Bool(value),
            FfiFieldValue::Number { value } => Self::Number(value),
            FfiFieldValue::Text { value } => Self::Text(value),
        }
    }
}

impl From<FieldValue> for FfiFieldValue {
    fn from(value: FieldValue) -> Self {
        match value {
            FieldValue::Bool(value) => Self::Flag { value },
            FieldValue::Number(value) => Self::Number { value },
            FieldValue::Text(value) => Self::Text { value },
        }
    }
}

/// A file that is to be sent.
#[derive(uniffi::Enum)]
pub enum FfiAttachmentSource {
    /// A file of the file system.
    Path {
        /// Where it is.
        path: String,
        /// Another name than its own.
        name: Option<String>,
        /// Whether a photo keeps where it was taken.
        keep_location: bool,
    },
    /// The bytes themselves.
    Bytes {
        /// All of them.
        bytes: Vec<u8>,
        /// What it is called.
        name: String,
        /// Whether a photo keeps where it was taken.
        keep_location: bool,
    },
    /// Bytes that the app brings while the call that takes this waits: a content URI, an input stream.
    Stream {
        /// Where the app writes.
        stream: Arc<FfiByteStream>,
        /// What it is called.
        name: String,
        /// Whether a photo keeps where it was taken.
        keep_location: bool,
    },
}

impl From<FfiAttachmentSource> for AttachmentSource {
    fn from(source: FfiAttachmentSource) -> Self {
        match source {
            FfiAttachmentSource::Path { path, name, keep_location } => {
                let source = Self::path(path).keep_location(keep_location);
                match name {
                    Some(name) => source.named(name),
                    None => source,
                }
            }
            FfiAttachmentSource::Bytes { bytes, name, keep_location } => {
                Self::reader(name, std::io::Cursor::new(bytes)).keep_location(keep_location)
            }
            FfiAttachmentSource::Stream { stream, name, keep_location } => {
                Self::reader(name, stream.reader()).keep_location(keep_location)
            }
        }
    }
}

/// What a person writes.
#[derive(uniffi::Record)]
pub struct FfiMessageDraft {
    /// The words; may be empty if there are files.
    pub text: String,
    /// Files, in the order they are to be shown.
    pub attachments: Vec<FfiAttachmentSource>,
}

impl From<FfiMessageDraft> for MessageDraft {
    fn from(draft: FfiMessageDraft) -> Self {
        Self { text: draft.text, attachments: draft.attachments.into_iter().map(Into::into).collect() }
    }
}

/// What a person fills in to open a conversation.
#[derive(uniffi::Record)]
pub struct FfiTicketDraft {
    /// What it is about; one line.
    pub subject: String,
    /// The first message.
    pub text: String,
    /// One of the announced categories.
    pub category: Option<String>,
    /// How pressing it is.
    pub priority: FfiPriority,
    /// Values of announced custom fields.
    pub fields: HashMap<String, FfiFieldValue>,
    /// Files of the first message.
    pub attachments: Vec<FfiAttachmentSource>,
}

impl From<FfiTicketDraft> for TicketDraft {
    fn from(draft: FfiTicketDraft) -> Self {
        Self {
            subject: draft.subject,
            text: draft.text,
            category: draft.category,
            priority: draft.priority.into(),
            fields: draft.fields.into_iter().map(|(key, value)| (key, value.into())).collect::<BTreeMap<_, _>>(),
            attachments: draft.attachments.into_iter().map(Into::into).collect(),
        }
    }
}
