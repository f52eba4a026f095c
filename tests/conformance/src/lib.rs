//! Black-box conformance: a server, named by its address, held to the protocol. A second server written from the
//! description alone is to pass these tests.
//!
//! `BEISTAND_CONFORMANCE_URL` names the server. It needs two apps, with the keys in `BEISTAND_CONFORMANCE_APP_KEY` and
//! `BEISTAND_CONFORMANCE_OTHER_APP_KEY` (`demo` and `other`), an agent of the first one in `BEISTAND_CONFORMANCE_AGENT`
//! and `BEISTAND_CONFORMANCE_PASSWORD` (`Deniz`, `demo`; an admin), an HS256 key of the first one in
//! `BEISTAND_CONFORMANCE_TOKEN_KID` and `BEISTAND_CONFORMANCE_TOKEN_SECRET` (those of `serve --demo`), and room for some hundred registrations. Without an
//! address, each test starts the `beistand-server` that lies beside it.

#![expect(clippy::missing_panics_doc, reason = "a test ends at the first surprise")]

pub mod document;
pub mod file;
mod server;
pub mod token;

use std::sync::atomic::{AtomicU64, Ordering};

use beistand_protocol::{ConversationId, Credential, DeviceId, DeviceSecret, Lane, MessageId, problem::PROBLEM_JSON};
use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};

use server::Started;

/// The server under test.
pub struct Target {
    client: Client,
    url: String,
    /// The key of the app that most tests speak for.
    pub app: String,
    /// The key of another app.
    pub other_app: String,
    agent: String,
    password: String,
    /// The name of the key that tokens of the app are signed with.
    pub kid: String,
    secret: String,
    _started: Option<Started>,
}

/// What the server said.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: header::HeaderMap,
    /// The body as JSON; `null` if it is none.
    pub body: Value,
}

impl Answer {
    /// The code of a problem document; fails if the answer is none.
    pub fn code(&self) -> &str {
        assert_eq!(self.headers[header::CONTENT_TYPE], PROBLEM_JSON, "{} {}", self.status, self.body);
        assert_eq!(self.body["status"], self.status.as_u16());
        self.body["code"].as_str().expect("a problem has a code")
    }
}

/// Headers of a request.
pub type Headers = Vec<(&'static str, String)>;

/// A registered device, the phone of one person.
pub struct Phone {
    /// What it authenticates with.
    pub credential: Credential,
    app: String,
    seq: AtomicU64,
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// A new id of whatever kind.
pub fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Target {
    /// The server under test, started if no address is given.
    pub async fn get() -> Self {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().build().expect("a client");
        let other_app = setting("BEISTAND_CONFORMANCE_OTHER_APP_KEY", "other");
        let started = std::env::var("BEISTAND_CONFORMANCE_URL").is_err().then(|| Started::start(&other_app));
        let url = match &started {
            Some(started) => started.url.clone(),
            None => setting("BEISTAND_CONFORMANCE_URL", ""),
        };
        Self {
            client,
            url: url.trim_end_matches('/').to_owned(),
            app: setting("BEISTAND_CONFORMANCE_APP_KEY", "demo"),
            other_app,
            agent: setting("BEISTAND_CONFORMANCE_AGENT", "Deniz"),
            password: setting("BEISTAND_CONFORMANCE_PASSWORD", "demo"),
            kid: setting("BEISTAND_CONFORMANCE_TOKEN_KID", "demo"),
            secret: setting("BEISTAND_CONFORMANCE_TOKEN_SECRET", "beistand-demo: no secret, for laptops only"),
            _started: started,
        }
    }

    /// Sends a request with a body of JSON.
    pub async fn call(&self, method: Method, path: &str, headers: Headers, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes());
        self.raw(method, path, headers, body, "application/json").await
    }

    /// Sends a request with any body.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: Headers,
        body: Option<Vec<u8>>,
        content_type: &str,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, content_type).body(body);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("a whole answer");
        assert!(status.as_u16() < 500, "{status} for {path}");
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// Registers a device in the first app.
    pub async fn phone(&self) -> Phone {
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(uuid::Uuid::now_v7().as_bytes());
        let credential = Credential { device: DeviceId(uuid::Uuid::now_v7()), secret: DeviceSecret(secret) };
        let body = json!({ "secret": credential.secret.to_hex() });
        let path = format!("/v1/devices/{}", credential.device);
        let answer = self.call(Method::PUT, &path, vec![("x-app-key", self.app.clone())], Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        Phone { credential, app: self.app.clone(), seq: AtomicU64::new(1) }
    }

    /// Signs the agent in.
    pub async fn agent(&self) -> Headers {
        let body = json!({ "name": self.agent, "password": self.password });
        let headers = vec![("x-app-key", self.app.clone())];
        let answer = self.call(Method::POST, "/v1/agent/session", headers, Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let cookie = answer.headers[header::SET_COOKIE].to_str().expect("a cookie of text");
        vec![("cookie", cookie.split(';').next().unwrap_or_default().to_owned())]
    }

    /// Reads as a person.
    pub async fn read(&self, phone: &Phone, path: &str) -> Answer {
        self.call(Method::GET, path, phone.headers(), None).await
    }

    /// Writes as a person, at the next place of the lane.
    pub async fn write(&self, phone: &Phone, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call(method, path, phone.operation(path), body).await
    }

    /// Opens a conversation.
    pub async fn open(&self, phone: &Phone) -> (ConversationId, MessageId) {
        let (conversation, first) = (ConversationId(uuid::Uuid::now_v7()), MessageId(uuid::Uuid::now_v7()));
        let path = format!("/v1/conversations/{conversation}");
        let answer = self.write(phone, Method::PUT, &path, Some(opening(&first.to_string()))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        (conversation, first)
    }
}

/// A body that opens a conversation.
pub fn opening(first: &str) -> Value {
    json!({ "subject": "Conformance", "message": { "id": first, "text": "Hello" } })
}

impl Phone {
    /// App and credential.
    pub fn headers(&self) -> Headers {
        vec![("x-app-key", self.app.clone()), ("authorization", format!("Bearer {}", self.credential.to_token()))]
    }

    /// App, credential, and the next place in the lane of the path's conversation.
    pub fn operation(&self, path: &str) -> Headers {
        self.operation_at(path, self.seq.fetch_add(1, Ordering::SeqCst))
    }

    /// The same at a chosen place.
    pub fn operation_at(&self, path: &str, seq: u64) -> Headers {
        let conversation = || path.split('/').nth(3).and_then(|id| id.parse().ok()).expect("a path of a conversation");
        let lane = match path {
            faq if faq.starts_with("/v1/faq/") => Lane::Faq,
            read if read.ends_with("/read") => Lane::Read(conversation()),
            _ => Lane::Conversation(conversation()),
        };
        let mut headers = self.headers();
        headers.push(("operation-id", id()));
        headers.push(("operation-order", format!("{}/{lane}/{seq}", self.credential.device)));
        headers
    }
}
