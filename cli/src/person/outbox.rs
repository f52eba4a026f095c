//! The outbox: what waits, what a person decides about it, and working through it. `sync` stands here too: it is the other
//! command that talks to the server on purpose.

use std::time::Duration;

use beistand_core::{FlushOutcome, OutboxItem, OutboxState};
use serde_json::json;
use uuid::Uuid;

use super::{Phone, write::wedged};
use crate::{exit::Failure, human, json as shapes};

impl Phone<'_> {
    pub(super) async fn outbox(&mut self) -> Result<(), Failure> {
        let items = self.client.outbox().items().await?;
        if items.is_empty() {
            self.output.remark("Nothing waits to be sent.");
        }
        for item in &items {
            self.output.tell(|| shapes::outbox_item(item), |width| human::outbox_item(item, width))?;
        }
        Ok(())
    }

    pub(super) async fn retry(&mut self, id: Uuid) -> Result<(), Failure> {
        let row = self.row(id).await?;
        self.client.outbox().retry(row).await?;
        self.output.tell(
            || json!({"id": row, "state": "queued"}),
            |_| "Queued again. It is sent by itself: `beistand flush` waits for it.".into(),
        )
    }

    pub(super) async fn discard(&mut self, id: Uuid) -> Result<(), Failure> {
        let row = self.row(id).await?;
        self.client.outbox().discard(row).await?;
        self.output.tell(|| json!({"id": row, "state": "discarded"}), |_| "Given up.".into())
    }

    pub(super) async fn flush(&mut self, timeout: Duration) -> Result<(), Failure> {
        let outcome = self.client.outbox().flush(timeout).await?;
        let items = self.client.outbox().items().await?;
        let codes = codes(&items);
        match outcome {
            FlushOutcome::Empty => self
                .output
                .tell(|| json!({"result": "empty", "waiting": 0, "wedged": 0}), |_| "Everything is sent.".into()),
            FlushOutcome::Wedged { wedged: rows, held_back } => {
                let document = json!({"result": "wedged", "waiting": held_back, "wedged": rows, "codes": codes});
                Err(wedged(&codes.join(", ")).telling(document))
            }
            FlushOutcome::TimedOut { waiting } => {
                let wedged = items.iter().filter(|item| matches!(item.state, OutboxState::Wedged { .. })).count();
                let mut document = json!({"result": "timeout", "waiting": waiting, "wedged": wedged});
                if !codes.is_empty() {
                    document["codes"] = codes.into();
                }
                Err(self.not_delivered().telling(document))
            }
        }
    }

    pub(super) async fn sync(&mut self) -> Result<(), Failure> {
        self.client.sync().await?;
        let list = self.client.conversations().list().await?;
        let unread: u64 = list.iter().map(|conversation| conversation.unread).sum();
        let conversations = list.len();
        self.output.tell(
            || json!({"result": "synced", "conversations": conversations, "unread": unread}),
            |_| format!("Up to date. Conversations: {conversations}, unread messages: {unread}."),
        )
    }
}

/// Why rows are wedged, each reason once.
pub(super) fn codes<'a>(items: impl IntoIterator<Item = &'a OutboxItem>) -> Vec<String> {
    let mut codes: Vec<String> = items
        .into_iter()
        .filter_map(|item| match &item.state {
            OutboxState::Wedged { code, .. } => Some(code.clone()),
            _ => None,
        })
        .collect();
    codes.sort();
    codes.dedup();
    codes
}
