//! Logouts: what leaves, what is wiped, what the server hears.

use std::io::Cursor;
use std::time::Duration;

use beistand_core::api::transport::{Request, Transport};
use beistand_core::outbox::payload::Method;
use beistand_core::{AttachmentSource, ClientEvent, Difference, ErrorKind, LoggedOut, Logout, MessageDraft};
use beistand_protocol::Code;
use beistand_test_support::network::Scripted;
use beistand_test_support::world::Ending;

use super::{at_server, credential, identities, later, listed, offline, open, world};

#[test]
fn a_logout_ends_what_is_shown_and_a_list_goes_on_with_the_new_identity() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        let opened = open(&client, "von Anna").await;
        let conversations = client.conversations();
        let mut timeline = conversations.timeline(opened.conversation).await.unwrap();
        timeline.next().await.unwrap();
        let mut list = conversations.watch_list().await.unwrap();
        assert_eq!(list.next().await.unwrap().len(), 1);
        client.logout(Logout::Keep).await.unwrap();
        assert_eq!(timeline.messages(), []);
        assert!(!timeline.has_earlier());
        assert_eq!(timeline.load_earlier(10).await.unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(timeline.next().await, Some(vec![Difference::Reset(Vec::new())]));
        assert_eq!(timeline.next().await, None);
        assert_eq!(list.next().await.unwrap(), []);
        let error = conversations.send(opened.conversation, "noch etwas").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(conversations.retract(opened.message).await.unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(conversations.mark_read(opened.conversation, None).await.unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(client.outbox().find(opened.message.0).await.unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(conversations.unread().await.unwrap(), 0);
    });
}

#[test]
fn what_was_kept_leaves_with_the_old_credential_after_a_restart_and_is_wiped_then() {
    world(async |mut world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        later().await;
        offline(&world, true);
        let opened = open(&client, "von Anna, offline").await;
        let out = client.logout(Logout::SendFirst { within: Duration::from_secs(5) }).await.unwrap();
        assert_eq!(out, LoggedOut { sent: 0, kept: 1, discarded: 0 });
        drop(client);
        world.break_phone(Ending::PowerLost).await;
        let client = world.client().clone();
        client.login(backend.user("bert")).await.unwrap();
        let of_bert = open(&client, "von Bert").await;
        assert_eq!(listed(&client).await, [of_bert.conversation]);
        assert_eq!(identities(&world), 2);
        offline(&world, false);
        later().await;
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0.as_deref(), Some("anna"));
        assert_eq!(at_server(&world, of_bert.conversation).await.unwrap().0.as_deref(), Some("bert"));
        assert_eq!(listed(&client).await, [of_bert.conversation]);
        assert_eq!(identities(&world), 1);
    });
}

#[test]
fn send_first_sends_what_waits_and_says_so() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        let opened = open(&client, "schnell noch").await;
        let out = client.logout(Logout::SendFirst { within: Duration::from_secs(10) }).await.unwrap();
        assert_eq!(out, LoggedOut { sent: 1, kept: 0, discarded: 0 });
        assert!(at_server(&world, opened.conversation).await.is_some());
    });
}

#[test]
fn discarding_wipes_at_once_and_the_server_is_told_after_restarts() {
    world(async |mut world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        let sent = open(&client, "schon dort").await;
        let source = AttachmentSource::reader("brief.txt", Cursor::new(b"geheimer Brief".to_vec()));
        let draft = MessageDraft::from("mit Brief").attach(source);
        let message = client.conversations().send(sent.conversation, draft).await.unwrap();
        later().await;
        let file = client.conversations().message(message).await.unwrap().attachments[0].id;
        client.attachments().fetch(file).await.unwrap();
        let old = credential(&world);
        offline(&world, true);
        let waiting = open(&client, "wartet noch").await;
        let out = client.logout(Logout::Discard).await.unwrap();
        assert_eq!(out, LoggedOut { sent: 0, kept: 0, discarded: 1 });
        assert_eq!(client.attachments().fetch(file).await.unwrap_err().kind, ErrorKind::NotFound);
        let left: Vec<_> =
            world.phone_disk.files().into_iter().filter(|name| name.starts_with("phone/attachments/")).collect();
        assert_eq!(left, Vec::<String>::new(), "files of anna");
        drop(client);
        for _ in 0..2 {
            world.break_phone(Ending::Killed).await;
            assert_eq!(listed(world.client()).await, []);
            later().await;
        }
        assert_eq!(identities(&world), 2, "the credential is needed to sign off");
        offline(&world, false);
        later().await;
        assert_eq!(identities(&world), 1);
        assert_eq!(at_server(&world, waiting.conversation).await, None);
        assert!(at_server(&world, sent.conversation).await.is_some());
        let request = Request {
            method: Method::Get,
            path: "v1/sync".into(),
            headers: Vec::new(),
            credential: Some(old),
            body: None,
        };
        let answer = world.network.send(request).await.unwrap();
        assert_eq!(answer.status, 401, "the credential is good for nothing any more");
    });
}

#[test]
fn a_refused_write_of_one_who_has_left_is_dropped_and_told() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        let opened = open(&client, "von Anna").await;
        later().await;
        offline(&world, true);
        client.conversations().send(opened.conversation, "wird abgelehnt").await.unwrap();
        client.conversations().send(opened.conversation, "kommt an").await.unwrap();
        client.logout(Logout::Keep).await.unwrap();
        let mut events = client.events();
        world.network.script([Scripted::Problem(Code::Forbidden)]);
        offline(&world, false);
        later().await;
        let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
        assert_eq!(told, [ClientEvent::LeftUnsent { discarded: 1 }], "and no word of the conversation");
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().1, ["von Anna", "kommt an"]);
        assert_eq!(identities(&world), 1);
    });
}

#[test]
fn what_waits_for_a_decision_goes_with_the_one_who_could_decide() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        later().await;
        world.network.script([Scripted::Problem(Code::Forbidden)]);
        let opened = open(&client, "abgelehnt").await;
        client.conversations().send(opened.conversation, "steht dahinter").await.unwrap();
        later().await;
        let out = client.logout(Logout::Keep).await.unwrap();
        assert_eq!(out, LoggedOut { sent: 0, kept: 0, discarded: 2 });
        later().await;
        assert_eq!(identities(&world), 1);
        assert_eq!(at_server(&world, opened.conversation).await, None);
    });
}

#[test]
fn who_comes_back_finds_what_the_device_before_is_still_sending() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        let opened = open(&client, "eins").await;
        later().await;
        offline(&world, true);
        client.conversations().send(opened.conversation, "zwei").await.unwrap();
        client.logout(Logout::Keep).await.unwrap();
        // The old device's writes are held up while the new one reads everything.
        world.network.script([Scripted::LoseRequest, Scripted::LoseRequest, Scripted::LoseRequest]);
        offline(&world, false);
        client.login(backend.user("anna")).await.unwrap();
        client.sync().await.unwrap();
        assert_eq!(listed(&client).await, [opened.conversation]);
        later().await;
        assert_eq!(identities(&world), 1, "the device before is gone");
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().1, ["eins", "zwei"]);
        let timeline = client.conversations().timeline(opened.conversation).await.unwrap();
        let shown: Vec<_> = timeline.messages().iter().filter_map(|message| message.text()).collect();
        assert_eq!(shown, ["eins", "zwei"]);
    });
}

#[test]
fn a_paused_client_logs_out_too() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        later().await;
        client.pause().await.unwrap();
        let opened = open(&client, "im Hintergrund").await;
        let out = client.logout(Logout::SendFirst { within: Duration::from_secs(5) }).await.unwrap();
        assert_eq!(out, LoggedOut { sent: 0, kept: 1, discarded: 0 });
        assert_eq!(listed(&client).await, []);
        client.resume().await.unwrap();
        later().await;
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0.as_deref(), Some("anna"));
        client.shutdown().await;
        assert_eq!(client.logout(Logout::Keep).await.unwrap_err().kind, ErrorKind::ShutDown);
        assert_eq!(client.login(backend.user("anna")).await.unwrap_err().kind, ErrorKind::ShutDown);
    });
}

#[test]
fn ratings_that_wait_go_with_their_person() {
    world(async |world, backend| {
        let client = world.client().clone();
        client.login(backend.user("anna")).await.unwrap();
        later().await;
        offline(&world, true);
        let (article, locale) =
            ("returns".parse::<beistand_protocol::faq::ArticleId>().unwrap(), "de".parse().unwrap());
        beistand_core::fuzzing::rate(&client, article, locale, true, "").await.unwrap();
        let out = client.logout(Logout::Discard).await.unwrap();
        assert_eq!(out.discarded, 1);
    });
}
