//! Uploads over tus: how they begin, go on, and end.

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use beistand_protocol::limits::UPLOAD_EXPIRES_MS;
use beistand_server::ServerConfig;
use futures_util::stream;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc;

use super::{
    files::{AGENTS, PERSONS, photo, sample, sha256_checksum, words},
    house::{conversation, house, house_with, message},
};

/// A body that the test feeds; it breaks off with an error, ends when the sender goes.
fn fed() -> (mpsc::UnboundedSender<std::io::Result<Bytes>>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (sender, Body::from_stream(stream::poll_fn(move |context| receiver.poll_recv(context))))
}

fn broken(bytes: &[u8]) -> Body {
    let pieces = [Ok(Bytes::copy_from_slice(bytes)), Err(std::io::Error::other("the connection broke"))];
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn a_photo_goes_from_a_phone_to_an_agent() {
    let house = house().await;
    let phone = house.phone().await;
    let photo = photo(1200, 800);
    let created = house.announce(PERSONS, &phone.headers(), &photo).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.headers["location"], format!("/v1/uploads/{}", photo.id));
    assert_eq!(created.headers["upload-offset"], "0");
    assert_eq!(created.headers["tus-resumable"], "1.0.0");
    assert_eq!(created.headers["upload-expires"], "Sat, 28 Nov 2026 09:30:00 GMT");
    let (front, rest) = photo.bytes.split_at(photo.bytes.len() / 2);
    let patched = house.patch(PERSONS, &phone.headers(), photo.id, 0, front).await;
    assert_eq!((patched.status.as_u16(), patched.body), (204, json!("")));
    let stands = house.stand(PERSONS, &phone.headers(), photo.id).await;
    assert_eq!(stands.headers["upload-offset"], front.len().to_string());
    assert_eq!(stands.headers["upload-length"], photo.bytes.len().to_string());
    assert_eq!(stands.headers["upload-metadata"], photo.metadata());
    assert_eq!(stands.headers["cache-control"], "no-store");
    let whole = house.patch(PERSONS, &phone.headers(), photo.id, front.len(), rest).await;
    assert_eq!(whole.status, 204, "{}", whole.body);
    assert!(!whole.headers.contains_key("upload-expires"));

    let id = conversation();
    let body = json!({ "subject": "Naht", "message": { "id": message(), "text": "", "attachments": [photo.id] } });
    let opened = house.write(&phone, Method::PUT, &format!("/v1/conversations/{id}"), Some(body.clone())).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let shown = &opened.body["message"]["content"]["attachments"][0];
    let expected = json!({
        "id": photo.id, "name": "Naht.png", "media_type": "image/png", "size": photo.bytes.len(),
        "sha256": photo.sha256, "dimensions": { "width": 1200, "height": 800 },
        "thumbnail": { "width": 640, "height": 427 }, "state": "ready",
    });
    assert_eq!(*shown, expected);
    // The same opening under another operation: it has these files already.
    let again = house.write(&phone, Method::PUT, &format!("/v1/conversations/{id}"), Some(body)).await;
    assert_eq!((again.status.as_u16(), &again.body["message"]), (200, &opened.body["message"]));
    for path in ["/v1/sync".to_owned(), format!("/v1/conversations/{id}/messages")] {
        assert!(house.get(&phone, &path).await.body.to_string().contains(&photo.sha256), "{path}");
    }
    let agent = house.sign_in().await;
    for path in ["/v1/agent/sync".to_owned(), format!("/v1/agent/conversations/{id}/messages")] {
        let page = house.call(Method::GET, &path, agent.clone(), None).await;
        assert!(page.body.to_string().contains(&photo.sha256), "{path}");
    }
    assert_eq!(house.on_disk(), [photo.sha256.clone(), format!("{}.thumbnail", photo.sha256)]);
}

#[tokio::test]
async fn the_server_says_what_of_tus_it_speaks() {
    let house = house().await;
    let phone = house.phone().await;
    for base in [PERSONS, AGENTS] {
        let answer = house.call(Method::OPTIONS, base, Vec::new(), None).await;
        assert_eq!(answer.status, 204);
        for (name, value) in [
            ("tus-resumable", "1.0.0"),
            ("tus-version", "1.0.0"),
            ("tus-extension", "creation,checksum,expiration,termination"),
            ("tus-max-size", "100000000"),
            ("tus-checksum-algorithm", "sha256,sha1"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
    }
    for version in [None, Some("0.2.2"), Some("1.0.1")] {
        let mut headers = phone.headers();
        headers.extend(version.map(|version| ("tus-resumable", version.to_owned())));
        let answer = house.call(Method::POST, PERSONS, headers, None).await;
        assert_eq!(answer.code(), "tus-version");
        assert_eq!(answer.headers["tus-version"], "1.0.0");
    }
}

#[tokio::test]
async fn the_same_announcement_again_says_where_the_upload_stands() {
    let house = house().await;
    let phone = house.phone().await;
    let file = words();
    for offset in [0, 5] {
        let answer = house.announce(PERSONS, &phone.headers(), &file).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["upload-offset"]),
            (201, &offset.to_string().parse().unwrap())
        );
        if offset == 0 {
            house.patch(PERSONS, &phone.headers(), file.id, 0, &file.bytes[..5]).await;
        }
    }
    house.patch(PERSONS, &phone.headers(), file.id, 5, &file.bytes[5..]).await;
    let answer = house.announce(PERSONS, &phone.headers(), &file).await;
    assert_eq!(answer.headers["upload-offset"], file.bytes.len().to_string());
    for other in [words().with_id(file.id), sample("Anders.txt", "text/plain", file.bytes.clone()).with_id(file.id)] {
        assert_eq!(house.announce(PERSONS, &phone.headers(), &other).await.code(), "id-reused");
    }
    assert_eq!(house.announce_as(PERSONS, &phone.headers(), &file, 99).await.code(), "id-reused");
    assert_eq!(house.attachments().await, 1);
}

#[tokio::test]
async fn bytes_must_go_on_where_the_upload_stands_and_end_where_it_was_announced() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let file = words();
    house.announce(PERSONS, &headers, &file).await;
    house.patch(PERSONS, &headers, file.id, 0, &file.bytes[..4]).await;
    for offset in [0, 3, 5, 1000] {
        let answer = house.patch(PERSONS, &headers, file.id, offset, &file.bytes[4..]).await;
        assert_eq!(answer.code(), "upload-offset");
    }
    let longer = [&file.bytes[4..], b"and more"].concat();
    assert_eq!(house.patch(PERSONS, &headers, file.id, 4, &longer).await.code(), "attachment-too-large");
    assert_eq!(house.offset(PERSONS, &headers, file.id).await, 4);
    // No bytes at all: the upload stands where it stood.
    assert_eq!(house.patch(PERSONS, &headers, file.id, 4, b"").await.headers["upload-offset"], "4");
    assert_eq!(house.patch(PERSONS, &headers, file.id, 4, &file.bytes[4..]).await.status, 204);
    assert_eq!(house.patch(PERSONS, &headers, file.id, 4, &file.bytes[4..]).await.code(), "upload-offset");
    assert_eq!(house.patch(PERSONS, &headers, file.id, file.bytes.len(), b"").await.status, 204);
    let mut plain = headers.clone();
    plain.extend([("tus-resumable", "1.0.0".to_owned()), ("upload-offset", "0".to_owned())]);
    let answer = house.call(Method::PATCH, &format!("{PERSONS}/{}", file.id), plain, Some(json!({}))).await;
    assert_eq!(answer.code(), "unsupported-media-type");
}

#[tokio::test]
async fn what_arrived_before_the_connection_broke_is_kept() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let path = |id| format!("{PERSONS}/{id}");
    let file = sample("Protokoll.txt", "text/plain", "Zeile\n".repeat(40_000));
    house.announce(PERSONS, &headers, &file).await;
    let more = vec![("upload-offset", "0".to_owned())];
    let cut = house.tus(Method::PATCH, &path(file.id), &headers, more, broken(&file.bytes[..100_001])).await;
    assert_eq!(cut.code(), "upload-offset");
    assert_eq!(house.offset(PERSONS, &headers, file.id).await, 100_001);
    // Bytes with a checksum are kept together or not at all.
    let rest = &file.bytes[100_001..];
    let more = |checksum: String| vec![("upload-offset", "100001".to_owned()), ("upload-checksum", checksum)];
    house.tus(Method::PATCH, &path(file.id), &headers, more(sha256_checksum(rest)), broken(&rest[..90_000])).await;
    assert_eq!(house.offset(PERSONS, &headers, file.id).await, 100_001);
    let wrong = Body::from(rest.to_vec());
    let answer = house.tus(Method::PATCH, &path(file.id), &headers, more(sha256_checksum(b"anders")), wrong).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (460, "upload-checksum"));
    assert_eq!(house.offset(PERSONS, &headers, file.id).await, 100_001);
    for checksum in ["md5 AAAA", "sha256", "sha256 !"] {
        let body = Body::from(rest.to_vec());
        let answer = house.tus(Method::PATCH, &path(file.id), &headers, more(checksum.into()), body).await;
        assert_eq!(answer.code(), "bad-parameter");
    }
    let sha1 = format!("sha1 {}", BASE64_STANDARD.encode(Sha1::digest(rest)));
    let answer = house.tus(Method::PATCH, &path(file.id), &headers, more(sha1), Body::from(rest.to_vec())).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(house.on_disk(), [file.sha256]);
}

#[tokio::test]
async fn a_newer_request_takes_the_upload_over_from_one_that_hangs() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let file = sample("Protokoll.txt", "text/plain", "Zeile\n".repeat(40_000));
    house.announce(PERSONS, &headers, &file).await;
    let (feed, body) = fed();
    feed.send(Ok(Bytes::copy_from_slice(&file.bytes[..70_000]))).unwrap();
    let path = format!("{PERSONS}/{}", file.id);
    let old = house.tus(Method::PATCH, &path, &headers, vec![("upload-offset", "0".into())], body);
    let new = async {
        // The phone comes back on another connection while the old one still hangs.
        while house.offset(PERSONS, &headers, file.id).await < 70_000 {
            tokio::task::yield_now().await;
        }
        house.patch(PERSONS, &headers, file.id, 70_000, &file.bytes[70_000..]).await
    };
    let (old, new) = tokio::join!(old, new);
    assert_eq!(old.code(), "upload-locked");
    assert_eq!(new.status, 204, "{}", new.body);
    assert_eq!(house.on_disk(), [file.sha256]);
    drop(feed);
    let metrics = house.call(Method::GET, "/metrics", Vec::new(), None).await.body;
    assert!(metrics.as_str().unwrap().contains("beistand_uploads_total{event=\"taken_over\"} 1"), "{metrics}");
}

#[tokio::test]
async fn bytes_without_a_known_checksum_are_not_where_the_upload_stands() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let file = sample("Protokoll.txt", "text/plain", "Zeile\n".repeat(40_000));
    house.announce(PERSONS, &headers, &file).await;
    let (feed, body) = fed();
    feed.send(Ok(Bytes::copy_from_slice(&file.bytes[..70_000]))).unwrap();
    let path = format!("{PERSONS}/{}", file.id);
    let more = vec![("upload-offset", "0".into()), ("upload-checksum", sha256_checksum(&file.bytes))];
    let sending = house.tus(Method::PATCH, &path, &headers, more, body);
    let asking = async {
        let part = format!("1-{}.part", file.id);
        let part = house.folder.path().join("files/uploads").join(part);
        while std::fs::metadata(&part).map_or(0, |part| part.len()) < 70_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.offset(PERSONS, &headers, file.id).await, 0);
        feed.send(Ok(Bytes::copy_from_slice(&file.bytes[70_000..]))).unwrap();
        drop(feed);
    };
    let (sent, ()) = tokio::join!(sending, asking);
    assert_eq!(sent.headers["upload-offset"], file.bytes.len().to_string());
}

#[tokio::test]
async fn a_file_with_another_hash_is_dropped_and_may_come_again() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let file = words();
    house.announce(PERSONS, &headers, &file).await;
    let damaged = vec![b'x'; file.bytes.len()];
    assert_eq!(house.patch(PERSONS, &headers, file.id, 0, &damaged).await.code(), "attachment-hash");
    assert_eq!(house.on_disk(), [""; 0]);
    assert_eq!(house.offset(PERSONS, &headers, file.id).await, 0);
    house.upload(PERSONS, &headers, &file).await;
}

#[tokio::test]
async fn an_upload_whose_completion_was_cut_off_is_completed_by_whoever_asks() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    for ask_with_post in [false, true] {
        let file = words();
        house.announce(PERSONS, &headers, &file).await;
        // As after a crash between the last byte and the commit.
        let folder = house.folder.path().join("files/uploads");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("1-{}.part", file.id)), &file.bytes).unwrap();
        if ask_with_post {
            let answer = house.announce(PERSONS, &headers, &file).await;
            assert_eq!(answer.headers["upload-offset"], file.bytes.len().to_string());
        } else {
            assert_eq!(house.offset(PERSONS, &headers, file.id).await, file.bytes.len() as u64);
        }
        assert!(house.on_disk().contains(&file.sha256));
        let downloaded = house.get(&phone, &format!("/v1/attachments/{}", file.id)).await;
        assert_eq!(downloaded.status, 200);
    }
}

#[tokio::test]
async fn an_upload_that_waits_too_long_is_gone_and_begins_anew() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let (unfinished, unused) = (words(), words());
    house.announce(PERSONS, &headers, &unfinished).await;
    house.patch(PERSONS, &headers, unfinished.id, 0, &unfinished.bytes[..5]).await;
    house.clock.advance(UPLOAD_EXPIRES_MS - 1);
    // Whoever goes on is not forgotten.
    house.patch(PERSONS, &headers, unfinished.id, 5, &unfinished.bytes[5..6]).await;
    house.upload(PERSONS, &headers, &unused).await;
    house.clock.advance(UPLOAD_EXPIRES_MS - 1);
    assert_eq!(house.offset(PERSONS, &headers, unfinished.id).await, 6);
    house.clock.advance(1);
    for file in [&unfinished, &unused] {
        assert_eq!(house.stand(PERSONS, &headers, file.id).await.status, 410);
        assert_eq!(house.patch(PERSONS, &headers, file.id, 6, b"x").await.code(), "upload-expired");
    }
    let body = json!({ "subject": "s", "message": { "id": message(), "text": "t" } });
    let path = format!("/v1/conversations/{}", conversation());
    house.write(&phone, Method::PUT, &path, Some(body)).await;
    // A withdrawal wakes the sweep.
    house.write(&phone, Method::DELETE, &path, None).await;
    house.until_on_disk(0).await;
    house.upload(PERSONS, &headers, &unfinished).await;
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let (unfinished, whole, sent) = (words(), words(), words());
    house.announce(PERSONS, &headers, &unfinished).await;
    house.patch(PERSONS, &headers, unfinished.id, 0, b"Hal").await;
    house.upload(PERSONS, &headers, &whole).await;
    house.upload(PERSONS, &headers, &sent).await;
    let body = json!({ "subject": "s", "message": { "id": message(), "text": "t", "attachments": [sent.id] } });
    house.write(&phone, Method::PUT, &format!("/v1/conversations/{}", conversation()), Some(body)).await;
    for file in [&unfinished, &whole] {
        let path = format!("{PERSONS}/{}", file.id);
        let answer = house.tus(Method::DELETE, &path, &headers, Vec::new(), Body::empty()).await;
        assert_eq!(answer.status, 204);
        assert_eq!(house.stand(PERSONS, &headers, file.id).await.status, 410);
        assert_eq!(house.get(&phone, &format!("/v1/attachments/{}", file.id)).await.code(), "not-found");
    }
    let path = format!("{PERSONS}/{}", sent.id);
    let answer = house.tus(Method::DELETE, &path, &headers, Vec::new(), Body::empty()).await;
    assert_eq!(answer.code(), "forbidden");
    house.until_on_disk(1).await;
    assert_eq!(house.on_disk(), [sent.sha256]);
    // The same id again is the same file, from the front.
    house.upload(PERSONS, &headers, &unfinished).await;
}

#[tokio::test]
async fn another_persons_upload_does_not_exist() {
    let house = house().await;
    let (jana, tom) = (house.phone().await, house.phone().await);
    let agent = house.sign_in().await;
    let file = words();
    house.announce(PERSONS, &jana.headers(), &file).await;
    house.patch(PERSONS, &jana.headers(), file.id, 0, b"Hal").await;
    for (base, who) in [(PERSONS, tom.headers()), (AGENTS, agent)] {
        let path = format!("{base}/{}", file.id);
        assert_eq!(house.announce(base, &who, &file).await.code(), "not-found");
        assert_eq!(house.stand(base, &who, file.id).await.status, 404);
        assert_eq!(house.patch(base, &who, file.id, 3, &file.bytes[3..]).await.code(), "not-found");
        let answer = house.tus(Method::DELETE, &path, &who, Vec::new(), Body::empty()).await;
        assert_eq!(answer.code(), "not-found");
    }
    assert_eq!(house.offset(PERSONS, &jana.headers(), file.id).await, 3);
}

#[tokio::test]
async fn a_person_cannot_fill_the_disk_with_files_that_nobody_sends() {
    let mut config = ServerConfig::default();
    config.limits.waiting_uploads = 2;
    config.limits.waiting_upload_bytes = 1000;
    let house = house_with(config).await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let first = words();
    house.upload(PERSONS, &headers, &first).await;
    let large = sample("a.txt", "text/plain", vec![b'a'; 990]);
    let limited = house.announce(PERSONS, &headers, &large).await;
    assert_eq!(limited.code(), "rate-limited");
    assert_eq!(limited.headers["retry-after"], "30");
    let second = words();
    house.announce(PERSONS, &headers, &second).await;
    assert_eq!(house.announce(PERSONS, &headers, &words()).await.code(), "rate-limited");
    // What is there already may always be asked for, another person is another matter, and so is an agent.
    assert_eq!(house.announce(PERSONS, &headers, &second).await.status, 201);
    house.upload(PERSONS, &house.phone().await.headers(), &words()).await;
    // A message takes its files off the list.
    let body = json!({ "subject": "s", "message": { "id": message(), "text": "t", "attachments": [first.id] } });
    house.write(&phone, Method::PUT, &format!("/v1/conversations/{}", conversation()), Some(body)).await;
    assert_eq!(house.announce(PERSONS, &headers, &words()).await.status, 201);
}

#[tokio::test]
async fn only_announcements_spend_from_the_allowance() {
    let mut config = ServerConfig::default();
    config.limits.burst = 2;
    let house = house_with(config).await;
    let phone = house.phone().await;
    let headers = phone.headers();
    for _ in 0..2 {
        let file = words();
        house.announce(PERSONS, &headers, &file).await;
        for at in 0..5 {
            assert_eq!(house.patch(PERSONS, &headers, file.id, at, &file.bytes[at..=at]).await.status, 204);
        }
    }
    assert_eq!(house.announce(PERSONS, &headers, &words()).await.code(), "rate-limited");
}
