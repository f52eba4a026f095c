//! Who is signed in, one rule a test, with phone and server in one process under virtual time.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod logins;
mod logouts;
mod strangers;

use std::time::Duration;

use beistand_core::{Client, Opened, TicketDraft};
use beistand_protocol::{ConversationId, Credential, DeviceId, DeviceSecret};
use beistand_test_support::identity::Backend;
use beistand_test_support::network::Weather;
use beistand_test_support::world::World;

/// Runs a test on virtual time, with a backend that the server knows.
fn world(test: impl AsyncFnOnce(World, Backend)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(7).await;
        world.add_identity_key().await;
        let backend = world.backend();
        test(world, backend).await;
    });
}

fn offline(world: &World, offline: bool) {
    world.network.set_weather(if offline { Weather::OFFLINE } else { Weather::CALM });
    if !offline {
        world.client().wake();
    }
}

async fn open(client: &Client, text: &str) -> Opened {
    let draft = TicketDraft { subject: text.into(), text: text.into(), ..TicketDraft::default() };
    client.conversations().open(draft).await.unwrap()
}

/// Everything that can happen by itself happens.
async fn later() {
    tokio::time::sleep(Duration::from_secs(1800)).await;
}

/// Whose a conversation is at the server, and what is said in it; `None` if the server does not have it.
async fn at_server(world: &World, id: ConversationId) -> Option<(Option<String>, Vec<String>)> {
    let desk = world.desk().await;
    let conversation = desk.conversation(id).await.ok()?;
    let said = desk.messages(id).await.unwrap();
    let texts = said.iter().map(|message| message.content.as_text().unwrap_or("(taken back)").to_owned()).collect();
    Some((conversation.person.and_then(|person| person.subject), texts))
}

async fn listed(client: &Client) -> Vec<ConversationId> {
    client.conversations().list().await.unwrap().into_iter().map(|conversation| conversation.id).collect()
}

/// The credential of the phone's current device.
fn credential(world: &World) -> Credential {
    let database = world.phone_disk.open("phone/beistand.sqlite3").unwrap();
    let (device, secret): (Vec<u8>, [u8; 32]) = database
        .query_row("SELECT device_id, secret FROM identities WHERE current = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    Credential { device: DeviceId::from_slice(&device).unwrap(), secret: DeviceSecret(secret) }
}

fn identities(world: &World) -> i64 {
    let database = world.phone_disk.open("phone/beistand.sqlite3").unwrap();
    database.query_row("SELECT count(*) FROM identities", [], |row| row.get(0)).unwrap()
}
