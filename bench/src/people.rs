//! Persons and an agent over plain HTTP: what loads the server. A person here is a credential and a conversation, without
//! a client, so that ten thousand of them cost little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use beistand_protocol::{
    ConversationId, Credential, DeviceId, DeviceSecret, Lane, MessageId, OpenConversation, OperationId, OperationOrder,
    Priority, RegisterDevice, SendMessage, UnixMillis,
    agent::{AgentMessage, CreateApiKey, CreatedApiKey, SESSION_COOKIE, SignIn},
    device::APP_KEY_HEADER,
    message::FirstMessage,
    operation::{OPERATION_ID_HEADER, OPERATION_ORDER_HEADER},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::Failure;
use crate::server::{AGENT, APP, Server, password};

/// What a person writes: a usual length, 100 characters.
pub const WORDS: &str =
    "The parcel was due on Monday, the tracking page has not moved since, and nobody answers the phone there.";

/// Requests under way while a measure is prepared.
const AT_ONCE: usize = 64;

/// Ten random bytes.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without a source of chance nothing here makes sense; ids of zeros would be refused by the server at once.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

fn now() -> UnixMillis {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(0))
}

/// A person with one device and one conversation.
pub struct Person {
    /// Whom the server knows.
    pub credential: Credential,
    /// The conversation.
    pub conversation: ConversationId,
    written: AtomicU64,
}

/// Speaks to a server for persons and an agent.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    url: String,
}

impl Http {
    /// For a running server.
    pub fn new(server: &Server) -> Result<Self, Failure> {
        let mut trusting = beistand_core::Settings::new(&server.url, APP, "none")?;
        if let Some(authority) = &server.authority {
            trusting.trust(authority)?;
        }
        let encrypted = server.authority.is_some();
        let tls = beistand_core::api::tls::client_config(encrypted, &trusting.extra_roots)?;
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_gzip().build()?;
        Ok(Self { client, url: server.url.clone() })
    }

    fn put(&self, path: &str, body: &impl Serialize) -> Result<reqwest::RequestBuilder, Failure> {
        let request = self.client.put(format!("{}{path}", self.url)).header(APP_KEY_HEADER, APP);
        Ok(request.header("content-type", "application/json").body(serde_json::to_vec(body)?))
    }

    /// Registers a device.
    pub async fn register(&self) -> Result<Person, Failure> {
        let device = DeviceId::mint(now(), chance());
        let credential = Credential { device, secret: DeviceSecret(chance()) };
        let body = RegisterDevice { secret: credential.secret.to_hex(), platform: None, locale: None };
        good(self.put(&format!("/v1/devices/{device}"), &body)?).await?;
        let conversation = ConversationId::mint(now(), chance());
        Ok(Person { credential, conversation, written: AtomicU64::new(0) })
    }

    /// Opens the person's conversation.
    pub async fn open(&self, person: &Person) -> Result<(), Failure> {
        let body = OpenConversation {
            subject: "Parcel".into(),
            category: None,
            priority: Priority::Normal,
            fields: Default::default(),
            message: FirstMessage {
                id: MessageId::mint(now(), chance()),
                text: WORDS.into(),
                attachments: Vec::new(),
                sent_at: None,
            },
        };
        let request = self.put(&format!("/v1/conversations/{}", person.conversation), &body)?;
        good(Self::operation(request, person)).await
    }

    fn operation(request: reqwest::RequestBuilder, person: &Person) -> reqwest::RequestBuilder {
        let order = OperationOrder {
            device: person.credential.device,
            lane: Lane::Conversation(person.conversation),
            lane_seq: person.written.fetch_add(1, Ordering::Relaxed) + 1,
        };
        request
            .bearer_auth(person.credential.to_token())
            .header(OPERATION_ID_HEADER, OperationId::mint(now(), chance()).to_string())
            .header(OPERATION_ORDER_HEADER, order.to_string())
    }

    /// The person writes; returns when the server has it on its disk.
    pub async fn send(&self, person: &Person) -> Result<(), Failure> {
        let body = SendMessage { text: WORDS.into(), attachments: Vec::new(), sent_at: None };
        let path = format!("/v1/conversations/{}/messages/{}", person.conversation, MessageId::mint(now(), chance()));
        good(Self::operation(self.put(&path, &body)?, person)).await
    }

    /// So many persons with a conversation each.
    pub async fn people(&self, count: usize) -> Result<Vec<Arc<Person>>, Failure> {
        stream::iter(0..count)
            .map(|_| async {
                let person = self.register().await?;
                self.open(&person).await?;
                Ok(Arc::new(person))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Signs the agent in and makes a key for many sockets and writes.
    pub async fn agent(&self) -> Result<Agent, Failure> {
        let body = SignIn { name: AGENT.into(), password: password().into() };
        let request = self.client.post(format!("{}/v1/agent/session", self.url)).header(APP_KEY_HEADER, APP);
        let request = request.header("content-type", "application/json").body(serde_json::to_vec(&body)?);
        let answer = request.send().await?.error_for_status()?;
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let cookie = cookie.split(';').next().filter(|cookie| cookie.starts_with(SESSION_COOKIE));
        let cookie = cookie.ok_or("the agent got no session")?.to_owned();
        let body = serde_json::to_vec(&CreateApiKey { label: "bench".into() })?;
        let request = self.client.post(format!("{}/v1/agent/api-keys", self.url)).header("cookie", cookie);
        let answer = request.header("content-type", "application/json").body(body).send().await?.error_for_status()?;
        let created: CreatedApiKey = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(Agent { http: self.clone(), key: created.key })
    }
}

/// The agent.
#[derive(Clone)]
pub struct Agent {
    http: Http,
    /// The key of the agent's requests and sockets.
    pub key: String,
}

impl Agent {
    /// Answers; returns when the server has it on its disk.
    pub async fn reply(&self, conversation: ConversationId) -> Result<(), Failure> {
        let body = AgentMessage { text: WORDS.into(), attachments: Vec::new(), visibility: Default::default() };
        let id = MessageId::mint(now(), chance());
        let path = format!("/v1/agent/conversations/{conversation}/messages/{id}");
        good(self.http.put(&path, &body)?.bearer_auth(&self.key)).await
    }

    /// Answers in each of the conversations, so many times.
    pub async fn reply_to_all(&self, conversations: &[ConversationId], times: usize) -> Result<(), Failure> {
        let each = conversations.iter().flat_map(|id| std::iter::repeat_n(*id, times));
        stream::iter(each).map(|id| self.reply(id)).buffer_unordered(AT_ONCE).try_collect().await
    }
}

/// Sends a request whose answer must be good, and reads the answer to its end, so that the connection is used again.
async fn good(request: reqwest::RequestBuilder) -> Result<(), Failure> {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    if status.is_success() {
        return Ok(());
    }
    Err(format!("the server answered {status}: {}", String::from_utf8_lossy(&body)).into())
}
