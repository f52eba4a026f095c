//! What readers of the FAQ say: once, the last word counts, and no names for editors.

use axum::http::{Method, StatusCode};
use beistand_protocol::{Code, limits};
use beistand_server::ServerConfig;
use serde_json::{Value, json};

use super::house::{Answer, Headers, House, Phone, house, house_with, message};

fn article(id: &str) -> String {
    format!("/v1/faq/articles/{id}/feedback")
}

fn rating(helpful: bool) -> Value {
    json!({ "helpful": helpful, "locale": "de", "version": 3 })
}

async fn rate(house: &House, phone: &Phone, id: &str, body: Value) -> Answer {
    house.write(phone, Method::PUT, &article(id), Some(body)).await
}

async fn report(house: &House, phone: &Phone, body: Value) -> Answer {
    house.write(phone, Method::PUT, &format!("/v1/faq/reports/{}", message()), Some(body)).await
}

async fn counts(house: &House, agent: &Headers) -> Value {
    let answer = house.call(Method::GET, "/v1/agent/faq/counts", agent.clone(), None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

fn views(count: u32) -> Value {
    json!({ "views": [{ "article": "returns", "locale": "de", "count": count }] })
}

#[tokio::test]
async fn the_last_word_of_each_person_counts() {
    let house = house().await;
    let agent = house.sign_in().await;
    let (jana, ole) = (house.phone().await, house.phone().await);
    let answer = rate(&house, &jana, "returns", rating(true)).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({ "article": "returns", "locale": "de" })));
    rate(&house, &ole, "returns", rating(true)).await;
    let body = json!({ "helpful": false, "locale": "de", "version": 4, "comment": "Wo ist das Etikett?" });
    rate(&house, &jana, "returns", body).await;
    let english = json!({ "helpful": true, "locale": "EN_us", "version": 1 });
    rate(&house, &jana, "returns", english).await;
    let counts = counts(&house, &agent).await;
    let [german, english] = &counts["articles"].as_array().unwrap()[..] else { panic!("{counts}") };
    assert_eq!((&german["locale"], &german["helpful"], &german["not_helpful"]), (&json!("de"), &json!(1), &json!(1)));
    let comment = &german["comments"][0];
    assert_eq!((&comment["text"], &comment["helpful"]), (&json!("Wo ist das Etikett?"), &json!(false)));
    assert_eq!((&comment["version"], &english["locale"]), (&json!(4), &json!("en-US")));
    assert!(english.get("comments").is_none());
}

#[tokio::test]
async fn a_replay_changes_nothing_and_a_late_copy_does_not_bring_an_old_opinion_back() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let first = phone.operation(&article("returns"));
    let answer = house.call(Method::PUT, &article("returns"), first.clone(), Some(rating(true))).await;
    assert_eq!(answer.status, StatusCode::OK);
    rate(&house, &phone, "returns", rating(false)).await;
    let again = house.call(Method::PUT, &article("returns"), first.clone(), Some(rating(true))).await;
    assert_eq!(again.status, StatusCode::OK);
    let other = house.call(Method::PUT, &article("returns"), first, Some(rating(false))).await;
    assert_eq!(other.code(), "id-reused");
    let late = phone.operation_at(&article("returns"), 1);
    let late = house.call(Method::PUT, &article("returns"), late, Some(rating(true))).await;
    assert_eq!(late.code(), "operation-superseded");
    let counts = counts(&house, &agent).await;
    assert_eq!((&counts["articles"][0]["helpful"], &counts["articles"][0]["not_helpful"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_report_is_added_up_once_whatever_brings_it() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let path = format!("/v1/faq/reports/{}", message());
    let operation = phone.operation(&path);
    for headers in [operation.clone(), operation, phone.operation(&path), phone.operation_at(&path, 1)] {
        let answer = house.call(Method::PUT, &path, headers, Some(views(3))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(path.ends_with(answer.body["id"].as_str().unwrap()));
    }
    let other = house.write(&phone, Method::PUT, &path, Some(views(4))).await;
    assert_eq!(other.code(), "id-reused");
    report(&house, &phone, views(2)).await;
    let unknown = format!("/v1/faq/reports/{}", message());
    let late = house.call(Method::PUT, &unknown, phone.operation_at(&unknown, 1), Some(views(9))).await;
    assert_eq!(late.code(), "operation-superseded");
    assert_eq!(counts(&house, &agent).await["articles"][0]["views"], 5);
}

#[tokio::test]
async fn searches_without_a_result_are_listed_by_how_often() {
    let house = house().await;
    let agent = house.sign_in().await;
    for (query, count) in [("farbe ändern", 2), ("lieferung schweiz", 3), ("farbe ändern", 2)] {
        let phone = house.phone().await;
        let search = json!({ "locale": "de", "query": query, "count": count });
        assert_eq!(report(&house, &phone, json!({ "searches": [search] })).await.status, StatusCode::OK);
    }
    let expected = json!([
        { "locale": "de", "query": "farbe ändern", "count": 4 },
        { "locale": "de", "query": "lieferung schweiz", "count": 3 },
    ]);
    assert_eq!(counts(&house, &agent).await["searches"], expected);
    let one = house.call(Method::GET, "/v1/agent/faq/counts?limit=1", agent.clone(), None).await;
    assert_eq!(one.body["searches"].as_array().unwrap().len(), 1);
    let none = house.call(Method::GET, "/v1/agent/faq/counts?limit=0", agent, None).await;
    assert_eq!(none.code(), "bad-parameter");
}

#[tokio::test]
async fn what_is_not_acceptable_is_named_and_leaves_nothing_behind() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let comment = |text: &str| json!({ "helpful": true, "locale": "de", "version": 1, "comment": text });
    let too_long = "ä".repeat(limits::FAQ_COMMENT_CHARS as usize + 1);
    for (body, code) in [
        (comment(" \n"), Code::TextEmpty),
        (comment(&too_long), Code::TextTooLong),
        (comment("a\u{0}b"), Code::TextInvalid),
        (json!({ "helpful": true, "locale": "de", "version": u64::MAX }), Code::ReportInvalid),
        (json!({ "helpful": true, "locale": "../x", "version": 1 }), Code::BadJson),
        (json!({ "locale": "de", "version": 1 }), Code::BadJson),
    ] {
        assert_eq!(rate(&house, &phone, "returns", body).await.code(), code.as_str());
    }
    let search = |query: &str, count: u32| json!({ "searches": [{ "locale": "de", "query": query, "count": count }] });
    for body in [search("bestellung 4711", 1), search("jana@example.com", 1), search(" ", 1), search("x", 0)] {
        assert_eq!(report(&house, &phone, body).await.code(), "report-invalid");
    }
    let many: Vec<Value> = (0..=limits::FAQ_REPORT_VIEWS)
        .map(|n| json!({ "article": format!("a{n}"), "locale": "de", "count": 1 }))
        .collect();
    assert_eq!(report(&house, &phone, json!({ "views": many })).await.code(), "report-invalid");
    for bad in [".hidden", "a%20b", "%C3%A4", &"a".repeat(101)] {
        assert_eq!(rate(&house, &phone, bad, rating(true)).await.code(), "bad-parameter", "{bad}");
    }
    assert_eq!(counts(&house, &agent).await, json!({ "articles": [], "searches": [] }));
}

#[tokio::test]
async fn a_refused_rating_may_be_corrected_under_its_operation() {
    let house = house().await;
    let phone = house.phone().await;
    let operation = phone.operation(&article("returns"));
    let blank = json!({ "helpful": true, "locale": "de", "version": 1, "comment": " " });
    let refused = house.call(Method::PUT, &article("returns"), operation.clone(), Some(blank)).await;
    assert_eq!(refused.code(), "text-empty");
    let corrected = house.call(Method::PUT, &article("returns"), operation, Some(rating(true))).await;
    assert_eq!(corrected.status, StatusCode::OK);
}

#[tokio::test]
async fn a_lane_of_a_conversation_does_not_carry_a_rating() {
    let house = house().await;
    let phone = house.phone().await;
    let mut headers = phone.headers();
    headers.push(("operation-id", message().to_string()));
    headers.push(("operation-order", format!("{}/conversation:{}/1", phone.credential.device, message())));
    let answer = house.call(Method::PUT, &article("returns"), headers, Some(rating(true))).await;
    assert_eq!(answer.code(), "bad-operation");
    let mut headers = phone.operation(&article("returns"));
    headers.push(("beistand-epoch", "before-the-restore".into()));
    let answer = house.call(Method::PUT, &article("returns"), headers, Some(rating(true))).await;
    assert_eq!(answer.code(), "epoch-changed");
}

#[tokio::test]
async fn a_phone_learns_how_far_its_lane_has_got() {
    let house = house().await;
    let phone = house.phone().await;
    rate(&house, &phone, "returns", rating(true)).await;
    let page = house.get(&phone, "/v1/sync").await.body;
    assert_eq!(page["lanes"], json!([{ "lane": "faq", "high_water": 1 }]));
}

#[tokio::test]
async fn counts_are_for_agents_of_the_app_only() {
    let house = house().await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    rate(&house, &phone, "returns", rating(true)).await;
    assert_eq!(house.get(&phone, "/v1/agent/faq/counts").await.code(), "unauthorized");
    let text = counts(&house, &agent).await.to_string();
    assert!(!text.contains(&phone.credential.device.to_string()) && !text.contains("person"), "{text}");
    house.server.add_app("other", "other").await.unwrap();
    let role = beistand_protocol::agent::Role::Agent;
    house.server.add_agent("other", "Mia", "geheim", role).await.unwrap();
    let body = json!({ "name": "Mia", "password": "geheim" });
    let signed_in =
        house.call(Method::POST, "/v1/agent/session", vec![("x-app-key", "other".into())], Some(body)).await;
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(counts(&house, &vec![("cookie", cookie)]).await["articles"], json!([]));
}

#[tokio::test]
async fn ratings_count_among_a_persons_writes() {
    let mut config = ServerConfig::default();
    config.limits.burst = 2;
    let house = house_with(config).await;
    let phone = house.phone().await;
    for _ in 0..2 {
        assert_eq!(rate(&house, &phone, "returns", rating(true)).await.status, StatusCode::OK);
    }
    assert_eq!(rate(&house, &phone, "returns", rating(true)).await.code(), "rate-limited");
}
