//! Starting, stopping, backing up, running out of room.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use beistand_protocol::ServerFrame;
use beistand_server::{Execution, Server, ServerConfig, StartError, store::sqlite};
use serde_json::json;

use super::house::{House, TestClock, conversation, house, house_with, message, opening, options};

async fn reopen(house: House, config: ServerConfig) -> House {
    house.server.shutdown().await;
    let server = Server::open(config, options(&house.folder, Execution::Thread), house.clock.clone()).await.unwrap();
    House { router: server.router(), server, ..house }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart_and_the_epoch_stays() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let before = house.get(&phone, "/v1/sync").await.body;
    let house = reopen(house, ServerConfig::default()).await;
    let after = house.get(&phone, "/v1/sync").await.body;
    assert_eq!(before, after);
    assert_eq!(house.get(&phone, &format!("/v1/conversations/{id}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_restored_backup_has_a_new_epoch() {
    let house = house().await;
    let phone = house.phone().await;
    house.open(&phone).await;
    let before = house.get(&phone, "/v1/sync").await.body;
    let copy = tempfile::tempdir().unwrap();
    // While the server runs.
    sqlite::backup(&house.folder.path().join("beistand.db"), &copy.path().join("beistand.db")).unwrap();
    let (lost, _) = house.open(&phone).await;
    house.server.shutdown().await;
    let clock = house.clock.clone();
    let open = || Server::open(ServerConfig::default(), options(&copy, Execution::Thread), clock.clone());
    let server = open().await.unwrap();
    let house = House { router: server.router(), server, clock: clock.clone(), folder: house.folder };
    let cursor = before["cursor"].as_str().unwrap();
    let after = house.get(&phone, &format!("/v1/sync?cursor={cursor}")).await.body;
    assert_ne!(before["epoch"], after["epoch"]);
    assert_eq!(after["snapshot"]["first"], true);
    assert_eq!(after["lanes"].as_array().unwrap().len(), 1);
    assert_eq!(house.get(&phone, &format!("/v1/conversations/{lost}")).await.code(), "not-found");
    // A phone that has not noticed yet is told before anything happens.
    let path = format!("/v1/conversations/{}", conversation());
    let mut headers = phone.operation(&path);
    headers.push(("beistand-epoch", before["epoch"].as_str().unwrap().to_owned()));
    let told = house.call(Method::PUT, &path, headers, Some(opening(message()))).await;
    assert_eq!(told.code(), "epoch-changed");
    // Only the first start from a copy is a new history.
    house.server.shutdown().await;
    let again = open().await.unwrap();
    let house = House { router: again.router(), server: again, clock: clock.clone(), folder: house.folder };
    assert_eq!(house.get(&phone, "/v1/sync").await.body["epoch"], after["epoch"]);
}

#[tokio::test]
async fn a_full_disk_refuses_whole_writes_and_recovers() {
    let house = house_with(ServerConfig { max_megabytes: 1, ..Default::default() }).await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let mut stored = 1;
    let last = loop {
        let path = format!("/v1/conversations/{id}/messages/{}", message());
        let operation = phone.operation(&path);
        let body = json!({ "text": "x".repeat(9_000) });
        let answer = house.call(Method::PUT, &path, operation.clone(), Some(body.clone())).await;
        if answer.status == StatusCode::CREATED {
            stored += 1;
            continue;
        }
        assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
        assert!(answer.headers.contains_key("retry-after"));
        break (path, operation, body);
    };
    assert!(stored > 10);
    let census = house.server.store().census().await.unwrap();
    assert_eq!((census.messages, census.operations), (stored, stored));
    let conversation = house.get(&phone, &format!("/v1/conversations/{id}")).await;
    assert_eq!(conversation.body["last_seq"], stored);
    let house = reopen(house, ServerConfig::default()).await;
    let (path, operation, body) = last;
    let answer = house.call(Method::PUT, &path, operation, Some(body)).await;
    assert_eq!((answer.status, &answer.body["seq"]), (StatusCode::CREATED, &json!(stored + 1)));
}

#[tokio::test]
async fn two_servers_on_one_folder_are_refused() {
    let house = house().await;
    let second =
        Server::open(ServerConfig::default(), options(&house.folder, Execution::Thread), house.clock.clone()).await;
    let error = second.err().unwrap();
    assert!(matches!(error, StartError::Store(sqlite::OpenError::InUse(_))), "{error}");
}

#[tokio::test]
async fn a_damaged_database_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("beistand.db"), vec![7; 8192]).unwrap();
    let clock = Arc::new(TestClock::default());
    let error = Server::open(ServerConfig::default(), options(&folder, Execution::Thread), clock).await.err().unwrap();
    assert!(error.to_string().contains("is damaged"), "{error}");
}

#[tokio::test]
async fn a_wrong_setting_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::default();
    config.limits.text_chars = 0;
    let clock = Arc::new(TestClock::default());
    let error = Server::open(config, options(&folder, Execution::Inline), clock).await.err().unwrap();
    assert!(error.to_string().starts_with("limits.text_chars"), "{error}");
}

#[tokio::test]
async fn shutting_down_ends_sockets_and_finishes_what_was_accepted() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let mut socket = house.server.connect_in_process("shop", &phone.credential.to_token()).await.unwrap();
    assert!(matches!(socket.recv().await, Some(ServerFrame::Ready { .. })));
    let path = format!("/v1/conversations/{id}/status");
    let write = house.write(&phone, Method::PUT, &path, Some(json!({ "status": "closed" })));
    let (write, ()) = tokio::join!(write, house.server.shutdown());
    assert!(write.status == StatusCode::OK || write.code() == "unavailable");
    assert_eq!(socket.recv().await, None);
    assert_eq!(house.call(Method::GET, "/healthz", vec![], None).await.code(), "unavailable");
    // The log is written back: nothing but the database and its lock remains.
    let mut left: Vec<_> =
        std::fs::read_dir(house.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["beistand.db", "beistand.db.lock"]);
}

#[tokio::test]
async fn inline_execution_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let server =
        Server::open(ServerConfig::default(), options(&folder, Execution::Inline), clock.clone()).await.unwrap();
    server.add_app("shop", "shop").await.unwrap();
    let house = House { router: server.router(), server, clock, folder };
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    assert_eq!(house.get(&phone, &format!("/v1/conversations/{id}")).await.body["version"], 1);
    assert_eq!(house.call(Method::GET, "/healthz", vec![], None).await.body["status"], "ok");
    house.server.shutdown().await;
}

#[tokio::test]
async fn logs_and_metrics_name_routes_not_paths() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let metrics = house.call(Method::GET, "/metrics", vec![], None).await.body;
    let text = metrics.as_str().unwrap();
    assert!(text.contains("route=\"/v1/conversations/{id}\",status=\"201\""));
    assert!(text.contains("beistand_store_commits_total"));
    assert!(!text.contains(&id.to_string()));
}
