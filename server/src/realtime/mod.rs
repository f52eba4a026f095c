//! Live frames: hints after each commit, and typing signs between a person and the agents. A frame may be lost; the
//! cursor is the truth. The same session serves a WebSocket and a test in the same process.

mod socket;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use beistand_protocol::{
    AgentId, Author, ClientFrame, Code, ConversationId, DeviceId, PersonId, Problem, ServerFrame, agent::Agent,
};
use tokio::sync::watch;

pub(crate) use socket::upgrade;

use crate::{
    bus::{Delivery, Event, Subscription, TypingSign},
    metrics::Metrics,
    push::{Present, Pushes},
    server::Shared,
    store::{AppId, Reader, Stream},
};

/// Which kind of credential a socket takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Person,
    Agent,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    Person { app: AppId, person: PersonId, device: DeviceId },
    Agent { app: AppId, id: AgentId, name: String },
}

impl Peer {
    pub(crate) fn agent(app: AppId, agent: &Agent) -> Self {
        Self::Agent { app, id: agent.id, name: agent.name.clone() }
    }

    fn app(&self) -> AppId {
        match self {
            Self::Person { app, .. } | Self::Agent { app, .. } => *app,
        }
    }

    fn stream(&self) -> Stream {
        match self {
            Self::Person { person, .. } => Stream::Person(*person),
            Self::Agent { .. } => Stream::Agents,
        }
    }
}

/// Counts the open sockets, so that a stopping server can wait for their goodbye.
pub(crate) struct Sockets {
    count: watch::Sender<usize>,
    metrics: Arc<Metrics>,
}

/// One open socket.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sockets.count.send_modify(|count| *count -= 1);
        self.0.sockets.metrics.sockets(-1);
    }
}

impl Sockets {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { count: watch::channel(0).0, metrics }
    }

    /// Waits until all have gone, or time is up.
    pub(crate) async fn all_gone(&self, at_most: Duration) {
        let mut count = self.count.subscribe();
        if *count.borrow() == 0 {
            return;
        }
        let _ = tokio::time::timeout(at_most, count.wait_for(|count| *count == 0)).await;
    }
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn counted(shared: &Arc<Shared>) -> Counted {
    shared.sockets.count.send_modify(|count| *count += 1);
    shared.metrics.sockets(1);
    Counted(shared.clone())
}

/// Why a socket is closed by the server while it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Goodbye {
    /// The person has become an alias of a user: connecting again listens to the user.
    Moved,
    /// The device has left.
    SignedOff,
}

/// What follows from a delivery.
enum Heard {
    Frame(ServerFrame),
    Leave(Goodbye),
    Nothing,
}

/// What a peer hears and says, whatever carries it.
struct Session {
    shared: Arc<Shared>,
    peer: Peer,
    subscription: Subscription,
    /// Whoever is here need not be woken.
    _present: Option<Present>,
    /// The conversation that the peer may speak about, as checked last, and who hears it.
    checked: Option<(ConversationId, Stream)>,
}

impl Session {
    /// Begins; the answer is the first frame. The subscription comes before the question for the newest change, so that
    /// no change falls between them.
    async fn begin(shared: Arc<Shared>, peer: Peer) -> Result<(Self, ServerFrame), Problem> {
        let subscription = shared.bus.subscribe(peer.app(), peer.stream());
        let present = match &peer {
            Peer::Person { app, person, .. } => Pushes::present(&shared, *app, *person),
            Peer::Agent { .. } => None,
        };
        if let Peer::Person { app, person, device } = &peer {
            // Once more, now that no farewell can be missed: a login or a sign-off may have come since the first look.
            match shared.store.device(*app, *device).await? {
                Some(row) if !row.signed_off && row.person == *person => {}
                Some(row) if !row.signed_off => {
                    return Err(Problem::new(Code::Unavailable, "the person has just logged in: connect again"));
                }
                _ => return Err(Problem::new(Code::Unauthorized, "the device was signed off")),
            }
        }
        let (seq, _) = shared.store.newest(peer.app(), peer.stream()).await?;
        Ok((Self { shared, peer, subscription, _present: present, checked: None }, ServerFrame::Ready { seq }))
    }

    /// What follows from a delivery.
    fn hear(&mut self, delivery: Delivery) -> Heard {
        match delivery {
            Delivery::Seq(seq) => {
                // What has changed may be whose conversation it is.
                self.checked = None;
                Heard::Frame(ServerFrame::Hint { seq })
            }
            Delivery::Typing(TypingSign { conversation, author, typing }) => {
                Heard::Frame(ServerFrame::Typing { conversation_id: conversation, author, typing })
            }
            Delivery::Farewell(None) => Heard::Leave(Goodbye::Moved),
            Delivery::Farewell(Some(gone)) => match self.peer {
                Peer::Person { device, .. } if device == gone => Heard::Leave(Goodbye::SignedOff),
                _ => Heard::Nothing,
            },
        }
    }

    /// Takes a frame of the peer; the answer, if there is one.
    async fn take(&mut self, frame: ClientFrame) -> Option<ServerFrame> {
        match frame {
            ClientFrame::Ping => Some(ServerFrame::Pong),
            ClientFrame::Typing { conversation_id, typing } => {
                self.forward(conversation_id, typing).await;
                None
            }
            ClientFrame::Auth { .. } | ClientFrame::Pong | ClientFrame::Unknown => None,
        }
    }

    /// Tells the other side of the conversation, if it is one of the peer's.
    async fn forward(&mut self, conversation: ConversationId, typing: bool) {
        let stream = match self.checked {
            Some((checked, stream)) if checked == conversation => Some(stream),
            _ => self.audience(conversation).await,
        };
        let Some(stream) = stream else { return };
        self.checked = Some((conversation, stream));
        let author = match &self.peer {
            Peer::Person { .. } => Author::Person,
            Peer::Agent { id, name, .. } => Author::Agent { id: *id, name: name.clone() },
        };
        let sign = TypingSign { conversation, author, typing };
        self.shared.bus.publish(Event::Typing { app: self.peer.app(), stream, sign });
    }

    async fn audience(&self, conversation: ConversationId) -> Option<Stream> {
        let store = &self.shared.store;
        match &self.peer {
            Peer::Person { app, person, .. } => store
                .conversation(*app, Reader::Person(*person), conversation)
                .await
                .ok()
                .flatten()
                .map(|_| Stream::Agents),
            Peer::Agent { app, .. } => store.owner(*app, conversation).await.ok().flatten().map(Stream::Person),
        }
    }
}

/// A socket without a network, for tests and simulations that run in the server's process.
pub struct InProcessSocket {
    session: Session,
    waiting: VecDeque<ServerFrame>,
    stopping: watch::Receiver<bool>,
    left: bool,
}

impl InProcessSocket {
    pub(crate) async fn open(shared: Arc<Shared>, peer: Peer) -> Result<Self, Problem> {
        let stopping = shared.stopping.subscribe();
        if *stopping.borrow() {
            return Err(Problem::new(Code::Unavailable, "the server stops"));
        }
        let (session, ready) = Session::begin(shared, peer).await?;
        Ok(Self { session, waiting: VecDeque::from([ready]), stopping, left: false })
    }

    /// The next frame; `None` once the server stops, or closes this socket. Cancelling loses nothing.
    pub async fn recv(&mut self) -> Option<ServerFrame> {
        loop {
            if *self.stopping.borrow() || self.left {
                return None;
            }
            if let Some(frame) = self.waiting.pop_front() {
                return Some(frame);
            }
            let delivery = tokio::select! {
                biased;
                () = stopped(&mut self.stopping) => return None,
                delivery = self.session.subscription.next() => delivery,
            };
            self.hear(delivery);
        }
    }

    /// A frame that has come already, if there is one.
    pub fn try_recv(&mut self) -> Option<ServerFrame> {
        while !*self.stopping.borrow() && !self.left {
            if let Some(frame) = self.waiting.pop_front() {
                return Some(frame);
            }
            let delivery = self.session.subscription.take()?;
            self.hear(delivery);
        }
        None
    }

    fn hear(&mut self, delivery: Delivery) {
        match self.session.hear(delivery) {
            Heard::Frame(frame) => self.waiting.push_back(frame),
            Heard::Leave(_) => self.left = true,
            Heard::Nothing => {}
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: ClientFrame) {
        let answer = self.session.take(frame).await;
        self.waiting.extend(answer);
    }
}
