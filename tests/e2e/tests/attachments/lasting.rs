//! Files outlive what their messages outlive: lost answers, storms, a server that comes back from a backup.

use beistand_core::AttachmentState;
use beistand_test_support::network::{Scripted, Weather};
use beistand_test_support::world::Ending;

use crate::*;

#[test]
fn a_lost_answer_doubles_neither_message_nor_file() {
    world(async |world| {
        let client = world.client();
        let talk = opened(client).await.conversation;
        world.network.script([Scripted::LoseAnswer]);
        let bytes = noise(1, 200_000);
        client.conversations().send(talk, with_file("Foto", "a.bin", &bytes)).await.unwrap();
        flushed(client).await;
        let desk = world.desk().await;
        let stored = desk.messages(talk).await.unwrap();
        assert_eq!(stored.len(), 2);
        assert_eq!(desk.download(stored[1].content.attachments()[0].id).await.unwrap(), bytes);
    });
}

#[test]
fn a_server_that_comes_back_from_a_backup_gets_the_files_again() {
    world(async |mut world| {
        let talk = opened(world.client()).await.conversation;
        world.take_backup().await;
        let bytes = noise(2, 400_000);
        world.client().conversations().send(talk, with_file("Foto", "a.bin", &bytes)).await.unwrap();
        flushed(world.client()).await;
        assert!(world.restore_backup().await);
        assert_eq!(world.desk().await.messages(talk).await.unwrap().len(), 1, "the message is lost with its server");
        world.client().sync().await.unwrap();
        flushed(world.client()).await;
        let desk = world.desk().await;
        let stored = desk.messages(talk).await.unwrap();
        assert_eq!(desk.download(stored[1].content.attachments()[0].id).await.unwrap(), bytes);
    });
}

#[test]
fn files_get_through_a_storm_with_kills_and_power_cuts() {
    for seed in 0..6 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new(seed).await;
            let talk = opened(world.client()).await.conversation;
            world.network.set_weather(Weather::STORM);
            let bytes: Vec<_> = (0..3).map(|n| noise(seed * 10 + n, 150_000)).collect();
            for (n, bytes) in bytes.iter().enumerate() {
                let draft = with_file(&format!("Foto {n}"), "a.bin", bytes);
                world.client().conversations().send(talk, draft).await.unwrap();
                tokio::time::sleep(Duration::from_millis(world.chance.below(20_000))).await;
                let ending = if world.chance.happens(0.5) { Ending::Killed } else { Ending::PowerLost };
                world.break_phone(ending).await;
                world.client().sync().await.ok();
            }
            world.network.set_weather(Weather::CALM);
            flushed(world.client()).await;
            let desk = world.desk().await;
            let stored = desk.messages(talk).await.unwrap();
            assert_eq!(stored.len(), 4, "seed {seed}");
            for (message, bytes) in stored[1..].iter().zip(&bytes) {
                let file = &message.content.attachments()[0];
                assert_eq!(&desk.download(file.id).await.unwrap(), bytes, "seed {seed}");
            }
        });
    }
}

#[test]
fn what_waits_is_shown_as_such_after_a_restart() {
    world(async |mut world| {
        let talk = opened(world.client()).await.conversation;
        world.network.set_weather(Weather::OFFLINE);
        let message = world.client().conversations().send(talk, with_file("Foto", "a.txt", b"Hallo")).await.unwrap();
        world.break_phone(Ending::PowerLost).await;
        let shown = world.client().conversations().message(message).await.unwrap();
        assert_eq!(shown.attachments.len(), 1);
        assert_eq!((shown.attachments[0].state, shown.attachments[0].size), (AttachmentState::Waiting, 5));
        // The phone has its own file, and shows it without a network.
        let path = world.client().attachments().fetch(shown.attachments[0].id).await.unwrap();
        assert_eq!(world.phone_disk.contents(path.to_str().unwrap()).unwrap(), b"Hallo");
    });
}
