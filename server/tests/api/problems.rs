//! Every code of the protocol, produced by a request; and bad input that must leave nothing behind.

use std::{collections::BTreeSet, net::SocketAddr};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request},
};
use beistand_protocol::{Code, limits::UPLOAD_EXPIRES_MS};
use beistand_server::{Clock as _, ServerConfig, identity::Claims};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::files::{PERSONS, Sample, sample, sha256_checksum, words};
use super::house::{Answer, House, Phone, conversation, house, house_with, message, opening};

async fn open_with(house: &House, phone: &Phone, change: impl FnOnce(&mut Value)) -> Answer {
    let mut body = opening(message());
    change(&mut body);
    let path = format!("/v1/conversations/{}", conversation());
    house.write(phone, Method::PUT, &path, Some(body)).await
}

async fn raw_body(house: &House, phone: &Phone, kind: &str, body: Vec<u8>) -> Answer {
    let path = format!("/v1/conversations/{}", conversation());
    let mut request = Request::builder().method(Method::PUT).uri(&path).header("content-type", kind);
    for (name, value) in phone.operation(&path) {
        request = request.header(name, value);
    }
    house.raw(request.body(Body::from(body)).unwrap()).await
}

/// A request for each code. A new code fails the test below until a request for it stands here.
async fn provoke(code: Code) -> Answer {
    let config = match code {
        Code::UpdateRequired => ServerConfig { minimum_version: Some("2.0.0".into()), ..Default::default() },
        Code::FieldRequired | Code::FieldInvalid => ServerConfig::from_toml(
            "[[desk.fields]]\nkey = \"size\"\nkind = \"choice\"\nchoices = [\"M\"]\nrequired = true",
        )
        .unwrap(),
        Code::RateLimited => {
            let mut config = ServerConfig::default();
            config.limits.burst = 1;
            config
        }
        _ => ServerConfig::default(),
    };
    let house = house_with(config).await;
    if code == Code::UpdateRequired {
        let headers = vec![("user-agent", "beistand/1.9.9 (android)".into()), ("x-app-key", "shop".into())];
        return house.call(Method::GET, "/v1/config", headers, None).await;
    }
    let phone = house.phone().await;
    let phone = &phone;
    match code {
        Code::BadJson => raw_body(&house, phone, "application/json", b"{".to_vec()).await,
        Code::BadParameter => house.get(phone, "/v1/sync?limit=0").await,
        Code::BadOperation => {
            let path = format!("/v1/conversations/{}", conversation());
            house.call(Method::PUT, &path, phone.headers(), Some(opening(message()))).await
        }
        Code::Unauthorized => house.call(Method::GET, "/v1/sync", vec![("x-app-key", "shop".into())], None).await,
        Code::WrongPassword => {
            let body = json!({ "name": "Niemand", "password": "geheim" });
            house.call(Method::POST, "/v1/agent/session", vec![("x-app-key", "shop".into())], Some(body)).await
        }
        Code::Forbidden => {
            let agent = house.sign_in().await;
            let (id, _) = house.open(phone).await;
            let answer = house.answer(&agent, id, "Guten Tag", "all").await.body;
            let path = format!("/v1/conversations/{id}/messages/{}", answer["id"].as_str().unwrap());
            house.write(phone, Method::PATCH, &path, Some(json!({ "text": "meins" }))).await
        }
        Code::NotFound => house.get(phone, &format!("/v1/conversations/{}", conversation())).await,
        Code::UnknownApp => house.call(Method::GET, "/v1/config", vec![("x-app-key", "none".into())], None).await,
        Code::UnknownDevice => {
            let token = format!("Bearer {}.{}", message(), "0".repeat(64));
            let headers = vec![("x-app-key", "shop".into()), ("authorization", token)];
            house.call(Method::GET, "/v1/sync", headers, None).await
        }
        Code::MethodNotAllowed => {
            let answer = house.call(Method::DELETE, "/v1/sync", phone.headers(), None).await;
            assert!(answer.headers.contains_key("allow"));
            answer
        }
        Code::IdReused => {
            let (id, first) = house.open(phone).await;
            let path = format!("/v1/conversations/{id}/messages/{first}");
            house.write(phone, Method::PUT, &path, Some(json!({ "text": "anderes" }))).await
        }
        Code::OperationSuperseded => {
            let (id, _) = house.open(phone).await;
            let path = format!("/v1/conversations/{id}/status");
            house.call(Method::PUT, &path, phone.operation_at(&path, 1), Some(json!({ "status": "closed" }))).await
        }
        Code::EpochChanged => {
            let path = format!("/v1/conversations/{}", conversation());
            let mut headers = phone.operation(&path);
            headers.push(("beistand-epoch", "before-the-restore".into()));
            house.call(Method::PUT, &path, headers, Some(opening(message()))).await
        }
        Code::MessageRetracted => {
            let (id, first) = house.open(phone).await;
            let path = format!("/v1/conversations/{id}/messages/{first}");
            house.write(phone, Method::DELETE, &path, None).await;
            house.write(phone, Method::PATCH, &path, Some(json!({ "text": "doch" }))).await
        }
        Code::OtherUser => {
            house.add_key().await;
            assert_eq!(house.log_in(phone, &house.token("jana")).await.status, 200);
            house.log_in(phone, &house.token("tarik")).await
        }
        Code::TokenRefused => house.log_in(phone, &house.token("jana")).await,
        Code::TokenExpired | Code::TokenNotYetValid => {
            house.add_key().await;
            let away = if code == Code::TokenExpired { -7200 } else { 7200 } * 1000;
            let at = house.clock.now().plus(away);
            house.log_in(phone, &house.sign(&Claims::new("shop", "jana", at, 600))).await
        }
        Code::BodyTooLarge => raw_body(&house, phone, "application/json", vec![b' '; 10 * 1024 * 1024]).await,
        Code::UnsupportedMediaType => raw_body(&house, phone, "text/plain", b"{}".to_vec()).await,
        Code::TextEmpty => open_with(&house, phone, |body| body["message"]["text"] = json!("  \n ")).await,
        Code::TextTooLong => open_with(&house, phone, |body| body["subject"] = json!("ä".repeat(201))).await,
        Code::TextInvalid => open_with(&house, phone, |body| body["subject"] = json!("a\u{0}b")).await,
        Code::ReportInvalid => {
            let path = format!("/v1/faq/reports/{}", message());
            let search = json!({ "locale": "de", "query": "jana@example.com", "count": 1 });
            house.write(phone, Method::PUT, &path, Some(json!({ "searches": [search] }))).await
        }
        Code::UnknownCategory => open_with(&house, phone, |body| body["category"] = json!("weather")).await,
        Code::UnknownField => open_with(&house, phone, |body| body["fields"] = json!({ "shoe": 1 })).await,
        Code::FieldInvalid => open_with(&house, phone, |body| body["fields"] = json!({ "size": "XXXL" })).await,
        Code::FieldRequired => open_with(&house, phone, |_| ()).await,
        Code::TimeOutOfRange => {
            open_with(&house, phone, |body| body["message"]["sent_at"] = json!("9999-12-31T23:59:59Z")).await
        }
        Code::StatusNotAllowed => {
            let (id, _) = house.open(phone).await;
            let path = format!("/v1/conversations/{id}/status");
            house.write(phone, Method::PUT, &path, Some(json!({ "status": "solved" }))).await
        }
        Code::TooManyAttachments => {
            let files = vec![message(); 11];
            open_with(&house, phone, |body| body["message"]["attachments"] = json!(files)).await
        }
        Code::UnknownAttachment => {
            open_with(&house, phone, |body| body["message"]["attachments"] = json!([message()])).await
        }
        Code::UnknownAgent => {
            let agent = house.sign_in().await;
            let (id, _) = house.open(phone).await;
            let path = format!("/v1/agent/conversations/{id}/assignee");
            house.call(Method::PUT, &path, agent, Some(json!({ "agent_id": message() }))).await
        }
        Code::UpdateRequired => unreachable!("answered above"),
        Code::PushTokenInvalid => {
            let path = format!("/v1/devices/{}/push-token", phone.credential.device);
            let body = json!({ "service": "FCM", "token": "t" });
            house.call(Method::PUT, &path, phone.headers(), Some(body)).await
        }
        Code::RateLimited => {
            house.open(phone).await;
            open_with(&house, phone, |_| ()).await
        }
        Code::Internal => {
            // A path in the database that no request of a client can make: a broken row.
            let (id, _) = house.open(phone).await;
            let conn = rusqlite::Connection::open(house.folder.path().join("beistand.db")).unwrap();
            conn.execute("UPDATE conversations SET fields = 'broken'", []).unwrap();
            house.get(phone, &format!("/v1/conversations/{id}")).await
        }
        Code::Unavailable => {
            house.server.shutdown().await;
            let answer = house.call(Method::GET, "/healthz", vec![], None).await;
            assert!(answer.headers.contains_key("retry-after"));
            answer
        }
        Code::UploadOffset => {
            let file = words();
            house.announce(PERSONS, &phone.headers(), &file).await;
            house.patch(PERSONS, &phone.headers(), file.id, 7, b"x").await
        }
        Code::UploadExpired => {
            let file = words();
            house.announce(PERSONS, &phone.headers(), &file).await;
            house.clock.advance(UPLOAD_EXPIRES_MS);
            house.patch(PERSONS, &phone.headers(), file.id, 0, &file.bytes).await
        }
        Code::TusVersion => house.call(Method::POST, PERSONS, phone.headers(), None).await,
        Code::AttachmentTooLarge => house.announce_as(PERSONS, &phone.headers(), &words(), 10_000_000_000).await,
        Code::AttachmentEmpty => house.announce_as(PERSONS, &phone.headers(), &words(), 0).await,
        Code::AttachmentName => {
            house.announce(PERSONS, &phone.headers(), &sample("../passwd", "text/plain", "x")).await
        }
        Code::AttachmentType => send(&house, phone, &sample("a.jpg", "image/jpeg", "<html>")).await,
        Code::AttachmentImage => {
            send(&house, phone, &sample("a.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0")).await
        }
        Code::AttachmentHash => {
            let mut file = words();
            file.sha256 = "0".repeat(64);
            send(&house, phone, &file).await
        }
        Code::UploadChecksum => {
            let file = words();
            house.announce(PERSONS, &phone.headers(), &file).await;
            let more = vec![("upload-offset", "0".into()), ("upload-checksum", sha256_checksum(b"anders"))];
            let path = format!("{PERSONS}/{}", file.id);
            house.tus(Method::PATCH, &path, &phone.headers(), more, Body::from(file.bytes)).await
        }
        Code::UploadLocked => {
            let file = sample("a.txt", "text/plain", vec![b'a'; 100_000]);
            let (headers, path) = (phone.headers(), format!("{PERSONS}/{}", file.id));
            house.announce(PERSONS, &headers, &file).await;
            let first = stream::iter([std::io::Result::Ok(file.bytes[..70_000].to_vec())]);
            let hanging = Body::from_stream(first.chain(stream::pending()));
            let old = house.tus(Method::PATCH, &path, &headers, vec![("upload-offset", "0".into())], hanging);
            let new = async {
                while house.offset(PERSONS, &headers, file.id).await < 70_000 {
                    tokio::task::yield_now().await;
                }
                house.patch(PERSONS, &headers, file.id, 70_000, b"a").await
            };
            tokio::join!(old, new).0
        }
        Code::RangeNotSatisfiable => {
            let file = words();
            send(&house, phone, &file).await;
            let mut headers = phone.headers();
            headers.push(("range", "bytes=99999-".into()));
            house.call(Method::GET, &format!("/v1/attachments/{}", file.id), headers, None).await
        }
        // Scans have a scanner of their own, in `scan`; here the database says what one would have said.
        Code::AttachmentScanning | Code::AttachmentBlocked => {
            let file = words();
            send(&house, phone, &file).await;
            let opened = open_with(&house, phone, |body| body["message"]["attachments"] = json!([file.id])).await;
            assert_eq!(opened.status, 201);
            let stage = if code == Code::AttachmentScanning { 2 } else { 3 };
            let conn = rusqlite::Connection::open(house.folder.path().join("beistand.db")).unwrap();
            conn.execute("UPDATE attachments SET stage = ?1", [stage]).unwrap();
            let path = format!("/v1/agent/attachments/{}", file.id);
            house.call(Method::GET, &path, house.sign_in().await, None).await
        }
    }
}

/// Announces a file and sends all of it; what the last request said.
async fn send(house: &House, phone: &Phone, file: &Sample) -> Answer {
    let announced = house.announce(PERSONS, &phone.headers(), file).await;
    assert_eq!(announced.status, 201);
    house.patch(PERSONS, &phone.headers(), file.id, 0, &file.bytes).await
}

#[tokio::test]
async fn every_code_has_a_request_that_produces_it() {
    for code in Code::ALL {
        let answer = provoke(*code).await;
        assert_eq!(answer.code(), code.as_str());
        assert_eq!(answer.status.as_u16(), code.status());
        assert_eq!(answer.body["type"], format!("https://beistand.dev/problems/{code}"));
    }
}

#[tokio::test]
async fn bad_input_gets_a_code_and_leaves_nothing() {
    let house = house().await;
    let phone = house.phone().await;
    let nested = [b"{\"subject\":".to_vec(), vec![b'['; 100_000]].concat();
    let utf8 =
        b"{\"subject\":\"\xff\xfe\",\"message\":{\"id\":\"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f\",\"text\":\"x\"}}";
    let surrogate =
        b"{\"subject\":\"\\ud800\",\"message\":{\"id\":\"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f\",\"text\":\"x\"}}";
    let mut codes = BTreeSet::new();
    for body in [nested, utf8.to_vec(), surrogate.to_vec(), b"null".to_vec(), b"[]".to_vec(), Vec::new()] {
        codes.insert(raw_body(&house, &phone, "application/json", body).await.code().to_owned());
    }
    assert_eq!(codes, BTreeSet::from(["bad-json".to_owned()]));
    for path in
        ["/v1/conversations/not-an-id", "/v1/conversations/%FF", "/v1/conversations/{01920e5c7b1a7c3e9f105a2b3c4d5e6f}"]
    {
        assert_eq!(house.get(&phone, path).await.code(), "bad-parameter", "{path}");
    }
    for query in ["limit=201", "limit=-1", "limit=x", "cursor=%21", "cursor=abcd"] {
        assert_eq!(house.get(&phone, &format!("/v1/sync?{query}")).await.code(), "bad-parameter", "{query}");
    }
    assert_eq!(house.call(Method::GET, "/no/such/path", vec![], None).await.code(), "not-found");
    let census = house.server.store().census().await.unwrap();
    assert_eq!((census.conversations, census.messages, census.operations), (0, 0, 0));
}

#[tokio::test]
async fn operation_headers_must_fit_the_request() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, other) = (conversation(), conversation());
    let path = format!("/v1/conversations/{id}");
    let device = phone.credential.device;
    for (operation, order) in [
        ("nothing".to_owned(), format!("{device}/conversation:{id}/1")),
        (message().to_string(), format!("{device}/conversation:{other}/1")),
        (message().to_string(), format!("{device}/read:{id}/1")),
        (message().to_string(), format!("{device}/conversation:{id}/0")),
        (message().to_string(), format!("{}/conversation:{id}/1", message())),
    ] {
        let mut headers = phone.headers();
        headers.extend([("operation-id", operation), ("operation-order", order)]);
        let answer = house.call(Method::PUT, &path, headers, Some(opening(message()))).await;
        assert_eq!(answer.code(), "bad-operation");
    }
}

#[tokio::test]
async fn the_defaults_of_the_rate_limit_hold_with_retry_after() {
    let house = house().await;
    let phone = house.phone().await;
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/conversations/{id}/status");
    let close = || house.write(&phone, Method::PUT, &path, Some(json!({ "status": "closed" })));
    for _ in 1..300 {
        assert_eq!(close().await.status, 200);
    }
    let limited = close().await;
    assert_eq!(limited.code(), "rate-limited");
    assert_eq!(limited.headers["retry-after"], "1");
    assert_eq!(limited.body["retry_after"], 1);
    // Reading is not limited, another person neither, and after a second one write is free again.
    assert_eq!(house.get(&phone, "/v1/sync").await.status, 200);
    let other = house.phone().await;
    house.open(&other).await;
    house.clock.advance(1_000);
    assert_eq!(close().await.status, 200);
    assert_eq!(close().await.code(), "rate-limited");
    house.clock.advance(60_000);
    for _ in 0..60 {
        assert_eq!(close().await.status, 200);
    }
    assert_eq!(close().await.code(), "rate-limited");
}

#[tokio::test]
async fn registrations_are_limited_by_address() {
    let house = house().await;
    let register = |address: &'static str| {
        let body = json!({ "secret": "ab".repeat(32) }).to_string();
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(format!("/v1/devices/{}", message()))
            .header("x-app-key", "shop")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
        house.raw(request)
    };
    for _ in 0..60 {
        assert_eq!(register("192.0.2.1:4000").await.status, 201);
    }
    let limited = register("192.0.2.1:4001").await;
    assert_eq!(limited.code(), "rate-limited");
    assert!(limited.headers.contains_key("retry-after"));
    assert_eq!(register("192.0.2.2:4000").await.status, 201);
}
