//! How a committed change reaches the sockets. A trait, so that several nodes can share one later; in one process it is
//! a map of mailboxes. A mailbox holds the newest seq and a bounded number of typing signs: a slow reader gets fewer
//! frames, never more memory.

pub mod in_process;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use beistand_protocol::{Author, ConversationId, DeviceId};
use tokio::sync::Notify;

use crate::store::{AppId, Farewell, Hint, Stream};

/// What goes over the bus.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stream has a newer change.
    Hint(Hint),
    /// Sockets are to close.
    Farewell(Farewell),
    /// Somebody types; to be told to one stream.
    Typing {
        /// Whose app.
        app: AppId,
        /// Who is to see it.
        stream: Stream,
        /// The sign.
        sign: TypingSign,
    },
}

/// Somebody types, or has stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypingSign {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub author: Author,
    /// Whether they type now.
    pub typing: bool,
}

/// The bus.
pub trait Bus: Send + Sync {
    /// Tells everybody who listens. Never blocks.
    fn publish(&self, event: Event);
    /// Listens to one stream until dropped.
    fn subscribe(&self, app: AppId, stream: Stream) -> Subscription;
}

/// The most typing signs that wait for a slow reader; they fade in seconds anyway.
const TYPING_WAITING: usize = 16;

#[derive(Default)]
struct Waiting {
    seq: Option<u64>,
    typing: VecDeque<TypingSign>,
    /// Who is to go: one device, or everybody. As many as the person has devices.
    farewells: Vec<Option<DeviceId>>,
}

/// Where events wait for one listener.
#[derive(Default)]
pub struct Mailbox {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a seq in; only the newest is kept.
    pub fn put_seq(&self, seq: u64) {
        let mut waiting = self.lock();
        waiting.seq = waiting.seq.max(Some(seq));
        drop(waiting);
        self.bell.notify_one();
    }

    /// Puts in who is to go: one device, or everybody.
    pub fn put_farewell(&self, device: Option<DeviceId>) {
        let mut waiting = self.lock();
        if !waiting.farewells.contains(&device) {
            waiting.farewells.push(device);
        }
        drop(waiting);
        self.bell.notify_one();
    }

    /// Puts a typing sign in; the newest of an author in a conversation replaces the older one.
    pub fn put_typing(&self, sign: TypingSign) {
        let mut waiting = self.lock();
        waiting.typing.retain(|old| old.conversation != sign.conversation || old.author != sign.author);
        if waiting.typing.len() >= TYPING_WAITING {
            waiting.typing.pop_front();
        }
        waiting.typing.push_back(sign);
        drop(waiting);
        self.bell.notify_one();
    }
}

/// One thing out of a mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The newest change.
    Seq(u64),
    /// Somebody types.
    Typing(TypingSign),
    /// Whoever listens is to go: one device, or everybody.
    Farewell(Option<DeviceId>),
}

/// A listener's end; dropping it ends the subscription.
pub struct Subscription {
    mailbox: Arc<Mailbox>,
    /// Runs when the listener goes.
    _leave: Box<dyn Send + Sync>,
}

impl Subscription {
    /// A subscription to a mailbox; `leave` is dropped with it.
    pub fn new(mailbox: Arc<Mailbox>, leave: impl Send + Sync + 'static) -> Self {
        Self { mailbox, _leave: Box::new(leave) }
    }

    /// The next thing. Cancelling loses nothing.
    pub async fn next(&self) -> Delivery {
        loop {
            if let Some(delivery) = self.take() {
                return delivery;
            }
            self.mailbox.bell.notified().await;
        }
    }

    /// The next thing, if one waits.
    pub fn take(&self) -> Option<Delivery> {
        let mut waiting = self.mailbox.lock();
        if let Some(device) = waiting.farewells.pop() {
            return Some(Delivery::Farewell(device));
        }
        match waiting.seq.take() {
            Some(seq) => Some(Delivery::Seq(seq)),
            None => waiting.typing.pop_front().map(Delivery::Typing),
        }
    }
}
