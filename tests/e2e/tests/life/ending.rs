//! After a shutdown every call says so, and nobody waits for ever.

use std::time::Duration;

use beistand_core::protocol::{ConversationId, MessageId, OperationId};
use beistand_core::{Error, ErrorKind};

use crate::app::{NOWHERE, SOON, client, draft, runtime};

fn is_over<T>(what: &str, result: Result<T, Error>) {
    match result {
        Ok(_) => panic!("{what} works after a shutdown"),
        Err(error) => assert_eq!(error.kind, ErrorKind::ShutDown, "{what}: {error}"),
    }
}

#[test]
fn calls_after_a_shutdown_say_so() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let client = client(NOWHERE, folder.path());
        let opened = client.conversations().open(draft("noch da")).await.unwrap();
        let (conversation, message): (ConversationId, MessageId) = (opened.conversation, opened.message);
        let row: OperationId = client.outbox().items().await.unwrap()[0].id;
        let mut held = client.conversations().timeline(conversation).await.unwrap();
        client.shutdown().await;
        client.shutdown().await;

        let (talks, outbox) = (client.conversations(), client.outbox());
        is_over("open", talks.open(draft("zu spät")).await);
        is_over("send", talks.send(conversation, "zu spät").await);
        is_over("edit", talks.edit(message, "zu spät").await);
        is_over("retract", talks.retract(message).await);
        is_over("mark_read", talks.mark_read(conversation, None).await);
        is_over("close", talks.close(conversation).await);
        is_over("reopen", talks.reopen(conversation).await);
        is_over("list", talks.list().await);
        is_over("get", talks.get(conversation).await);
        is_over("message", talks.message(message).await);
        is_over("unread", talks.unread().await);
        is_over("timeline", talks.timeline(conversation).await);
        is_over("watch_list", talks.watch_list().await);
        is_over("parse_field", talks.parse_field("order", "1").await);
        is_over("load_earlier", held.load_earlier(10).await);
        is_over("items", outbox.items().await);
        is_over("find", outbox.find(row.0).await);
        is_over("retry", outbox.retry(row).await);
        is_over("discard", outbox.discard(row).await);
        is_over("flush", outbox.flush(SOON).await);
        is_over("wait_for", outbox.wait_for(message, SOON).await);
        is_over("app_config", client.app_config().await);
        is_over("sync", client.sync().await);
        is_over("pause", client.pause().await);
        is_over("resume", client.resume().await);
        // What cannot fail does nothing.
        client.wake();
        talks.set_typing(conversation, true);
    });
}

#[test]
fn a_client_that_was_shut_down_leaves_no_log_behind() {
    let runtime = runtime();
    for round in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let client = client(NOWHERE, folder.path());
            client.conversations().open(draft("noch da")).await.unwrap();
            // Every connection is open.
            for _ in 0..4 {
                client.conversations().list().await.unwrap();
            }
            client.shutdown().await;
        });
        assert!(!folder.path().join("beistand.sqlite3-wal").exists(), "round {round}: not closed in order");
    }
}

#[test]
fn whoever_waits_when_the_client_is_shut_down_is_told() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let client = client(NOWHERE, folder.path());
        let opened = client.conversations().open(draft("noch da")).await.unwrap();
        let outbox = client.outbox();
        let flush = tokio::spawn(async move { outbox.flush(Duration::from_secs(600)).await });
        let outbox = client.outbox();
        let wait = tokio::spawn(async move { outbox.wait_for(opened.message, Duration::from_secs(600)).await });
        // Both have begun to wait.
        tokio::task::yield_now().await;
        client.shutdown().await;

        is_over("flush", tokio::time::timeout(SOON, flush).await.expect("flush waits on").unwrap());
        is_over("wait_for", tokio::time::timeout(SOON, wait).await.expect("wait_for waits on").unwrap());
    });
}

#[test]
fn whoever_looks_when_the_client_is_shut_down_is_told() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let client = client(NOWHERE, folder.path());
        let opened = client.conversations().open(draft("noch da")).await.unwrap();
        let mut timeline = client.conversations().timeline(opened.conversation).await.unwrap();
        let mut list = client.conversations().watch_list().await.unwrap();
        assert!(timeline.next().await.is_some() && list.next().await.is_some());
        let looking = tokio::spawn(async move { while timeline.next().await.is_some() {} });
        let listing = tokio::spawn(async move { while list.next().await.is_some() {} });
        client.shutdown().await;
        tokio::time::timeout(SOON, looking).await.expect("a timeline waits on").unwrap();
        tokio::time::timeout(SOON, listing).await.expect("a list waits on").unwrap();
    });
}
