//! The one error of the exported surface: what the core says, flat, as text that both languages can read.

use beistand_core::{Error, ErrorKind, RetryKind};

/// What a caller can tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiErrorKind {
    /// The input breaks a rule; the code says which.
    InvalidInput,
    /// There is no such thing on this phone.
    NotFound,
    /// The change comes too late.
    TooLate,
    /// The outbox holds as much as it may.
    OutboxFull,
    /// The disk is full.
    StorageFull,
    /// The local database failed otherwise.
    Storage,
    /// The local database was damaged, and is rebuilt: call again.
    StorageDamaged,
    /// A file that was to be attached cannot be read.
    Unreadable,
    /// The place where a photo was taken cannot be removed from it.
    LocationRemains,
    /// The client was shut down.
    ShutDown,
    /// Another client of this process uses the same folder.
    FolderInUse,
    /// The client was configured with something impossible.
    Configuration,
    /// The server could not be reached.
    Unreachable,
    /// The server refused; the code says why.
    Refused,
    /// A login failed; the code says why. What was there before stays.
    LoginFailed,
    /// Something of the FAQ was not taken; the code says why.
    Faq,
    /// The caller has given the call up. The façades turn it into what their language has for that.
    Cancelled,
    /// A fault of this library.
    Internal,
}

/// Whether doing the same again makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiRetry {
    /// The same call will fail again.
    Never,
    /// Once something has changed that the sentence names.
    AfterChange,
    /// At once, or a little later.
    Soon,
}

/// A failure.
#[derive(Clone, Debug, uniffi::Error)]
pub enum FfiError {
    /// The only form.
    Failed {
        /// What kind of failure.
        kind: FfiErrorKind,
        /// The stable code, listed in `docs/errors.md`.
        code: String,
        /// Whether doing the same again makes sense.
        retry: FfiRetry,
        /// One sentence for developers; never holds user data.
        detail: String,
    },
}

impl std::fmt::Display for FfiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Failed { code, detail, .. } = self;
        write!(f, "{code}: {detail}")
    }
}

impl std::error::Error for FfiError {}

impl FfiError {
    fn own(kind: FfiErrorKind, code: &str, retry: FfiRetry, detail: &str) -> Self {
        Self::Failed { kind, code: code.to_owned(), retry, detail: detail.to_owned() }
    }

    pub(crate) fn cancelled() -> Self {
        Self::own(FfiErrorKind::Cancelled, "cancelled", FfiRetry::Soon, "the caller has given this call up")
    }

    pub(crate) fn internal(detail: &str) -> Self {
        Self::own(FfiErrorKind::Internal, "internal", FfiRetry::Never, detail)
    }

    /// What it said stays out of the error: it may name what a person wrote.
    pub(crate) fn panicked() -> Self {
        Self::internal("a fault inside Beistand: please report it; what was stored before is safe")
    }
}

impl From<RetryKind> for FfiRetry {
    fn from(retry: RetryKind) -> Self {
        match retry {
            RetryKind::Never => Self::Never,
            RetryKind::AfterChange => Self::AfterChange,
            RetryKind::Soon => Self::Soon,
        }
    }
}

impl From<ErrorKind> for FfiErrorKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidInput(_) => Self::InvalidInput,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::TooLate => Self::TooLate,
            ErrorKind::OutboxFull => Self::OutboxFull,
            ErrorKind::StorageFull => Self::StorageFull,
            ErrorKind::Storage => Self::Storage,
            ErrorKind::StorageDamaged => Self::StorageDamaged,
            ErrorKind::Unreadable => Self::Unreadable,
            ErrorKind::LocationRemains => Self::LocationRemains,
            ErrorKind::ShutDown => Self::ShutDown,
            ErrorKind::FolderInUse => Self::FolderInUse,
            ErrorKind::Configuration => Self::Configuration,
            ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Refused(_) => Self::Refused,
            ErrorKind::LoginFailed(_) => Self::LoginFailed,
            ErrorKind::Faq(_) => Self::Faq,
            _ => Self::Internal,
        }
    }
}

impl From<Error> for FfiError {
    fn from(error: Error) -> Self {
        Self::Failed {
            kind: error.kind.into(),
            code: error.kind.code().to_owned(),
            retry: error.retry().into(),
            detail: error.detail,
        }
    }
}
