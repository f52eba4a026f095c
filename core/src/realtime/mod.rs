//! The socket: open while somebody looks, closed otherwise. One loop compares what is wanted with what is, and makes it
//! so. Frames carry no data but hints and typing, so a lost socket costs time, never a message: while none can be had,
//! changes are asked for now and then.

use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::{ClientFrame, ConversationId, ServerFrame, limits};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::api::transport::Socket;
use crate::client::Inner;
use crate::config::POLL_WITHOUT_SOCKET;
use crate::model::{Connection, Typing};
use crate::outbox::machine::IdentityId;
use crate::outbox::policy::Policy;
use crate::sync::puller;

/// What the loop is told.
pub(crate) enum RealtimeMessage {
    /// What is wanted may have changed: somebody looks, or nobody any more.
    Reconsider,
    /// The person types, or has stopped.
    Typing(ConversationId, bool),
    /// Try at once: connectivity, foreground, push.
    Now,
    /// Another identity is shown: the socket of the one before closes, and a new one opens in the name of this one.
    Switched,
}

/// A typing sign goes out again this often while the person goes on typing: twice before the other side lets it fade.
const TYPING_AGAIN: Duration = Duration::from_millis(limits::TYPING_MS / 2);

struct Loop {
    inner: Arc<Inner>,
    socket: Option<Socket>,
    /// In whose name the socket is open.
    told_as: IdentityId,
    failures: u32,
    retry_at: Instant,
    poll_at: Instant,
    typing: Vec<(Typing, Instant)>,
    typed: Option<(ConversationId, Instant)>,
    chance: fastrand::Rng,
}

/// Runs until the client is paused or gone.
pub(crate) async fn run(inner: Arc<Inner>, mut messages: mpsc::UnboundedReceiver<RealtimeMessage>) {
    let mut seed = [0; 8];
    inner.entropy.fill(&mut seed);
    let mut state = Loop {
        inner,
        socket: None,
        told_as: IdentityId::default(),
        failures: 0,
        retry_at: Instant::now(),
        poll_at: Instant::now(),
        typing: Vec::new(),
        typed: None,
        chance: fastrand::Rng::with_seed(u64::from_le_bytes(seed)),
    };
    while let Some(message) = state.turn(&mut messages).await {
        match message {
            RealtimeMessage::Reconsider => {}
            RealtimeMessage::Now => {
                state.failures = 0;
                state.retry_at = Instant::now();
                state.poll_at = Instant::now();
            }
            RealtimeMessage::Switched => {
                state.socket = None;
                state.typed = None;
                state.fade(true);
                state.failures = 0;
                state.retry_at = Instant::now();
            }
            RealtimeMessage::Typing(conversation, typing) => state.send_typing(conversation, typing),
        }
    }
}

impl Loop {
    /// Works until somebody says something; `None` once the client is gone.
    async fn turn(&mut self, messages: &mut mpsc::UnboundedReceiver<RealtimeMessage>) -> Option<RealtimeMessage> {
        loop {
            if !self.inner.watchers.any() {
                self.socket = None;
                self.fade(true);
                return messages.recv().await;
            }
            if self.socket.is_none() {
                tokio::select! {
                    biased;
                    message = messages.recv() => return message,
                    () = tokio::time::sleep_until(self.retry_at) => {}
                }
                self.connect().await;
                continue;
            }
            let fade_at = self.typing.iter().map(|(_, until)| *until).min();
            let incoming = self.socket.as_mut().map(|socket| &mut socket.incoming);
            tokio::select! {
                biased;
                message = messages.recv() => return message,
                frame = receive(incoming) => match frame {
                    Some(frame) => self.take(frame).await,
                    None => {
                        self.socket = None;
                        self.failed();
                    }
                },
                () = sleep_until(fade_at) => self.fade(false),
            }
        }
    }

    async fn connect(&mut self) {
        let connected = match self.inner.identity().await {
            Ok(identity) if identity.registered => {
                self.inner.transport.connect(identity.credential).await.ok().map(|socket| (socket, identity.id))
            }
            _ => None,
        };
        match connected {
            Some((socket, told_as)) => {
                self.socket = Some(socket);
                self.told_as = told_as;
            }
            None => {
                if Instant::now() >= self.poll_at {
                    self.poll_at = Instant::now() + POLL_WITHOUT_SOCKET;
                    if puller::pull(&self.inner).await.is_ok() {
                        self.inner.everything_due();
                    }
                }
                self.failed();
            }
        }
    }

    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let wait = Policy::default().wait(self.failures, self.chance.f64()).min(POLL_WITHOUT_SOCKET);
        self.retry_at = Instant::now() + wait;
    }

    async fn take(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Ready { .. } => {
                self.failures = 0;
                self.inner.connection.set(Connection::Online);
                self.inner.everything_due();
                let _ = puller::pull(&self.inner).await;
            }
            ServerFrame::Hint { .. } => {
                // Hints that wait already are covered by this pull.
                while let Some(Ok(waiting)) = self.socket.as_mut().map(|socket| socket.incoming.try_recv()) {
                    self.take_typing(waiting);
                }
                let _ = puller::pull(&self.inner).await;
            }
            other => self.take_typing(other),
        }
    }

    fn take_typing(&mut self, frame: ServerFrame) {
        let ServerFrame::Typing { conversation_id, author, typing } = frame else { return };
        let sign = Typing { conversation_id, author };
        self.typing.retain(|(known, _)| *known != sign);
        if typing {
            self.typing.push((sign, Instant::now() + Duration::from_millis(limits::TYPING_MS)));
        }
        self.show_typing();
    }

    fn fade(&mut self, all: bool) {
        if self.typing.is_empty() {
            return;
        }
        let now = Instant::now();
        self.typing.retain(|(_, until)| !all && *until > now);
        self.show_typing();
    }

    fn show_typing(&self) {
        self.inner.show_typing(self.told_as, self.typing.iter().map(|(sign, _)| sign.clone()).collect());
    }

    fn send_typing(&mut self, conversation: ConversationId, typing: bool) {
        let now = Instant::now();
        if typing && self.typed.is_some_and(|(at, again)| at == conversation && again > now) {
            return;
        }
        self.typed = typing.then_some((conversation, now + TYPING_AGAIN));
        if let Some(socket) = &self.socket {
            // A full queue drops the sign: it would be stale.
            let _ = socket.outgoing.try_send(ClientFrame::Typing { conversation_id: conversation, typing });
        }
    }
}

async fn receive(incoming: Option<&mut mpsc::Receiver<ServerFrame>>) -> Option<ServerFrame> {
    match incoming {
        Some(incoming) => incoming.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
