//! Who may see and do what.

use axum::http::{Method, StatusCode};
use beistand_protocol::agent::Role;
use serde_json::{Value, json};

use super::house::{house, house_with, message};
use beistand_server::ServerConfig;

#[tokio::test]
async fn a_note_is_never_in_a_persons_answer() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let before = house.get(&phone, "/v1/sync").await.body["cursor"].as_str().unwrap().to_owned();
    let (id, first) = house.open(&phone).await;
    let note = house.answer(&agent, id, "vertraulich", "agents").await.body;
    house.answer(&agent, id, "Guten Tag", "all").await;
    let path = format!("/v1/conversations/{id}");
    let note_path = format!("{path}/messages/{}", note["id"].as_str().unwrap());
    let mut answers = Vec::new();
    for get in [
        "/v1/sync".to_owned(),
        format!("/v1/sync?cursor={before}"),
        path.clone(),
        format!("{path}/messages"),
        format!("{path}/messages?before=3"),
    ] {
        answers.push(house.get(&phone, &get).await);
    }
    for (method, path, body) in [
        (Method::PUT, path.clone(), Some(super::house::opening(first))),
        (Method::PUT, format!("{path}/status"), Some(json!({ "status": "closed" }))),
        (Method::PUT, format!("{path}/read"), Some(json!({ "read_seq": 9 }))),
        (Method::PUT, note_path.clone(), Some(json!({ "text": "vertraulich?" }))),
        (Method::PATCH, note_path.clone(), Some(json!({ "text": "meins" }))),
        (Method::DELETE, note_path, None),
        (Method::DELETE, path, None),
    ] {
        answers.push(house.write(&phone, method, &path, body).await);
    }
    for answer in answers {
        let text = answer.body.to_string();
        assert!(!text.contains("vertraulich"), "{text}");
        // The person's own requests name the note's id; no answer does.
        assert!(!text.contains(note["id"].as_str().unwrap()), "{text}");
    }
    let seen = house.call(Method::GET, &format!("/v1/agent/conversations/{id}/messages"), agent, None).await;
    assert!(seen.body.to_string().contains("vertraulich"));
}

#[tokio::test]
async fn a_device_of_one_app_is_unknown_to_another() {
    let house = house().await;
    house.server.add_app("other", "other").await.unwrap();
    let phone = house.phone().await;
    let mut headers = phone.headers();
    headers[0].1 = "other".into();
    let answer = house.call(Method::GET, "/v1/sync", headers.clone(), None).await;
    assert_eq!(answer.code(), "unknown-device");
    headers[0].1 = "none".into();
    assert_eq!(house.call(Method::GET, "/v1/sync", headers, None).await.code(), "unknown-app");
    let wrong = format!("Bearer {}.{}", phone.credential.device, "0".repeat(64));
    let headers = vec![("x-app-key", "shop".into()), ("authorization", wrong)];
    let answer = house.call(Method::GET, "/v1/sync", headers, None).await;
    assert_eq!(answer.code(), "unauthorized");
    assert!(answer.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn agents_belong_to_one_app() {
    let house = house().await;
    house.server.add_app("other", "other").await.unwrap();
    house.server.add_agent("other", "Maike", "geheim", Role::Agent).await.unwrap();
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let (id, _) = house.open(&phone).await;
    let body = json!({ "name": "Maike", "password": "geheim" });
    let answer = house.call(Method::POST, "/v1/agent/session", vec![("x-app-key", "other".into())], Some(body)).await;
    let stranger = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let stranger = vec![("cookie", stranger)];
    let maike = answer.body["agent"]["id"].clone();
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::GET, "/messages", None),
        (Method::PUT, "/status", Some(json!({ "status": "solved" }))),
        (Method::PUT, "/assignee", Some(json!({ "agent_id": null }))),
        (Method::PUT, "/read", Some(json!({ "read_seq": 1 }))),
    ] {
        let path = format!("/v1/agent/conversations/{id}{rest}");
        assert_eq!(house.call(method, &path, stranger.clone(), body).await.code(), "not-found", "{path}");
    }
    let list = house.call(Method::GET, "/v1/agent/conversations", stranger, None).await;
    assert_eq!(list.body["conversations"], json!([]));
    let path = format!("/v1/agent/conversations/{id}/assignee");
    let answer = house.call(Method::PUT, &path, agent, Some(json!({ "agent_id": maike }))).await;
    assert_eq!(answer.code(), "unknown-agent");
}

#[tokio::test]
async fn an_api_key_works_until_it_is_removed_and_makes_no_keys() {
    let house = house().await;
    let admin = house.sign_in().await;
    let keys = "/v1/agent/api-keys";
    let made = house.call(Method::POST, keys, admin.clone(), Some(json!({ "label": "Nachtlauf" }))).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let key = vec![("authorization", format!("Bearer {}", made.body["key"].as_str().unwrap()))];
    assert_eq!(house.call(Method::GET, "/v1/agent/conversations", key.clone(), None).await.status, StatusCode::OK);
    assert_eq!(house.call(Method::GET, keys, key.clone(), None).await.code(), "forbidden");
    let list = house.call(Method::GET, keys, admin.clone(), None).await.body;
    assert_eq!(list["keys"][0]["label"], "Nachtlauf");
    assert!(!list.to_string().contains("bk_"));
    let path = format!("{keys}/{}", made.body["id"].as_str().unwrap());
    assert_eq!(house.call(Method::DELETE, &path, admin.clone(), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.call(Method::DELETE, &path, admin, None).await.code(), "not-found");
    assert_eq!(house.call(Method::GET, "/v1/agent/agents", key, None).await.code(), "unauthorized");
}

#[tokio::test]
async fn a_session_ends_by_signing_out_and_by_time() {
    let house = house().await;
    let (one, two) = (house.sign_in().await, house.sign_in().await);
    let path = "/v1/agent/session";
    assert_eq!(house.call(Method::DELETE, path, one.clone(), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.call(Method::GET, path, one, None).await.code(), "unauthorized");
    assert_eq!(house.call(Method::GET, path, two.clone(), None).await.body["name"], "Deniz");
    house.clock.advance(13 * 3_600_000);
    assert_eq!(house.call(Method::GET, path, two, None).await.code(), "unauthorized");
}

#[tokio::test]
async fn an_answer_passes_the_turn_and_takes_the_conversation() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/agent/conversations/{id}");
    house.answer(&agent, id, "Notiz", "agents").await;
    let seen = house.call(Method::GET, &path, agent.clone(), None).await.body;
    assert_eq!((&seen["status"], &seen["assignee"]), (&json!("open"), &Value::Null));
    house.answer(&agent, id, "Guten Tag", "all").await;
    let seen = house.call(Method::GET, &path, agent.clone(), None).await.body;
    assert_eq!((&seen["status"], &seen["assignee"]["name"]), (&json!("pending"), &json!("Deniz")));
    let body = json!({ "text": "Danke" });
    house.write(&phone, Method::PUT, &format!("/v1/conversations/{id}/messages/{}", message()), Some(body)).await;
    assert_eq!(house.call(Method::GET, &path, agent, None).await.body["status"], "open");
}

#[tokio::test]
async fn an_agents_message_is_stored_once() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let (id, _) = house.open(&phone).await;
    let path = format!("/v1/agent/conversations/{id}/messages/{}", message());
    let body = json!({ "text": "Guten Tag" });
    for expected in [StatusCode::CREATED, StatusCode::OK] {
        assert_eq!(house.call(Method::PUT, &path, agent.clone(), Some(body.clone())).await.status, expected);
    }
    let note = json!({ "text": "Guten Tag", "visibility": "agents" });
    assert_eq!(house.call(Method::PUT, &path, agent, Some(note)).await.code(), "id-reused");
}

#[tokio::test]
async fn the_configuration_has_an_etag() {
    let house = house().await;
    let key = ("x-app-key", "shop".to_owned());
    let first = house.call(Method::GET, "/v1/config", vec![key.clone()], None).await;
    assert_eq!(first.body["limits"]["burst"], 300);
    assert_eq!(first.body["categories"].as_array().unwrap().len(), 7);
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let again = house.call(Method::GET, "/v1/config", vec![key, ("if-none-match", tag)], None).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn each_app_may_have_its_own_categories_and_fields() {
    let config = ServerConfig::from_toml(
        "[[apps.shop.categories]]\nid = \"seams\"\n[[apps.shop.fields]]\nkey = \"size\"\nkind = \"choice\"\n\
         choices = [\"M\"]\nrequired = true",
    )
    .unwrap();
    let house = house_with(config).await;
    let phone = house.phone().await;
    let path = format!("/v1/conversations/{}", super::house::conversation());
    let mut body = super::house::opening(message());
    assert_eq!(house.write(&phone, Method::PUT, &path, Some(body.clone())).await.code(), "field-required");
    body["category"] = json!("seams");
    body["fields"] = json!({ "size": "M" });
    assert_eq!(house.write(&phone, Method::PUT, &path, Some(body)).await.status, StatusCode::CREATED);
}
