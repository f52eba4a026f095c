//! What a client reports besides the changes of its data.

use beistand_core::{ClientEvent, Connection, Typing};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::message::FfiAuthor;
use crate::pump::Source;

/// How the client stands to its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiConnection {
    /// Nothing has been tried yet, or nobody looks.
    Idle,
    /// The last try failed; another follows by itself.
    Offline,
    /// The last answer came.
    Online,
}

impl From<Connection> for FfiConnection {
    fn from(connection: Connection) -> Self {
        match connection {
            Connection::Idle => Self::Idle,
            Connection::Offline => Self::Offline,
            Connection::Online => Self::Online,
        }
    }
}

/// Somebody types.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiTyping {
    /// Where.
    pub conversation: String,
    /// Who.
    pub author: FfiAuthor,
}

impl From<Typing> for FfiTyping {
    fn from(typing: Typing) -> Self {
        Self { conversation: typing.conversation_id.to_string(), author: typing.author.into() }
    }
}

/// Something that an app may want to show or log. None of it needs an answer.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiEvent {
    /// The local database was damaged; it was moved aside, and what could be read is kept.
    DatabaseRecovered {
        /// The damaged file, for a bug report.
        moved_to: String,
        /// Rows of the outbox that were kept.
        outbox_rows: u64,
        /// Messages that were kept.
        messages: u64,
    },
    /// The server wants a newer version of the app.
    UpdateRequired,
    /// The server does not know the app key.
    UnknownApp,
    /// The server does not accept this installation.
    CredentialRefused,
    /// The server's history is another one: everything is read anew.
    HistoryChanged {
        /// Writes that are sent again.
        requeued: u64,
    },
    /// A row of the outbox was refused or has expired, and waits for the person.
    Wedged {
        /// Where.
        conversation: String,
        /// Why.
        code: String,
    },
    /// The server does not accept the login; another `login` mends it.
    LoginRefused {
        /// Why.
        code: String,
    },
    /// The server has forgotten the login; it is proven again by itself.
    LoginLost,
    /// The server has accepted a login that could not be confirmed at once.
    LoginConfirmed,
    /// Writes of a user who has logged out can never leave.
    LeftUnsent {
        /// How many.
        discarded: u64,
    },
    /// A publication of the FAQ was not taken.
    FaqRefused {
        /// Why.
        code: String,
    },
    /// The cache of the FAQ is begun anew.
    FaqRebuilt,
    /// A long task died; it is started anew.
    TaskFailed {
        /// Its name.
        task: String,
    },
    /// Events came faster than they were taken.
    Missed {
        /// So many are not told.
        count: u64,
    },
    /// Something that this version of the bindings has no words for.
    Other,
}

impl From<ClientEvent> for FfiEvent {
    fn from(event: ClientEvent) -> Self {
        match event {
            ClientEvent::DatabaseRecovered { moved_to, outbox_rows, messages } => {
                Self::DatabaseRecovered { moved_to: moved_to.to_string_lossy().into_owned(), outbox_rows, messages }
            }
            ClientEvent::UpdateRequired => Self::UpdateRequired,
            ClientEvent::UnknownApp => Self::UnknownApp,
            ClientEvent::CredentialRefused => Self::CredentialRefused,
            ClientEvent::HistoryChanged { requeued } => Self::HistoryChanged { requeued },
            ClientEvent::Wedged { conversation_id, code } => {
                Self::Wedged { conversation: conversation_id.to_string(), code }
            }
            ClientEvent::LoginRefused { code } => Self::LoginRefused { code },
            ClientEvent::LoginLost => Self::LoginLost,
            ClientEvent::LoginConfirmed => Self::LoginConfirmed,
            ClientEvent::LeftUnsent { discarded } => Self::LeftUnsent { discarded },
            ClientEvent::FaqRefused { error } => Self::FaqRefused { code: error.code().to_owned() },
            ClientEvent::FaqRebuilt => Self::FaqRebuilt,
            ClientEvent::TaskFailed { task } => Self::TaskFailed { task: task.to_owned() },
            _ => Self::Other,
        }
    }
}

/// The events since the watch was opened.
pub(crate) struct EventSource(broadcast::Receiver<ClientEvent>);

impl From<broadcast::Receiver<ClientEvent>> for EventSource {
    fn from(events: broadcast::Receiver<ClientEvent>) -> Self {
        Self(events)
    }
}

impl Source for EventSource {
    type Item = FfiEvent;

    async fn next(&mut self) -> Option<FfiEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event.into()),
            Err(RecvError::Lagged(count)) => Some(FfiEvent::Missed { count }),
            Err(RecvError::Closed) => None,
        }
    }
}
