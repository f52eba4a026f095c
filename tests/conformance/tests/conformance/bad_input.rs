//! Bad input gets a problem with a code, and leaves nothing behind.

use beistand_conformance::{Phone, Target, id, opening};
use reqwest::Method;
use serde_json::{Value, json};

async fn nothing_stored(target: &Target, phone: &Phone) {
    let page = target.read(phone, "/v1/sync").await.body;
    assert_eq!(page["changes"], json!([]));
    assert!(page.get("lanes").is_none_or(|lanes| *lanes == json!([])));
}

#[tokio::test]
async fn what_is_not_json_of_the_documented_form() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let wrong_utf8 =
        b"{\"subject\":\"\xff\",\"message\":{\"id\":\"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f\",\"text\":\"x\"}}";
    let deep = [b"{\"subject\":".to_vec(), vec![b'['; 200_000]].concat();
    let large = json!({ "subject": "x", "message": { "id": id(), "text": "x".repeat(10 * 1024 * 1024) } });
    let cases: [(Vec<u8>, &str, &str); 7] = [
        (wrong_utf8.to_vec(), "application/json", "bad-json"),
        (deep, "application/json", "bad-json"),
        (b"{\"subject\":1}".to_vec(), "application/json", "bad-json"),
        (Vec::new(), "application/json", "bad-json"),
        (large.to_string().into_bytes(), "application/json", "body-too-large"),
        (opening(&id()).to_string().into_bytes(), "text/plain", "unsupported-media-type"),
        (b"subject=x".to_vec(), "application/x-www-form-urlencoded", "unsupported-media-type"),
    ];
    for (body, kind, code) in cases {
        let path = format!("/v1/conversations/{}", id());
        let answer = target.raw(Method::PUT, &path, phone.operation(&path), Some(body), kind).await;
        assert_eq!(answer.code(), code);
    }
    nothing_stored(&target, &phone).await;
}

#[tokio::test]
async fn what_breaks_a_rule() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let change = |pointer: &str, value: Value| {
        let mut body = opening(&id());
        match pointer.split_once('/') {
            Some((outer, inner)) => body[outer][inner] = value,
            None => body[pointer] = value,
        }
        body
    };
    for (body, code) in [
        (change("message/text", json!("  \n\t ")), "text-empty"),
        (change("message/text", json!("\u{200b}\u{feff}")), "text-empty"),
        (change("message/text", json!("x".repeat(10_001))), "text-too-long"),
        (change("message/text", json!("a\u{0}b")), "text-invalid"),
        (change("message/sent_at", json!("9999-12-31T23:59:59Z")), "time-out-of-range"),
        (change("message/sent_at", json!("1970-01-01T00:00:00Z")), "time-out-of-range"),
        (change("subject", json!("")), "text-empty"),
        (change("category", json!("no such category")), "unknown-category"),
        (change("fields", json!({ "no_such_field": "x" })), "unknown-field"),
    ] {
        let path = format!("/v1/conversations/{}", id());
        let answer = target.write(&phone, Method::PUT, &path, Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, code));
        assert!(answer.body["field"].is_string());
    }
    nothing_stored(&target, &phone).await;
}

#[tokio::test]
async fn wrong_paths_queries_methods_and_operations() {
    let target = Target::get().await;
    let phone = target.phone().await;
    assert_eq!(target.read(&phone, "/v1/conversations/1").await.code(), "bad-parameter");
    assert_eq!(target.read(&phone, "/v1/sync?cursor=%21").await.code(), "bad-parameter");
    assert_eq!(target.read(&phone, "/v1/sync?limit=100000").await.code(), "bad-parameter");
    assert_eq!(target.read(&phone, "/v1/no/such/path").await.code(), "not-found");
    let answer = target.call(Method::DELETE, "/v1/sync", phone.headers(), None).await;
    assert_eq!(answer.code(), "method-not-allowed");
    assert!(answer.headers.contains_key("allow"));
    let path = format!("/v1/conversations/{}", id());
    let answer = target.call(Method::PUT, &path, phone.headers(), Some(opening(&id()))).await;
    assert_eq!(answer.code(), "bad-operation");
    let other = format!("/v1/conversations/{}", id());
    let answer = target.call(Method::PUT, &path, phone.operation(&other), Some(opening(&id()))).await;
    assert_eq!(answer.code(), "bad-operation");
    nothing_stored(&target, &phone).await;
}
