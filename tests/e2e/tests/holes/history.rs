//! Servers that come back without what they had, and rows that have waited long.

use std::time::Duration;

use beistand_core::{ClientEvent, FlushOutcome, MessageState, OutboxState};
use beistand_test_support::network::Weather;
use beistand_test_support::world::Ending;

use crate::*;

#[test]
fn a_server_that_lost_its_memory_gets_everything_again() {
    world(async |mut world| {
        let opened = opened(world.client()).await;
        world.client().conversations().send(opened.conversation, "zweitens").await.unwrap();
        flushed(world.client()).await;
        // A fresh server in the old one's place: no device, no conversation, another epoch.
        world.stop_server().await;
        for file in world.server_disk.files() {
            world.server_disk.remove(&file).unwrap();
        }
        world.start_server().await;
        world.server().add_app("demo", "demo").await.unwrap();
        let mut events = world.client().events();
        world.client().conversations().send(opened.conversation, "drittens").await.unwrap();
        flushed(world.client()).await;
        let expected = ["Die Naht ist offen.", "zweitens", "drittens"];
        assert_eq!(words_at_server(&world, opened.conversation).await, expected);
        let mut requeued = None;
        while let Ok(event) = events.try_recv() {
            if let ClientEvent::HistoryChanged { requeued: count } = event {
                requeued = Some(count);
            }
        }
        assert_eq!(requeued, Some(2));
        world.client().sync().await.unwrap();
        assert_eq!(shown(world.client(), opened.conversation).await.len(), 3);
    });
}

#[test]
fn a_restored_backup_gets_what_it_lacks_in_the_old_order() {
    world(async |mut world| {
        let opened = opened(world.client()).await;
        world.take_backup().await;
        for text in ["eins", "zwei"] {
            world.client().conversations().send(opened.conversation, text).await.unwrap();
        }
        flushed(world.client()).await;
        world.network.set_weather(Weather::OFFLINE);
        world.client().conversations().send(opened.conversation, "drei").await.unwrap();
        assert!(world.restore_backup().await);
        world.network.set_weather(Weather::CALM);
        flushed(world.client()).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["eins", "zwei", "drei"]);
    });
}

#[test]
fn what_has_waited_for_more_than_a_week_asks_the_person() {
    world(async |mut world| {
        let opened = opened(world.client()).await;
        world.network.set_weather(Weather::OFFLINE);
        let message = world.client().conversations().send(opened.conversation, "gilt das noch?").await.unwrap();
        world.break_phone(Ending::Killed).await;
        world.client().conversations().list().await.unwrap();
        tokio::time::sleep(Duration::from_secs(8 * 24 * 3600)).await;
        world.network.set_weather(Weather::CALM);
        let _ = world.client().sync().await;
        world.client().wake();
        let outcome = world.client().outbox().flush(LONG).await.unwrap();
        assert_eq!(outcome, FlushOutcome::Wedged { wedged: 1, held_back: 0 });
        let items = world.client().outbox().items().await.unwrap();
        assert!(matches!(&items[0].state, OutboxState::Wedged { code, .. } if code == "expired"));
        assert_eq!(world.client().conversations().message(message).await.unwrap().state, MessageState::Wedged(None));
        world.client().outbox().retry(items[0].id).await.unwrap();
        flushed(world.client()).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["gilt das noch?"]);
    });
}

#[test]
fn what_is_written_long_after_the_last_contact_is_not_old() {
    world(async |mut world| {
        let opened = opened(world.client()).await;
        world.break_phone(Ending::Killed).await;
        tokio::time::sleep(Duration::from_secs(20 * 24 * 3600)).await;
        world.client().conversations().send(opened.conversation, "nach dem Urlaub").await.unwrap();
        flushed(world.client()).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["nach dem Urlaub"]);
    });
}
