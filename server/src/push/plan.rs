//! Who is pushed when: pure. One push for each conversation until the person has synced; none while a socket of theirs
//! is open, unless it closes before they have synced: a phone in a tunnel has an open socket for half a minute and hears
//! nothing over it.

use std::collections::HashMap;

use beistand_protocol::{ConversationId, PersonId};

use crate::store::AppId;

type Who = (AppId, PersonId);

/// The most persons that are remembered. Past it all are forgotten: each may get one push more than needed.
const PERSONS: usize = 100_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// Over a socket, perhaps.
    Socket,
    /// By a push.
    Push,
}

/// What waits for whom.
#[derive(Default)]
pub(super) struct Plan {
    waiting: HashMap<Who, HashMap<ConversationId, Told>>,
    sockets: HashMap<Who, u32>,
}

impl Plan {
    /// A message was stored; whether to push.
    pub(super) fn stored(&mut self, who: Who, conversation: ConversationId) -> bool {
        if self.waiting.len() >= PERSONS && !self.waiting.contains_key(&who) {
            self.waiting.clear();
        }
        let told = self.waiting.entry(who).or_default();
        if self.sockets.contains_key(&who) {
            told.entry(conversation).or_insert(Told::Socket);
            return false;
        }
        told.insert(conversation, Told::Push) != Some(Told::Push)
    }

    /// The person has fetched what waited.
    pub(super) fn synced(&mut self, who: Who) {
        self.waiting.remove(&who);
    }

    /// Whether the conversation still waits for the person.
    pub(super) fn is_waiting(&self, who: Who, conversation: ConversationId) -> bool {
        self.waiting.get(&who).is_some_and(|told| told.contains_key(&conversation))
    }

    /// The push did not happen: the next message tries again.
    pub(super) fn not_pushed(&mut self, who: Who, conversation: ConversationId) {
        if let Some(told) = self.waiting.get_mut(&who) {
            told.remove(&conversation);
            if told.is_empty() {
                self.waiting.remove(&who);
            }
        }
    }

    pub(super) fn socket_opened(&mut self, who: Who) {
        *self.sockets.entry(who).or_default() += 1;
    }

    /// A socket closed; what to push, if it was the last.
    pub(super) fn socket_closed(&mut self, who: Who) -> Vec<ConversationId> {
        if let Some(open) = self.sockets.get_mut(&who) {
            *open -= 1;
            if *open > 0 {
                return Vec::new();
            }
            self.sockets.remove(&who);
        }
        let Some(waiting) = self.waiting.get_mut(&who) else { return Vec::new() };
        let unheard = waiting.iter_mut().filter(|(_, told)| **told == Told::Socket);
        unheard
            .map(|(conversation, told)| {
                *told = Told::Push;
                *conversation
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Who {
        (AppId(1), PersonId(uuid::Uuid::from_u128(7)))
    }

    fn conversation(number: u128) -> ConversationId {
        ConversationId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn one_push_for_each_conversation_until_the_person_has_synced() {
        let mut plan = Plan::default();
        assert!(plan.stored(who(), conversation(1)));
        assert!(!plan.stored(who(), conversation(1)));
        assert!(plan.stored(who(), conversation(2)));
        plan.synced(who());
        assert!(plan.stored(who(), conversation(1)));
    }

    #[test]
    fn what_a_dying_socket_was_told_is_pushed_when_the_last_one_closes() {
        let mut plan = Plan::default();
        plan.socket_opened(who());
        plan.socket_opened(who());
        assert!(!plan.stored(who(), conversation(1)));
        assert_eq!(plan.socket_closed(who()), []);
        assert_eq!(plan.socket_closed(who()), [conversation(1)]);
        assert!(!plan.stored(who(), conversation(1)), "it was pushed just now");
        plan.socket_opened(who());
        plan.stored(who(), conversation(2));
        plan.synced(who());
        assert_eq!(plan.socket_closed(who()), []);
    }

    #[test]
    fn a_push_that_failed_is_tried_again_with_the_next_message() {
        let mut plan = Plan::default();
        assert!(plan.stored(who(), conversation(1)));
        assert!(plan.is_waiting(who(), conversation(1)));
        plan.not_pushed(who(), conversation(1));
        assert!(!plan.is_waiting(who(), conversation(1)));
        assert!(plan.stored(who(), conversation(1)));
    }
}
