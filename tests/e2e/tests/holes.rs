//! The holes of the design, one named test each, with phone and server in one process under virtual time.

use std::time::Duration;

use beistand_core::{
    Client, ClientEvent, ErrorKind, FlushOutcome, Message, MessageBody, MessageState, Opened, OutboxState, TicketDraft,
};
use beistand_protocol::{Code, Content, ConversationId, Status, Visibility, message::KnownContent};
use beistand_test_support::network::{Scripted, Weather};
use beistand_test_support::world::{Ending, World};

const LONG: Duration = Duration::from_secs(3600);

/// Runs a test on virtual time.
fn world(test: impl AsyncFnOnce(World)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async { test(World::new(42).await).await });
}

fn draft(text: &str) -> TicketDraft {
    TicketDraft { subject: "Kleid mit offener Naht".into(), text: text.into(), ..TicketDraft::default() }
}

async fn opened(client: &Client) -> Opened {
    let opened = client.conversations().open(draft("Die Naht ist offen.")).await.expect("it is stored");
    assert_eq!(client.outbox().flush(LONG).await.expect("flush"), FlushOutcome::Empty);
    opened
}

async fn flushed(client: &Client) {
    assert_eq!(client.outbox().flush(LONG).await.expect("flush"), FlushOutcome::Empty);
}

async fn shown(client: &Client, id: ConversationId) -> Vec<Message> {
    client.conversations().timeline(id).await.expect("a timeline").messages().to_vec()
}

async fn words_at_server(world: &World, id: ConversationId) -> Vec<String> {
    let stored = world.desk().await.messages(id).await.expect("the agent reads");
    stored.iter().map(|message| message.content.as_text().unwrap_or("(taken back)").to_owned()).collect()
}

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
fn a_message_cancelled_after_an_unknown_outcome_is_taken_back_whichever_arrives_first() {
    for arrived in [true, false] {
        world(async |world| {
            let client = world.client();
            let opened = opened(client).await;
            world.network.script([if arrived { Scripted::LoseAnswer } else { Scripted::Hold }]);
            let message = client.conversations().send(opened.conversation, "doch nicht").await.unwrap();
            while !world.network.script_is_over() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            client.conversations().retract(message).await.unwrap();
            flushed(client).await;
            world.network.release().await;
            client.sync().await.unwrap();
            let stored = world.desk().await.messages(opened.conversation).await.unwrap();
            let words: Vec<_> = stored.iter().filter_map(|message| message.content.as_text()).collect();
            assert_eq!(words, ["Die Naht ist offen."], "arrived first: {arrived}");
            let left = shown(client, opened.conversation).await;
            assert!(left.iter().all(|shown| shown.id != message || shown.body == MessageBody::Retracted));
        });
    }
}

#[test]
fn a_message_cancelled_before_it_left_goes_without_a_trace() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.set_weather(Weather::OFFLINE);
        client.pause().await.unwrap();
        let message = client.conversations().send(opened.conversation, "doch nicht").await.unwrap();
        client.conversations().retract(message).await.unwrap();
        client.resume().await.unwrap();
        assert!(client.outbox().items().await.unwrap().is_empty());
        assert_eq!(client.conversations().message(message).await.unwrap_err().kind, ErrorKind::NotFound);
        world.network.set_weather(Weather::CALM);
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await.len(), 1);
    });
}

#[test]
fn a_conversation_discarded_after_an_unknown_outcome_is_withdrawn() {
    for arrived in [true, false] {
        world(async |world| {
            let client = world.client();
            client.sync().await.unwrap();
            world.network.script([if arrived { Scripted::LoseAnswer } else { Scripted::Hold }]);
            let opened = client.conversations().open(draft("doch nicht")).await.unwrap();
            client.conversations().send(opened.conversation, "und das auch nicht").await.unwrap();
            while !world.network.script_is_over() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let item = client.outbox().find(opened.conversation.0).await.unwrap();
            client.outbox().discard(item).await.unwrap();
            flushed(client).await;
            world.network.release().await;
            client.sync().await.unwrap();
            assert!(client.conversations().list().await.unwrap().is_empty());
            let stored = world.desk().await.messages(opened.conversation).await.unwrap_or_default();
            assert!(stored.iter().all(|m| m.content == Content::Known(KnownContent::Retracted)), "{arrived}");
        });
    }
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
fn foreign_answers_wedge_nobody() {
    let pages = [
        Scripted::Answer(404, "text/html", "<html>Not found</html>".into()),
        Scripted::Answer(404, "application/json", r#"{"code":"not-found"}"#.into()),
        Scripted::Answer(403, "text/html", "<html>Forbidden</html>".into()),
        Scripted::Answer(200, "text/html", "<html>Log in</html>".into()),
        Scripted::Answer(301, "text/html", String::new()),
        Scripted::Answer(
            409,
            "application/problem+json",
            r#"{"type":"x","title":"x","status":409,"detail":"x","code":"of-the-future"}"#.into(),
        ),
    ];
    world(async |world| {
        let client = world.client();
        client.sync().await.unwrap();
        world.network.script(pages);
        let opened = client.conversations().open(draft("Hallo?")).await.unwrap();
        flushed(client).await;
        assert!(world.network.script_is_over());
        assert_eq!(words_at_server(&world, opened.conversation).await, ["Hallo?"]);
    });
}

#[test]
fn a_note_never_reaches_the_phone() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        let desk = world.desk().await;
        desk.write(opened.conversation, "Die Kundin wirkt verärgert.", true).await.unwrap();
        desk.write(opened.conversation, "Wir tauschen es um.", false).await.unwrap();
        client.sync().await.unwrap();
        let words: Vec<_> =
            shown(client, opened.conversation).await.iter().filter_map(|m| m.text().map(str::to_owned)).collect();
        assert_eq!(words, ["Die Naht ist offen.", "Wir tauschen es um."]);
        let notes = desk.messages(opened.conversation).await.unwrap();
        assert_eq!(notes.iter().filter(|message| message.visibility == Visibility::Agents).count(), 1);
    });
}

#[test]
fn a_refused_message_waits_for_the_person_and_leaves_with_other_words() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::Problem(Code::TextTooLong)]);
        let bad = client.conversations().send(opened.conversation, "zu lang").await.unwrap();
        let behind = client.conversations().send(opened.conversation, "dahinter").await.unwrap();
        let outcome = client.outbox().flush(LONG).await.unwrap();
        assert_eq!(outcome, FlushOutcome::Wedged { wedged: 1, held_back: 1 });
        let message = client.conversations().message(bad).await.unwrap();
        assert_eq!(message.state, MessageState::Wedged(Some(Code::TextTooLong)));
        assert_eq!(client.conversations().message(behind).await.unwrap().state, MessageState::Queued);
        client.conversations().edit(bad, "kürzer").await.unwrap();
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["kürzer", "dahinter"]);
    });
}

#[test]
fn words_rewritten_after_a_refusal_win_over_an_older_copy_that_arrives_late() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::Hold, Scripted::Problem(Code::Forbidden)]);
        let message = client.conversations().send(opened.conversation, "erste Worte").await.unwrap();
        let outcome = client.outbox().flush(LONG).await.unwrap();
        assert_eq!(outcome, FlushOutcome::Wedged { wedged: 1, held_back: 0 });
        world.network.release().await;
        client.conversations().edit(message, "letzte Worte").await.unwrap();
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["letzte Worte"]);
        client.sync().await.unwrap();
        assert_eq!(shown(client, opened.conversation).await.len(), 2);
    });
}

#[test]
fn a_wedged_row_can_be_discarded_and_its_lane_goes_on() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::Problem(Code::BodyTooLarge)]);
        let bad = client.conversations().send(opened.conversation, "schlecht").await.unwrap();
        client.conversations().send(opened.conversation, "gut").await.unwrap();
        client.outbox().flush(LONG).await.unwrap();
        let item = client.outbox().find(bad.0).await.unwrap();
        client.outbox().discard(item).await.unwrap();
        flushed(client).await;
        client.sync().await.unwrap();
        let words: Vec<_> =
            shown(client, opened.conversation).await.iter().filter_map(|m| m.text().map(str::to_owned)).collect();
        assert_eq!(words, ["Die Naht ist offen.", "gut"]);
    });
}

#[test]
fn an_expired_token_is_renewed_once_and_costs_no_attempt() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::Problem(Code::Unauthorized)]);
        client.conversations().send(opened.conversation, "mit altem Ausweis").await.unwrap();
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await.len(), 2);
    });
}

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
        // The row may leave before the phone learns how late it is; what matters is that it is never lost silently.
        let outcome = world.client().outbox().flush(LONG).await.unwrap();
        let state = world.client().conversations().message(message).await.unwrap().state;
        match outcome {
            FlushOutcome::Wedged { .. } => {
                let items = world.client().outbox().items().await.unwrap();
                assert!(matches!(&items[0].state, OutboxState::Wedged { code, .. } if code == "expired"));
                world.client().outbox().retry(items[0].id).await.unwrap();
                flushed(world.client()).await;
            }
            other => assert_eq!((other, state), (FlushOutcome::Empty, MessageState::Sent)),
        }
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["gilt das noch?"]);
    });
}

#[test]
fn states_go_from_queued_to_read_and_unread_counts_follow() {
    world(async |world| {
        let client = world.client();
        world.network.set_weather(Weather::OFFLINE);
        let opened = client.conversations().open(draft("Hallo")).await.unwrap();
        let state = async || client.conversations().message(opened.message).await.unwrap().state;
        assert_eq!(state().await, MessageState::Queued);
        world.network.set_weather(Weather::CALM);
        flushed(client).await;
        assert_eq!(state().await, MessageState::Sent);
        let desk = world.desk().await;
        desk.mark_read(opened.conversation, 1).await.unwrap();
        desk.write(opened.conversation, "Guten Tag", false).await.unwrap();
        client.sync().await.unwrap();
        assert_eq!(state().await, MessageState::Read);
        assert_eq!(client.conversations().unread().await.unwrap(), 1);
        client.conversations().mark_read(opened.conversation, None).await.unwrap();
        assert_eq!(client.conversations().unread().await.unwrap(), 0, "at once, offline too");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let conversation = desk.conversation(opened.conversation).await.unwrap();
        assert_eq!(conversation.receipts.person.read_seq, 2);
    });
}

#[test]
fn a_long_history_is_read_in_windows_and_fetched_where_it_is_missing() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        let desk = world.desk().await;
        for n in 0..130 {
            desk.write(opened.conversation, &format!("Antwort {n}"), false).await.unwrap();
        }
        // The first sync is a snapshot with the newest 30 of them.
        client.sync().await.unwrap();
        let mut timeline = client.conversations().timeline(opened.conversation).await.unwrap();
        assert_eq!(timeline.messages().len(), 30);
        assert!(!timeline.has_earlier_here());
        let mut loads = 0;
        while timeline.has_earlier() {
            timeline.load_earlier(40).await.unwrap();
            loads += 1;
        }
        assert_eq!(timeline.messages().len(), 131);
        assert_eq!(loads, 3);
    });
}

#[test]
fn a_timeline_tells_the_current_state_first_and_then_differences() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        let mut timeline = client.conversations().timeline(opened.conversation).await.unwrap();
        let first = timeline.next().await.unwrap();
        assert!(matches!(&first[..], [beistand_core::Difference::Reset(all)] if all.len() == 1));
        let desk = world.desk().await;
        desk.write(opened.conversation, "Ich bin da.", false).await.unwrap();
        // No sync is asked for: the socket's hint brings it.
        let inserted = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                let differences = timeline.next().await.unwrap();
                if differences.iter().any(|d| matches!(d, beistand_core::Difference::Insert { index: 1, .. })) {
                    return;
                }
            }
        });
        inserted.await.expect("the answer is shown");
    });
}
