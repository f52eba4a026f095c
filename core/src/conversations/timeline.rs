//! Looking: a window over a conversation, or the list of all. The current value first, then differences, so that a long
//! history is never copied for one receipt.

use std::sync::Arc;

use beistand_protocol::{ConversationId, MessageId, limits::HISTORY_PAGE};

use crate::client::{Guard, Inner};
use crate::config::WINDOW;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Conversation, Message};
use crate::observe::ChangeSubscription;
use crate::outbox::machine::IdentityId;
use crate::realtime::RealtimeMessage;
use crate::store::{conversations, messages};
use crate::sync::puller;

/// One difference between what was shown and what is.
#[derive(Clone, PartialEq, Debug)]
pub enum Difference {
    /// Everything is to be shown anew.
    Reset(Vec<Message>),
    /// A message stands at this place now; those behind it move on.
    Insert {
        /// The place, from the oldest.
        index: usize,
        /// The message.
        message: Message,
    },
    /// The message at this place looks different.
    Update {
        /// The place.
        index: usize,
        /// The message.
        message: Message,
    },
    /// The message at this place is gone; those behind it move up.
    Remove {
        /// The place.
        index: usize,
        /// Which it was.
        id: MessageId,
    },
}

fn not_here() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such conversation on this phone")
}

/// While it lives, somebody looks, and the socket is open.
struct Look {
    inner: Arc<Inner>,
    _guard: Arc<Guard>,
    ticket: u64,
}

impl Look {
    fn begin(inner: Arc<Inner>, guard: Arc<Guard>) -> Self {
        let ticket = inner.watchers.enter();
        inner.tell_realtime(RealtimeMessage::Reconsider);
        Self { inner, _guard: guard, ticket }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.inner.watchers.leave(self.ticket);
        self.inner.tell_realtime(RealtimeMessage::Reconsider);
    }
}

/// A window over a conversation, from its newest messages back; pending echoes come last. Ends when dropped.
pub struct Timeline {
    look: Look,
    changes: ChangeSubscription,
    conversation: ConversationId,
    /// Whose conversation it is. When another identity takes over, nothing is shown any more.
    whose: IdentityId,
    limit: u32,
    shown: Vec<Message>,
    first: bool,
    ended: bool,
    /// Something has changed that is not shown yet.
    stale: bool,
    older_here: bool,
    older_at_server: bool,
}

impl Timeline {
    pub(super) async fn open(inner: Arc<Inner>, guard: Arc<Guard>, conversation: ConversationId) -> Result<Self> {
        let changes = inner.changes.subscribe();
        let whose = inner.shown();
        let mut timeline = Self {
            look: Look::begin(inner, guard),
            changes,
            conversation,
            whose,
            limit: WINDOW,
            shown: Vec::new(),
            first: true,
            ended: false,
            stale: false,
            older_here: false,
            older_at_server: false,
        };
        timeline.shown = timeline.read(WINDOW).await?.filter(|_| timeline.is_ours()).ok_or_else(not_here)?;
        Ok(timeline)
    }

    /// The messages as they were last told.
    pub fn messages(&self) -> &[Message] {
        if self.is_ours() { &self.shown } else { &[] }
    }

    fn is_ours(&self) -> bool {
        self.look.inner.shown() == self.whose
    }

    /// Whether [`Timeline::load_earlier`] may bring more.
    pub fn has_earlier(&self) -> bool {
        self.is_ours() && (self.older_here || self.older_at_server)
    }

    /// Whether older messages are on this phone, so that [`Timeline::load_earlier`] needs no network.
    pub fn has_earlier_here(&self) -> bool {
        self.is_ours() && self.older_here
    }

    /// The whole window on the first call, then what has changed since the last call. Once the person has logged out, or
    /// another has logged in, an empty window, and `None` from then on; `None` also once the client is gone.
    pub async fn next(&mut self) -> Option<Vec<Difference>> {
        if let Some(window) = self.untold() {
            return Some(window);
        }
        loop {
            if self.ended {
                return None;
            }
            if !self.is_ours() {
                return Some(self.end());
            }
            if !self.stale && !self.changes.wait(Some(self.conversation)).await {
                return None;
            }
            // Whoever waits for several things at once may give up in the middle: the change is not forgotten then.
            self.stale = true;
            let read = self.read(self.limit).await;
            self.stale = false;
            // A read that fails is repeated with the next change: what is shown stays as it is.
            let Ok(now) = read else { continue };
            if !self.is_ours() {
                return Some(self.end());
            }
            // Withdrawn: the handle stays, and shows nothing.
            let now = now.unwrap_or_default();
            let differences = differences(&self.shown, &now);
            self.shown = now;
            if !differences.is_empty() {
                return Some(differences);
            }
        }
    }

    fn end(&mut self) -> Vec<Difference> {
        self.ended = true;
        self.shown = Vec::new();
        vec![Difference::Reset(Vec::new())]
    }

    /// Widens the window by `count` (1 to 100) older messages, from the local store first, else from the server. Returns what
    /// changed; an empty list if there are none.
    ///
    /// # Errors
    /// `Unreachable` if they are only at the server and it does not answer; `NotFound` once another identity is shown.
    pub async fn load_earlier(&mut self, count: u32) -> Result<Vec<Difference>> {
        if !self.is_ours() {
            return Err(not_here());
        }
        self.earlier(count).fetch().await?;
        self.widen(count).await
    }

    /// The first half of [`Timeline::load_earlier`], for whoever wants to see what is new while the server is asked: what it
    /// returns knows nothing of the timeline any more.
    pub fn earlier(&self, count: u32) -> Earlier {
        let needed = !self.older_here && self.older_at_server;
        Earlier { inner: self.look.inner.clone(), conversation: self.conversation, count: page(count), needed }
    }

    /// The second half: widens the window by what is on this phone.
    pub async fn widen(&mut self, count: u32) -> Result<Vec<Difference>> {
        let limit = self.limit.saturating_add(page(count));
        let now = self.read(limit).await?.filter(|_| self.is_ours()).ok_or_else(not_here)?;
        let differences = differences(&self.shown, &now);
        (self.limit, self.shown) = (limit, now);
        self.first = false;
        Ok(differences)
    }

    /// The window, if [`Timeline::next`] has not told it yet; it counts as told then.
    pub fn untold(&mut self) -> Option<Vec<Difference>> {
        (self.is_ours() && std::mem::take(&mut self.first)).then(|| vec![Difference::Reset(self.shown.clone())])
    }

    async fn read(&mut self, limit: u32) -> Result<Option<Vec<Message>>> {
        let conversation = self.conversation;
        let read =
            self.look.inner.database.read(move |connection| messages::window(connection, conversation, limit)).await?;
        let Some((messages, older_here, older_at_server)) = read else { return Ok(None) };
        (self.older_here, self.older_at_server) = (older_here, older_at_server);
        Ok(Some(messages))
    }
}

/// Older messages of a conversation that may have to be fetched: the first half of [`Timeline::load_earlier`].
pub struct Earlier {
    inner: Arc<Inner>,
    conversation: ConversationId,
    count: u32,
    needed: bool,
}

impl Earlier {
    /// Fetches them, if they are only at the server.
    ///
    /// # Errors
    /// `Unreachable` if it does not answer.
    pub async fn fetch(self) -> Result<()> {
        let conversation = self.conversation;
        if self.needed {
            let local = self.inner.database.read(move |connection| conversations::local(connection, conversation));
            if let Some(local) = local.await? {
                puller::history(&self.inner, conversation, local.contiguous_from, self.count).await?;
            }
        }
        Ok(())
    }
}

fn page(count: u32) -> u32 {
    count.clamp(1, HISTORY_PAGE)
}

/// What leads from one list to another: removals from the back, then insertions and updates from the front. Messages
/// that change their order are removed and inserted.
fn differences(before: &[Message], now: &[Message]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut list: Vec<&Message> = before.iter().collect();
    // Keep what stands in both lists in the same order; a simple forward match does, since order changes are rare.
    let place = |id: MessageId| now.iter().position(|message| message.id == id);
    let mut last = None;
    let keep: Vec<bool> = list
        .iter()
        .map(|message| match place(message.id) {
            Some(at) if last.is_none_or(|last| at > last) => {
                last = Some(at);
                true
            }
            _ => false,
        })
        .collect();
    for index in (0..list.len()).rev() {
        if !keep.get(index).copied().unwrap_or(false) {
            let gone = list.remove(index);
            differences.push(Difference::Remove { index, id: gone.id });
        }
    }
    for (index, message) in now.iter().enumerate() {
        match list.get(index) {
            Some(shown) if shown.id == message.id => {
                if *shown != message {
                    differences.push(Difference::Update { index, message: message.clone() });
                    list[index] = message;
                }
            }
            _ => {
                differences.push(Difference::Insert { index, message: message.clone() });
                list.insert(index, message);
            }
        }
    }
    differences
}

/// The list of conversations, while somebody looks at it. Ends when dropped.
pub struct ConversationList {
    look: Look,
    changes: ChangeSubscription,
    shown: Option<Vec<Conversation>>,
    /// Something has changed that is not shown yet; at first, everything.
    stale: bool,
}

impl ConversationList {
    pub(super) fn open(inner: Arc<Inner>, guard: Arc<Guard>) -> Self {
        let changes = inner.changes.subscribe();
        Self { look: Look::begin(inner, guard), changes, shown: None, stale: true }
    }

    async fn read(&self) -> Result<Vec<Conversation>> {
        loop {
            // A read that began before somebody else took over is not shown after it.
            let before = self.look.inner.shown();
            let (_, list) = self.look.inner.database.read(conversations::list_of_current).await?;
            if self.look.inner.shown() == before {
                return Ok(list);
            }
        }
    }

    /// The list on the first call, then each time it has changed; after a login or logout, that of the new identity. `None`
    /// once the client is gone.
    pub async fn next(&mut self) -> Option<Vec<Conversation>> {
        loop {
            if !self.stale && !self.changes.wait(None).await {
                return None;
            }
            self.stale = true;
            let read = self.read().await;
            self.stale = false;
            let Ok(now) = read else { continue };
            if self.shown.as_ref() != Some(&now) {
                self.shown = Some(now.clone());
                return Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageBody, MessageState};
    use beistand_protocol::{Author, UnixMillis};
    use proptest::prelude::*;

    fn message(id: u8, text: u8) -> Message {
        Message {
            id: MessageId::mint(UnixMillis(1), [id; 10]),
            conversation_id: ConversationId::mint(UnixMillis(1), [0; 10]),
            seq: None,
            author: Author::Person,
            body: MessageBody::Text(text.to_string()),
            attachments: Vec::new(),
            state: MessageState::Queued,
            change_pending: false,
            edited: false,
            created_at: UnixMillis(1),
        }
    }

    fn list() -> impl Strategy<Value = Vec<Message>> {
        proptest::collection::btree_map(0u8..12, 0u8..3, 0..10)
            .prop_map(|map| map.into_iter().map(|(id, text)| message(id, text)).collect::<Vec<_>>())
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn differences_lead_from_any_list_to_any_other(before in list(), now in list()) {
            let mut shown = before.clone();
            for difference in differences(&before, &now) {
                match difference {
                    Difference::Reset(all) => shown = all,
                    Difference::Insert { index, message } => shown.insert(index, message),
                    Difference::Update { index, message } => shown[index] = message,
                    Difference::Remove { index, id } => prop_assert_eq!(shown.remove(index).id, id),
                }
            }
            prop_assert_eq!(shown, now);
        }
    }

    #[test]
    fn a_receipt_is_one_update() {
        let before: Vec<_> = (0..50).map(|id| message(id, 0)).collect();
        let mut now = before.clone();
        now[49].state = MessageState::Read;
        assert_eq!(differences(&before, &now).len(), 1);
    }
}
