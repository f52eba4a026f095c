//! An agent of a simulated world: speaks the agent API to the server's router, with no network in between.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use beistand_protocol::upload::{Metadata, OFFSET_OCTET_STREAM, TUS_VERSION};
use beistand_protocol::{
    AgentId, AttachmentId, Conversation, ConversationId, Message, MessageId, MessagePage, Problem, Status, UnixMillis,
    agent::{Agent, ConversationPage, Role},
    faq::FaqCounts,
};
use beistand_server::Server;
use beistand_server::store::Command;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::chance::Chance;
use beistand_core::clock::Entropy;

/// An agent with a session.
#[derive(Clone)]
pub struct Desk {
    server: Server,
    router: Router,
    token: String,
    chance: Chance,
}

impl Desk {
    /// The agent's name.
    pub const NAME: &str = "Deniz";

    /// Signs an agent in, making it first if it is not there. The session is written straight into the store: hashing a
    /// password is slow by design, and another test's subject.
    pub async fn sign_in(server: &Server, router: Router, app_key: &str, chance: &Chance) -> Self {
        let store = server.store();
        let app = store.app_by_key(app_key).await.ok().flatten().expect("the app is there").id;
        let at = server.clock().now();
        let known = store.agent_by_name(app, Self::NAME).await.expect("the store answers");
        let id = match known {
            Some(row) => row.agent.id,
            None => {
                let mut random = [0; 10];
                chance.fill(&mut random);
                let agent = Agent { id: AgentId::mint(at, random), name: Self::NAME.into(), role: Role::Admin };
                let id = agent.id;
                let password_hash = "$argon2id$none".to_owned();
                store.apply(Command::AddAgent { app, agent, password_hash, at }).await.expect("the agent is made");
                id
            }
        };
        let token = format!("{:032x}", chance.with(|rng| rng.u128(..)));
        let token_hash = Sha256::digest(token.as_bytes()).into();
        let expires_at = UnixMillis(i64::MAX / 4);
        store
            .apply(Command::BeginSession { app, agent: id, token_hash, expires_at, at })
            .await
            .expect("the session begins");
        Self { server: server.clone(), router, token, chance: chance.clone() }
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<String>) -> Result<T, Problem> {
        let mut request =
            Request::builder().method(method).uri(path).header("cookie", format!("beistand_session={}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from)).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("the router answers");
        let ok = answer.status().is_success();
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        if ok {
            Ok(serde_json::from_slice(&body).expect("the documented body"))
        } else {
            Err(serde_json::from_slice(&body).expect("a problem document"))
        }
    }

    /// The bytes of a file, or the code of the problem.
    pub async fn download(&self, id: AttachmentId) -> Result<Vec<u8>, Problem> {
        self.raw("GET", &format!("/v1/agent/attachments/{id}"), &[], Vec::new()).await.map(|(_, body)| body)
    }

    /// Uploads a file in one piece; what a message names afterwards.
    pub async fn upload(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<AttachmentId, Problem> {
        let mut random = [0; 10];
        self.chance.fill(&mut random);
        let id = AttachmentId::mint(self.server.clock().now(), random);
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let metadata = Metadata { id, name: name.into(), media_type: media_type.into(), sha256 };
        let (length, metadata) = (bytes.len().to_string(), metadata.to_header());
        let created = [("tus-resumable", TUS_VERSION), ("upload-length", &length), ("upload-metadata", &metadata)];
        self.raw("POST", "/v1/agent/uploads", &created, Vec::new()).await?;
        let piece = [("tus-resumable", TUS_VERSION), ("upload-offset", "0"), ("content-type", OFFSET_OCTET_STREAM)];
        self.raw("PATCH", &format!("/v1/agent/uploads/{id}"), &piece, bytes.to_vec()).await?;
        Ok(id)
    }

    /// Answers with files.
    pub async fn write_with(
        &self,
        id: ConversationId,
        text: &str,
        attachments: &[AttachmentId],
    ) -> Result<Message, Problem> {
        let mut random = [0; 10];
        self.chance.fill(&mut random);
        let message = MessageId::mint(self.server.clock().now(), random);
        let body = serde_json::json!({ "text": text, "attachments": attachments }).to_string();
        self.call("PUT", &format!("/v1/agent/conversations/{id}/messages/{message}"), Some(body)).await
    }

    async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), Problem> {
        let mut request =
            Request::builder().method(method).uri(path).header("cookie", format!("beistand_session={}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("the router answers");
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body").to_vec();
        if status.is_success() {
            Ok((status, body))
        } else {
            Err(serde_json::from_slice(&body).expect("a problem document"))
        }
    }

    /// The newest conversations.
    pub async fn conversations(&self) -> Result<Vec<Conversation>, Problem> {
        let page: ConversationPage = self.call("GET", "/v1/agent/conversations?limit=100", None).await?;
        Ok(page.conversations)
    }

    /// One conversation.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, Problem> {
        self.call("GET", &format!("/v1/agent/conversations/{id}"), None).await
    }

    /// All messages of a conversation, notes included, oldest first.
    pub async fn messages(&self, id: ConversationId) -> Result<Vec<Message>, Problem> {
        let mut messages: Vec<Message> = Vec::new();
        let mut before = String::new();
        loop {
            let path = format!("/v1/agent/conversations/{id}/messages?limit=100{before}");
            let page: MessagePage = self.call("GET", &path, None).await?;
            let first = page.messages.first().map(|message| message.seq);
            messages.splice(0..0, page.messages);
            match first {
                Some(first) if page.has_more => before = format!("&before={first}"),
                _ => return Ok(messages),
            }
        }
    }

    /// Answers, or writes a note.
    pub async fn write(&self, id: ConversationId, text: &str, note: bool) -> Result<Message, Problem> {
        let mut random = [0; 10];
        self.chance.fill(&mut random);
        let message = MessageId::mint(self.server.clock().now(), random);
        let visibility = if note { "agents" } else { "all" };
        let body = serde_json::json!({ "text": text, "visibility": visibility }).to_string();
        self.call("PUT", &format!("/v1/agent/conversations/{id}/messages/{message}"), Some(body)).await
    }

    /// Sets the status.
    pub async fn set_status(&self, id: ConversationId, status: Status) -> Result<Conversation, Problem> {
        let body = serde_json::json!({ "status": status }).to_string();
        self.call("PUT", &format!("/v1/agent/conversations/{id}/status"), Some(body)).await
    }

    /// What readers of the FAQ have said.
    pub async fn faq_counts(&self) -> Result<FaqCounts, Problem> {
        self.call("GET", "/v1/agent/faq/counts", None).await
    }

    /// Marks everything as read.
    pub async fn mark_read(&self, id: ConversationId, seq: u64) -> Result<beistand_protocol::Receipts, Problem> {
        let body = serde_json::json!({ "delivered_seq": seq, "read_seq": seq }).to_string();
        self.call("PUT", &format!("/v1/agent/conversations/{id}/read"), Some(body)).await
    }
}
