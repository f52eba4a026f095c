//! The bus of a single process: a map from stream to the mailboxes that listen.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::{Bus, Event, Mailbox, Subscription};
use crate::store::{AppId, Stream};

type Topics = HashMap<(AppId, Stream), Vec<Weak<Mailbox>>>;

/// The bus of a single process.
#[derive(Default)]
pub struct InProcessBus {
    topics: Arc<Mutex<Topics>>,
}

fn lock(topics: &Mutex<Topics>) -> MutexGuard<'_, Topics> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a mailbox off the map when its listener goes.
struct Leave {
    topics: Weak<Mutex<Topics>>,
    topic: (AppId, Stream),
    mailbox: Weak<Mailbox>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let Some(topics) = self.topics.upgrade() else { return };
        let mut topics = lock(&topics);
        if let Some(listeners) = topics.get_mut(&self.topic) {
            listeners.retain(|listener| !listener.ptr_eq(&self.mailbox));
            if listeners.is_empty() {
                topics.remove(&self.topic);
            }
        }
    }
}

impl Bus for InProcessBus {
    fn publish(&self, event: Event) {
        let topic = match &event {
            Event::Hint(hint) => (hint.app, hint.stream),
            Event::Farewell(farewell) => (farewell.app, Stream::Person(farewell.person)),
            Event::Typing { app, stream, .. } => (*app, *stream),
        };
        // Collected first and told outside the lock, so that a listener may come or go meanwhile.
        let listeners: Vec<Arc<Mailbox>> =
            lock(&self.topics).get(&topic).into_iter().flatten().filter_map(Weak::upgrade).collect();
        for listener in listeners {
            match &event {
                Event::Hint(hint) => listener.put_seq(hint.seq),
                Event::Farewell(farewell) => listener.put_farewell(farewell.device),
                Event::Typing { sign, .. } => listener.put_typing(sign.clone()),
            }
        }
    }

    fn subscribe(&self, app: AppId, stream: Stream) -> Subscription {
        let mailbox = Arc::new(Mailbox::default());
        let topic = (app, stream);
        lock(&self.topics).entry(topic).or_default().push(Arc::downgrade(&mailbox));
        let leave = Leave { topics: Arc::downgrade(&self.topics), topic, mailbox: Arc::downgrade(&mailbox) };
        Subscription::new(mailbox, leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bus::Delivery, store::Hint};

    #[test]
    fn a_slow_listener_gets_the_newest_seq_once() {
        let bus = InProcessBus::default();
        let listener = bus.subscribe(AppId(1), Stream::Agents);
        for seq in 1..=1000 {
            bus.publish(Event::Hint(Hint { app: AppId(1), stream: Stream::Agents, seq }));
        }
        assert_eq!(listener.take(), Some(Delivery::Seq(1000)));
        assert_eq!(listener.take(), None);
    }

    #[test]
    fn a_listener_that_left_is_forgotten() {
        let bus = InProcessBus::default();
        drop(bus.subscribe(AppId(1), Stream::Agents));
        assert!(lock(&bus.topics).is_empty());
    }
}
