//! Frames of the socket. A hint only says *look*; the cursor is the truth, so a lost frame costs time, never data.

use serde::{Deserialize, Serialize};

use crate::{ids::ConversationId, message::Author};

/// What a server sends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The credential is accepted; hints begin. `seq` is the newest change.
    Ready {
        /// The newest change of this stream.
        seq: u64,
    },
    /// Something changed.
    Hint {
        /// The newest change of this stream.
        seq: u64,
    },
    /// Somebody types, or has stopped.
    Typing {
        /// Where.
        conversation_id: ConversationId,
        /// Who.
        author: Author,
        /// Whether they type now; fades after `limits::TYPING_MS`.
        typing: bool,
    },
    /// Are you there? To be answered with `pong`.
    Ping,
    /// Answer to a ping.
    Pong,
    /// A frame of a later version, to be ignored.
    #[serde(other)]
    Unknown,
}

/// What a phone or a console sends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientFrame {
    /// First frame of a client that cannot set headers, as browsers cannot.
    Auth {
        /// The app's key; not needed by agents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app_key: Option<String>,
        /// What would stand behind `Bearer ` in a header.
        token: String,
    },
    /// The writer types, or has stopped.
    Typing {
        /// Where.
        conversation_id: ConversationId,
        /// Whether they type now.
        typing: bool,
    },
    /// Are you there? To be answered with `pong`.
    Ping,
    /// Answer to a ping.
    Pong,
    /// A frame of a later version, to be ignored.
    #[serde(other)]
    Unknown,
}

impl std::fmt::Debug for ClientFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auth { .. } => "Auth(…)",
            Self::Typing { .. } => "Typing",
            Self::Ping => "Ping",
            Self::Pong => "Pong",
            Self::Unknown => "Unknown",
        })
    }
}
