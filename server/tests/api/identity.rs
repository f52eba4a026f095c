//! Logins: the anonymous person becomes the user, or an alias of the user who was there before, and nothing that either
//! of them wrote is lost, doubled or shown to somebody else.

use axum::http::{Method, StatusCode};
use beistand_protocol::{ClientFrame, ConversationId, ServerFrame};
use beistand_server::{
    Clock as _, ServerConfig,
    identity::{Claims, KeyMaterial},
};
use serde_json::{Value, json};

use super::files::{PERSONS, words};
use super::house::{Answer, Headers, House, Phone, SECRET, conversation, house, house_with, message, opening};

async fn house_with_key() -> House {
    let house = house().await;
    house.add_key().await;
    house
}

/// Logs in, which has to succeed.
async fn log_in(house: &House, phone: &Phone, subject: &str) -> Value {
    let answer = house.log_in(phone, &house.token(subject)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

/// What the device's registration says when it is sent again.
async fn registered(house: &House, phone: &Phone) -> Value {
    house.register(phone.credential.device, 7).await.body
}

/// The conversations of a person, by a snapshot.
async fn conversations(house: &House, phone: &Phone) -> Vec<ConversationId> {
    let page = house.get(phone, "/v1/sync").await.body;
    let changes = page["changes"].as_array().unwrap();
    let ids = changes.iter().filter(|change| change["kind"] == "conversation");
    ids.map(|change| change["conversation"]["id"].as_str().unwrap().parse().unwrap()).collect()
}

async fn seen_by_agents(house: &House, agent: &Headers, id: ConversationId) -> Value {
    house.call(Method::GET, &format!("/v1/agent/conversations/{id}"), agent.clone(), None).await.body
}

async fn say(house: &House, phone: &Phone, id: ConversationId, epoch: Option<&Value>) -> Answer {
    let path = format!("/v1/conversations/{id}/messages/{}", message());
    let mut headers = phone.operation(&path);
    headers.extend(epoch.map(|epoch| ("beistand-epoch", epoch.as_str().unwrap().to_owned())));
    house.call(Method::PUT, &path, headers, Some(json!({ "text": "Noch da?" }))).await
}

#[tokio::test]
async fn the_first_login_makes_the_anonymous_person_the_user() {
    let house = house_with_key().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let before = registered(&house, &phone).await;
    assert_eq!(before.get("subject"), None);
    let (id, _) = house.open(&phone).await;
    let cursor = house.call(Method::GET, "/v1/agent/sync", agent.clone(), None).await.body["cursor"].clone();
    let claims = Claims { name: Some("Jana P.".into()), ..Claims::new("shop", "user-1", house.clock.now(), 600) };
    let token = house.sign(&claims);
    let answer = house.log_in(&phone, &token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(
        answer.body,
        json!({ "person_id": before["person_id"], "subject": "user-1", "name": "Jana P.", "epoch": before["epoch"],
            "merged": false })
    );
    let after = registered(&house, &phone).await;
    assert_eq!((&after["subject"], &after["epoch"]), (&json!("user-1"), &before["epoch"]));
    // Agents hear who it is, and persons hear nothing of it.
    let path = format!("/v1/agent/sync?cursor={}", cursor.as_str().unwrap());
    let changes = house.call(Method::GET, &path, agent.clone(), None).await.body["changes"].clone();
    let last = changes.as_array().unwrap().last().unwrap();
    assert_eq!(last["conversation"]["person"]["subject"], "user-1");
    assert_eq!(last["conversation"]["person"]["name"], "Jana P.");
    assert_eq!(house.get(&phone, &format!("/v1/conversations/{id}")).await.body.get("person"), None);
    // The same once more, after a lost answer: nothing changes, for nobody.
    let newest = house.call(Method::GET, "/v1/agent/sync", agent.clone(), None).await.body["cursor"].clone();
    let again = house.log_in(&phone, &token).await;
    assert_eq!((again.status, again.body), (StatusCode::OK, answer.body));
    assert_eq!(house.call(Method::GET, "/v1/agent/sync", agent, None).await.body["cursor"], newest);
}

#[tokio::test]
async fn a_later_device_brings_what_it_has_to_the_user() {
    let house = house_with_key().await;
    let (old, new, agent) = (house.phone().await, house.phone().await, house.sign_in().await);
    let (first, _) = house.open(&old).await;
    let user = log_in(&house, &old, "user-1").await;
    let (second, _) = house.open(&new).await;
    house.answer(&agent, second, "vertraulich", "agents").await;
    assert_eq!(conversations(&house, &new).await, [second]);
    let cursor = house.get(&old, "/v1/sync").await.body["cursor"].clone();
    let merged = log_in(&house, &new, "user-1").await;
    assert_eq!((&merged["person_id"], &merged["merged"]), (&user["person_id"], &json!(true)));
    assert_ne!(merged["epoch"], user["epoch"]);
    for phone in [&old, &new] {
        assert_eq!(conversations(&house, phone).await, [first, second]);
        assert_eq!(registered(&house, phone).await["epoch"], merged["epoch"]);
        let page = house.get(phone, "/v1/sync").await;
        assert!(!page.body.to_string().contains("vertraulich"));
    }
    // A cursor from before takes a snapshot, and a write that believes in the old history has no effect.
    let page = house.get(&old, &format!("/v1/sync?cursor={}", cursor.as_str().unwrap())).await.body;
    assert_eq!(page["snapshot"], json!({ "first": true, "last": true }));
    assert_eq!(say(&house, &old, second, Some(&user["epoch"])).await.code(), "epoch-changed");
    for (phone, id) in [(&old, second), (&new, first)] {
        assert_eq!(say(&house, phone, id, Some(&merged["epoch"])).await.status, StatusCode::CREATED);
    }
    assert_eq!(seen_by_agents(&house, &agent, second).await["person"]["subject"], "user-1");
    // A second merge is another history again.
    let third = house.phone().await;
    assert_ne!(log_in(&house, &third, "user-1").await["epoch"], merged["epoch"]);
}

#[tokio::test]
async fn operations_and_lanes_of_a_device_keep_their_meaning() {
    let house = house_with_key().await;
    log_in(&house, &house.phone().await, "user-1").await;
    let phone = house.phone().await;
    let (id, first) = (conversation(), message());
    let path = format!("/v1/conversations/{id}");
    let operation = phone.operation(&path);
    assert_eq!(house.call(Method::PUT, &path, operation.clone(), Some(opening(first))).await.status, 201);
    let status = format!("{path}/status");
    let closing = phone.operation(&status);
    house.write(&phone, Method::PUT, &status, Some(json!({ "status": "open" }))).await;
    assert_eq!(log_in(&house, &phone, "user-1").await["merged"], true);
    let replay = house.call(Method::PUT, &path, operation, Some(opening(first))).await;
    assert_eq!((replay.status, &replay.body["message"]["id"]), (StatusCode::OK, &json!(first)));
    let late = house.call(Method::PUT, &status, closing, Some(json!({ "status": "closed" }))).await;
    assert_eq!(late.code(), "operation-superseded");
    let page = house.get(&phone, "/v1/sync").await.body;
    assert_eq!(page["lanes"][0], json!({ "lane": format!("conversation:{id}"), "high_water": 3 }));
    assert_eq!(house.server.store().census().await.unwrap().messages, 1);
}

#[tokio::test]
async fn files_ratings_and_what_was_taken_back_go_along() {
    let house = house_with_key().await;
    let agent = house.sign_in().await;
    let (old, new) = (house.phone().await, house.phone().await);
    log_in(&house, &old, "user-1").await;
    let file = words();
    house.upload(PERSONS, &new.headers(), &file).await;
    let unfinished = words().with_id(beistand_protocol::AttachmentId(uuid::Uuid::now_v7()));
    house.announce(PERSONS, &new.headers(), &unfinished).await;
    let (taken_back, never) = (conversation(), message());
    house.write(&new, Method::DELETE, &format!("/v1/conversations/{taken_back}"), None).await;
    let (id, _) = house.open(&new).await;
    house.write(&new, Method::DELETE, &format!("/v1/conversations/{id}/messages/{never}"), None).await;
    let rating = |helpful: bool| Some(json!({ "helpful": helpful, "locale": "de", "version": 1 }));
    for (phone, article, helpful) in [
        (&new, "returns", false),
        (&old, "returns", true),
        (&old, "sizes", false),
        (&new, "sizes", true),
        (&new, "care", true),
    ] {
        house.clock.advance(1000);
        house.write(phone, Method::PUT, &format!("/v1/faq/articles/{article}/feedback"), rating(helpful)).await;
    }
    assert_eq!(log_in(&house, &new, "user-1").await["merged"], true);
    // The file stands in a message that the other device sends; the upload goes on.
    let body = json!({ "text": "Foto", "attachments": [file.id] });
    let path = format!("/v1/conversations/{id}/messages/{}", message());
    assert_eq!(house.write(&old, Method::PUT, &path, Some(body)).await.status, 201);
    assert_eq!(house.patch(PERSONS, &old.headers(), unfinished.id, 0, &unfinished.bytes).await.status, 204);
    // What was taken back stays away, whichever device brings it.
    let late =
        house.write(&old, Method::PUT, &format!("/v1/conversations/{taken_back}"), Some(opening(message()))).await;
    assert_eq!(late.code(), "message-retracted");
    let path = format!("/v1/conversations/{id}/messages/{never}");
    let late = house.write(&old, Method::PUT, &path, Some(json!({ "text": "spät" }))).await;
    assert_eq!(late.code(), "message-retracted");
    // Of two opinions of what is one person now, the newer one counts.
    let counts = house.call(Method::GET, "/v1/agent/faq/counts", agent, None).await.body;
    for article in counts["articles"].as_array().unwrap() {
        assert_eq!((&article["helpful"], &article["not_helpful"]), (&json!(1), &json!(0)), "{article}");
    }
    assert_eq!(counts["articles"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_device_never_changes_hands() {
    let house = house_with_key().await;
    let (jana, tarik) = (house.phone().await, house.phone().await);
    log_in(&house, &jana, "jana").await;
    let (id, _) = house.open(&jana).await;
    log_in(&house, &tarik, "tarik").await;
    let refused = house.log_in(&jana, &house.token("tarik")).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "other-user"));
    assert_eq!(registered(&house, &jana).await["subject"], "jana");
    assert!(conversations(&house, &tarik).await.is_empty());
    assert_eq!(say(&house, &tarik, id, None).await.code(), "not-found");
    // Upper and lower case are two users: what a backend calls its users is its own matter.
    let other = house.phone().await;
    assert_eq!(log_in(&house, &other, "JANA").await["merged"], false);
}

#[tokio::test]
async fn users_and_keys_of_another_app_do_not_exist() {
    let house = house_with_key().await;
    house.server.add_app("shoes", "shoes").await.unwrap();
    let (phone, stranger) = (house.phone().await, house.phone_of("shoes").await);
    let user = log_in(&house, &phone, "user-1").await;
    let for_shoes = house.sign(&Claims::new("shoes", "user-1", house.clock.now(), 600));
    // The other app has no such key yet; then one of the same name with another secret; then its own.
    assert_eq!(house.log_in(&stranger, &for_shoes).await.code(), "token-refused");
    assert_eq!(house.log_in(&phone, &for_shoes).await.code(), "token-refused");
    assert_eq!(house.log_in(&stranger, &house.token("user-1")).await.code(), "token-refused");
    let other = KeyMaterial::from_secret(b"another secret, of the other shop's backend").unwrap();
    house.server.add_identity_key("shoes", super::house::KID, other).await.unwrap();
    assert_eq!(house.log_in(&stranger, &for_shoes).await.code(), "token-refused");
    let same = KeyMaterial::from_secret(SECRET).unwrap();
    house.server.add_identity_key("shoes", "own", same).await.unwrap();
    let own = beistand_server::identity::SigningKey::from_secret(SECRET).unwrap();
    let claims = Claims::new("shoes", "user-1", house.clock.now(), 600);
    let token = beistand_server::identity::mint(&own, "own", &claims).unwrap();
    let answer = house.log_in(&stranger, &token).await;
    assert_eq!((&answer.body["subject"], &answer.body["merged"]), (&json!("user-1"), &json!(false)));
    assert_ne!(answer.body["person_id"], user["person_id"]);
    // The same token says nothing in the first app, though its secret is the same.
    assert_eq!(house.log_in(&house.phone().await, &token).await.code(), "token-refused");
}

#[tokio::test]
async fn a_refused_token_changes_nothing_and_does_not_stop_the_anonymous_person() {
    let house = house_with_key().await;
    let phone = house.phone().await;
    let before = registered(&house, &phone).await;
    for (token, code) in [
        (house.sign(&Claims::new("shop", "u", house.clock.now().plus(-7_200_000), 600)), "token-expired"),
        (house.sign(&Claims::new("shop", "u", house.clock.now().plus(7_200_000), 600)), "token-not-yet-valid"),
        (house.sign(&Claims::new("shop", "u", house.clock.now(), 7200)), "token-refused"),
        (house.sign(&Claims::new("shop", "", house.clock.now(), 600)), "token-refused"),
        ("a".repeat(100_000), "token-refused"),
        (String::new(), "token-refused"),
    ] {
        let answer = house.log_in(&phone, &token).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::UNPROCESSABLE_ENTITY, code));
        assert_eq!(answer.body["field"], "token");
        assert!(!answer.body.to_string().contains(&token) || token.is_empty());
    }
    assert_eq!(house.call(Method::PUT, "/v1/identity", phone.headers(), Some(json!({}))).await.code(), "bad-json");
    let body = Some(json!({ "token": house.token("u") }));
    let nobody = vec![("x-app-key", "shop".to_owned())];
    assert_eq!(house.call(Method::PUT, "/v1/identity", nobody, body).await.code(), "unauthorized");
    assert_eq!(registered(&house, &phone).await, before);
    house.open(&phone).await;
}

#[tokio::test]
async fn a_key_counts_from_the_moment_it_is_added_until_it_is_revoked() {
    let house = house().await;
    let (phone, other) = (house.phone().await, house.phone().await);
    let token = house.token("user-1");
    assert_eq!(house.log_in(&phone, &token).await.code(), "token-refused");
    // Another process works on the same database, as `key add` does beside a running server.
    let options = super::house::options(&house.folder, beistand_server::Execution::Inline);
    let config = ServerConfig { data: house.folder.path().to_owned(), ..Default::default() };
    assert_eq!(config.database(), options.path);
    let beside = beistand_server::manage::Management::open(&config, beistand_server::SystemClock::default()).unwrap();
    let key = KeyMaterial::from_secret(SECRET).unwrap();
    beside.add_identity_key(None, super::house::KID, key.clone()).await.unwrap();
    log_in(&house, &phone, "user-1").await;
    beside.add_identity_key(None, "next", key.clone()).await.unwrap();
    assert!(beside.add_identity_key(None, "third", key.clone()).await.is_err());
    beside.revoke_identity_key(None, super::house::KID).await.unwrap();
    assert_eq!(house.log_in(&other, &token).await.code(), "token-refused");
    // Its name is not given again, and whoever has logged in stays so.
    assert!(beside.add_identity_key(None, super::house::KID, key.clone()).await.is_err());
    beside.add_identity_key(None, "third", key).await.unwrap();
    assert_eq!(registered(&house, &phone).await["subject"], "user-1");
    house.open(&phone).await;
}

#[tokio::test]
async fn sockets_of_the_anonymous_person_close_and_those_of_the_user_ring() {
    let house = house_with_key().await;
    let (old, new, agent) = (house.phone().await, house.phone().await, house.sign_in().await);
    log_in(&house, &old, "user-1").await;
    let (id, _) = house.open(&new).await;
    let connect =
        async |phone: &Phone| house.server.connect_in_process("shop", &phone.credential.to_token()).await.unwrap();
    let (mut hers, mut anonymous) = (connect(&old).await, connect(&new).await);
    assert_eq!(hers.recv().await, Some(ServerFrame::Ready { seq: 0 }));
    assert_eq!(anonymous.recv().await, Some(ServerFrame::Ready { seq: 2 }));
    let mut desk = house.server.connect_agent_in_process("shop", "Deniz").await.unwrap();
    desk.send(ClientFrame::Typing { conversation_id: id, typing: true }).await;
    assert!(matches!(anonymous.recv().await, Some(ServerFrame::Typing { .. })));
    log_in(&house, &new, "user-1").await;
    assert_eq!(anonymous.recv().await, None);
    // Above what either stream had: nobody takes it for an old one.
    let Some(ServerFrame::Hint { seq }) = hers.recv().await else { panic!("no hint") };
    assert!(seq > 2, "{seq}");
    let mut again = connect(&new).await;
    assert_eq!(again.recv().await, Some(ServerFrame::Ready { seq }));
    house.answer(&agent, id, "Guten Tag", "all").await;
    for socket in [&mut hers, &mut again] {
        assert!(matches!(socket.recv().await, Some(ServerFrame::Hint { seq: newer }) if newer > seq));
    }
    // The agent's socket knew whose conversation it was; it is somebody else's now.
    while desk.try_recv().is_some() {}
    desk.send(ClientFrame::Typing { conversation_id: id, typing: false }).await;
    assert!(matches!(again.recv().await, Some(ServerFrame::Typing { typing: false, .. })));
}

#[tokio::test]
async fn two_devices_that_log_in_at_once_are_one_user() {
    for _ in 0..10 {
        let house = house_with_key().await;
        let phones = [house.phone().await, house.phone().await, house.phone().await, house.phone().await];
        for phone in &phones {
            house.open(phone).await;
        }
        let token = house.token("user-1");
        let answers = tokio::join!(
            house.log_in(&phones[0], &token),
            house.log_in(&phones[1], &token),
            house.log_in(&phones[2], &token),
            house.log_in(&phones[3], &token),
        );
        let answers = [answers.0, answers.1, answers.2, answers.3];
        assert!(answers.iter().all(|answer| answer.body["person_id"] == answers[0].body["person_id"]));
        assert_eq!(answers.iter().filter(|answer| answer.body["merged"] == false).count(), 1);
        for phone in &phones {
            assert_eq!(conversations(&house, phone).await.len(), 4);
        }
    }
}

#[tokio::test]
async fn tokens_cannot_be_tried_out_for_ever() {
    let mut config = ServerConfig::default();
    config.limits.login_burst = 3;
    config.limits.logins_per_minute = 1;
    let house = house_with(config).await;
    house.add_key().await;
    let (phone, other) = (house.phone().await, house.phone().await);
    for _ in 0..3 {
        assert_eq!(house.log_in(&phone, "a.b.c").await.code(), "token-refused");
    }
    let limited = house.log_in(&phone, &house.token("user-1")).await;
    assert_eq!(limited.code(), "rate-limited");
    assert!(limited.headers.contains_key("retry-after"));
    // Neither its messages nor another device have to wait for it.
    house.open(&phone).await;
    log_in(&house, &other, "user-1").await;
    house.clock.advance(61_000);
    log_in(&house, &phone, "user-1").await;
}
