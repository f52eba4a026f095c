//! Logins and sign-offs, over HTTP alone.

use beistand_conformance::{Phone, Target, id, token::now};
use reqwest::Method;
use serde_json::{Value, json};

async fn conversations(target: &Target, phone: &Phone) -> Vec<String> {
    let page = target.read(phone, "/v1/sync").await.body;
    let changes = page["changes"].as_array().unwrap();
    let found = changes.iter().filter(|change| change["kind"] == "conversation");
    found.map(|change| change["conversation"]["id"].as_str().unwrap().to_owned()).collect()
}

async fn logged_in(target: &Target, phone: &Phone, user: &str) -> Value {
    let answer = target.log_in(phone, &target.sign(&target.claims(user))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["subject"], user);
    answer.body
}

#[tokio::test]
async fn all_devices_of_a_user_are_one_person() {
    let target = Target::get().await;
    let user = id();
    let (first, second) = (target.phone().await, target.phone().await);
    let (older, _) = target.open(&first).await;
    let new = logged_in(&target, &first, &user).await;
    assert_eq!(new["merged"], false);
    let (newer, message) = target.open(&second).await;
    let cursor = target.read(&first, "/v1/sync").await.body["cursor"].as_str().unwrap().to_owned();
    let merged = logged_in(&target, &second, &user).await;
    assert_eq!((&merged["merged"], &merged["person_id"]), (&json!(true), &new["person_id"]));
    assert_ne!(merged["epoch"], new["epoch"]);
    for phone in [&first, &second] {
        let mut found = conversations(&target, phone).await;
        found.sort_unstable();
        let mut wanted = [older.to_string(), newer.to_string()];
        wanted.sort_unstable();
        assert_eq!(found, wanted);
    }
    let page = target.read(&first, &format!("/v1/sync?cursor={cursor}")).await.body;
    assert_eq!(page["snapshot"]["first"], true);
    // The old history is refused before anything is done; in the new one the other device may write.
    let path = format!("/v1/conversations/{newer}/messages/{message}");
    let edit = |epoch: &Value| {
        let mut headers = first.operation(&path);
        headers.push(("beistand-epoch", epoch.as_str().unwrap().to_owned()));
        target.call(Method::PATCH, &path, headers, Some(json!({ "text": "Better" })))
    };
    assert_eq!(edit(&new["epoch"]).await.code(), "epoch-changed");
    assert_eq!(edit(&merged["epoch"]).await.status, 200);
    // Once more is the same answer, without a merge.
    let mut again = merged.clone();
    again["merged"] = json!(false);
    assert_eq!(logged_in(&target, &second, &user).await, again);
    let other = target.log_in(&second, &target.sign(&target.claims(&id()))).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "other-user"));
}

#[tokio::test]
async fn a_token_that_is_not_quite_right_is_refused() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let with = |name: &str, value: Value| {
        let mut claims = target.claims("user");
        claims[name] = value;
        target.sign(&claims)
    };
    let header = |header: Value| target.sign_as(&header, &target.claims("user"));
    let mut cut = target.sign(&target.claims("user"));
    cut.truncate(cut.len() - 4);
    for (token, code) in [
        (with("exp", json!(now() - 90)), "token-expired"),
        (with("iat", json!(now() + 300)), "token-not-yet-valid"),
        (with("nbf", json!(now() + 300)), "token-not-yet-valid"),
        (with("exp", json!(now() + 7200)), "token-refused"),
        (with("exp", Value::Null), "token-refused"),
        (with("aud", json!(target.other_app)), "token-refused"),
        (with("sub", json!("")), "token-refused"),
        (with("sub", json!("x".repeat(201))), "token-refused"),
        (header(json!({ "alg": "none", "kid": target.kid })), "token-refused"),
        (header(json!({ "alg": "EdDSA", "kid": target.kid })), "token-refused"),
        (header(json!({ "alg": "HS256" })), "token-refused"),
        (header(json!({ "alg": "HS256", "kid": "nobody-has-it" })), "token-refused"),
        (cut, "token-refused"),
        ("nonsense".to_owned(), "token-refused"),
    ] {
        let answer = target.log_in(&phone, &token).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, code), "{token}");
    }
    // Still anonymous, and still somebody.
    target.open(&phone).await;
    logged_in(&target, &phone, &id()).await;
}

#[tokio::test]
async fn a_device_that_has_signed_off_stays_away_and_what_it_wrote_stays() {
    let target = Target::get().await;
    let user = id();
    let (leaving, staying) = (target.phone().await, target.phone().await);
    for phone in [&leaving, &staying] {
        logged_in(&target, phone, &user).await;
    }
    let (conversation, _) = target.open(&leaving).await;
    let path = format!("/v1/devices/{}", leaving.credential.device);
    for _ in 0..2 {
        assert_eq!(target.call(Method::DELETE, &path, leaving.headers(), None).await.status, 204);
    }
    assert_eq!(target.read(&leaving, "/v1/sync").await.code(), "unauthorized");
    assert_eq!(conversations(&target, &staying).await, [conversation.to_string()]);
}
