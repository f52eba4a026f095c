//! Exactly once: what a server owes to a phone that never knows whether its request has arrived.

use beistand_conformance::{Target, id, opening};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_same_write_twice_takes_effect_once() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let (path, first) = (format!("/v1/conversations/{}", id()), id());
    let operation = phone.operation(&path);
    for status in [201, 200] {
        let answer = target.call(Method::PUT, &path, operation.clone(), Some(opening(&first))).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.body["message"]["id"], first);
    }
    // Another operation with the same content, as after a restored backup.
    assert_eq!(target.write(&phone, Method::PUT, &path, Some(opening(&first))).await.status, 200);
    let mut other = opening(&first);
    other["subject"] = json!("Another");
    assert_eq!(target.write(&phone, Method::PUT, &path, Some(other.clone())).await.code(), "id-reused");
    assert_eq!(target.call(Method::PUT, &path, operation, Some(other)).await.code(), "id-reused");
    let page = target.read(&phone, &format!("{path}/messages")).await.body;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_its_lane_has_passed_takes_no_effect() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let (conversation, _) = target.open(&phone).await;
    let path = format!("/v1/conversations/{conversation}/status");
    let close = phone.operation(&path);
    target.call(Method::PUT, &path, close.clone(), Some(json!({ "status": "closed" }))).await;
    target.write(&phone, Method::PUT, &path, Some(json!({ "status": "open" }))).await;
    let late = target.call(Method::PUT, &path, close, Some(json!({ "status": "closed" }))).await;
    assert_eq!((late.status.as_u16(), &late.body["status"]), (200, &json!("open")));
    let late = phone.operation_at(&path, 2);
    let late = target.call(Method::PUT, &path, late, Some(json!({ "status": "closed" }))).await;
    assert_eq!(late.code(), "operation-superseded");
}

#[tokio::test]
async fn what_was_taken_back_does_not_come_back() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let (conversation, _) = target.open(&phone).await;
    let path = format!("/v1/conversations/{conversation}/messages/{}", id());
    assert_eq!(target.write(&phone, Method::DELETE, &path, None).await.status, 200);
    let late = target.write(&phone, Method::PUT, &path, Some(json!({ "text": "late" }))).await;
    assert_eq!(late.code(), "message-retracted");
    let path = format!("/v1/conversations/{}", id());
    assert_eq!(target.write(&phone, Method::DELETE, &path, None).await.status, 200);
    assert_eq!(target.write(&phone, Method::PUT, &path, Some(opening(&id()))).await.code(), "message-retracted");
    assert_eq!(target.read(&phone, &path).await.code(), "not-found");
}

#[tokio::test]
async fn another_epoch_is_refused_before_anything_happens() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let epoch = target.read(&phone, "/v1/sync").await.body["epoch"].as_str().unwrap().to_owned();
    let path = format!("/v1/conversations/{}", id());
    let mut headers = phone.operation(&path);
    headers.push(("beistand-epoch", format!("{epoch}-not")));
    assert_eq!(target.call(Method::PUT, &path, headers, Some(opening(&id()))).await.code(), "epoch-changed");
    let mut headers = phone.operation(&path);
    headers.push(("beistand-epoch", epoch));
    assert_eq!(target.call(Method::PUT, &path, headers, Some(opening(&id()))).await.status, 201);
}

#[tokio::test]
async fn a_cursor_brings_each_change_and_then_nothing() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let first = target.read(&phone, "/v1/sync").await.body;
    assert_eq!((&first["snapshot"]["first"], &first["snapshot"]["last"]), (&json!(true), &json!(true)));
    let (conversation, message) = target.open(&phone).await;
    let mut cursor = first["cursor"].as_str().unwrap().to_owned();
    let mut seen = Vec::new();
    loop {
        let page = target.read(&phone, &format!("/v1/sync?limit=1&cursor={cursor}")).await.body;
        cursor = page["cursor"].as_str().unwrap().to_owned();
        seen.extend(page["changes"].as_array().unwrap().clone());
        if page["has_more"] == false {
            break;
        }
    }
    let conversations = seen.iter().filter(|change| change["kind"] == "conversation").count();
    assert!(conversations >= 1 && seen.iter().all(|change| change["conversation_id"] == json!(conversation)));
    assert!(seen.iter().any(|change| change["message"]["id"] == json!(message)));
    let seqs: Vec<_> = seen.iter().map(|change| change["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|one, next| one < next));
    let page = target.read(&phone, &format!("/v1/sync?cursor={cursor}")).await.body;
    assert_eq!(page["changes"], json!([]));
}

#[tokio::test]
async fn what_readers_of_the_faq_say_counts_once() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let path = "/v1/faq/articles/no-such-article/feedback";
    let rating = |helpful: bool| json!({ "helpful": helpful, "locale": "de", "version": 1 });
    let first = phone.operation(path);
    for _ in 0..2 {
        let answer = target.call(Method::PUT, path, first.clone(), Some(rating(true))).await;
        assert_eq!((answer.status.as_u16(), &answer.body["article"]), (200, &json!("no-such-article")));
    }
    assert_eq!(target.call(Method::PUT, path, first, Some(rating(false))).await.code(), "id-reused");
    target.write(&phone, Method::PUT, path, Some(rating(false))).await;
    let late = target.call(Method::PUT, path, phone.operation_at(path, 1), Some(rating(true))).await;
    assert_eq!(late.code(), "operation-superseded");
    let path = format!("/v1/faq/reports/{}", id());
    let report = |count: u32| json!({ "views": [{ "article": "returns", "locale": "de", "count": count }] });
    for _ in 0..2 {
        assert_eq!(target.write(&phone, Method::PUT, &path, Some(report(1))).await.status, 200);
    }
    assert_eq!(target.write(&phone, Method::PUT, &path, Some(report(2))).await.code(), "id-reused");
    let personal = json!({ "searches": [{ "locale": "de", "query": "order 4711", "count": 1 }] });
    let path = format!("/v1/faq/reports/{}", id());
    assert_eq!(target.write(&phone, Method::PUT, &path, Some(personal)).await.code(), "report-invalid");
}
