//! What a person sees: states, windows, live differences, and never a note.

use std::time::Duration;

use beistand_core::MessageState;
use beistand_protocol::Visibility;
use beistand_test_support::network::Weather;

use crate::*;

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
fn what_agents_write_is_reported_as_delivered() {
    world(async |world| {
        let client = world.client();
        let opened = opened(client).await;
        let desk = world.desk().await;
        desk.write(opened.conversation, "Guten Tag", false).await.unwrap();
        client.sync().await.unwrap();
        flushed(client).await;
        let marks = desk.conversation(opened.conversation).await.unwrap().receipts.person;
        assert_eq!((marks.delivered_seq, marks.read_seq), (2, 0));
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
