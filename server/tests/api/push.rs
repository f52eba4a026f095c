//! Waking phones: when, how often, and with how little.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use beistand_protocol::PushToken;
use beistand_server::{
    ServerConfig,
    push::{Push, PushConfig, PushError, RecordingGateway},
};
use serde_json::json;

use super::house::{Answer, House, Phone, house, house_with_pushes};

/// Far more than a push takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn next(gateway: &RecordingGateway) -> Push {
    tokio::time::timeout(PATIENCE, gateway.next()).await.expect("a push")
}

fn path(phone: &Phone) -> String {
    format!("/v1/devices/{}/push-token", phone.credential.device)
}

async fn set_token(house: &House, phone: &Phone, token: &str) -> Answer {
    let body = json!({ "service": "fcm", "token": token });
    house.call(Method::PUT, &path(phone), phone.headers(), Some(body)).await
}

async fn phone_with_token(house: &House, token: &str) -> Phone {
    let phone = house.phone().await;
    assert_eq!(set_token(house, &phone, token).await.status, StatusCode::NO_CONTENT);
    phone
}

#[tokio::test]
async fn a_message_that_waits_wakes_the_phone_once_and_says_nothing_of_it() {
    let (house, gateway) = house_with_pushes(ServerConfig::default()).await;
    let (phone, agent) = (phone_with_token(&house, "t:1").await, house.sign_in().await);
    let ((id, _), (other, _)) = (house.open(&phone).await, house.open(&phone).await);
    // Neither a note nor an own message is a reason, and a second answer is not a second one.
    house.answer(&agent, id, "Notiz", "agents").await;
    house.answer(&agent, id, "Guten Tag", "all").await;
    house.answer(&agent, id, "Noch da?", "all").await;
    house.answer(&agent, other, "Guten Tag", "all").await;
    let push = next(&gateway).await;
    let token = PushToken { service: "fcm".into(), token: "t:1".into() };
    assert_eq!((&*push.app, push.device, push.token), ("shop", phone.credential.device, token));
    assert_eq!(push.collapse_key, id.to_string());
    assert!((1..=3).contains(&push.badge), "{}", push.badge);
    assert_eq!(next(&gateway).await.collapse_key, other.to_string());
    // Having synced, the person may be woken again.
    house.get(&phone, "/v1/sync").await;
    house.answer(&agent, id, "Bis morgen", "all").await;
    let push = next(&gateway).await;
    assert_eq!((push.collapse_key, push.badge), (id.to_string(), 4));
}

#[tokio::test]
async fn an_open_socket_needs_no_push_until_it_closes_unheard() {
    let (house, gateway) = house_with_pushes(ServerConfig::default()).await;
    let (phone, agent) = (phone_with_token(&house, "t:1").await, house.sign_in().await);
    let ((id, _), (other, _)) = (house.open(&phone).await, house.open(&phone).await);
    let token = phone.credential.to_token();
    let socket = house.server.connect_in_process("shop", &token).await.unwrap();
    house.answer(&agent, id, "Guten Tag", "all").await;
    // Somebody else's push comes after whatever that answer might have caused.
    let stranger = phone_with_token(&house, "t:2").await;
    let (theirs, _) = house.open(&stranger).await;
    house.answer(&agent, theirs, "Guten Tag", "all").await;
    assert_eq!(next(&gateway).await.collapse_key, theirs.to_string());
    drop(socket);
    assert_eq!(next(&gateway).await.collapse_key, id.to_string());
    // What was synced over a socket is no reason when it closes.
    let socket = house.server.connect_in_process("shop", &token).await.unwrap();
    house.answer(&agent, id, "Und?", "all").await;
    house.get(&phone, "/v1/sync").await;
    drop(socket);
    house.answer(&agent, other, "Guten Tag", "all").await;
    assert_eq!(next(&gateway).await.collapse_key, other.to_string());
}

#[tokio::test]
async fn only_the_device_itself_speaks_of_its_token_and_a_token_has_one_device() {
    let (house, gateway) = house_with_pushes(ServerConfig::default()).await;
    let (one, two) = (phone_with_token(&house, "t:1").await, house.phone().await);
    let body = json!({ "service": "fcm", "token": "t:3" });
    let answer = house.call(Method::PUT, &path(&one), two.headers(), Some(body)).await;
    assert_eq!(answer.code(), "not-found");
    assert_eq!(house.call(Method::DELETE, &path(&one), two.headers(), None).await.code(), "not-found");
    // The phone was set up anew: what is meant for the old installation must not reach the new one.
    assert_eq!(set_token(&house, &two, "t:1").await.status, StatusCode::NO_CONTENT);
    let agent = house.sign_in().await;
    let ((old, _), (new, _)) = (house.open(&one).await, house.open(&two).await);
    house.answer(&agent, old, "Guten Tag", "all").await;
    house.answer(&agent, new, "Guten Tag", "all").await;
    assert_eq!(next(&gateway).await.collapse_key, new.to_string());
    assert_eq!(house.call(Method::DELETE, &path(&two), two.headers(), None).await.status, StatusCode::NO_CONTENT);
    house.get(&two, "/v1/sync").await;
    house.answer(&agent, new, "Noch da?", "all").await;
    assert_eq!(set_token(&house, &one, "t:4").await.status, StatusCode::NO_CONTENT);
    house.answer(&agent, old, "Noch da?", "all").await;
    assert_eq!(next(&gateway).await.token.token, "t:4");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_fails_is_asked_again_and_a_dead_token_is_forgotten() {
    let (house, gateway) = house_with_pushes(ServerConfig::default()).await;
    let (phone, agent) = (phone_with_token(&house, "t:1").await, house.sign_in().await);
    let (id, _) = house.open(&phone).await;
    gateway.fail_next(PushError::Later);
    gateway.fail_next(PushError::TokenGone);
    house.answer(&agent, id, "Guten Tag", "all").await;
    assert_eq!(gateway.next().await, gateway.next().await, "the same push again");
    // The token is gone once the metrics say so: it is forgotten after that, by the store's one writer.
    while !house.call(Method::GET, "/metrics", vec![], None).await.body.to_string().contains("gone") {
        tokio::task::yield_now().await;
    }
    let app = house.server.store().app_by_key("shop").await.unwrap().unwrap().id;
    let person = house.server.store().owner(app, id).await.unwrap().unwrap();
    while !house.server.store().push_targets(app, person).await.unwrap().devices.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_device_is_woken_so_often_and_no_more() {
    let config =
        ServerConfig { push: PushConfig { burst: 2, per_minute: 1, ..Default::default() }, ..Default::default() };
    let (house, gateway) = house_with_pushes(config).await;
    let (phone, agent) = (phone_with_token(&house, "t:1").await, house.sign_in().await);
    let mut ids = Vec::new();
    for _ in 0..4 {
        let (id, _) = house.open(&phone).await;
        ids.push(id);
    }
    for id in &ids[..3] {
        house.answer(&agent, *id, "Guten Tag", "all").await;
    }
    assert_eq!(next(&gateway).await.collapse_key, ids[0].to_string());
    assert_eq!(next(&gateway).await.collapse_key, ids[1].to_string());
    while !house.call(Method::GET, "/metrics", vec![], None).await.body.to_string().contains("limited") {
        tokio::task::yield_now().await;
    }
    house.clock.advance(60_000);
    house.answer(&agent, ids[3], "Guten Tag", "all").await;
    assert_eq!(next(&gateway).await.collapse_key, ids[3].to_string());
}

#[tokio::test]
async fn a_token_is_held_against_its_form() {
    let house = house().await;
    let phone = house.phone().await;
    for (service, token) in [("", "t"), ("FCM", "t"), ("fcm", ""), ("fcm", "a b"), ("fcm", &*"x".repeat(4097))] {
        let body = json!({ "service": service, "token": token });
        let answer = house.call(Method::PUT, &path(&phone), phone.headers(), Some(body)).await;
        assert_eq!(answer.code(), "push-token-invalid", "{service:?}");
    }
}
