//! Tickets and chat: open, write, change, read, close. Every command returns once it is safe on disk; no network is
//! awaited.

mod timeline;

use std::sync::Arc;

use beistand_protocol::{
    AttachmentId, Code, ConversationId, FieldValue, MessageId, OpenConversation, SendMessage, Status, Violation,
    message::FirstMessage, text,
};

use crate::attachments::AttachmentSource;
use crate::attachments::files::{self, Variant, blocking};
use crate::attachments::intake::{self, Taken};
use crate::client::{Guard, Inner};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Conversation, Message, MessageDraft, TicketDraft};
use crate::observe::StoreChange;
use crate::outbox::actions;
use crate::realtime::RealtimeMessage;
use crate::store::conversations;
use crate::sync::puller;

pub use timeline::{ConversationList, Difference, Earlier, Timeline};

/// What `open` returns: the ids that were minted here, and that both sides use from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its first message.
    pub message: MessageId,
}

/// The conversations of a client.
#[derive(Clone)]
pub struct Conversations {
    pub(crate) inner: Arc<Inner>,
    pub(crate) guard: Arc<Guard>,
}

impl Conversations {
    /// Opens a conversation with its first message; offline too.
    ///
    /// # Errors
    /// `InvalidInput` if the draft breaks a rule that the server announced, `OutboxFull`, `StorageFull`. Nothing was
    /// stored then.
    pub async fn open(&self, draft: TicketDraft) -> Result<Opened> {
        self.inner.started().await?;
        // Files may take a while to copy: whoever has taken the phone over by then does not say this.
        let whom = self.inner.shown();
        let (conversation, message) = (ConversationId(self.mint()), MessageId(self.mint()));
        let sent_at = Some(self.inner.clock.wall());
        let sources = draft.attachments;
        let attachments = self.mint_attachments(sources.len());
        let body = OpenConversation {
            subject: text::clean(draft.subject.trim()).replace('\n', " "),
            category: draft.category,
            priority: draft.priority,
            fields: draft.fields,
            message: FirstMessage {
                id: message,
                text: text::clean(&draft.text),
                attachments: attachments.clone(),
                sent_at,
            },
        };
        self.check_open(&body)?;
        let files = self.take_in(attachments, sources).await?;
        let written = files.clone();
        let change = Some(StoreChange::of(Some(conversation)));
        let acted = self.inner.act_as(whom, change, move |connection, acting| {
            actions::open(connection, acting, conversation, body, &written)
        });
        self.or_forget(acted.await, files).await?;
        Ok(Opened { conversation, message })
    }

    /// Sends a message, with files or without; offline too. The files are copied before this returns.
    ///
    /// # Errors
    /// `InvalidInput`, `NotFound`, `OutboxFull`, `StorageFull`; with files also `Unreadable` and `LocationRemains`. Nothing
    /// was stored then.
    pub async fn send(&self, conversation: ConversationId, draft: impl Into<MessageDraft>) -> Result<MessageId> {
        let draft = draft.into();
        self.inner.started().await?;
        let whom = self.inner.shown();
        let message = MessageId(self.mint());
        let attachments = self.mint_attachments(draft.attachments.len());
        let body = SendMessage {
            text: text::clean(&draft.text),
            attachments: attachments.clone(),
            sent_at: Some(self.inner.clock.wall()),
        };
        self.inner.app_config().0.check_send(&body)?;
        let files = self.take_in(attachments, draft.attachments).await?;
        let written = files.clone();
        let change = Some(StoreChange::of(Some(conversation)));
        let acted = self.inner.act_as(whom, change, move |connection, acting| {
            actions::send(connection, acting, conversation, message, body, &written)
        });
        self.or_forget(acted.await, files).await?;
        Ok(message)
    }

    fn mint_attachments(&self, count: usize) -> Vec<AttachmentId> {
        (0..count).map(|_| AttachmentId(self.mint())).collect()
    }

    /// Copies files into the folder; all of them or none.
    async fn take_in(&self, ids: Vec<AttachmentId>, sources: Vec<AttachmentSource>) -> Result<Vec<Taken>> {
        let mut taken = Vec::with_capacity(sources.len());
        for (id, source) in ids.into_iter().zip(sources) {
            let (store, limits) = (self.inner.files.clone(), self.inner.app_config().0.limits);
            match blocking(self.inner.inline(), move || intake::take(&*store, id, source, &limits)).await {
                Ok(file) => taken.push(file),
                Err(error) => {
                    self.forget_files(taken).await;
                    return Err(error.into());
                }
            }
        }
        Ok(taken)
    }

    /// What was copied for a write that came to nothing goes again.
    async fn or_forget(&self, acted: Result<()>, files: Vec<Taken>) -> Result<()> {
        if acted.is_err() {
            self.forget_files(files).await;
        }
        acted
    }

    async fn forget_files(&self, gone: Vec<Taken>) {
        if gone.is_empty() {
            return;
        }
        let store = self.inner.files.clone();
        let _ = blocking(self.inner.inline(), move || {
            for file in gone {
                store.remove(&files::kept(file.id, Variant::Whole)).map_err(files::store_error)?;
            }
            Ok(())
        })
        .await;
    }

    /// Changes the words of an own message, whether it has left or not. A wedged one is tried again with the new words.
    pub async fn edit(&self, message: MessageId, text: &str) -> Result<()> {
        self.inner.started().await?;
        let text = self.checked_text(text)?;
        self.inner.act(None, move |connection, acting| actions::edit(connection, acting, message, &text)).await
    }

    /// Takes an own message back: one that never left simply goes; one that may be at the server is followed by its
    /// retraction. For the first message of a conversation that no server has confirmed, this takes the conversation back.
    pub async fn retract(&self, message: MessageId) -> Result<()> {
        let files = self.inner.files_of(message).await?;
        self.inner.act(None, move |connection, acting| actions::retract(connection, acting, message)).await?;
        self.inner.after_giving_up(files).await;
        Ok(())
    }

    /// Marks everything up to a message seq as read; `None` means everything that is here.
    pub async fn mark_read(&self, conversation: ConversationId, up_to: Option<u64>) -> Result<()> {
        self.inner
            .act(Some(conversation), move |connection, acting| {
                actions::mark_read(connection, acting, conversation, up_to)
            })
            .await
    }

    /// Closes a conversation.
    pub async fn close(&self, conversation: ConversationId) -> Result<()> {
        self.set_status(conversation, Status::Closed).await
    }

    /// Opens a closed or solved conversation again.
    pub async fn reopen(&self, conversation: ConversationId) -> Result<()> {
        self.set_status(conversation, Status::Open).await
    }

    async fn set_status(&self, conversation: ConversationId, status: Status) -> Result<()> {
        self.inner
            .act(Some(conversation), move |connection, acting| {
                actions::set_status(connection, acting, conversation, status)
            })
            .await
    }

    /// Tells the agents that the person types, or has stopped. May be lost; repeats are held back.
    pub fn set_typing(&self, conversation: ConversationId, typing: bool) {
        self.inner.tell_realtime(RealtimeMessage::Typing(conversation, typing));
    }

    /// All conversations, the one with the newest event first; from the local store.
    pub async fn list(&self) -> Result<Vec<Conversation>> {
        self.inner.started().await?;
        Ok(self.inner.database.read(conversations::list_of_current).await?.1)
    }

    /// One conversation, from the local store.
    pub async fn get(&self, id: ConversationId) -> Result<Conversation> {
        self.inner.started().await?;
        let identity = self.inner.identity().await?.id;
        let found = self.inner.database.read(move |connection| conversations::get(connection, identity, id)).await?;
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such conversation on this phone"))
    }

    /// One message, from the local store.
    pub async fn message(&self, id: MessageId) -> Result<Message> {
        self.inner.started().await?;
        let found = puller::message(&self.inner, id).await?;
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such message on this phone"))
    }

    /// Messages of others that the person has not read, over all conversations.
    pub async fn unread(&self) -> Result<u64> {
        Ok(self.list().await?.iter().map(|conversation| conversation.unread).sum())
    }

    /// Looks at a conversation: its newest messages first, then what changes. While one is held, the socket is open.
    pub async fn timeline(&self, id: ConversationId) -> Result<Timeline> {
        self.inner.started().await?;
        Timeline::open(self.inner.clone(), self.guard.clone(), id).await
    }

    /// Looks at the list of conversations. While one is held, the socket is open.
    pub async fn watch_list(&self) -> Result<ConversationList> {
        self.inner.started().await?;
        Ok(ConversationList::open(self.inner.clone(), self.guard.clone()))
    }

    /// Reads a custom field's value from text, by its announced definition; text where none is known yet.
    pub async fn parse_field(&self, key: &str, value: &str) -> Result<FieldValue> {
        self.inner.started().await?;
        let (config, announced) = self.inner.app_config();
        match config.fields.iter().find(|field| field.key == key) {
            Some(field) => Ok(field.parse(value)?),
            None if announced => {
                Err(Violation::new(Code::UnknownField, "fields", "the server does not announce this field").into())
            }
            None => Ok(FieldValue::Text(value.to_owned())),
        }
    }

    fn mint(&self) -> uuid::Uuid {
        let mut random = [0; 10];
        self.inner.entropy.fill(&mut random);
        ConversationId::mint(self.inner.clock.wall(), random).0
    }

    /// Before the first contact with a server nobody knows its categories and fields; what is known to everyone is
    /// checked all the same.
    fn check_open(&self, body: &OpenConversation) -> Result<()> {
        let (config, announced) = self.inner.app_config();
        match config.check_open(body) {
            Err(violation)
                if !announced
                    && matches!(violation.code, Code::UnknownCategory | Code::UnknownField | Code::FieldRequired) =>
            {
                Ok(config.check_words(&body.message.text, body.message.attachments.len(), "message.text")?)
            }
            checked => Ok(checked?),
        }
    }

    fn checked_text(&self, text: &str) -> Result<String> {
        let text = text::clean(text);
        self.inner.app_config().0.check_text(&text, "text")?;
        Ok(text)
    }
}
