//! Files: uploaded over tus, taken by a message, given back.

use beistand_conformance::{Answer, Phone, Target, file::File, id};
use reqwest::Method;
use serde_json::json;

const PERSONS: &str = "/v1/uploads";
const AGENTS: &str = "/v1/agent/uploads";

/// Opens a conversation whose first message carries a file; its path.
async fn open_with(target: &Target, phone: &Phone, file: &File) -> (Answer, String) {
    let path = format!("/v1/conversations/{}", id());
    let body = json!({ "subject": "Conformance", "message": { "id": id(), "text": "", "attachments": [file.id] } });
    (target.write(phone, Method::PUT, &path, Some(body)).await, path)
}

#[tokio::test]
async fn an_upload_goes_on_where_it_stopped_and_becomes_part_of_a_message() {
    let target = Target::get().await;
    let (phone, agent) = (target.phone().await, target.agent().await);
    let file = File::words();
    let created = target.announce(PERSONS, &phone.headers(), &file).await;
    assert_eq!((created.status.as_u16(), &created.headers["tus-resumable"]), (201, &"1.0.0".parse().unwrap()));
    let location = created.headers["location"].to_str().unwrap();
    assert!(location.ends_with(&format!("{PERSONS}/{}", file.id)), "{location}");
    assert!(created.headers.contains_key("upload-expires"));
    let part = target.patch(PERSONS, &phone.headers(), &file, 0, &file.bytes[..7]).await;
    assert_eq!((part.status.as_u16(), &part.headers["upload-offset"]), (204, &"7".parse().unwrap()));
    assert_eq!(target.announce(PERSONS, &phone.headers(), &file).await.headers["upload-offset"], "7");
    let stands = target.stand(PERSONS, &phone.headers(), &file).await;
    assert_eq!(stands.headers["upload-offset"], "7");
    assert_eq!(stands.headers["upload-length"], file.bytes.len().to_string());
    assert_eq!(stands.headers["cache-control"], "no-store");
    let (early, _) = open_with(&target, &phone, &file).await;
    assert_eq!(early.code(), "unknown-attachment");
    assert_eq!(target.patch(PERSONS, &phone.headers(), &file, 7, &file.bytes[7..]).await.status, 204);
    let (opened, path) = open_with(&target, &phone, &file).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let shown = &opened.body["message"]["content"]["attachments"][0];
    assert_eq!((&shown["id"], &shown["name"]), (&json!(file.id), &json!(file.name)));
    assert_eq!((&shown["size"], &shown["sha256"]), (&json!(file.bytes.len()), &json!(file.sha256())));
    let (again, _) = open_with(&target, &phone, &file).await;
    assert_eq!(again.code(), "unknown-attachment", "it is in a message already");

    let answer = File::words();
    target.upload(AGENTS, &agent, &answer).await;
    let written = format!("{}/messages/{}", path.replace("/v1/", "/v1/agent/"), id());
    let body = json!({ "text": "Here it is", "attachments": [answer.id] });
    assert_eq!(target.call(Method::PUT, &written, agent.clone(), Some(body)).await.status, 201);
    for (base, who, file) in [("/v1", phone.headers(), &answer), ("/v1/agent", agent, &file)] {
        let got = target.call(Method::GET, &format!("{base}/attachments/{}", file.id), who, None).await;
        assert_eq!(got.status, 200);
        assert_eq!(got.headers["x-content-type-options"], "nosniff");
        assert!(got.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert!(got.headers.contains_key("etag"));
    }
}

#[tokio::test]
async fn an_upload_that_breaks_a_rule_is_refused_and_gone() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let who = phone.headers();
    let announced = |file: File, size: u64| {
        let who = who.clone();
        let target = &target;
        async move { target.tus(Method::POST, PERSONS, &who, file.announcement(size), None).await }
    };
    assert_eq!(announced(File::words(), 0).await.code(), "attachment-empty");
    assert_eq!(announced(File::words(), 10_000_000_000).await.code(), "attachment-too-large");
    for name in ["../x", "a\u{0}b", "photo\u{202e}gpj.exe", ""] {
        assert_eq!(announced(File::new(name, "text/plain", "x"), 1).await.code(), "attachment-name", "{name:?}");
    }
    assert_eq!(announced(File::new("a", "no type", "x"), 1).await.code(), "attachment-type");
    let lying = File::new("a.jpg", "image/jpeg", "<html>");
    target.announce(PERSONS, &who, &lying).await;
    assert_eq!(target.patch(PERSONS, &who, &lying, 0, &lying.bytes).await.code(), "attachment-type");
    assert_eq!(target.stand(PERSONS, &who, &lying).await.status, 404);
    let mut plain = who.clone();
    plain.extend(File::words().announcement(3));
    assert_eq!(target.call(Method::POST, PERSONS, plain, None).await.code(), "tus-version");
}

#[tokio::test]
async fn offsets_checksums_and_the_end_are_kept() {
    let target = Target::get().await;
    let who = target.phone().await.headers();
    let file = File::words();
    target.announce(PERSONS, &who, &file).await;
    assert_eq!(target.patch(PERSONS, &who, &file, 3, b"x").await.code(), "upload-offset");
    let longer = [&file.bytes[..], b"x"].concat();
    assert_eq!(target.patch(PERSONS, &who, &file, 0, &longer).await.code(), "attachment-too-large");
    let more = vec![
        ("upload-offset", "0".to_owned()),
        ("upload-checksum", "sha256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
    ];
    let path = format!("{PERSONS}/{}", file.id);
    let answer = target.tus(Method::PATCH, &path, &who, more, Some(file.bytes.clone())).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (460, "upload-checksum"));
    assert_eq!(target.patch(PERSONS, &who, &file, 0, &vec![b'x'; file.bytes.len()]).await.code(), "attachment-hash");
    assert_eq!(target.stand(PERSONS, &who, &file).await.headers["upload-offset"], "0");
    assert_eq!(target.tus(Method::DELETE, &path, &who, Vec::new(), None).await.status, 204);
    assert_eq!(target.patch(PERSONS, &who, &file, 0, &file.bytes).await.code(), "upload-expired");
    target.upload(PERSONS, &who, &file).await;
}

#[tokio::test]
async fn a_range_is_a_part_of_the_same_bytes() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let file = File::new("numbers.json", "application/json", "[1,2,3,4,5]");
    target.upload(PERSONS, &phone.headers(), &file).await;
    let path = format!("/v1/attachments/{}", file.id);
    let whole = target.read(&phone, &path).await;
    assert_eq!(whole.body, json!([1, 2, 3, 4, 5]));
    let etag = whole.headers["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"'), "a strong one: {etag}");
    let ask = |range: &str, if_range: &str| {
        let mut headers = phone.headers();
        headers.extend([("range", range.to_owned()), ("if-range", if_range.to_owned())]);
        target.call(Method::GET, &path, headers, None)
    };
    let part = ask("bytes=3-3", &etag).await;
    assert_eq!((part.status.as_u16(), &part.body), (206, &json!(2)));
    assert_eq!(part.headers["content-range"], "bytes 3-3/11");
    assert_eq!(ask("bytes=3-3", "\"another\"").await.body, whole.body);
    assert_eq!(ask("bytes=11-", &etag).await.code(), "range-not-satisfiable");
}
