//! One world: the real server with its own listener, a proxy before it that breaks what it is told to break, and an
//! agent who speaks the agent API. The phone of the test talks to the proxy, the agent to the server itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beistand_protocol::{
    Author, ConversationId, Status, UnixMillis,
    frames::ClientFrame,
    message::{Content, KnownContent},
};
use beistand_server::faq::{self, editing};
use beistand_server::listener::Listener;
use beistand_server::{Clock, Execution, Server, ServerConfig, StoreOptions, SystemClock};
use beistand_test_support::chance::Chance;
use beistand_test_support::desk::Desk;
use beistand_test_support::identity;
use beistand_test_support::proxy::{Fault, Proxy};
use beistand_test_support::world::without_rate_limits;
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinHandle};

use crate::step::{Articles, Network, Step, TokenKind};

/// How long requests that are under way may go on once the network is cut.
const SETTLE: Duration = Duration::from_secs(5);

/// A typing agent says so this often.
const TYPES_EVERY: Duration = Duration::from_millis(500);

/// How long a token is good.
const TOKEN_SECONDS: i64 = 600;

pub(crate) struct World {
    server: Server,
    desk: Desk,
    proxy: Proxy,
    direct: String,
    serving: Mutex<Option<JoinHandle<()>>>,
    typists: Mutex<HashMap<ConversationId, AbortHandle>>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) const APP_KEY: &str = "stage";

    pub(crate) async fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(said)?;
        let config = ServerConfig {
            listen: "127.0.0.1:0".into(),
            files: Some(folder.path().join("files")),
            ..without_rate_limits()
        };
        let store =
            StoreOptions { path: folder.path().join("beistand.sqlite3"), vfs: None, execution: Execution::Thread };
        let listener = Listener::bind(&config).await.map_err(said)?;
        let address = listener.address().map_err(said)?;
        let server = Server::open(config, store, Arc::new(SystemClock::default())).await.map_err(said)?;
        server.add_app("stage", Self::APP_KEY).await.map_err(said)?;
        identity::add_key(&server, Self::APP_KEY).await;
        let mut seed = [0; 8];
        SystemClock::default().random(&mut seed);
        let desk = Desk::sign_in(&server, server.router(), Self::APP_KEY, &Chance::new(u64::from_le_bytes(seed))).await;
        let serving = tokio::spawn(listener.serve(server.clone()));
        Ok(Self {
            proxy: Proxy::start(address.port(), || Fault::None),
            direct: format!("http://{address}"),
            server,
            desk,
            serving: Mutex::new(Some(serving)),
            typists: Mutex::default(),
            _folder: folder,
        })
    }

    /// Where the phone of the test finds the server: behind the network that can break.
    pub(crate) fn proxied(&self) -> String {
        self.proxy.url()
    }

    /// Where the server itself listens.
    pub(crate) fn direct(&self) -> String {
        self.direct.clone()
    }

    pub(crate) async fn end(&self) {
        self.typists().drain().for_each(|(_, typist)| typist.abort());
        self.proxy.cut();
        self.server.shutdown().await;
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(serving) = serving {
            let _ = tokio::time::timeout(SETTLE, serving).await;
        }
    }

    pub(crate) async fn act(&self, step: Step) -> Result<Value, String> {
        match step {
            Step::AgentReplies { to, text } => {
                let message = self.desk.write(to, &text, false).await.map_err(problem)?;
                Ok(json!({ "message": message.id }))
            }
            Step::AgentTypes { conversation, typing } => self.types(conversation, typing).await,
            Step::AgentReads { of } => {
                let conversation = self.desk.conversation(of).await.map_err(problem)?;
                self.desk.mark_read(of, conversation.last_seq).await.map_err(problem)?;
                Ok(json!({}))
            }
            Step::AgentCloses { of } => {
                self.desk.set_status(of, Status::Closed).await.map_err(problem)?;
                Ok(json!({}))
            }
            Step::Network(network) => {
                self.set_network(network);
                Ok(json!({}))
            }
            Step::Articles(articles) => self.publish(articles).await,
            Step::Fill { of, messages } => {
                for number in 1..=messages {
                    self.desk.write(of, &format!("Line {number}"), false).await.map_err(problem)?;
                }
                Ok(json!({}))
            }
            Step::ServerMessages { of } => self.messages(of).await,
            Step::Token { user, kind } => Ok(json!({ "token": self.token(&user, kind) })),
            Step::ServerConversations {} => {
                let conversations = self.desk.conversations().await.map_err(problem)?;
                Ok(json!({ "conversations": conversations }))
            }
        }
    }

    /// A person who types goes on typing: the frame is repeated until they stop, as a console does, so that a phone whose
    /// socket comes a moment later sees it too.
    async fn types(&self, conversation: ConversationId, typing: bool) -> Result<Value, String> {
        let mut socket = self.server.connect_agent_in_process(Self::APP_KEY, Desk::NAME).await.map_err(problem)?;
        let frame = ClientFrame::Typing { conversation_id: conversation, typing };
        if let Some(typist) = self.typists().remove(&conversation) {
            typist.abort();
        }
        if typing {
            let typist = tokio::spawn(async move {
                loop {
                    socket.send(frame.clone()).await;
                    tokio::time::sleep(TYPES_EVERY).await;
                }
            });
            self.typists().insert(conversation, typist.abort_handle());
        } else {
            socket.send(frame).await;
        }
        Ok(json!({}))
    }

    fn typists(&self) -> MutexGuard<'_, HashMap<ConversationId, AbortHandle>> {
        self.typists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_network(&self, network: Network) {
        match network {
            Network::Online => self.proxy.set_faults(|| Fault::None),
            Network::Offline => {
                self.proxy.set_faults(|| Fault::CutRequest);
                self.proxy.cut();
            }
            Network::SlowMs(millis) => self.proxy.set_faults(move || Fault::Slow(millis)),
            Network::FailNext { times, status } => {
                let answer = format!("HTTP/1.1 {status} Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                self.proxy.break_writes((0..times).map(|_| Fault::Answer(answer.clone())));
            }
            Network::LoseNextAnswer => self.proxy.break_writes([Fault::CutAnswer]),
        }
    }

    fn token(&self, user: &str, kind: TokenKind) -> String {
        let now = self.server.clock().now();
        let hours = |count: i64| UnixMillis(now.0 + count * 3_600_000);
        match kind {
            TokenKind::Good => identity::token(Self::APP_KEY, user, now, TOKEN_SECONDS),
            TokenKind::Expired => identity::token(Self::APP_KEY, user, hours(-1), TOKEN_SECONDS),
            TokenKind::Refused => identity::token("another-app", user, now, TOKEN_SECONDS),
            TokenKind::Early => identity::token(Self::APP_KEY, user, hours(1), TOKEN_SECONDS),
        }
    }

    async fn publish(&self, articles: Articles) -> Result<Value, String> {
        let (store, clock) = (self.server.store(), self.server.clock());
        let app = store.app_by_key(Self::APP_KEY).await.map_err(said)?.ok_or("the app is gone")?;
        let docs: Vec<Value> = articles
            .docs
            .into_iter()
            .map(
                |doc| json!({ "id": doc.id, "title": doc.title, "body": doc.body, "also_asked_as": doc.also_asked_as }),
            )
            .collect();
        let set = json!({ "lang": articles.locale, "docs": docs }).to_string();
        let import = faq::read_json("articles", set.as_bytes(), None).map_err(said)?;
        editing::import(&*store, &*clock, app.id, import, true).await.map_err(said)?;
        editing::publish(&*store, &*clock, app.id, None).await.map_err(said)?;
        Ok(json!({}))
    }

    async fn messages(&self, of: ConversationId) -> Result<Value, String> {
        let messages = self.desk.messages(of).await.map_err(problem)?;
        let told: Vec<Value> = messages
            .iter()
            .map(|message| {
                let from = if matches!(message.author, Author::Person) { "person" } else { "agent" };
                let text = match &message.content {
                    Content::Known(KnownContent::Retracted) => Value::Null,
                    content => json!(content.as_text()),
                };
                json!({ "id": message.id, "from": from, "text": text, "attachments": message.content.attachments() })
            })
            .collect();
        Ok(json!({ "messages": told }))
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn problem(problem: beistand_protocol::Problem) -> String {
    format!("{}: {}", problem.code, problem.detail)
}
