//! Two persons, two apps: nobody reaches what is another's. The endpoints come from the description.

use beistand_conformance::{Phone, Target, document::Ids, file::File, id};

/// What a phone has: a conversation with its first message, and an uploaded file.
async fn ids(target: &Target, phone: &Phone) -> Ids {
    let (conversation, message) = target.open(phone).await;
    let file = File::words();
    target.upload("/v1/uploads", &phone.headers(), &file).await;
    Ids { conversation, message, device: phone.credential.device.to_string(), attachment: file.id }
}

#[tokio::test]
async fn every_visitor_endpoint_with_a_foreign_identity_is_404() {
    let target = Target::get().await;
    let (jana, tom) = (target.phone().await, target.phone().await);
    let (his, _) = target.open(&tom).await;
    let ids = ids(&target, &jana).await;
    let mut tried = 0;
    for endpoint in target.endpoints().await.into_iter().filter(|endpoint| endpoint.tag == "visitor") {
        if !endpoint.template.contains('{') || endpoint.template.starts_with("/v1/faq") {
            // Names nothing that could be another's: what it answers is the asker's own, or the same for everybody.
            continue;
        }
        let path = endpoint.path(&ids);
        let mut headers = if path.starts_with("/v1/conversations/") { tom.operation(&path) } else { tom.headers() };
        headers.extend(endpoint.headers());
        let answer = target.call(endpoint.method.clone(), &path, headers, endpoint.fitting_body()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not-found"), "{} {path}", endpoint.method);
        tried += 1;
        if endpoint.template.contains("{message_id}") {
            // Another's message in an own conversation.
            let path = endpoint.path(&Ids { conversation: his, ..ids_of(&ids) });
            let answer =
                target.call(endpoint.method.clone(), &path, tom.operation(&path), endpoint.fitting_body()).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not-found"), "{} {path}", endpoint.method);
        }
    }
    assert!(tried >= 9, "{tried} endpoints tried");
    let seen = target.read(&jana, &format!("/v1/conversations/{}/messages", ids.conversation)).await.body;
    assert_eq!(seen["messages"].as_array().unwrap().len(), 1);
    assert_eq!(seen["messages"][0]["version"], 1);
}

fn ids_of(ids: &Ids) -> Ids {
    Ids { device: ids.device.clone(), ..*ids }
}

#[tokio::test]
async fn every_visitor_endpoint_with_another_app_is_404() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let ids = ids(&target, &phone).await;
    for endpoint in target.endpoints().await.into_iter().filter(|endpoint| endpoint.tag == "visitor") {
        assert!(endpoint.needs("app_key"), "{} {} needs no app", endpoint.method, endpoint.template);
        let path = endpoint.path(&ids);
        let headers = || {
            if path.starts_with("/v1/conversations/") { phone.operation(&path) } else { phone.headers() }
        };
        if endpoint.needs("device") {
            let mut headers = headers();
            headers[0].1 = target.other_app.clone();
            let answer = target.call(endpoint.method.clone(), &path, headers, endpoint.fitting_body()).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "unknown-device"), "{} {path}", endpoint.method);
        }
        let mut headers = headers();
        headers[0].1 = id();
        let answer = target.call(endpoint.method.clone(), &path, headers, endpoint.fitting_body()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "unknown-app"), "{} {path}", endpoint.method);
    }
}

#[tokio::test]
async fn every_visitor_endpoint_without_a_credential_is_401() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let ids = ids(&target, &phone).await;
    let app = ("x-app-key", target.app.clone());
    let wrong = format!("Bearer {}.{}", phone.credential.device, "0".repeat(64));
    for endpoint in target.endpoints().await.into_iter().filter(|endpoint| endpoint.needs("device")) {
        let path = endpoint.path(&ids);
        for headers in [
            vec![app.clone()],
            vec![app.clone(), ("authorization", "Bearer nonsense".into())],
            vec![app.clone(), ("authorization", wrong.clone())],
        ] {
            let answer = target.call(endpoint.method.clone(), &path, headers, endpoint.fitting_body()).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (401, "unauthorized"), "{} {path}", endpoint.method);
        }
    }
}

#[tokio::test]
async fn every_agent_endpoint_without_a_session_is_401() {
    let target = Target::get().await;
    let phone = target.phone().await;
    let ids = ids(&target, &phone).await;
    let mut tried = 0;
    for endpoint in target.endpoints().await {
        let is_agents = endpoint.template.starts_with("/v1/agent/");
        assert_eq!(is_agents, endpoint.tag == "agent", "{}", endpoint.template);
        if !is_agents || (endpoint.template == "/v1/agent/session" && endpoint.method == reqwest::Method::POST) {
            continue;
        }
        let path = endpoint.path(&ids);
        let mut with_device = phone.headers();
        with_device.push(("cookie", "beistand_session=0123456789abcdef".into()));
        for headers in [
            Vec::new(),
            vec![("cookie", "beistand_session=0123456789abcdef".into())],
            vec![("authorization", format!("Bearer bk_{}", id()))],
            // A phone's credential opens nothing at the desk.
            with_device,
        ] {
            for body in [endpoint.fitting_body(), None] {
                let answer = target.call(endpoint.method.clone(), &path, headers.clone(), body).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (401, "unauthorized"),
                    "{} {path}",
                    endpoint.method
                );
            }
        }
        tried += 1;
    }
    assert!(tried >= 15, "{tried} endpoints tried");
}

#[tokio::test]
async fn every_endpoint_belongs_to_somebody() {
    let target = Target::get().await;
    for endpoint in target.endpoints().await {
        let open = ["/healthz", "/metrics", "/openapi.json"].contains(&endpoint.template.as_str());
        match endpoint.tag.as_str() {
            "visitor" => assert!(endpoint.needs("app_key"), "{}", endpoint.template),
            "agent" => assert!(!endpoint.security.is_empty(), "{}", endpoint.template),
            "operation" => assert!(open, "{} is open to everybody", endpoint.template),
            other => panic!("{} has the tag {other:?}", endpoint.template),
        }
    }
}

#[tokio::test]
async fn a_note_is_never_in_a_persons_answer() {
    let target = Target::get().await;
    let (phone, agent) = (target.phone().await, target.agent().await);
    let (conversation, _) = target.open(&phone).await;
    let secret = id();
    let path = format!("/v1/agent/conversations/{conversation}/messages/{}", id());
    let body = serde_json::json!({ "text": secret, "visibility": "agents" });
    assert_eq!(target.call(reqwest::Method::PUT, &path, agent.clone(), Some(body)).await.status, 201);
    for path in [
        "/v1/sync".to_owned(),
        format!("/v1/conversations/{conversation}"),
        format!("/v1/conversations/{conversation}/messages"),
    ] {
        let answer = target.read(&phone, &path).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body.to_string().contains(&secret));
    }
    let path = format!("/v1/agent/conversations/{conversation}/messages");
    assert!(target.call(reqwest::Method::GET, &path, agent, None).await.body.to_string().contains(&secret));
}
