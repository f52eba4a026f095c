//! An agent who talks to a real server over HTTP, past the proxy: what is at the server is asked of the server itself.

use std::path::Path;

use beistand_protocol::agent::ConversationPage;
use beistand_protocol::{AttachmentId, Conversation, ConversationId, Message, MessageId, MessagePage, Status};
use beistand_test_support::process::{DATABASE, ServerProcess};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The key of the one app.
pub const APP_KEY: &str = "demo";

/// The agent and the password of `serve --demo`.
const AGENT: (&str, &str) = ("Deniz", "demo");

/// A server's folder with the demo's data and a signed-in agent: hashing passwords takes longer than a whole run, so each
/// run begins with a copy.
pub struct Template {
    folder: tempfile::TempDir,
    cookie: String,
}

impl Template {
    /// Lets a server make it.
    ///
    /// # Panics
    /// If the server does not work.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The limits have tests of their own; here they would only slow the storm down.
        let limits =
            "[limits]\nburst = 0\nwrites_per_minute = 0\nregistration_burst = 0\nregistrations_per_minute = 0\n";
        std::fs::write(folder.path().join("server.toml"), limits).expect("the configuration is written");
        let template = Self { folder, cookie: String::new() };
        let server = ServerProcess::start(&template.folder.path().join("server"), 0, &["--config", &template.config()]);
        let mut desk = Desk::new(&server.url, String::new());
        let cookie = desk.sign_in();
        server.backup(&template.folder.path().join(DATABASE));
        Self { cookie, ..template }
    }

    fn config(&self) -> String {
        self.folder.path().join("server.toml").display().to_string()
    }

    /// Starts a server on a copy in this folder.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_server(&self, data: &Path) -> ServerProcess {
        std::fs::create_dir_all(data).expect("the data folder");
        std::fs::copy(self.folder.path().join(DATABASE), data.join(DATABASE)).expect("a copy of the template");
        ServerProcess::start(data, 0, &["--config", &self.config()])
    }

    /// The agent at a server that was started from this template.
    pub fn desk(&self, server: &ServerProcess) -> Desk {
        Desk::new(&server.url, self.cookie.clone())
    }
}

impl Default for Template {
    fn default() -> Self {
        Self::new()
    }
}

/// A signed-in agent.
pub struct Desk {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    url: String,
    cookie: String,
}

/// What a server said no with.
#[derive(Debug)]
pub struct Refused(
    /// The status of the answer.
    pub u16,
);

impl Desk {
    fn new(url: &str, cookie: String) -> Self {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A killed server leaves connections behind that look alive.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        Self { runtime, http, url: url.to_owned(), cookie }
    }

    fn sign_in(&mut self) -> String {
        let body = json!({ "name": AGENT.0, "password": AGENT.1 }).to_string();
        let request = self.http.post(format!("{}/v1/agent/session", self.url)).header("x-app-key", APP_KEY);
        let answer = self.runtime.block_on(request.header("content-type", "application/json").body(body).send());
        let answer = answer.expect("the server answers");
        assert!(answer.status().is_success(), "the agent is let in: {}", answer.status());
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()).expect("a session");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Value>) -> Result<T, Refused> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).header("cookie", &self.cookie);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await.expect("the server answers");
            let status = answer.status();
            let bytes = answer.bytes().await.expect("a whole answer");
            if !status.is_success() {
                return Err(Refused(status.as_u16()));
            }
            Ok(serde_json::from_slice(&bytes).expect("the documented body"))
        })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn download(&self, id: AttachmentId) -> Result<Vec<u8>, Refused> {
        let request = self.http.get(format!("{}/v1/agent/attachments/{id}", self.url)).header("cookie", &self.cookie);
        self.runtime.block_on(async {
            let answer = request.send().await.expect("the server answers");
            let status = answer.status();
            let bytes = answer.bytes().await.expect("a whole answer").to_vec();
            if status.is_success() { Ok(bytes) } else { Err(Refused(status.as_u16())) }
        })
    }

    /// The session, as the value of a `Cookie` header: for the agent's socket.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The newest conversations.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn conversations(&self) -> Result<Vec<Conversation>, Refused> {
        let page: ConversationPage = self.call(Method::GET, "/v1/agent/conversations?limit=100", None)?;
        Ok(page.conversations)
    }

    /// One conversation.
    ///
    /// # Errors
    /// If the server refuses; 404 if it does not have it.
    pub fn conversation(&self, id: ConversationId) -> Result<Conversation, Refused> {
        self.call(Method::GET, &format!("/v1/agent/conversations/{id}"), None)
    }

    /// The messages of a conversation, notes included, oldest first. A run never has more than a page.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn messages(&self, id: ConversationId) -> Result<Vec<Message>, Refused> {
        let page: MessagePage =
            self.call(Method::GET, &format!("/v1/agent/conversations/{id}/messages?limit=100"), None)?;
        Ok(page.messages)
    }

    /// Answers, or writes a note, under an id that the caller has minted.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn write(&self, id: ConversationId, message: MessageId, text: &str, note: bool) -> Result<Message, Refused> {
        let body = json!({ "text": text, "visibility": if note { "agents" } else { "all" } });
        self.call(Method::PUT, &format!("/v1/agent/conversations/{id}/messages/{message}"), Some(body))
    }

    /// Sets the status.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn set_status(&self, id: ConversationId, status: Status) -> Result<Conversation, Refused> {
        let body = json!({ "status": status });
        self.call(Method::PUT, &format!("/v1/agent/conversations/{id}/status"), Some(body))
    }
}
