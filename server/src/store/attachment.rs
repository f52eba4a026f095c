//! Files of messages, as a store keeps them. Their bytes are not its business: a row says what a file is, whose, and how
//! far it has come.

use beistand_protocol::{Attachment, AttachmentId, AttachmentState, Dimensions, MessageId, PersonId, UnixMillis, hex};

use super::AppId;

/// Who sends a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Uploader {
    /// A person.
    Person(PersonId),
    /// The app's agents, whichever of them.
    Agents,
}

/// How far a file has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Not all of it is here.
    Uploading,
    /// It is whole.
    Ready,
    /// It is whole, and being scanned.
    Scanning,
    /// The scan has found something; its bytes are gone.
    Blocked,
    /// It was given up, taken back, or has waited too long; its bytes are gone.
    Gone,
}

/// What was announced of a file when its upload was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// A file as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttachmentRow {
    /// Which one.
    pub id: AttachmentId,
    /// Whose.
    pub uploader: Uploader,
    /// What it is.
    pub announced: Announced,
    /// How far it has come.
    pub stage: Stage,
    /// Its size in pixels, if it is a picture.
    pub dimensions: Option<Dimensions>,
    /// The size of its thumbnail, if it has one.
    pub thumbnail: Option<Dimensions>,
    /// The message it stands in.
    pub message: Option<MessageId>,
    /// When it is given up, unless it stands in a message.
    pub expires_at: UnixMillis,
}

impl AttachmentRow {
    /// Whether all of it has arrived.
    pub fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Scanning | Stage::Blocked)
    }

    /// What a message shows of it.
    pub fn shown(&self) -> Attachment {
        Attachment {
            id: self.id,
            name: self.announced.name.clone(),
            media_type: self.announced.media_type.clone(),
            size: self.announced.size,
            sha256: hex::encode(&self.announced.sha256),
            dimensions: self.dimensions,
            thumbnail: self.thumbnail,
            state: match self.stage {
                Stage::Ready => AttachmentState::Ready,
                Stage::Blocked => AttachmentState::Blocked,
                Stage::Uploading | Stage::Scanning | Stage::Gone => AttachmentState::Scanning,
            },
        }
    }
}

/// How many files of a person may wait to be sent in a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// How many; 0 for no limit.
    pub files: u64,
    /// Their announced bytes; 0 for no limit.
    pub bytes: u64,
}

/// A write that concerns files.
#[derive(Clone, Debug)]
pub enum AttachmentCommand {
    /// A new upload. The same id again with the same announcement gives what is there; a gone one begins anew.
    Create {
        /// Where.
        app: AppId,
        /// Which.
        id: AttachmentId,
        /// Whose.
        uploader: Uploader,
        /// What.
        announced: Announced,
        /// How many of the same uploader may wait.
        most: Waiting,
        /// When.
        at: UnixMillis,
    },
    /// The upload goes on: it is not given up before long.
    GoOn {
        /// Where.
        app: AppId,
        /// Which.
        id: AttachmentId,
        /// When.
        at: UnixMillis,
    },
    /// All of it is here and on the disk.
    Complete {
        /// Where.
        app: AppId,
        /// Which.
        id: AttachmentId,
        /// Its size in pixels.
        dimensions: Option<Dimensions>,
        /// The size of its thumbnail.
        thumbnail: Option<Dimensions>,
        /// Whether it is to be scanned first.
        scan: bool,
        /// When.
        at: UnixMillis,
    },
    /// What has arrived was refused: no trace stays.
    Forget {
        /// Where.
        app: AppId,
        /// Which.
        id: AttachmentId,
    },
    /// Its uploader gives it up. Refused once it stands in a message.
    GiveUp {
        /// Where.
        app: AppId,
        /// Which.
        id: AttachmentId,
        /// When.
        at: UnixMillis,
    },
    /// The scan of a file has ended, for all rows that have it.
    Scanned {
        /// Which file.
        sha256: [u8; 32],
        /// Whether something was found.
        found: bool,
        /// When.
        at: UnixMillis,
    },
    /// Gives up what has waited too long.
    Expire {
        /// When.
        at: UnixMillis,
    },
    /// Files that no row had were removed from the disk.
    Removed {
        /// Which.
        files: Vec<[u8; 32]>,
    },
}
