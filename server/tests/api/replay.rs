//! What arrives twice, late or out of order.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::house::{conversation, house, message, opening};

#[tokio::test]
async fn replay_after_an_agent_changed_the_ticket_answers_todays_ticket() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let (id, first) = (conversation(), message());
    let path = format!("/v1/conversations/{id}");
    let operation = phone.operation(&path);
    house.call(Method::PUT, &path, operation.clone(), Some(opening(first))).await;
    house.answer(&agent, id, "Guten Tag", "all").await;
    let body = json!({ "status": "solved" });
    house.call(Method::PUT, &format!("/v1/agent/conversations/{id}/status"), agent, Some(body)).await;
    // Once as the same operation, once as another one: an app that was set up again sends its echo anew.
    for headers in [operation, phone.operation(&path)] {
        let replay = house.call(Method::PUT, &path, headers, Some(opening(first))).await;
        assert_eq!(replay.status, StatusCode::OK);
        assert_eq!(replay.body["conversation"]["status"], "solved");
        assert_eq!(replay.body["conversation"]["assignee"]["name"], "Deniz");
        assert_eq!(replay.body["message"]["id"], json!(first));
    }
}

#[tokio::test]
async fn replay_after_an_edit_is_no_id_reuse() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}/messages/{}", message());
    let sent = json!({ "text": "Größe M" });
    let operation = phone.operation(&path);
    house.call(Method::PUT, &path, operation.clone(), Some(sent.clone())).await;
    house.write(&phone, Method::PATCH, &path, Some(json!({ "text": "Größe L" }))).await;
    for headers in [operation, phone.operation(&path)] {
        let replay = house.call(Method::PUT, &path, headers, Some(sent.clone())).await;
        assert_eq!(replay.status, StatusCode::OK);
        assert_eq!(replay.body["content"]["text"], "Größe L");
    }
    let other = house.write(&phone, Method::PUT, &path, Some(json!({ "text": "Größe L" }))).await;
    assert_eq!(other.code(), "id-reused");
}

#[tokio::test]
async fn a_replay_from_an_updated_app_is_a_replay() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, first) = (conversation(), message());
    let path = format!("/v1/conversations/{id}");
    let operation = phone.operation(&path);
    house.call(Method::PUT, &path, operation.clone(), Some(opening(first))).await;
    let mut body = opening(first);
    body["mood"] = json!("hopeful");
    body["priority"] = json!("normal");
    let replay = house.call(Method::PUT, &path, operation, Some(body)).await;
    assert_eq!(replay.status, StatusCode::OK);
}

#[tokio::test]
async fn a_late_duplicate_of_close_after_reopen_changes_nothing() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}/status");
    let close = phone.operation(&path);
    house.call(Method::PUT, &path, close.clone(), Some(json!({ "status": "closed" }))).await;
    house.write(&phone, Method::PUT, &path, Some(json!({ "status": "open" }))).await;
    let late = house.call(Method::PUT, &path, close, Some(json!({ "status": "closed" }))).await;
    assert_eq!((late.status, &late.body["status"]), (StatusCode::OK, &json!("open")));
    // One that had never arrived before, but whose lane has gone on.
    let never_seen = phone.operation_at(&path, 2);
    let late = house.call(Method::PUT, &path, never_seen, Some(json!({ "status": "closed" }))).await;
    assert_eq!(late.code(), "operation-superseded");
    let today = house.get(&phone, &format!("/v1/conversations/{id}")).await;
    assert_eq!(today.body["status"], "open");
}

#[tokio::test]
async fn a_late_message_after_its_retraction_stores_nothing() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}/messages/{}", message());
    let send = phone.operation(&path);
    let retraction = house.write(&phone, Method::DELETE, &path, None).await;
    assert_eq!(retraction.status, StatusCode::OK);
    assert!(retraction.body.get("message").is_none());
    let late = house.call(Method::PUT, &path, send, Some(json!({ "text": "zu spät" }))).await;
    assert_eq!(late.code(), "operation-superseded");
    let later = house.write(&phone, Method::PUT, &path, Some(json!({ "text": "zu spät" }))).await;
    assert_eq!(later.code(), "message-retracted");
    assert_eq!(house.server.store().census().await.unwrap().messages, 1);
}

#[tokio::test]
async fn a_retracted_message_is_answered_with_its_tombstone() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}/messages/{}", message());
    let sent = json!({ "text": "doch nicht" });
    house.write(&phone, Method::PUT, &path, Some(sent.clone())).await;
    house.write(&phone, Method::DELETE, &path, None).await;
    let again = house.write(&phone, Method::PUT, &path, Some(sent)).await;
    assert_eq!((again.status, &again.body["content"]["kind"]), (StatusCode::OK, &json!("retracted")));
    assert!(!again.body.to_string().contains("doch nicht"));
    let edit = house.write(&phone, Method::PATCH, &path, Some(json!({ "text": "x" }))).await;
    assert_eq!(edit.code(), "message-retracted");
}

#[tokio::test]
async fn a_withdrawn_conversation_stays_withdrawn_when_its_opening_arrives_late() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, first) = (conversation(), message());
    let path = format!("/v1/conversations/{id}");
    let open = phone.operation(&path);
    let withdrawn = house.write(&phone, Method::DELETE, &path, None).await;
    assert_eq!(withdrawn.status, StatusCode::OK);
    let late = house.call(Method::PUT, &path, open, Some(opening(first))).await;
    assert_eq!(late.code(), "operation-superseded");
    let later = house.write(&phone, Method::PUT, &path, Some(opening(first))).await;
    assert_eq!(later.code(), "message-retracted");
    assert_eq!(house.server.store().census().await.unwrap().conversations, 0);
}

#[tokio::test]
async fn a_withdrawn_conversation_is_hidden_and_its_words_are_gone() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let cursor = house.get(&phone, "/v1/sync").await.body["cursor"].as_str().unwrap().to_owned();
    let (id, first) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}");
    let withdrawn = house.write(&phone, Method::DELETE, &path, None).await;
    assert_eq!(withdrawn.body["message_id"], json!(first));
    assert_eq!(house.get(&phone, &path).await.code(), "not-found");
    assert_eq!(house.get(&phone, &format!("{path}/messages")).await.code(), "not-found");
    assert!(house.get(&phone, "/v1/sync").await.body["changes"].as_array().unwrap().is_empty());
    let changes = house.get(&phone, &format!("/v1/sync?cursor={cursor}")).await.body;
    let told = changes["changes"].as_array().unwrap().iter().find(|change| change["kind"] == "conversation").unwrap();
    assert!(told["conversation"]["withdrawn_at"].is_string());
    let seen = house.call(Method::GET, &format!("/v1/agent{}/messages", &path[3..]), agent, None).await;
    assert_eq!(seen.body["messages"][0]["content"]["kind"], "retracted");
}

#[tokio::test]
async fn a_lost_registration_answer_strands_nobody() {
    let house = house().await;
    let device = beistand_protocol::DeviceId(uuid::Uuid::now_v7());
    let first = house.register(device, 1).await;
    let again = house.register(device, 1).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn another_secret_for_a_known_device_is_404() {
    let house = house().await;
    let device = beistand_protocol::DeviceId(uuid::Uuid::now_v7());
    house.register(device, 1).await;
    let stranger = house.register(device, 2).await;
    assert_eq!((stranger.status, stranger.code()), (StatusCode::NOT_FOUND, "not-found"));
}

#[tokio::test]
async fn a_refused_write_may_be_corrected_under_its_operation() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}/messages/{}", message());
    let operation = phone.operation(&path);
    let refused = house.call(Method::PUT, &path, operation.clone(), Some(json!({ "text": "   " }))).await;
    assert_eq!(refused.code(), "text-empty");
    let corrected = house.call(Method::PUT, &path, operation, Some(json!({ "text": "jetzt" }))).await;
    assert_eq!(corrected.status, StatusCode::CREATED);
}

#[tokio::test]
async fn read_marks_only_grow() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let (id, _) = house.open(&phone).await;
    house.answer(&agent, id, "eins", "all").await;
    let path = format!("/v1/conversations/{id}/read");
    for (body, delivered, read) in [
        (json!({ "delivered_seq": 2 }), 2, 0),
        (json!({ "read_seq": 1 }), 2, 1),
        (json!({ "delivered_seq": 0, "read_seq": 0 }), 2, 1),
        (json!({ "read_seq": 4_000 }), 2, 2),
    ] {
        let marks = house.write(&phone, Method::PUT, &path, Some(body)).await.body;
        assert_eq!(marks["person"], json!({ "delivered_seq": delivered, "read_seq": read }));
    }
    let path = format!("/v1/agent/conversations/{id}/read");
    let marks = house.call(Method::PUT, &path, agent, Some(json!({ "read_seq": 1 }))).await.body;
    assert_eq!(marks["agents"]["read_seq"], 1);
}
