//! Requests that are repeated, or arrive late: nothing happens twice, and nothing old wins.

use std::time::Duration;

use beistand_core::FlushOutcome;
use beistand_protocol::Status;
use beistand_test_support::network::{Scripted, Weather};
use beistand_test_support::world::Ending;

use crate::*;

#[test]
fn a_replay_after_an_agent_changed_the_ticket_is_an_acknowledgement() {
    world(async |world| {
        let client = world.client();
        world.network.script([Scripted::LoseAnswer]);
        let opened = client.conversations().open(draft("Wo ist mein Paket?")).await.unwrap();
        while !world.network.script_is_over() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let desk = world.desk().await;
        desk.write(opened.conversation, "Ich sehe nach.", false).await.unwrap();
        desk.set_status(opened.conversation, Status::Solved).await.unwrap();
        flushed(client).await;
        assert_eq!(client.conversations().get(opened.conversation).await.unwrap().status, Status::Solved);
        assert_eq!(words_at_server(&world, opened.conversation).await, ["Wo ist mein Paket?", "Ich sehe nach."]);
    });
}

#[test]
fn a_replay_after_an_edit_is_an_acknowledgement_and_the_edit_follows() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::LoseAnswer]);
        let message = client.conversations().send(opened.conversation, "Grösse 38").await.unwrap();
        while !world.network.script_is_over() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        client.conversations().edit(message, "Größe 40").await.unwrap();
        assert_eq!(client.conversations().message(message).await.unwrap().text(), Some("Größe 40"), "at once");
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["Größe 40"]);
        assert!(client.conversations().message(message).await.unwrap().edited);
    });
}

#[test]
fn a_replay_after_an_app_update_repeats_the_old_bytes() {
    world(async |mut world| {
        let opened = opened(world.client()).await;
        world.network.script([Scripted::LoseAnswer, Scripted::LoseRequest]);
        world.client().conversations().send(opened.conversation, "vor dem Update").await.unwrap();
        while !world.network.script_is_over() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.break_phone(Ending::Killed).await;
        // The new version of the app would write the payload differently; the frozen request stays as it was.
        let database = world.phone_disk.open("phone/beistand.sqlite3").unwrap();
        let changed = database
            .execute("UPDATE outbox SET payload = replace(payload, 'vor dem Update', 'anders geschrieben')", [])
            .unwrap();
        assert_eq!(changed, 1);
        drop(database);
        flushed(world.client()).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["vor dem Update"]);
    });
}

#[test]
fn a_late_duplicate_of_close_after_reopen_changes_nothing() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::Hold, Scripted::Pass, Scripted::Pass]);
        client.conversations().close(opened.conversation).await.unwrap();
        client.conversations().reopen(opened.conversation).await.unwrap();
        flushed(client).await;
        let answers = world.network.release().await;
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].status, 200, "answered from what is stored");
        let conversation = world.desk().await.conversation(opened.conversation).await.unwrap();
        assert_eq!(conversation.status, Status::Open);
    });
}

#[test]
fn a_late_duplicate_of_an_old_edit_changes_nothing() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::Hold, Scripted::LoseRequest]);
        client.conversations().edit(opened.message, "erste Fassung").await.unwrap();
        while !world.network.script_is_over() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        client.conversations().edit(opened.message, "zweite Fassung").await.unwrap();
        flushed(client).await;
        world.network.release().await;
        assert_eq!(words_at_server(&world, opened.conversation).await, ["zweite Fassung"]);
    });
}

#[test]
fn a_lost_registration_answer_strands_nobody() {
    world(async |mut world| {
        // The registration is no write of the outbox: the weather loses its answer until the sky clears.
        world.network.set_weather(Weather { lose_answer: 1.0, ..Weather::CALM });
        let opened = world.client().conversations().open(draft("Hallo?")).await.unwrap();
        let outcome = world.client().outbox().flush(Duration::from_secs(60)).await.unwrap();
        assert_eq!(outcome, FlushOutcome::TimedOut { waiting: 1 });
        world.break_phone(Ending::PowerLost).await;
        world.network.set_weather(Weather::CALM);
        flushed(world.client()).await;
        assert_eq!(words_at_server(&world, opened.conversation).await, ["Hallo?"]);
        assert_eq!(world.server().store().census().await.unwrap().persons, 1, "one person, not two");
    });
}

#[test]
fn a_call_that_its_caller_gives_up_is_sent_all_the_same() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        {
            let conversations = client.conversations();
            let mut sending = Box::pin(conversations.send(opened.conversation, "abgebrochen und doch da"));
            // Polled until the row is committed, then dropped.
            while client.outbox().items().await.unwrap().is_empty() {
                tokio::select! {
                    biased;
                    _ = &mut sending => break,
                    () = std::future::ready(()) => {}
                }
            }
        }
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["abgebrochen und doch da"]);
    });
}

#[test]
fn an_acknowledgement_of_a_history_that_is_no_more_is_none() {
    world(async |mut world| {
        let opened = opened(world.client()).await;
        world.take_backup().await;
        // The answer is slow; meanwhile the server is restored, and a sync of the app finds out first.
        world.network.script([Scripted::DelayAnswer(Duration::from_secs(20))]);
        world.client().conversations().send(opened.conversation, "knapp daneben").await.unwrap();
        while !world.network.script_is_over() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(world.restore_backup().await);
        world.client().sync().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        flushed(world.client()).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["knapp daneben"]);
    });
}

#[test]
fn a_second_lane_number_that_nobody_told_of_waits_for_the_first() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        // Another process has written a row that this client was not told of.
        let database = world.phone_disk.open("phone/beistand.sqlite3").unwrap();
        world.network.set_weather(Weather::OFFLINE);
        client.conversations().send(opened.conversation, "von hier").await.unwrap();
        database
            .execute_batch(
                "UPDATE outbox SET lane_seq = lane_seq + 1;
                 UPDATE lanes SET last_seq = last_seq + 1;
                 INSERT INTO outbox (id, lane, lane_seq, kind, conversation_id, message_id, payload, payload_version, state,
                   identity, created_at)
                 SELECT randomblob(16), lane, lane_seq - 1, 'status', conversation_id, NULL,
                   json_object('kind', 'status', 'conversation', json_extract(payload, '$.conversation'),
                     'status', 'closed', 'before', 'open'), 1, 'queued', identity, created_at
                 FROM outbox;",
            )
            .unwrap();
        drop(database);
        world.network.set_weather(Weather::CALM);
        client.wake();
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["von hier"]);
        // Closed first, then opened again by the message: the other order would leave it closed.
        let status = world.desk().await.conversation(opened.conversation).await.unwrap().status;
        assert_eq!(status, Status::Open);
    });
}
