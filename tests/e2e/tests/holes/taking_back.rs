//! Taking back what may be at the server already.

use std::time::Duration;

use beistand_core::{ErrorKind, MessageBody};
use beistand_protocol::{Content, message::KnownContent};
use beistand_test_support::network::{Scripted, Weather};

use crate::*;

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
