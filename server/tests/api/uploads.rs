//! Uploads over tus: how they begin, go on, and end.

#![allow(dead_code, unused_imports, reason = "the tests that need the rest follow")]

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use beistand_protocol::AttachmentId;
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    files::{AGENTS, PERSONS, photo, sample, sha256_checksum, words},
    house::{Phone, conversation, house, message},
};

/// A body that the test feeds.
fn fed() -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let body = Body::from_stream(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)));
    (sender, body)
}

#[tokio::test]
async fn a_photo_goes_from_a_phone_to_an_agent() {
    let house = house().await;
    let phone = house.phone().await;
    let photo = photo(1200, 800);
    let created = house.announce(PERSONS, &phone.headers(), &photo).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.headers["location"], format!("/v1/uploads/{}", photo.id));
    assert_eq!(
        (&created.headers["upload-offset"], &created.headers["tus-resumable"]),
        (&"0".parse().unwrap(), &"1.0.0".parse().unwrap())
    );
    assert_eq!(created.headers["upload-expires"], "Sat, 28 Nov 2026 09:30:00 GMT");
    let (front, rest) = photo.bytes.split_at(9000.min(photo.bytes.len() / 2));
    let patched = house.patch(PERSONS, &phone.headers(), photo.id, 0, front).await;
    assert_eq!((patched.status.as_u16(), patched.body), (204, json!("")));
    assert_eq!(house.offset(PERSONS, &phone.headers(), photo.id).await, front.len() as u64);
    let whole = house.patch(PERSONS, &phone.headers(), photo.id, front.len(), rest).await;
    assert_eq!(whole.status, 204, "{}", whole.body);
    assert!(!whole.headers.contains_key("upload-expires"));

    let id = conversation();
    let body = json!({ "subject": "Naht", "message": { "id": message(), "text": "", "attachments": [photo.id] } });
    let opened = house.write(&phone, Method::PUT, &format!("/v1/conversations/{id}"), Some(body.clone())).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let shown = &opened.body["message"]["content"]["attachments"][0];
    assert_eq!(
        *shown,
        json!({
            "id": photo.id, "name": "Naht.png", "media_type": "image/png", "size": photo.bytes.len(),
            "sha256": photo.sha256, "dimensions": { "width": 1200, "height": 800 },
            "thumbnail": { "width": 640, "height": 427 }, "state": "ready",
        })
    );
    let again = house.write(&phone, Method::PUT, &format!("/v1/conversations/{id}"), Some(body)).await;
    assert_eq!((again.status.as_u16(), &again.body["message"]), (200, &opened.body["message"]));
    for page in
        [house.get(&phone, "/v1/sync").await, house.get(&phone, &format!("/v1/conversations/{id}/messages")).await]
    {
        assert!(page.body.to_string().contains(&photo.sha256));
    }

    let agent = house.sign_in().await;
    let path = format!("/v1/agent/attachments/{}", photo.id);
    let downloaded = house.call(Method::GET, &path, agent.clone(), None).await;
    assert_eq!(downloaded.status, 200);
    assert_eq!(downloaded.headers["content-length"], photo.bytes.len().to_string());
    let small = house.call(Method::GET, &format!("{path}/thumbnail"), agent, None).await;
    assert_eq!((small.status.as_u16(), &small.headers["content-type"]), (200, &"image/jpeg".parse().unwrap()));
}
