//! A shop's backend that knows its users: one HS256 key, and tokens of it. What is signed here is what the server's own
//! `key token` signs.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use beistand_core::{TokenError, TokenProvider, TokenReason};
use beistand_protocol::UnixMillis;
use beistand_server::identity::{Claims, KeyMaterial, SigningKey, mint};
use beistand_server::{Clock, Server};

use crate::clock::VirtualClock;

/// The name of the key, in the header of each token.
pub const KID: &str = "test";

/// The secret that the backend and the server share.
pub const SECRET: &[u8] = b"a secret that only the tests' own backend knows";

/// Gives the server the backend's key, for the app with this key of its own.
///
/// # Panics
/// If the server has it already, or knows no such app.
pub async fn add_key(server: &Server, app_key: &str) {
    let key = KeyMaterial::from_secret(SECRET).expect("the secret is long enough");
    server.add_identity_key(app_key, KID, key).await.expect("the key is added");
}

/// A token for a user of the app, made at this time and good for so many seconds.
pub fn token(app_key: &str, subject: &str, made_at: UnixMillis, seconds: i64) -> String {
    sign(&Claims::new(app_key, subject, made_at, seconds))
}

/// A token with any claims.
///
/// # Panics
/// If the claims are no JSON object.
pub fn sign(claims: &impl serde::Serialize) -> String {
    let key = SigningKey::from_secret(SECRET).expect("the secret is long enough");
    mint(&key, KID, claims).expect("the claims are signed")
}

/// What the backend does with the next question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// It hands out this text.
    Token(String),
    /// It fails.
    Fail,
    /// It never answers.
    Never,
}

#[derive(Debug, Default)]
struct BackendState {
    fails: bool,
    script: VecDeque<Reply>,
    asked: Vec<(String, TokenReason)>,
}

/// The shop's backend as its app reaches it: hands out tokens that are good for ten minutes. Clones share it.
#[derive(Clone, Debug)]
pub struct Backend {
    app_key: String,
    clock: VirtualClock,
    state: Arc<Mutex<BackendState>>,
}

impl Backend {
    /// A backend whose clock is the server's.
    pub fn new(app_key: &str, clock: VirtualClock) -> Self {
        Self { app_key: app_key.to_owned(), clock, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, BackendState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an app gives the client for a user who is signed in to the app.
    pub fn user(&self, subject: &str) -> Arc<dyn TokenProvider> {
        Arc::new(User { backend: self.clone(), subject: subject.to_owned() })
    }

    /// Whether it fails from now on, where nothing else is scripted.
    pub fn fail(&self, fails: bool) {
        self.state().fails = fails;
    }

    /// Decides about the next questions.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().script.extend(replies);
    }

    /// Who was asked about, and why, so far.
    pub fn asked(&self) -> Vec<(String, TokenReason)> {
        self.state().asked.clone()
    }

    /// A token that was made so many seconds ago.
    pub fn old_token(&self, subject: &str, seconds: i64) -> String {
        token(&self.app_key, subject, Clock::now(&self.clock).plus(-seconds * 1000), 600)
    }

    fn answer(&self, subject: &str, reason: TokenReason) -> Reply {
        let mut state = self.state();
        state.asked.push((subject.to_owned(), reason));
        let fails = state.fails;
        let scripted = state.script.pop_front();
        scripted.unwrap_or_else(|| match fails {
            true => Reply::Fail,
            false => Reply::Token(self.old_token(subject, 0)),
        })
    }
}

struct User {
    backend: Backend,
    subject: String,
}

impl TokenProvider for User {
    fn token(&self, reason: TokenReason) -> Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>> {
        let answer = self.backend.answer(&self.subject, reason);
        Box::pin(async move {
            match answer {
                Reply::Token(token) => Ok(token),
                Reply::Fail => Err(TokenError::default()),
                Reply::Never => std::future::pending().await,
            }
        })
    }
}
