//! Who is pushed when: pure. One push for each conversation until the person has synced; none while a socket of theirs
//! is open, unless it closes before they have synced: a phone in a tunnel has an open socket for half a minute and hears
//! nothing over it.
//!
//! Messages are told of in their order but some time after they were stored, and a person may have fetched one before
//! that. So each has a number, and a fetch says up to which one it has seen.

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
    /// With the number of the newest message.
    waiting: HashMap<Who, HashMap<ConversationId, (Told, u64)>>,
    sockets: HashMap<Who, u32>,
    /// Who has fetched up to which message, of those that nobody has told of yet.
    fetched: HashMap<Who, u64>,
    /// The newest message that was told of.
    told: u64,
    /// The highest number in `fetched`.
    ahead: u64,
}

impl Plan {
    /// Message `number` was stored; whether to push.
    pub(super) fn stored(&mut self, who: Who, conversation: ConversationId, number: u64) -> bool {
        let seen = self.fetched.get(&who).is_some_and(|up_to| *up_to >= number);
        self.told = self.told.max(number);
        if self.told >= self.ahead {
            self.fetched.clear();
        }
        if seen {
            return false;
        }
        if self.waiting.len() >= PERSONS && !self.waiting.contains_key(&who) {
            self.waiting.clear();
        }
        let told = self.waiting.entry(who).or_default();
        if self.sockets.contains_key(&who) {
            told.entry(conversation).or_insert((Told::Socket, number)).1 = number;
            return false;
        }
        !matches!(told.insert(conversation, (Told::Push, number)), Some((Told::Push, _)))
    }

    /// The person has fetched what waited, up to message `number`.
    pub(super) fn synced(&mut self, who: Who, number: u64) {
        if let Some(waiting) = self.waiting.get_mut(&who) {
            waiting.retain(|_, (_, newest)| *newest > number);
            if waiting.is_empty() {
                self.waiting.remove(&who);
            }
        }
        if number > self.told {
            if self.fetched.len() >= PERSONS {
                self.fetched.clear();
            }
            let up_to = self.fetched.entry(who).or_default();
            *up_to = number.max(*up_to);
            self.ahead = number.max(self.ahead);
        }
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
        let unheard = waiting.iter_mut().filter(|(_, (told, _))| *told == Told::Socket);
        unheard
            .map(|(conversation, (told, _))| {
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
        assert!(plan.stored(who(), conversation(1), 1));
        assert!(!plan.stored(who(), conversation(1), 2));
        assert!(plan.stored(who(), conversation(2), 3));
        plan.synced(who(), 3);
        assert!(plan.stored(who(), conversation(1), 4));
    }

    #[test]
    fn what_a_dying_socket_was_told_is_pushed_when_the_last_one_closes() {
        let mut plan = Plan::default();
        plan.socket_opened(who());
        plan.socket_opened(who());
        assert!(!plan.stored(who(), conversation(1), 1));
        assert_eq!(plan.socket_closed(who()), []);
        assert_eq!(plan.socket_closed(who()), [conversation(1)]);
        assert!(!plan.stored(who(), conversation(1), 2), "it was pushed just now");
        plan.socket_opened(who());
        plan.stored(who(), conversation(2), 3);
        plan.synced(who(), 3);
        assert_eq!(plan.socket_closed(who()), []);
    }

    #[test]
    fn a_push_that_failed_is_tried_again_with_the_next_message() {
        let mut plan = Plan::default();
        assert!(plan.stored(who(), conversation(1), 1));
        assert!(plan.is_waiting(who(), conversation(1)));
        plan.not_pushed(who(), conversation(1));
        assert!(!plan.is_waiting(who(), conversation(1)));
        assert!(plan.stored(who(), conversation(1), 2));
    }

    #[test]
    fn what_was_fetched_before_it_was_told_of_is_no_reason() {
        let mut plan = Plan::default();
        plan.socket_opened(who());
        plan.synced(who(), 2);
        assert!(!plan.stored(who(), conversation(1), 1));
        assert!(!plan.stored(who(), conversation(1), 2));
        assert_eq!(plan.socket_closed(who()), []);
        assert!(plan.fetched.is_empty(), "all was told of");
        assert!(plan.stored(who(), conversation(1), 3));
    }

    #[test]
    fn what_was_stored_after_the_page_was_read_still_waits() {
        let mut plan = Plan::default();
        plan.socket_opened(who());
        assert!(!plan.stored(who(), conversation(1), 1));
        assert!(!plan.stored(who(), conversation(2), 2));
        plan.synced(who(), 1);
        assert_eq!(plan.socket_closed(who()), [conversation(2)]);
    }
}
