//! Conversations and messages for the tests of this screen.

use beistand_core::protocol::{AgentId, Author, ConversationId, MessageId, Priority, Status, UnixMillis};
use beistand_core::{Conversation, Message, MessageBody, MessageState};
use uuid::Uuid;

/// Saturday, 21 November 2026, 09:30 UTC.
pub const NOW: UnixMillis = UnixMillis(1_795_253_400_123);

/// The conversation of all messages here.
pub const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(7));

/// A conversation.
pub fn conversation(id: u128, subject: &str, unread: u64) -> Conversation {
    Conversation {
        id: ConversationId(Uuid::from_u128(id)),
        subject: subject.into(),
        category: None,
        priority: Priority::Normal,
        fields: Default::default(),
        status: Status::Open,
        assignee: None,
        unread,
        at_server: true,
        created_at: NOW,
        updated_at: NOW,
        preview: "Wo ist mein Paket?".into(),
    }
}

/// A message of the person that the server has.
pub fn own(id: u8, text: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(u128::from(id) + 1)),
        conversation_id: CONVERSATION,
        seq: Some(u64::from(id) + 1),
        author: Author::Person,
        body: MessageBody::Text(text.into()),
        attachments: Vec::new(),
        state: MessageState::Sent,
        change_pending: false,
        edited: false,
        created_at: NOW.plus(i64::from(id) * 60_000),
    }
}

/// A message of an agent.
pub fn received(id: u8, text: &str) -> Message {
    let author = Author::Agent { id: AgentId(Uuid::from_u128(9)), name: "Deniz".into() };
    Message { author, state: MessageState::Received, ..own(id, text) }
}
