//! A server in the test's process, and the few words that tests say to it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use beistand_protocol::{ConversationId, Credential, DeviceId, DeviceSecret, Lane, MessageId, UnixMillis, agent::Role};
use beistand_server::{
    Clock, Execution, Server, ServerConfig, StoreOptions,
    identity::{Claims, KeyMaterial, SigningKey, mint},
    push::RecordingGateway,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The name of the usual key, and its secret.
pub const KID: &str = "2026-11";
pub const SECRET: &[u8] = b"a secret of a shop that only its backend knows";

/// A clock that stands still until the test moves it, with chance that repeats.
#[derive(Default)]
pub struct TestClock {
    millis: AtomicI64,
    drawn: AtomicU64,
}

impl TestClock {
    pub fn advance(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_795_253_400_000 + self.millis.load(Ordering::SeqCst))
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut state = self.drawn.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

pub struct House {
    pub server: Server,
    pub router: Router,
    pub clock: Arc<TestClock>,
    pub folder: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The code of a problem; checks that it is a whole problem document.
    pub fn code(&self) -> &str {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status.as_u16());
        self.body["code"].as_str().unwrap()
    }
}

pub fn options(folder: &tempfile::TempDir, execution: Execution) -> StoreOptions {
    StoreOptions { path: folder.path().join("beistand.db"), vfs: None, execution }
}

pub async fn house() -> House {
    house_with(ServerConfig::default()).await
}

pub async fn house_with(config: ServerConfig) -> House {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let server = Server::open(config, options(&folder, Execution::Thread), clock.clone()).await.unwrap();
    furnished(server, clock, folder).await
}

/// A house whose pushes are recorded.
pub async fn house_with_pushes(config: ServerConfig) -> (House, Arc<RecordingGateway>) {
    let (folder, clock, gateway) =
        (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()), Arc::new(RecordingGateway::default()));
    let options = options(&folder, Execution::Thread);
    let server = Server::open_with_gateway(config, options, clock.clone(), Some(gateway.clone())).await.unwrap();
    (furnished(server, clock, folder).await, gateway)
}

async fn furnished(server: Server, clock: Arc<TestClock>, folder: tempfile::TempDir) -> House {
    server.add_app("shop", "shop").await.unwrap();
    server.add_agent("shop", "Deniz", "geheim", Role::Admin).await.unwrap();
    House { router: server.router(), server, clock, folder }
}

/// A registered device.
pub struct Phone {
    pub credential: Credential,
    app_key: &'static str,
    seq: AtomicU64,
}

pub fn conversation() -> ConversationId {
    ConversationId(uuid::Uuid::now_v7())
}

pub fn message() -> MessageId {
    MessageId(uuid::Uuid::now_v7())
}

pub type Headers = Vec<(&'static str, String)>;

impl House {
    pub async fn call(&self, method: Method, path: &str, headers: Headers, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.raw(request.body(body).unwrap()).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        assert!(parts.headers.contains_key("beistand-time"));
        assert!(parts.headers.contains_key(header::DATE));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn register(&self, device: DeviceId, secret: u8) -> Answer {
        self.register_at("shop", device, secret).await
    }

    async fn register_at(&self, app_key: &str, device: DeviceId, secret: u8) -> Answer {
        let body = json!({ "secret": DeviceSecret([secret; 32]).to_hex(), "locale": "de" });
        self.call(Method::PUT, &format!("/v1/devices/{device}"), vec![("x-app-key", app_key.into())], Some(body)).await
    }

    pub async fn phone(&self) -> Phone {
        self.phone_of("shop").await
    }

    /// A phone of any app.
    pub async fn phone_of(&self, app_key: &'static str) -> Phone {
        let device = DeviceId(uuid::Uuid::now_v7());
        assert_eq!(self.register_at(app_key, device, 7).await.status, StatusCode::CREATED);
        Phone { credential: Credential { device, secret: DeviceSecret([7; 32]) }, app_key, seq: AtomicU64::new(1) }
    }

    /// Adds the usual HS256 key to the usual app.
    pub async fn add_key(&self) {
        let key = KeyMaterial::from_secret(SECRET).unwrap();
        self.server.add_identity_key("shop", KID, key).await.unwrap();
    }

    /// A token of the usual key that is good now.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&Claims::new("shop", subject, self.clock.now(), 600))
    }

    /// The same with any claims.
    pub fn sign(&self, claims: &impl serde::Serialize) -> String {
        mint(&SigningKey::from_secret(SECRET).unwrap(), KID, claims).unwrap()
    }

    pub async fn log_in(&self, phone: &Phone, token: &str) -> Answer {
        self.call(Method::PUT, "/v1/identity", phone.headers(), Some(json!({ "token": token }))).await
    }

    pub async fn get(&self, phone: &Phone, path: &str) -> Answer {
        self.call(Method::GET, path, phone.headers(), None).await
    }

    /// A write with the next place of its lane.
    pub async fn write(&self, phone: &Phone, method: Method, path: &str, body: Option<Value>) -> Answer {
        let operation = phone.operation(path);
        self.call(method, path, operation, body).await
    }

    pub async fn open(&self, phone: &Phone) -> (ConversationId, MessageId) {
        let (id, first) = (conversation(), message());
        let answer = self.write(phone, Method::PUT, &format!("/v1/conversations/{id}"), Some(opening(first))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        (id, first)
    }

    pub async fn sign_in(&self) -> Headers {
        let body = json!({ "name": "Deniz", "password": "geheim" });
        let headers = vec![("x-app-key", "shop".into())];
        let answer = self.call(Method::POST, "/v1/agent/session", headers, Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Strict; Path=/"));
        vec![("cookie", cookie.split(';').next().unwrap().to_owned())]
    }

    pub async fn answer(&self, agent: &Headers, conversation: ConversationId, text: &str, visibility: &str) -> Answer {
        let path = format!("/v1/agent/conversations/{conversation}/messages/{}", message());
        let body = json!({ "text": text, "visibility": visibility });
        let answer = self.call(Method::PUT, &path, agent.clone(), Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer
    }
}

pub fn opening(first: MessageId) -> Value {
    json!({ "subject": "Naht gerissen", "message": { "id": first, "text": "Hallo" } })
}

impl Phone {
    pub fn headers(&self) -> Headers {
        vec![("x-app-key", self.app_key.into()), ("authorization", format!("Bearer {}", self.credential.to_token()))]
    }

    /// Headers of a write on the conversation of a path, with the next place of its lane.
    pub fn operation(&self, path: &str) -> Headers {
        self.operation_at(path, self.seq.fetch_add(1, Ordering::SeqCst))
    }

    pub fn operation_at(&self, path: &str, seq: u64) -> Headers {
        let conversation = || path.split('/').nth(3).unwrap().parse().unwrap();
        let lane = match path {
            faq if faq.starts_with("/v1/faq/") => Lane::Faq,
            read if read.ends_with("/read") => Lane::Read(conversation()),
            _ => Lane::Conversation(conversation()),
        };
        let mut headers = self.headers();
        headers.push(("operation-id", uuid::Uuid::now_v7().to_string()));
        headers.push(("operation-order", format!("{}/{lane}/{seq}", self.credential.device)));
        headers
    }
}
