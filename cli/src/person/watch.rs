//! Watching a conversation: what is in it first, then what happens, one event a line. The socket is open for as long as
//! somebody watches. Nothing is marked as read unless asked for.

use std::time::Duration;

use beistand_core::protocol::{Author, ConversationId, MessageId};
use beistand_core::{ClientEvent, Connection, Conversation, Difference, Message, MessageState, Typing};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{Phone, code_of_row, sentence};
use crate::{exit::Failure, human, json as shapes};

impl Phone<'_> {
    pub(super) async fn watch(
        &mut self,
        id: ConversationId,
        read: bool,
        time: Option<Duration>,
    ) -> Result<(), Failure> {
        let mut timeline = self.client.conversations().timeline(id).await?;
        let mut list = self.client.conversations().watch_list().await?;
        let mut typing = self.client.typing().subscribe();
        let mut connection = self.client.connection().subscribe();
        let mut news = self.client.events();
        let mut seen = Seen::default();
        let end = sleep(time);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                _ = tokio::signal::ctrl_c() => return Ok(()),
                differences = timeline.next() => match differences {
                    Some(differences) => self.show_differences(id, differences, read).await?,
                    None => return Ok(()),
                },
                conversations = list.next() => match conversations {
                    Some(conversations) => {
                        let now = conversations.into_iter().find(|conversation| conversation.id == id);
                        if !self.show_conversation(&mut seen, now)? {
                            return Ok(());
                        }
                    }
                    None => return Ok(()),
                },
                Some(signs) = typing.next() => self.show_typing(&mut seen, id, &signs)?,
                Some(now) = connection.next() => {
                    if seen.connection.replace(now) != Some(now) {
                        self.show_connection(now)?;
                    }
                }
                event = news.recv() => match event {
                    Ok(event) => self.show_news(&event)?,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }

    async fn show_differences(
        &mut self,
        id: ConversationId,
        differences: Vec<Difference>,
        read: bool,
    ) -> Result<(), Failure> {
        let items = self.client.outbox().items().await?;
        let mut received = false;
        for difference in differences {
            match difference {
                Difference::Reset(messages) => {
                    for message in &messages {
                        received |= message.state == MessageState::Received;
                        self.show_message("message", message, code_of_row(&items, message.id))?;
                    }
                    self.output.tell(|| json!({"event": "ready"}), |_| String::new())?;
                }
                Difference::Insert { message, .. } => {
                    received |= message.state == MessageState::Received;
                    self.show_message("message", &message, code_of_row(&items, message.id))?;
                }
                Difference::Update { message, .. } => {
                    self.show_message("update", &message, code_of_row(&items, message.id))?;
                }
                Difference::Remove { id, .. } => self.show_removed(id)?,
            }
        }
        if read && received {
            self.client.conversations().mark_read(id, None).await?;
        }
        Ok(())
    }

    fn show_message(&mut self, event: &str, message: &Message, code: Option<&str>) -> Result<(), Failure> {
        self.output.tell(
            || json!({"event": event, "message": shapes::message(message, code)}),
            |width| human::message(message, code, width),
        )
    }

    fn show_removed(&mut self, id: MessageId) -> Result<(), Failure> {
        self.output.tell(|| json!({"event": "remove", "id": id}), |_| format!("\n* message {id} is gone"))
    }

    /// Tells what has changed about the conversation itself; `false` once there is none any more.
    fn show_conversation(&mut self, seen: &mut Seen, now: Option<Conversation>) -> Result<bool, Failure> {
        let Some(now) = now else {
            self.output.tell(|| json!({"event": "gone"}), |_| "\n* the conversation is gone".into())?;
            return Ok(false);
        };
        let before = seen.conversation.replace(now.clone());
        if before.as_ref().map(|before| before.status) != Some(now.status) {
            let status = human::status(now.status);
            self.output.tell(|| json!({"event": "status", "status": status}), |_| format!("\n* {status}"))?;
        }
        let assignee_before = before.as_ref().map(|before| before.assignee.as_ref());
        if assignee_before.is_some_and(|before| before != now.assignee.as_ref())
            || (assignee_before.is_none() && now.assignee.is_some())
        {
            let name = now.assignee.as_ref().map(|assignee| human::one_line(&assignee.name, 40));
            self.output.tell(
                || json!({"event": "assignee", "assignee": shapes::assignee(now.assignee.as_ref())}),
                |_| match name {
                    Some(name) => format!("\n* {name} takes care of it"),
                    None => "\n* nobody takes care of it".into(),
                },
            )?;
        }
        Ok(true)
    }

    fn show_typing(&mut self, seen: &mut Seen, id: ConversationId, signs: &[Typing]) -> Result<(), Failure> {
        let now: Vec<Author> =
            signs.iter().filter(|sign| sign.conversation_id == id).map(|sign| sign.author.clone()).collect();
        let begun: Vec<_> = now.iter().filter(|author| !seen.typing.contains(author)).cloned().collect();
        let ended: Vec<_> = seen.typing.iter().filter(|author| !now.contains(author)).cloned().collect();
        seen.typing = now;
        for (authors, typing) in [(begun, true), (ended, false)] {
            for author in authors {
                self.output.tell(
                    || typing_event(&author, typing),
                    |_| {
                        let name = human::author(&author, "you");
                        if typing { format!("\n* {name} is typing") } else { String::new() }
                    },
                )?;
            }
        }
        Ok(())
    }

    fn show_connection(&mut self, now: Connection) -> Result<(), Failure> {
        let (name, said) = match now {
            Connection::Idle => ("idle", ""),
            Connection::Offline => ("offline", "\n* no connection; what you write is saved and will be sent by itself"),
            Connection::Online => ("online", "\n* connected"),
        };
        self.output.tell(|| json!({"event": "connection", "state": name}), |_| said.to_owned())
    }

    fn show_news(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        let (name, code) = match event {
            ClientEvent::DatabaseRecovered { .. } => ("database-recovered", None),
            ClientEvent::UpdateRequired => ("update-required", None),
            ClientEvent::UnknownApp => ("unknown-app", None),
            ClientEvent::CredentialRefused => ("credential-refused", None),
            ClientEvent::HistoryChanged { .. } => ("history-changed", None),
            ClientEvent::Wedged { code, .. } => ("wedged", Some(code)),
            ClientEvent::TaskFailed { .. } => ("task-failed", None),
            _ => return Ok(()),
        };
        let said = sentence(event);
        self.output.tell(
            || {
                let mut document = json!({"event": "notice", "notice": name});
                if let ClientEvent::Wedged { conversation_id, .. } = event {
                    document["conversation"] = json!(conversation_id);
                    document["code"] = json!(code);
                }
                document
            },
            |width| said.map_or_else(String::new, |said| format!("\n*{}", &human::wrapped(&said, width)[1..])),
        )
    }
}

/// What was last told, so that only differences are.
#[derive(Default)]
struct Seen {
    conversation: Option<Conversation>,
    typing: Vec<Author>,
    connection: Option<Connection>,
}

fn typing_event(author: &Author, typing: bool) -> Value {
    json!({"event": "typing", "author": shapes::author(author), "typing": typing})
}

/// Until the given time is over; for ever, if none is given.
pub async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
