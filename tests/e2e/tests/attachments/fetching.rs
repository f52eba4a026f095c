//! Files of agents: fetched when asked for, resumed, checked, kept to be looked at offline, and let go when room is needed.

use beistand_core::{AttachmentState, ErrorKind};
use beistand_protocol::{AttachmentId, ConversationId};
use beistand_test_support::network::Weather;
use beistand_test_support::world::{Ending, World};

use crate::*;

async fn answered(world: &World, talk: ConversationId, name: &str, bytes: &[u8]) -> AttachmentId {
    let desk = world.desk().await;
    let media_type = if bytes.starts_with(b"\xff\xd8") { "image/jpeg" } else { "application/octet-stream" };
    let id = desk.upload(name, media_type, bytes).await.unwrap();
    desk.write_with(talk, "Anbei.", &[id]).await.unwrap();
    world.client().sync().await.unwrap();
    id
}

async fn state(world: &World, talk: ConversationId, id: AttachmentId) -> AttachmentState {
    let timeline = world.client().conversations().timeline(talk).await.unwrap();
    let files = timeline.messages().iter().flat_map(|message| &message.attachments);
    files.into_iter().find(|file| file.id == id).expect("it is shown").state
}

#[test]
fn a_file_of_an_agent_is_fetched_once_and_read_offline() {
    world(async |world| {
        let talk = opened(world.client()).await.conversation;
        let bytes = noise(1, 1_500_000);
        let id = answered(&world, talk, "Label.pdf", &bytes).await;
        assert_eq!(state(&world, talk, id).await, AttachmentState::Remote);
        let path = world.client().attachments().fetch(id).await.unwrap();
        assert_eq!(world.phone_disk.contents(path.to_str().unwrap()).unwrap(), bytes);
        assert_eq!(state(&world, talk, id).await, AttachmentState::Here);
        world.network.set_weather(Weather::OFFLINE);
        assert_eq!(world.client().attachments().fetch(id).await.unwrap(), path);
    });
}

#[test]
fn a_photo_of_an_agent_has_a_small_picture() {
    world(async |world| {
        let talk = opened(world.client()).await.conversation;
        let id = answered(&world, talk, "Ersatz.jpg", &photo(2000, 1000)).await;
        let path = world.client().attachments().thumbnail(id).await.unwrap();
        let small = image::load_from_memory(&world.phone_disk.contents(path.to_str().unwrap()).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (640, 320));
    });
}

#[test]
fn fetching_goes_on_where_it_stopped_also_after_a_restart() {
    world(async |mut world| {
        let talk = opened(world.client()).await.conversation;
        let bytes = noise(2, 3_000_000);
        let id = answered(&world, talk, "a.bin", &bytes).await;
        {
            let attachments = world.client().attachments();
            let progress = attachments.progress(id);
            let mut moving = progress.subscribe();
            let fetch = attachments.fetch(id);
            tokio::pin!(fetch);
            loop {
                tokio::select! {
                    fetched = &mut fetch => panic!("too fast: {fetched:?}"),
                    now = moving.next() => if now.expect("the client lives").done > 1_000_000 { break },
                }
            }
        }
        world.break_phone(Ending::Killed).await;
        let part = format!("phone/attachments/{id}.part");
        let kept = world.phone_disk.contents(&part).unwrap().len();
        assert!((1_000_000..2_000_000).contains(&kept), "{kept} bytes are kept");
        world.client().sync().await.unwrap();
        let before = world.network.tally().pieces_fetched;
        let path = world.client().attachments().fetch(id).await.unwrap();
        assert_eq!(world.phone_disk.contents(path.to_str().unwrap()).unwrap(), bytes);
        let requests = world.network.tally().pieces_fetched - before;
        assert!(requests <= 31, "{requests} pieces for the rest: it began anew");
    });
}

#[test]
fn what_was_damaged_on_the_way_is_fetched_anew_and_never_shown() {
    world(async |world| {
        let talk = opened(world.client()).await.conversation;
        let bytes = noise(3, 100_000);
        let id = answered(&world, talk, "a.bin", &bytes).await;
        world.phone_disk.write_file(&format!("phone/attachments/{id}.part"), &noise(4, 60_000)).unwrap();
        let path = world.client().attachments().fetch(id).await.unwrap();
        assert_eq!(world.phone_disk.contents(path.to_str().unwrap()).unwrap(), bytes);
    });
}

#[test]
fn without_a_network_it_says_so_and_goes_on_later() {
    world(async |world| {
        let talk = opened(world.client()).await.conversation;
        let bytes = noise(5, 100_000);
        let id = answered(&world, talk, "a.bin", &bytes).await;
        world.network.set_weather(Weather::OFFLINE);
        let error = world.client().attachments().fetch(id).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        world.network.set_weather(Weather::CALM);
        world.client().attachments().fetch(id).await.unwrap();
        let nobodys = AttachmentId::mint(beistand_protocol::UnixMillis(1), [9; 10]);
        assert_eq!(world.client().attachments().fetch(nobodys).await.unwrap_err().kind, ErrorKind::NotFound);
    });
}

#[test]
fn a_file_of_a_message_that_was_taken_back_goes_from_the_phone() {
    world(async |mut world| {
        let talk = opened(world.client()).await.conversation;
        let message = world
            .client()
            .conversations()
            .send(talk, with_file("falsches Foto", "a.bin", &noise(6, 5000)))
            .await
            .unwrap();
        flushed(world.client()).await;
        let id = world.client().conversations().message(message).await.unwrap().attachments[0].id;
        world.client().conversations().retract(message).await.unwrap();
        flushed(world.client()).await;
        assert_eq!(world.desk().await.download(id).await.unwrap_err().code, "not-found");
        let shown = world.client().conversations().message(message).await.unwrap();
        assert_eq!(shown.attachments, [], "{shown:?}");
        // It is kept for as long as a restored server might need it again, and not longer.
        tokio::time::sleep(Duration::from_secs(8 * 24 * 3600)).await;
        world.client().sync().await.unwrap();
        world.break_phone(Ending::Killed).await;
        world.client().sync().await.unwrap();
        let gone = || world.phone_disk.files().iter().all(|file| !file.contains(&id.to_string()));
        for _ in 0..100 {
            if gone() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(gone(), "the copy is gone");
    });
}
