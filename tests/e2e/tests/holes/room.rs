//! Full disks and full outboxes: an error before anything is promised.

use beistand_core::ErrorKind;
use beistand_test_support::network::Weather;

use crate::*;

#[test]
fn a_full_disk_is_a_typed_error_and_nothing_is_half_written() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        let before = client.outbox().items().await.unwrap().len();
        world.phone_disk.set_capacity(Some(world.phone_disk.used()));
        let error = client.conversations().send(opened.conversation, &"voll ".repeat(1000)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::StorageFull);
        assert_eq!(client.outbox().items().await.unwrap().len(), before);
        assert_eq!(shown(client, opened.conversation).await.len(), 1);
        world.phone_disk.set_capacity(None);
        client.conversations().send(opened.conversation, "wieder Platz").await.unwrap();
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["wieder Platz"]);
    });
}

#[test]
fn a_full_outbox_is_a_typed_error_before_anything_is_promised() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.set_weather(Weather::OFFLINE);
        let mut refused = None;
        for n in 0..2_100 {
            if let Err(error) = client.conversations().send(opened.conversation, &format!("Nr. {n}")).await {
                refused = Some((n, error.kind));
                break;
            }
        }
        assert_eq!(refused, Some((2_000, ErrorKind::OutboxFull)));
        world.network.set_weather(Weather::CALM);
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await.len(), 2_001);
    });
}
