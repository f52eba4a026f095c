//! What a person attaches arrives whole, once, before its message; and goes again when they change their mind.

use beistand_core::{
    AttachmentSource, AttachmentState, ErrorKind, FlushOutcome, MessageDraft, MessageState, OutboxState, TicketDraft,
};
use beistand_protocol::{Code, Dimensions};
use beistand_test_support::network::Weather;

use crate::*;

#[test]
fn a_ticket_with_photos_arrives_whole_and_in_order() {
    world(async |world| {
        let client = world.client();
        let (first, second) = (photo(1200, 800), noise(1, 300_000));
        let draft = TicketDraft {
            subject: "Kleid mit offener Naht".into(),
            text: String::new(),
            attachments: vec![file("Naht.jpg", &first), file("../../Rechnung", &second)],
            ..TicketDraft::default()
        };
        let opened = client.conversations().open(draft).await.unwrap();
        let echo = client.conversations().message(opened.message).await.unwrap();
        let names: Vec<_> = echo.attachments.iter().map(|file| (file.name.as_str(), file.state)).collect();
        assert_eq!(names, [("Naht.jpg", AttachmentState::Waiting), ("Rechnung", AttachmentState::Waiting)]);
        assert_eq!(echo.attachments[0].dimensions, Some(Dimensions { width: 1200, height: 800 }), "known offline");
        flushed(client).await;
        let desk = world.desk().await;
        let stored = desk.messages(opened.conversation).await.unwrap();
        let files = stored[0].content.attachments();
        assert_eq!(files.len(), 2);
        assert_eq!(desk.download(files[0].id).await.unwrap(), first);
        assert_eq!(desk.download(files[1].id).await.unwrap(), second);
        assert!(files[0].thumbnail.is_some() && files[1].thumbnail.is_none());
        let shown = client.conversations().message(opened.message).await.unwrap();
        assert!(shown.attachments.iter().all(|file| file.state == AttachmentState::Here), "{shown:?}");
        assert_eq!(shown.text(), Some(""));
    });
}

#[test]
fn words_written_after_a_photo_follow_it_and_words_elsewhere_do_not_wait() {
    world(async |world| {
        let client = world.client();
        let (here, elsewhere) = (opened(client).await, opened(client).await);
        world.network.set_weather(Weather::OFFLINE);
        let conversations = client.conversations();
        let bytes = noise(2, 2_000_000);
        conversations.send(here.conversation, with_file("das Foto", "a.bin", &bytes)).await.unwrap();
        conversations.send(here.conversation, "danach").await.unwrap();
        let quick = conversations.send(elsewhere.conversation, "anderswo").await.unwrap();
        world.network.set_weather(Weather::CALM);
        client.wake();
        let begun = tokio::time::Instant::now();
        client.outbox().wait_for(quick, LONG).await.unwrap().expect("it arrives");
        let waited = begun.elapsed();
        flushed(client).await;
        assert!(waited < begun.elapsed() / 2, "words waited for {waited:?} of {:?}", begun.elapsed());
        let stored = world.desk().await.messages(here.conversation).await.unwrap();
        let words: Vec<_> = stored.iter().map(|message| message.content.as_text().unwrap()).collect();
        assert_eq!(words[1..], ["das Foto", "danach"]);
    });
}

#[test]
fn what_no_server_takes_is_refused_and_nothing_is_promised() {
    world(async |world| {
        let client = world.client();
        let talk = opened(client).await.conversation;
        let conversations = client.conversations();
        let before = world.phone_disk.files();
        let eleven = (0..11).fold(MessageDraft::from("viele"), |draft, _| draft.attach(file("a.txt", b"a")));
        for (draft, expected) in [
            (with_file("leer", "a.txt", b""), ErrorKind::InvalidInput(Code::AttachmentEmpty)),
            (with_file("Programm", "a.jpg", b"#!/bin/sh\nrm -rf /"), ErrorKind::InvalidInput(Code::AttachmentType)),
            (eleven, ErrorKind::InvalidInput(Code::TooManyAttachments)),
            (MessageDraft::from("weg").attach(AttachmentSource::path("/nowhere")), ErrorKind::Unreadable),
            // The second of two fails: of the first nothing stays either.
            (
                with_file("zwei", "a.txt", b"gut").attach(file("b.txt", b"")),
                ErrorKind::InvalidInput(Code::AttachmentEmpty),
            ),
            (MessageDraft::from(" "), ErrorKind::InvalidInput(Code::TextEmpty)),
        ] {
            let error = conversations.send(talk, draft).await.unwrap_err();
            assert_eq!(error.kind, expected, "{error}");
        }
        assert_eq!(client.outbox().items().await.unwrap(), []);
        assert_eq!(world.phone_disk.files(), before, "nothing is left in the folder");
    });
}

#[test]
fn a_message_taken_back_during_its_upload_leaves_nothing_anywhere() {
    world(async |world| {
        let client = world.client();
        let talk = opened(client).await.conversation;
        let bytes = noise(3, 3_000_000);
        let message = client.conversations().send(talk, with_file("doch nicht", "a.bin", &bytes)).await.unwrap();
        let id = client.conversations().message(message).await.unwrap().attachments[0].id;
        let mut progress = client.attachments().progress(id).subscribe();
        let half = loop {
            let moving = progress.next().await.expect("it moves");
            if moving.active && moving.done > 500_000 {
                break moving;
            }
        };
        assert!(half.done < half.total, "{half:?}");
        client.conversations().retract(message).await.unwrap();
        flushed(client).await;
        assert!(world.phone_disk.files().iter().all(|file| !file.contains(&id.to_string())), "the copy is gone");
        assert_eq!(client.conversations().message(message).await.unwrap_err().kind, ErrorKind::NotFound);
        let desk = world.desk().await;
        assert_eq!(desk.messages(talk).await.unwrap().len(), 1);
        // The server was told as well, so the same id is free of what had arrived.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(desk.download(id).await.unwrap_err().code, "not-found");
        assert!(!client.attachments().progress(id).get().active);
    });
}

#[test]
fn an_upload_goes_on_where_it_stopped_after_the_app_was_killed() {
    world(async |mut world| {
        let talk = opened(world.client()).await.conversation;
        let bytes = noise(4, 4_000_000);
        let message = world.client().conversations().send(talk, with_file("Foto", "a.bin", &bytes)).await.unwrap();
        let id = world.client().conversations().message(message).await.unwrap().attachments[0].id;
        let mut lowest = 0;
        for _ in 0..4 {
            let mut progress = world.client().attachments().progress(id).subscribe();
            while let Some(moving) = progress.next().await {
                if moving.active && moving.done > lowest {
                    assert!(moving.done >= lowest, "it began anew: {moving:?} after {lowest}");
                    lowest = moving.done + 300_000;
                    break;
                }
            }
            world.break_phone(beistand_test_support::world::Ending::Killed).await;
            world.client().sync().await.unwrap();
        }
        flushed(world.client()).await;
        assert_eq!(world.desk().await.download(id).await.unwrap(), bytes);
    });
}

#[test]
fn a_refused_file_wedges_its_message_with_the_servers_code() {
    world(async |world| {
        let client = world.client();
        let talk = opened(client).await.conversation;
        world.network.set_weather(Weather::OFFLINE);
        let message = client.conversations().send(talk, with_file("zu groß", "a.bin", &noise(5, 9000))).await.unwrap();
        let problem =
            serde_json::to_string(&beistand_protocol::Problem::new(Code::AttachmentTooLarge, "lowered")).unwrap();
        world.network.refuse_uploads(Some((413, problem)));
        world.network.set_weather(Weather::CALM);
        let flushed = client.outbox().flush(LONG).await.unwrap();
        assert!(matches!(flushed, FlushOutcome::Wedged { wedged: 1, .. }), "{flushed:?}");
        let shown = client.conversations().message(message).await.unwrap();
        assert_eq!(shown.state, MessageState::Wedged(Some(Code::AttachmentTooLarge)));
        world.network.refuse_uploads(None);
        let row = client.outbox().find(message.0).await.unwrap();
        client.outbox().retry(row).await.unwrap();
        crate::flushed(client).await;
        assert_eq!(world.desk().await.messages(talk).await.unwrap().len(), 2);
    });
}

#[test]
fn a_file_that_somebody_removed_from_the_phone_wedges_its_message_and_stops_nobody_else() {
    world(async |world| {
        let client = world.client();
        let talk = opened(client).await.conversation;
        world.network.set_weather(Weather::OFFLINE);
        let message = client.conversations().send(talk, with_file("Foto", "a.bin", &noise(6, 9000))).await.unwrap();
        let copy = world.phone_disk.files().into_iter().find(|file| file.contains("attachments/")).unwrap();
        world.phone_disk.remove(&copy).unwrap();
        world.network.set_weather(Weather::CALM);
        client.outbox().flush(LONG).await.unwrap();
        let item = client.outbox().items().await.unwrap().pop().unwrap();
        assert!(matches!(&item.state, OutboxState::Wedged { code, .. } if code == "attachment-lost"), "{item:?}");
        client.outbox().discard(item.id).await.unwrap();
        assert!(client.conversations().message(message).await.is_err());
        client.conversations().send(talk, "dann ohne").await.unwrap();
        crate::flushed(client).await;
    });
}

#[test]
fn a_byte_that_changed_on_the_phones_disk_is_noticed_before_anybody_sees_it() {
    world(async |world| {
        let client = world.client();
        let talk = opened(client).await.conversation;
        world.network.set_weather(Weather::OFFLINE);
        client.conversations().send(talk, with_file("Foto", "a.bin", &noise(7, 90_000))).await.unwrap();
        let copy = world.phone_disk.files().into_iter().find(|file| file.contains("attachments/")).unwrap();
        assert_eq!(world.phone_disk.corrupt(&copy, 70_000, 1), 1);
        world.network.set_weather(Weather::CALM);
        client.outbox().flush(LONG).await.unwrap();
        let item = client.outbox().items().await.unwrap().pop().unwrap();
        assert!(matches!(&item.state, OutboxState::Wedged { code, .. } if code == "attachment-lost"), "{item:?}");
        assert_eq!(world.desk().await.messages(talk).await.unwrap().len(), 1);
    });
}
