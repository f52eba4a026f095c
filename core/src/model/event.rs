//! What a client reports besides the changes of its data.

use std::path::PathBuf;

use beistand_protocol::{Author, ConversationId};

use crate::faq::FaqError;

/// Something that an app may want to show or log. None of it needs an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The local database was damaged; it was moved aside, and what could be read is kept.
    DatabaseRecovered {
        /// The damaged file, for a bug report.
        moved_to: PathBuf,
        /// Rows of the outbox that were kept.
        outbox_rows: u64,
        /// Messages that were kept.
        messages: u64,
    },
    /// The server wants a newer version of the app; what is queued stays queued.
    UpdateRequired,
    /// The server does not know the app key; what is queued stays queued.
    UnknownApp,
    /// The server does not accept this installation; what is queued stays queued.
    CredentialRefused,
    /// The server's history is another one, as after a restore from backup, or after a login has brought two histories
    /// together: everything is read anew, and what the server lacks is sent again.
    HistoryChanged {
        /// Writes that are sent again.
        requeued: u64,
    },
    /// A row of the outbox was refused or has expired, and waits for the person.
    Wedged {
        /// Where.
        conversation_id: ConversationId,
        /// Why.
        code: String,
    },
    /// The server does not accept the login, with this code, or the app's own backend no longer hands out tokens of the user.
    /// What is written still leaves, as somebody whom agents cannot name; another `login` mends it.
    LoginRefused {
        /// Why.
        code: String,
    },
    /// The server has forgotten the login, as after a restore from backup; it is proven again by itself.
    LoginLost,
    /// The server has accepted a login that could not be confirmed at once.
    LoginConfirmed,
    /// Writes of a user who has logged out were refused, or can never leave: nobody can decide on them any more.
    LeftUnsent {
        /// How many.
        discarded: u64,
    },
    /// A publication of the FAQ was not taken, from the server or from a seed; what was cached before stays.
    FaqRefused {
        /// Why.
        error: FaqError,
    },
    /// The cache of the FAQ was damaged or of a newer version of the app; it is begun anew from the seeds.
    FaqRebuilt,
    /// A long task died; it is started anew.
    TaskFailed {
        /// Its name.
        task: &'static str,
    },
}

/// How the client stands to its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Connection {
    /// Nothing has been tried yet, or nobody looks.
    #[default]
    Idle,
    /// The last try failed; another follows by itself.
    Offline,
    /// The last answer came.
    Online,
}

/// Somebody types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typing {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub author: Author,
}
