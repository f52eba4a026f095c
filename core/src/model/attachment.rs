//! A file of a message as an app sees it, and what a person writes with files.

use beistand_protocol::{AttachmentId, Dimensions};

use crate::attachments::AttachmentSource;

/// What a person writes.
#[derive(Debug, Default)]
pub struct MessageDraft {
    /// The words; may be empty if there are files.
    pub text: String,
    /// Files, in the order they are to be shown.
    pub attachments: Vec<AttachmentSource>,
}

impl MessageDraft {
    /// The same with one more file.
    #[must_use]
    pub fn attach(mut self, source: AttachmentSource) -> Self {
        self.attachments.push(source);
        self
    }
}

impl From<&str> for MessageDraft {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), attachments: Vec::new() }
    }
}

impl From<String> for MessageDraft {
    fn from(text: String) -> Self {
        Self { text, attachments: Vec::new() }
    }
}

impl From<&String> for MessageDraft {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

/// Where a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttachmentState {
    /// Safe on this phone; leaves before its message does.
    Waiting,
    /// On its way right now; see [`crate::attachments::Attachments::progress`].
    Uploading,
    /// On this phone, and at the server unless its message still waits.
    Here,
    /// At the server only: to be fetched.
    Remote,
    /// At the server, and its virus scan has not ended: to be fetched later.
    Scanning,
    /// The virus scan has found something: it cannot be had.
    Blocked,
}

impl AttachmentState {
    /// A short stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Uploading => "uploading",
            Self::Here => "here",
            Self::Remote => "remote",
            Self::Scanning => "scanning",
            Self::Blocked => "blocked",
        }
    }
}

/// A file of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// Which file.
    pub id: AttachmentId,
    /// Its name, to show and to save under.
    pub name: String,
    /// What it is, as its bytes tell.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its size in pixels as it is shown, if it is a picture.
    pub dimensions: Option<Dimensions>,
    /// The size in pixels of its small picture at the server, if there is one.
    pub thumbnail: Option<Dimensions>,
    /// Where it is.
    pub state: AttachmentState,
}

/// How far a file has got on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Transfer {
    /// Bytes that have arrived at the other side.
    pub done: u64,
    /// All its bytes; 0 while that is not known.
    pub total: u64,
    /// Whether it is on its way right now.
    pub active: bool,
}
