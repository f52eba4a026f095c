//! Writing: open, send, edit, retract, mark read, close and reopen. Each is done once it is safe on disk; `--wait` stays
//! for the answer of the server.

use std::path::PathBuf;
use std::time::Duration;

use beistand_core::faq::Hit;
use beistand_core::protocol::{ConversationId, Fields, MessageId};
use beistand_core::{ErrorKind, Message, MessageDraft, MessageState, TicketDraft};
use serde_json::json;
use uuid::Uuid;

use super::{Phone, code_of_row, fetch, outbox::codes};
use crate::{
    args::Open,
    exit::{Exit, Failure},
    faq, input, json as shapes, progress,
};

/// How long a first conversation with fields may take to ask what the fields are: as long as nobody minds at a keyboard.
const FIRST_CONTACT: Duration = Duration::from_secs(2);

/// How often to look whether something in front of a message has stopped.
const LOOK_AHEAD: Duration = Duration::from_millis(250);

/// How long to look for articles that answer a ticket. A search takes milliseconds; a seed that is read first, less than
/// this.
const LOOK_FOR_ANSWERS: Duration = Duration::from_secs(2);

/// Which id a command is asked to print.
enum Asked {
    /// With the articles that may answer it, if they were asked for.
    Conversation(Option<Vec<Hit>>),
    Message,
}

impl Phone<'_> {
    pub(super) async fn open(&mut self, open: Open) -> Result<(), Failure> {
        let conversations = self.client.conversations();
        if !open.fields.is_empty() || open.category.is_some() {
            self.learn_fields().await?;
        }
        let mut fields = Fields::new();
        for (key, value) in &open.fields {
            let value = conversations.parse_field(key, value).await?;
            if fields.insert(key.clone(), value).is_some() {
                return Err(Failure::usage("usage", "A field is given twice. Nothing was stored."));
            }
        }
        let text = input::text(&open.text)?;
        let asked = open.suggest.then(|| format!("{}\n{text}", open.subject));
        let draft = TicketDraft {
            attachments: fetch::sources(&open.attach),
            subject: open.subject,
            text,
            category: open.category,
            priority: open.priority.into(),
            fields,
        };
        let opened = conversations.open(draft).await?;
        let suggestions = match asked {
            Some(asked) => Some(self.suggestions(&asked).await),
            None => None,
        };
        self.written(Asked::Conversation(suggestions), opened.conversation, opened.message, open.wait).await
    }

    /// Articles that may answer what is safe on disk by now; only what is here is looked at, for no longer than nobody
    /// notices. A ticket is worth more than a hint, so what goes wrong with the hint is not told.
    async fn suggestions(&self, asked: &str) -> Vec<Hit> {
        let faq = self.client.faq();
        let looked = tokio::time::timeout(LOOK_FOR_ANSWERS, faq.suggest(asked)).await;
        looked.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// What a field holds is only known once the server has announced it. A folder that never had a connection tries to
    /// ask now, for a moment; without a network the value stays a text.
    async fn learn_fields(&self) -> Result<(), Failure> {
        let (_, announced) = self.client.app_config().await?;
        if !announced {
            // No answer is no failure: the conversation is opened either way.
            let _ = tokio::time::timeout(FIRST_CONTACT, self.client.sync()).await;
        }
        Ok(())
    }

    pub(super) async fn send(
        &mut self,
        conversation: ConversationId,
        text: &str,
        attach: &[PathBuf],
        wait: Option<Duration>,
    ) -> Result<(), Failure> {
        let text = input::text(text)?;
        let draft = MessageDraft { text, attachments: fetch::sources(attach) };
        let message = self.client.conversations().send(conversation, draft).await?;
        self.written(Asked::Message, conversation, message, wait).await
    }

    /// Tells the ids of what is safe on disk by now. A person reads the id at once; a script gets one document, with what
    /// has become of the message when the wait is over.
    async fn written(
        &mut self,
        asked: Asked,
        conversation: ConversationId,
        message: MessageId,
        wait: Option<Duration>,
    ) -> Result<(), Failure> {
        let (id, suggestions) = match asked {
            Asked::Conversation(suggestions) => (conversation.to_string(), suggestions),
            Asked::Message => (message.to_string(), None),
        };
        self.output.tell_person(|_| id)?;
        if let Some(hits) = suggestions.as_deref().filter(|hits| !hits.is_empty()) {
            self.output.aside("This may already answer it:", |width| faq::suggestions(hits, width));
        }
        let document = |state: &str| {
            let mut document = json!({"conversation": conversation, "message": message, "state": state});
            if let Some(hits) = &suggestions {
                document["suggestions"] = hits.iter().map(faq::document).collect();
            }
            document
        };
        let Some(wait) = wait else {
            let state = self.state(message).await;
            match self.in_front(conversation, message).await? {
                Some(code) => self.output.complain(&held_back(&code).sentence),
                None => {
                    self.output.remark("Saved, and sent by itself. `beistand flush` waits until everything is sent.")
                }
            }
            return self.output.tell(|| document(state), |_| String::new());
        };
        let files = self.files_of(message).await;
        let waited = tokio::select! {
            never = progress::show(&self.client, &files) => match never {},
            arrived = async { self.client.outbox().wait_for(message, wait).await } => Waited::Over(arrived?.map(Box::new)),
            code = self.stopped_in_front(conversation, message) => Waited::HeldBack(code?),
            _ = tokio::signal::ctrl_c() => Waited::Over(None),
        };
        match waited {
            Waited::HeldBack(code) => Err(held_back(&code).telling(document("queued"))),
            Waited::Over(None) => {
                let state = self.state(message).await;
                Err(self.not_delivered().telling(document(state)))
            }
            Waited::Over(Some(message)) if matches!(message.state, MessageState::Wedged(_)) => {
                let items = self.client.outbox().items().await?;
                let code = shapes::wedge_code(message.state, code_of_row(&items, message.id)).unwrap_or("unknown");
                Err(wedged(code).telling(document("wedged")))
            }
            Waited::Over(Some(message)) => {
                self.output.remark("Sent.");
                self.output.tell(|| document(message.state.as_str()), |_| String::new())
            }
        }
    }

    /// The code of a row of the same conversation that has stopped, so that the message behind it will not leave.
    async fn in_front(&self, conversation: ConversationId, message: MessageId) -> Result<Option<String>, Failure> {
        let items = self.client.outbox().items().await?;
        let others =
            items.iter().filter(|item| item.conversation_id == conversation && item.message_id != Some(message));
        Ok(codes(others).pop())
    }

    async fn stopped_in_front(&self, conversation: ConversationId, message: MessageId) -> Result<String, Failure> {
        loop {
            if let Some(code) = self.in_front(conversation, message).await? {
                return Ok(code);
            }
            tokio::time::sleep(LOOK_AHEAD).await;
        }
    }

    async fn state(&self, message: MessageId) -> &'static str {
        // It was queued a moment ago: if it cannot be read now, that is still the best that is known.
        self.client.conversations().message(message).await.map_or("queued", |message| message.state.as_str())
    }

    /// Time is up, and what was written is still here.
    pub(super) fn not_delivered(&mut self) -> Failure {
        match self.hindrance() {
            Some((code, sentence)) => Failure::new(Exit::NotDelivered, code, sentence),
            None => Failure::new(
                Exit::NotDelivered,
                "not-delivered",
                "Not delivered in time. Everything is saved and will be sent by itself: run `beistand flush`.",
            ),
        }
    }

    pub(super) async fn edit(&mut self, id: MessageId, text: &str) -> Result<(), Failure> {
        let text = input::text(text)?;
        let message = self.message(id).await?;
        self.client.conversations().edit(message.id, &text).await?;
        self.changed(message.id, message.conversation_id).await
    }

    pub(super) async fn retract(&mut self, id: MessageId) -> Result<(), Failure> {
        let message = self.message(id).await?;
        self.client.conversations().retract(message.id).await?;
        self.changed(message.id, message.conversation_id).await
    }

    /// The message with that id, or the one that the outbox row with that id is about.
    async fn message(&self, id: MessageId) -> Result<Message, Failure> {
        let conversations = self.client.conversations();
        let missing = match conversations.message(id).await {
            Ok(message) => return Ok(message),
            Err(error) if error.kind == ErrorKind::NotFound => error,
            Err(error) => return Err(error.into()),
        };
        let items = self.client.outbox().items().await?;
        match items.iter().find(|item| item.id.0 == id.0).and_then(|item| item.message_id) {
            Some(message) => Ok(conversations.message(message).await?),
            None => Err(missing.into()),
        }
    }

    /// Tells how a message stands after a change of it; one that never left is gone.
    async fn changed(&mut self, id: MessageId, conversation: ConversationId) -> Result<(), Failure> {
        let message = match self.client.conversations().message(id).await {
            Ok(message) => Some(message),
            Err(error) if error.kind == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let state = message.as_ref().map_or("gone", |message| message.state.as_str());
        let pending = message.as_ref().is_some_and(|message| message.change_pending);
        let said = match (&message, pending) {
            (None, _) => "Gone: it had not been sent.",
            (Some(_), true) => "Saved here. The server is told by itself: `beistand flush` waits for it.",
            (Some(_), false) => "Saved.",
        };
        self.output.tell(
            || json!({"message": id, "conversation": conversation, "state": state, "change_pending": pending}),
            |_| said.to_owned(),
        )
    }

    pub(super) async fn read(&mut self, conversation: ConversationId) -> Result<(), Failure> {
        self.client.conversations().mark_read(conversation, None).await?;
        self.output.tell(|| json!({"conversation": conversation, "unread": 0}), |_| "Marked as read.".into())
    }

    pub(super) async fn set_closed(&mut self, conversation: ConversationId, closed: bool) -> Result<(), Failure> {
        let conversations = self.client.conversations();
        let (status, said) = if closed {
            conversations.close(conversation).await?;
            ("closed", "Closed here. The server is told by itself: `beistand flush` waits for it.")
        } else {
            conversations.reopen(conversation).await?;
            ("open", "Open again here. The server is told by itself: `beistand flush` waits for it.")
        };
        self.output.tell(|| json!({"conversation": conversation, "status": status}), |_| said.to_owned())
    }

    /// The row of the outbox that an id names: its own, or that of a message or conversation.
    pub(super) async fn row(&self, id: Uuid) -> Result<beistand_core::protocol::OperationId, Failure> {
        Ok(self.client.outbox().find(id).await?)
    }
}

/// How waiting for a message ended.
enum Waited {
    /// It has arrived or was refused, or time is up.
    Over(Option<Box<Message>>),
    /// It stands behind something that was refused with this code.
    HeldBack(String),
}

/// A message that is safe, but does not leave before something else is decided.
fn held_back(code: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        code,
        format!(
            "Saved, but held back: something before it was not accepted ({code}). Retry, edit or discard that first (see \
             `beistand outbox`)."
        ),
    )
}

/// What is left waits for a decision.
pub(super) fn wedged(code: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        code,
        format!("Not accepted: {code}. Your words are safe here; retry, edit or discard it (see `beistand outbox`)."),
    )
}
