//! What a caller can do about a failure. Inside, the parts have precise errors of their own; at this border they become
//! one kind, one sentence for developers, and whether another try makes sense. A sentence never holds user data.

use beistand_protocol::{Code, Violation};

use crate::faq::FaqError;
use crate::login::LoginError;

/// The kinds of failure that a caller can tell apart. Each has a stable code, see [`ErrorKind::code`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input breaks a rule of the server, known by the given code; nothing was stored or promised.
    InvalidInput(Code),
    /// There is no such conversation, message or outbox item on this phone.
    NotFound,
    /// The change comes too late: the message is gone, or what is to be undone may have happened already.
    TooLate,
    /// The outbox holds as much as it may; nothing was stored or promised.
    OutboxFull,
    /// The disk is full; nothing was stored or promised.
    StorageFull,
    /// The local database failed otherwise; nothing was promised.
    Storage,
    /// The local database was damaged. It has been moved aside and what could be read was kept: call again.
    StorageDamaged,
    /// A file that was to be attached cannot be read; nothing was stored.
    Unreadable,
    /// The place where a photo was taken cannot be removed from it; nothing was stored.
    LocationRemains,
    /// The client was shut down.
    ShutDown,
    /// Another client of this process uses the same folder.
    FolderInUse,
    /// The client was configured with something impossible.
    Configuration,
    /// The server could not be reached, or did not answer like a Beistand server.
    Unreachable,
    /// The server refused, with the given code.
    Refused(Code),
    /// A login failed; what was there before stays.
    LoginFailed(LoginError),
    /// A publication of the FAQ, or one of its pictures, was not taken; what is on this phone stays as it was.
    Faq(FaqError),
}

impl ErrorKind {
    /// The stable code, listed in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidInput(code) | Self::Refused(code) => code.as_str(),
            Self::NotFound => "local-not-found",
            Self::TooLate => "too-late",
            Self::OutboxFull => "outbox-full",
            Self::StorageFull => "storage-full",
            Self::Storage => "storage",
            Self::StorageDamaged => "storage-damaged",
            Self::Unreadable => "unreadable",
            Self::LocationRemains => "location-remains",
            Self::ShutDown => "shut-down",
            Self::FolderInUse => "folder-in-use",
            Self::Configuration => "configuration",
            Self::Unreachable => "unreachable",
            Self::LoginFailed(error) => error.code(),
            Self::Faq(error) => error.code(),
        }
    }
}

/// Whether doing the same again makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryKind {
    /// The same call will fail again.
    Never,
    /// Once something has changed that the sentence names: room on the disk, another text.
    AfterChange,
    /// At once, or a little later.
    Soon,
}

/// A failure as a caller sees it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", kind.code())]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// One sentence for developers; never holds user data.
    pub detail: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Whether doing the same again makes sense.
    pub fn retry(&self) -> RetryKind {
        match self.kind {
            ErrorKind::InvalidInput(_)
            | ErrorKind::OutboxFull
            | ErrorKind::StorageFull
            | ErrorKind::Unreadable
            | ErrorKind::LocationRemains
            | ErrorKind::LoginFailed(LoginError::TokenMalformed | LoginError::OtherSubject | LoginError::Refused(_)) => {
                RetryKind::AfterChange
            }
            ErrorKind::Storage
            | ErrorKind::StorageDamaged
            | ErrorKind::Unreachable
            | ErrorKind::LoginFailed(LoginError::ProviderFailed | LoginError::ProviderTimeout)
            | ErrorKind::Faq(FaqError::Cancelled | FaqError::OtherBase | FaqError::OtherPicture) => RetryKind::Soon,
            _ => RetryKind::Never,
        }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(ErrorKind::InvalidInput(violation.code), format!("{}: {}", violation.field, violation.detail))
    }
}

impl From<FaqError> for Error {
    fn from(error: FaqError) -> Self {
        Self::new(ErrorKind::Faq(error), error.to_string())
    }
}

/// The result of a call into the core.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in the local database, precisely.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the disk is full")]
    Full,
    #[error("the database is damaged")]
    Damaged,
    #[error("the database was closed")]
    Closed,
    #[error("the database was written by a newer version of the app (schema {0})")]
    TooNew(i64),
    #[error("a stored value cannot be read: {0}")]
    Value(&'static str),
    #[error("the data folder cannot be made: {0}")]
    Folder(std::io::ErrorKind),
    #[error("sqlite: {0}")]
    Sqlite(rusqlite::Error),
    /// A rule found broken inside a transaction, which is rolled back; handed through as it is.
    #[error(transparent)]
    Rule(Error),
    /// A publication that is not taken; the transaction is rolled back.
    #[error(transparent)]
    Faq(#[from] FaqError),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Sqlite(error),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Rule(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rule(error) => error,
            StoreError::Faq(error) => error.into(),
            StoreError::Full => Self::new(ErrorKind::StorageFull, "the disk is full; nothing was stored"),
            StoreError::Damaged => Self::new(
                ErrorKind::StorageDamaged,
                "the local database was damaged and is being rebuilt from what can be read; call again",
            ),
            StoreError::Closed => Self::new(ErrorKind::ShutDown, "the client was shut down"),
            other => Self::new(ErrorKind::Storage, other.to_string()),
        }
    }
}
