//! What waits to be sent, and what the person decides about it.

use std::sync::Arc;
use std::time::Duration;

use beistand_core::protocol::OperationId;
use beistand_core::{FlushOutcome, OperationKind, Outbox, OutboxItem, OutboxState};

use crate::error::FfiError;
use crate::input::id;
use crate::runtime::{Alive, FfiCancel, run, run_until};

/// What a row of the outbox does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiOperationKind {
    /// Opens a conversation with its first message.
    Open,
    /// Sends a message.
    Send,
    /// Changes the words of a message.
    Edit,
    /// Takes a message back.
    Retract,
    /// Takes a whole conversation back.
    Withdraw,
    /// Closes or reopens a conversation.
    Status,
    /// Tells how far the person has read.
    Read,
    /// Tells what the person thinks of an article of the FAQ.
    Feedback,
    /// Tells what was counted in the FAQ.
    Report,
}

impl From<OperationKind> for FfiOperationKind {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Open => Self::Open,
            OperationKind::Send => Self::Send,
            OperationKind::Edit => Self::Edit,
            OperationKind::Retract => Self::Retract,
            OperationKind::Withdraw => Self::Withdraw,
            OperationKind::Status => Self::Status,
            OperationKind::Read => Self::Read,
            OperationKind::Feedback => Self::Feedback,
            OperationKind::Report => Self::Report,
        }
    }
}

/// Where a row stands.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiOutboxState {
    /// Leaves by itself.
    Queued,
    /// On its way right now.
    Sending,
    /// Stopped until the person decides.
    Wedged {
        /// Why.
        code: String,
        /// One sentence for developers.
        detail: String,
    },
}

impl From<OutboxState> for FfiOutboxState {
    fn from(state: OutboxState) -> Self {
        match state {
            OutboxState::Queued => Self::Queued,
            OutboxState::Sending => Self::Sending,
            OutboxState::Wedged { code, detail } => Self::Wedged { code, detail },
        }
    }
}

/// A row of the outbox.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiOutboxItem {
    /// The operation.
    pub id: String,
    /// What it does.
    pub kind: FfiOperationKind,
    /// Where.
    pub conversation: String,
    /// To which message, if to one.
    pub message: Option<String>,
    /// Where it stands.
    pub state: FfiOutboxState,
    /// How many attempts have failed.
    pub attempts: u32,
    /// When it was written, in milliseconds since 1970.
    pub created_at: i64,
}

impl From<OutboxItem> for FfiOutboxItem {
    fn from(item: OutboxItem) -> Self {
        Self {
            id: item.id.to_string(),
            kind: item.kind.into(),
            conversation: item.conversation_id.to_string(),
            message: item.message_id.map(|message| message.to_string()),
            state: item.state.into(),
            attempts: item.attempts,
            created_at: item.created_at.0,
        }
    }
}

/// How working through the outbox went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiFlushOutcome {
    /// Nothing waits any more.
    Empty,
    /// What is left waits for a decision of the person.
    Wedged {
        /// Rows that were refused or have expired.
        wedged: u64,
        /// Rows that stand behind them.
        held_back: u64,
    },
    /// Time is up.
    TimedOut {
        /// Rows that still wait.
        waiting: u64,
    },
}

impl From<FlushOutcome> for FfiFlushOutcome {
    fn from(outcome: FlushOutcome) -> Self {
        match outcome {
            FlushOutcome::Empty => Self::Empty,
            FlushOutcome::Wedged { wedged, held_back } => Self::Wedged { wedged, held_back },
            FlushOutcome::TimedOut { waiting } => Self::TimedOut { waiting },
        }
    }
}

/// The outbox of a client.
#[derive(uniffi::Object)]
pub struct FfiOutbox {
    core: Outbox,
    _alive: Alive,
}

impl FfiOutbox {
    pub(crate) fn new(core: Outbox) -> Arc<Self> {
        Arc::new(Self { core, _alive: Alive::new() })
    }
}

#[uniffi::export]
impl FfiOutbox {
    /// What waits or is wedged, oldest first.
    pub async fn items(&self) -> Result<Vec<FfiOutboxItem>, FfiError> {
        let core = self.core.clone();
        Ok(run(async move { core.items().await }).await?.into_iter().map(Into::into).collect())
    }

    /// Another try for a wedged row; for one that waits, now instead of later.
    pub async fn retry(&self, operation: String) -> Result<(), FfiError> {
        let (core, operation) = (self.core.clone(), operation_id(&operation)?);
        run(async move { core.retry(operation).await }).await
    }

    /// Gives a row up.
    pub async fn discard(&self, operation: String) -> Result<(), FfiError> {
        let (core, operation) = (self.core.clone(), operation_id(&operation)?);
        run(async move { core.discard(operation).await }).await
    }

    /// Works until nothing waits, what is left is wedged, or time is up.
    pub async fn flush(&self, within: Duration, cancel: Option<Arc<FfiCancel>>) -> Result<FfiFlushOutcome, FfiError> {
        let core = self.core.clone();
        Ok(run_until(cancel, async move { core.flush(within).await }).await?.into())
    }
}

fn operation_id(text: &str) -> Result<OperationId, FfiError> {
    id(text, "the id of an operation")
}
