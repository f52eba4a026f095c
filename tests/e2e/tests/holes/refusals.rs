//! What a server refuses, what a stranger answers, and what a person can do about it.

use std::time::Duration;

use beistand_core::{FlushOutcome, MessageState};
use beistand_protocol::Code;
use beistand_test_support::network::Scripted;

use crate::*;

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
fn a_refused_message_with_an_edit_behind_it_leaves_with_the_newest_words() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        world.network.script([Scripted::LoseRequest, Scripted::Problem(Code::TextTooLong)]);
        let message = client.conversations().send(opened.conversation, "eins").await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        client.conversations().edit(message, "zwei").await.unwrap();
        let outcome = client.outbox().flush(LONG).await.unwrap();
        assert!(matches!(outcome, FlushOutcome::Wedged { wedged: 1, .. }), "{outcome:?}");
        client.conversations().edit(message, "drei").await.unwrap();
        flushed(client).await;
        assert_eq!(words_at_server(&world, opened.conversation).await[1..], ["drei"]);
    });
}
