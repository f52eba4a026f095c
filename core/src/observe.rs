//! Observing: the current value first, then what changes. A subscription ends when it is dropped.

use std::collections::BTreeSet;
use std::sync::Mutex;

use beistand_protocol::ConversationId;
use tokio::sync::{broadcast, watch};

/// A value that can be observed. Clones share it.
#[derive(Clone, Debug)]
pub struct Observable<T> {
    sender: watch::Sender<T>,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Observable<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { sender: watch::Sender::new(value) }
    }

    /// The value now.
    pub fn get(&self) -> T {
        self.sender.borrow().clone()
    }

    /// Begins to observe. The first [`Subscription::next`] returns the current value at once.
    pub fn subscribe(&self) -> Subscription<T> {
        let mut receiver = self.sender.subscribe();
        receiver.mark_changed();
        Subscription { receiver }
    }

    /// Whether anybody else has it, or observes it.
    pub(crate) fn is_held(&self) -> bool {
        self.sender.sender_count() > 1 || self.sender.receiver_count() > 0
    }

    /// Sets the value; observers are woken only if it differs.
    pub(crate) fn set(&self, value: T) {
        self.sender.send_if_modified(|current| {
            let differs = *current != value;
            *current = value;
            differs
        });
    }

    /// Changes the value; observers are woken only if it differs.
    pub(crate) fn update(&self, change: impl FnOnce(&mut T)) {
        self.sender.send_if_modified(|current| {
            let before = current.clone();
            change(current);
            *current != before
        });
    }
}

/// One observer of an [`Observable`]; ends when dropped.
#[derive(Debug)]
pub struct Subscription<T> {
    receiver: watch::Receiver<T>,
}

impl<T: Clone> Subscription<T> {
    /// The current value on the first call, then each time the value has changed; values in between may be skipped.
    /// `None` once the client is gone.
    pub async fn next(&mut self) -> Option<T> {
        self.receiver.changed().await.ok()?;
        Some(self.receiver.borrow_and_update().clone())
    }
}

/// What in the local store has changed: which conversations, or everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum StoreChange {
    Conversation(ConversationId),
    Everything,
}

impl StoreChange {
    /// A write about this conversation; of one that is about none, observers find out themselves what it has changed.
    pub(crate) fn of(conversation: Option<ConversationId>) -> Self {
        conversation.map_or(Self::Everything, Self::Conversation)
    }
}

/// Tells observers that the store has changed; they read it anew.
#[derive(Debug)]
pub(crate) struct Changes {
    sender: Mutex<Option<broadcast::Sender<StoreChange>>>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        // An observer that falls behind is told that everything changed: nothing is lost, it only reads more.
        Self { sender: Mutex::new(Some(broadcast::Sender::new(256))) }
    }

    /// The client is gone: observers end.
    pub(crate) fn close(&self) {
        self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    pub(crate) fn announce(&self, change: StoreChange) {
        if let Some(sender) = self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_ref() {
            // No receiver is no fault.
            let _ = sender.send(change);
        }
    }

    pub(crate) fn subscribe(&self) -> ChangeSubscription {
        let sender = self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // After the end a subscription ends at once.
        let receiver =
            sender.as_ref().map_or_else(|| broadcast::Sender::new(1).subscribe(), |sender| sender.subscribe());
        ChangeSubscription { receiver }
    }
}

#[derive(Debug)]
pub(crate) struct ChangeSubscription {
    receiver: broadcast::Receiver<StoreChange>,
}

impl ChangeSubscription {
    /// Waits for a change that concerns the conversation (or any, if `None`); `false` once the client is gone.
    /// Everything else that waits already is taken along, so that a burst costs one read.
    pub(crate) async fn wait(&mut self, conversation: Option<ConversationId>) -> bool {
        let mut hit = false;
        loop {
            let next = if hit {
                match self.receiver.try_recv() {
                    Ok(change) => Ok(change),
                    Err(broadcast::error::TryRecvError::Lagged(_)) => Ok(StoreChange::Everything),
                    Err(_) => return true,
                }
            } else {
                match self.receiver.recv().await {
                    Err(broadcast::error::RecvError::Lagged(_)) => Ok(StoreChange::Everything),
                    other => other,
                }
            };
            match next {
                Ok(StoreChange::Conversation(id)) => hit |= conversation.is_none_or(|wanted| wanted == id),
                Ok(StoreChange::Everything) => hit = true,
                Err(_) => return hit,
            }
        }
    }
}

/// Which conversations somebody looks at right now; the socket is open while there is one.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    state: Mutex<(u64, BTreeSet<u64>)>,
}

impl Watchers {
    pub(crate) fn enter(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 += 1;
        let ticket = state.0;
        state.1.insert(ticket);
        ticket
    }

    pub(crate) fn leave(&self, ticket: u64) {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1.remove(&ticket);
    }

    pub(crate) fn any(&self) -> bool {
        !self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_observer_gets_the_current_value_first_then_changes() {
        let observable = Observable::new(1);
        let mut subscription = observable.subscribe();
        assert_eq!(subscription.next().await, Some(1));
        observable.set(1);
        observable.set(2);
        assert_eq!(subscription.next().await, Some(2));
        drop(observable);
        assert_eq!(subscription.next().await, None);
    }
}
