//! The holes of the design, one named test each, with phone and server in one process under virtual time.

mod history;
mod looking;
mod refusals;
mod repeating;
mod room;
mod taking_back;

use std::time::Duration;

use beistand_core::{Client, FlushOutcome, Message, Opened, TicketDraft};
use beistand_protocol::ConversationId;
use beistand_test_support::world::World;

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Runs a test on virtual time.
pub(crate) fn world(test: impl AsyncFnOnce(World)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async { test(World::new(42).await).await });
}

pub(crate) fn draft(text: &str) -> TicketDraft {
    TicketDraft { subject: "Kleid mit offener Naht".into(), text: text.into(), ..TicketDraft::default() }
}

pub(crate) async fn opened(client: &Client) -> Opened {
    let opened = client.conversations().open(draft("Die Naht ist offen.")).await.expect("it is stored");
    assert_eq!(client.outbox().flush(LONG).await.expect("flush"), FlushOutcome::Empty);
    opened
}

pub(crate) async fn flushed(client: &Client) {
    assert_eq!(client.outbox().flush(LONG).await.expect("flush"), FlushOutcome::Empty);
}

pub(crate) async fn shown(client: &Client, id: ConversationId) -> Vec<Message> {
    client.conversations().timeline(id).await.expect("a timeline").messages().to_vec()
}

pub(crate) async fn words_at_server(world: &World, id: ConversationId) -> Vec<String> {
    let stored = world.desk().await.messages(id).await.expect("the agent reads");
    stored.iter().map(|message| message.content.as_text().unwrap_or("(taken back)").to_owned()).collect()
}
