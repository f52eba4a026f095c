//! The outbox as an app sees it: what waits, and what the person decides about it.

use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::{ConversationId, MessageId, OperationId};
use uuid::Uuid;

use super::actions;
use crate::client::{Guard, Inner};
use crate::error::{Error, ErrorKind, Result};
use crate::model::OutboxItem;
use crate::store::{identity, messages, outbox};

/// How working through the outbox went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushOutcome {
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

/// The outbox of a client.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) inner: Arc<Inner>,
    pub(crate) _guard: Arc<Guard>,
}

impl Outbox {
    /// What waits or is wedged, oldest first. Background rows, such as read marks, are left out.
    pub async fn items(&self) -> Result<Vec<OutboxItem>> {
        self.inner.started().await?;
        let items = self.inner.database.read(|connection| match identity::current(connection)? {
            Some(identity) => outbox::items(connection, identity.id),
            None => Ok(Vec::new()),
        });
        Ok(items.await?)
    }

    /// Finds a row by its own id, or by the message or conversation that it is about: the wedged one of these, else
    /// the oldest.
    pub async fn find(&self, id: Uuid) -> Result<OperationId> {
        let mut items = self.items().await?;
        items.sort_by_key(|item| !matches!(item.state, crate::model::OutboxState::Wedged { .. }));
        let found = items
            .iter()
            .find(|item| item.id == OperationId(id))
            .or_else(|| items.iter().find(|item| item.message_id == Some(MessageId(id))))
            .or_else(|| items.iter().find(|item| item.conversation_id == ConversationId(id)));
        found.map(|item| item.id).ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such outbox item"))
    }

    /// Another try for a wedged row; for one that waits, now instead of later.
    pub async fn retry(&self, id: OperationId) -> Result<()> {
        self.inner.act(None, move |connection, acting| actions::retry(connection, acting, id)).await
    }

    /// Gives a row up. What it may have done at the server already is taken back by a row of its own; discarding the
    /// opening of a conversation discards what stands behind it.
    pub async fn discard(&self, id: OperationId) -> Result<()> {
        self.inner.started().await?;
        let about = self.inner.database.read(move |connection| outbox::get(connection, id)).await?;
        let shown = self.inner.shown();
        let about = about.filter(|row| row.row.identity == shown);
        let files = match about.and_then(|row| row.payload.message()) {
            Some(message) => self.inner.files_of(message).await?,
            None => Vec::new(),
        };
        self.inner.act(None, move |connection, acting| actions::discard(connection, acting, id)).await?;
        self.inner.after_giving_up(files).await;
        Ok(())
    }

    /// Works until nothing waits, what is left is wedged, or time is up.
    pub async fn flush(&self, timeout: Duration) -> Result<FlushOutcome> {
        self.inner.started().await?;
        self.inner.everything_due();
        let mut changes = self.inner.changes.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            let (waiting, wedged, held_back) = self
                .inner
                .database
                .read(|connection| {
                    let (waiting, wedged) = outbox::counts(connection)?;
                    let held_back = if wedged == 0 { 0 } else { outbox::held_back(connection)? };
                    Ok((waiting, wedged, held_back))
                })
                .await?;
            if waiting == held_back {
                return Ok(if wedged == 0 { FlushOutcome::Empty } else { FlushOutcome::Wedged { wedged, held_back } });
            }
            // Another process may be the worker: its commits are seen by looking again from time to time.
            let look_again = tokio::time::Instant::now() + Duration::from_millis(250);
            tokio::select! {
                biased;
                open = changes.wait(None) => if !open {
                    return Err(Error::new(ErrorKind::ShutDown, "the client was shut down"));
                },
                () = tokio::time::sleep_until(look_again.min(deadline)) => {}
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(FlushOutcome::TimedOut { waiting });
            }
        }
    }

    /// Waits until the server has a message, or it is wedged, or time is up. `None` when time is up; otherwise the message
    /// as it stands.
    pub async fn wait_for(&self, id: MessageId, timeout: Duration) -> Result<Option<crate::model::Message>> {
        self.inner.started().await?;
        let mut changes = self.inner.changes.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            let message = self.inner.database.read(move |connection| messages::get(connection, id)).await?;
            let message = message.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such message"))?;
            let waits = message.seq.is_none() && !matches!(message.state, crate::model::MessageState::Wedged(_));
            if !waits {
                return Ok(Some(message));
            }
            let look_again = tokio::time::Instant::now() + Duration::from_millis(250);
            tokio::select! {
                biased;
                open = changes.wait(Some(message.conversation_id)) => if !open {
                    return Err(Error::new(ErrorKind::ShutDown, "the client was shut down"));
                },
                () = tokio::time::sleep_until(look_again.min(deadline)) => {}
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }
}
