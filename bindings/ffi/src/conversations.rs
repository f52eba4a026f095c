//! Tickets and chat.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use beistand_core::protocol::{ConversationId, MessageId, Status};
use beistand_core::{Conversation, Conversations, Outbox};

use crate::error::FfiError;
use crate::input::{FfiFieldValue, FfiMessageDraft, FfiPriority, FfiTicketDraft, id};
use crate::message::FfiMessage;
use crate::runtime::{self, Alive, FfiCancel, run, run_until};
use crate::timeline::FfiTimelineWatch;
use crate::watches::FfiConversationListWatch;

/// Where a conversation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiStatus {
    /// An agent has to act.
    Open,
    /// The person has to act.
    Pending,
    /// Answered for good, as the agent thinks.
    Solved,
    /// Over.
    Closed,
}

impl From<Status> for FfiStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Pending => Self::Pending,
            Status::Solved => Self::Solved,
            Status::Closed => Self::Closed,
        }
    }
}

/// An agent, as persons see one.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiAgent {
    /// Which agent.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A conversation as this phone knows it.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiConversation {
    /// Which one.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// What it is filed under.
    pub category: Option<String>,
    /// How pressing it is.
    pub priority: FfiPriority,
    /// Values of custom fields.
    pub fields: HashMap<String, FfiFieldValue>,
    /// Where it stands.
    pub status: FfiStatus,
    /// Who takes care of it.
    pub assignee: Option<FfiAgent>,
    /// Messages of others that the person has not read.
    pub unread: u64,
    /// Whether the server has it.
    pub at_server: bool,
    /// When it was opened, in milliseconds since 1970.
    pub created_at: i64,
    /// When something last happened in it, likewise.
    pub updated_at: i64,
    /// The newest message in words.
    pub preview: String,
}

impl From<Conversation> for FfiConversation {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.to_string(),
            subject: conversation.subject,
            category: conversation.category,
            priority: conversation.priority.into(),
            fields: conversation.fields.into_iter().map(|(key, value)| (key, value.into())).collect(),
            status: conversation.status.into(),
            assignee: conversation.assignee.map(|agent| FfiAgent { id: agent.id.to_string(), name: agent.name }),
            unread: conversation.unread,
            at_server: conversation.at_server,
            created_at: conversation.created_at.0,
            updated_at: conversation.updated_at.0,
            preview: conversation.preview,
        }
    }
}

/// The ids that were minted here, and that both sides use from now on.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiOpened {
    /// The conversation.
    pub conversation: String,
    /// Its first message.
    pub message: String,
}

/// The conversations of a client. Commands return once they are safe on disk; no network is awaited.
#[derive(uniffi::Object)]
pub struct FfiConversations {
    core: Conversations,
    outbox: Outbox,
    _alive: Alive,
}

impl FfiConversations {
    pub(crate) fn new(core: Conversations, outbox: Outbox) -> Arc<Self> {
        Arc::new(Self { core, outbox, _alive: Alive::new() })
    }
}

#[uniffi::export]
impl FfiConversations {
    /// Opens a conversation with its first message; offline too.
    pub async fn open(&self, draft: FfiTicketDraft) -> Result<FfiOpened, FfiError> {
        let core = self.core.clone();
        let opened = run(async move { core.open(draft.into()).await }).await?;
        Ok(FfiOpened { conversation: opened.conversation.to_string(), message: opened.message.to_string() })
    }

    /// Sends a message; offline too. Returns its id.
    pub async fn send(&self, conversation: String, draft: FfiMessageDraft) -> Result<String, FfiError> {
        let (core, conversation) = (self.core.clone(), conversation_id(&conversation)?);
        let message: MessageId = run(async move { core.send(conversation, draft).await }).await?;
        Ok(message.to_string())
    }

    /// Changes the words of an own message.
    pub async fn edit(&self, message: String, text: String) -> Result<(), FfiError> {
        let (core, message) = (self.core.clone(), message_id(&message)?);
        run(async move { core.edit(message, &text).await }).await
    }

    /// Takes an own message back.
    pub async fn retract(&self, message: String) -> Result<(), FfiError> {
        let (core, message) = (self.core.clone(), message_id(&message)?);
        run(async move { core.retract(message).await }).await
    }

    /// Another try for what waits or is wedged of a message.
    pub async fn retry(&self, message: String) -> Result<(), FfiError> {
        let (outbox, message) = (self.outbox.clone(), message_id(&message)?);
        run(async move { outbox.retry(outbox.find(message.0).await?).await }).await
    }

    /// Gives up what waits or is wedged of a message.
    pub async fn discard(&self, message: String) -> Result<(), FfiError> {
        let (outbox, message) = (self.outbox.clone(), message_id(&message)?);
        run(async move { outbox.discard(outbox.find(message.0).await?).await }).await
    }

    /// Marks everything up to a message seq as read; none means everything that is here.
    pub async fn mark_read(&self, conversation: String, up_to: Option<u64>) -> Result<(), FfiError> {
        let (core, conversation) = (self.core.clone(), conversation_id(&conversation)?);
        run(async move { core.mark_read(conversation, up_to).await }).await
    }

    /// Closes a conversation.
    pub async fn close_ticket(&self, conversation: String) -> Result<(), FfiError> {
        let (core, conversation) = (self.core.clone(), conversation_id(&conversation)?);
        run(async move { core.close(conversation).await }).await
    }

    /// Opens a closed or solved conversation again.
    pub async fn reopen_ticket(&self, conversation: String) -> Result<(), FfiError> {
        let (core, conversation) = (self.core.clone(), conversation_id(&conversation)?);
        run(async move { core.reopen(conversation).await }).await
    }

    /// Tells the agents that the person types, or has stopped. May be lost.
    pub fn set_typing(&self, conversation: String, typing: bool) -> Result<(), FfiError> {
        let conversation = conversation_id(&conversation)?;
        runtime::enter(|| self.core.set_typing(conversation, typing));
        Ok(())
    }

    /// All conversations, the one with the newest event first; from the local store.
    pub async fn list(&self) -> Result<Vec<FfiConversation>, FfiError> {
        let core = self.core.clone();
        let list = run(async move { core.list().await }).await?;
        Ok(list.into_iter().map(Into::into).collect())
    }

    /// One conversation, from the local store.
    pub async fn get(&self, conversation: String) -> Result<FfiConversation, FfiError> {
        let (core, conversation) = (self.core.clone(), conversation_id(&conversation)?);
        Ok(run(async move { core.get(conversation).await }).await?.into())
    }

    /// One message, from the local store.
    pub async fn message(&self, message: String) -> Result<FfiMessage, FfiError> {
        let (core, message) = (self.core.clone(), message_id(&message)?);
        Ok(run(async move { core.message(message).await }).await?.into())
    }

    /// Messages of others that the person has not read, over all conversations.
    pub async fn unread(&self) -> Result<u64, FfiError> {
        let core = self.core.clone();
        run(async move { core.unread().await }).await
    }

    /// Waits until the server has a message, or it is wedged. None when time is up.
    pub async fn await_sent(
        &self,
        message: String,
        within: Duration,
        cancel: Option<Arc<FfiCancel>>,
    ) -> Result<Option<FfiMessage>, FfiError> {
        let (outbox, message) = (self.outbox.clone(), message_id(&message)?);
        let found = run_until(cancel, async move { outbox.wait_for(message, within).await }).await?;
        Ok(found.map(Into::into))
    }

    /// Looks at a conversation. While the watch is not cancelled, the socket is open.
    pub async fn timeline(&self, conversation: String) -> Result<Arc<FfiTimelineWatch>, FfiError> {
        let (core, conversation) = (self.core.clone(), conversation_id(&conversation)?);
        Ok(FfiTimelineWatch::new(run(async move { core.timeline(conversation).await }).await?))
    }

    /// Looks at the list of conversations, likewise.
    pub async fn watch_list(&self) -> Result<Arc<FfiConversationListWatch>, FfiError> {
        let core = self.core.clone();
        Ok(FfiConversationListWatch::new(run(async move { core.watch_list().await }).await?))
    }

    /// Reads a custom field's value from text, by its announced definition.
    pub async fn parse_field(&self, key: String, value: String) -> Result<FfiFieldValue, FfiError> {
        let core = self.core.clone();
        Ok(run(async move { core.parse_field(&key, &value).await }).await?.into())
    }
}

pub(crate) fn conversation_id(text: &str) -> Result<ConversationId, FfiError> {
    id(text, "the id of a conversation")
}

fn message_id(text: &str) -> Result<MessageId, FfiError> {
    id(text, "the id of a message")
}
