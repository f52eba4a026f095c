//! A device that leaves: woken no longer, accepted no longer, and nothing that was written is gone.

use axum::http::{Method, StatusCode};
use beistand_protocol::ServerFrame;
use serde_json::json;

use super::house::{Answer, House, Phone, house, message};

async fn sign_off(house: &House, phone: &Phone) -> Answer {
    let path = format!("/v1/devices/{}", phone.credential.device);
    house.call(Method::DELETE, &path, phone.headers(), None).await
}

#[tokio::test]
async fn a_device_that_has_left_is_never_accepted_again() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/devices/{}/push-token", phone.credential.device);
    house.call(Method::PUT, &path, phone.headers(), Some(json!({ "service": "fcm", "token": "t" }))).await;
    let before = house.call(Method::GET, &format!("/v1/agent/conversations/{id}"), agent.clone(), None).await;
    // A lost answer is asked for again.
    for _ in 0..2 {
        assert_eq!(sign_off(&house, &phone).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(house.get(&phone, "/v1/sync").await.code(), "unauthorized");
    let message = format!("/v1/conversations/{id}/messages/{}", message());
    assert_eq!(
        house.write(&phone, Method::PUT, &message, Some(json!({ "text": "Hallo?" }))).await.code(),
        "unauthorized"
    );
    let again = house.call(Method::PUT, &path, phone.headers(), Some(json!({ "service": "fcm", "token": "t" }))).await;
    assert_eq!(again.code(), "unauthorized");
    // Neither does a late registration bring it back, nor one with another secret.
    assert_eq!(house.register(phone.credential.device, 7).await.code(), "unauthorized");
    assert_eq!(house.register(phone.credential.device, 8).await.code(), "not-found");
    let conn = rusqlite::Connection::open(house.folder.path().join("beistand.db")).unwrap();
    let tokens: u64 = conn.query_row("SELECT count(*) FROM push_tokens", [], |row| row.get(0)).unwrap();
    assert_eq!(tokens, 0);
    let after = house.call(Method::GET, &format!("/v1/agent/conversations/{id}"), agent, None).await;
    assert_eq!((after.status, after.body), (StatusCode::OK, before.body));
}

#[tokio::test]
async fn only_the_device_itself_signs_off() {
    let house = house().await;
    let (phone, other) = (house.phone().await, house.phone().await);
    let path = format!("/v1/devices/{}", phone.credential.device);
    assert_eq!(house.call(Method::DELETE, &path, other.headers(), None).await.code(), "not-found");
    let wrong = format!("Bearer {}.{}", phone.credential.device, "0".repeat(64));
    let headers = vec![("x-app-key", "shop".to_owned()), ("authorization", wrong)];
    assert_eq!(house.call(Method::DELETE, &path, headers, None).await.code(), "unauthorized");
    let nobody = vec![("x-app-key", "shop".to_owned())];
    assert_eq!(house.call(Method::DELETE, &path, nobody, None).await.code(), "unauthorized");
    let unknown = format!("/v1/devices/{}", message());
    let token = format!("Bearer {}.{}", unknown.rsplit('/').next().unwrap(), "0".repeat(64));
    let headers = vec![("x-app-key", "shop".to_owned()), ("authorization", token)];
    assert_eq!(house.call(Method::DELETE, &unknown, headers, None).await.code(), "unknown-device");
    assert_eq!(house.get(&phone, "/v1/sync").await.status, StatusCode::OK);
}

#[tokio::test]
async fn its_sockets_close_and_those_of_the_users_other_devices_stay() {
    let house = house().await;
    house.add_key().await;
    let (leaving, staying, agent) = (house.phone().await, house.phone().await, house.sign_in().await);
    for phone in [&staying, &leaving] {
        assert_eq!(house.log_in(phone, &house.token("user-1")).await.status, StatusCode::OK);
    }
    let (id, _) = house.open(&leaving).await;
    let mut gone = house.server.connect_in_process("shop", &leaving.credential.to_token()).await.unwrap();
    let mut stays = house.server.connect_in_process("shop", &staying.credential.to_token()).await.unwrap();
    for socket in [&mut gone, &mut stays] {
        assert!(matches!(socket.recv().await, Some(ServerFrame::Ready { .. })));
    }
    assert_eq!(sign_off(&house, &leaving).await.status, StatusCode::NO_CONTENT);
    assert_eq!(gone.recv().await, None);
    house.answer(&agent, id, "Guten Tag", "all").await;
    assert!(matches!(stays.recv().await, Some(ServerFrame::Hint { .. })));
    assert!(house.server.connect_in_process("shop", &leaving.credential.to_token()).await.is_err());
    // The user has all of it on the other device.
    let page = house.get(&staying, "/v1/sync").await.body.to_string();
    assert!(page.contains("Guten Tag"));
}
