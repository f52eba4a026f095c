//! The JSON that scripts read. These shapes are a promise: members may be added, none is taken away or changes its
//! meaning. They are listed in `cli/README.md`. Times are RFC 3339 in UTC.

use beistand_core::protocol::{Assignee, Author, UnixMillis};
use beistand_core::{Attachment, Conversation, Message, MessageBody, MessageState, OutboxItem, OutboxState};
use serde_json::{Map, Value, json};

/// A time, or null if it has no text.
pub fn time(at: UnixMillis) -> Value {
    at.to_rfc3339().into()
}

fn wire<T: serde::Serialize>(value: &T) -> Value {
    // Everything that is given here serialises; null would show at once in any test.
    serde_json::to_value(value).unwrap_or_default()
}

/// Who takes care of a conversation, or null.
pub fn assignee(assignee: Option<&Assignee>) -> Value {
    assignee.map_or(Value::Null, |assignee| json!({"id": assignee.id, "name": assignee.name}))
}

/// Who wrote something: `kind` is `person`, `agent`, `system` or `unknown`; an agent has `id` and `name`.
pub fn author(author: &Author) -> Value {
    wire(author)
}

/// A conversation of the local store.
pub fn conversation(conversation: &Conversation) -> Value {
    json!({
        "id": conversation.id,
        "subject": conversation.subject,
        "category": conversation.category,
        "priority": conversation.priority,
        "fields": wire(&conversation.fields),
        "status": conversation.status,
        "assignee": assignee(conversation.assignee.as_ref()),
        "unread": conversation.unread,
        "at_server": conversation.at_server,
        "created_at": time(conversation.created_at),
        "updated_at": time(conversation.updated_at),
        "preview": conversation.preview,
    })
}

/// A message of the local store. `wedge_code` is what its row in the outbox says where the message itself cannot.
pub fn message(message: &Message, wedge_code: Option<&str>) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("id", wire(&message.id));
    put("conversation", wire(&message.conversation_id));
    put("seq", message.seq.into());
    put("author", author(&message.author));
    match &message.body {
        MessageBody::Text(text) => {
            put("kind", "text".into());
            put("text", text.as_str().into());
        }
        MessageBody::Retracted => {
            put("kind", "retracted".into());
            put("text", Value::Null);
        }
        MessageBody::Unsupported { kind, raw } => {
            put("kind", kind.as_str().into());
            put("text", Value::Null);
            put("raw", serde_json::from_str(raw).unwrap_or_default());
        }
    }
    put("attachments", message.attachments.iter().map(attachment).collect());
    put("state", message.state.as_str().into());
    if let Some(code) = self::wedge_code(message.state, wedge_code) {
        put("wedge_code", code.into());
    }
    put("change_pending", message.change_pending.into());
    put("edited", message.edited.into());
    put("created_at", time(message.created_at));
    Value::Object(members)
}

/// A file of a message.
fn attachment(file: &Attachment) -> Value {
    let mut document = json!({
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "state": file.state.as_str(),
    });
    if let Some(dimensions) = file.dimensions {
        document["dimensions"] = wire(&dimensions);
    }
    if let Some(thumbnail) = file.thumbnail {
        document["thumbnail"] = wire(&thumbnail);
    }
    document
}

/// Why a message is wedged: a code of the server, or one of the phone itself that only the outbox knows.
pub fn wedge_code(state: MessageState, of_row: Option<&str>) -> Option<&str> {
    match state {
        MessageState::Wedged(Some(code)) => Some(code.as_str()),
        MessageState::Wedged(None) => Some(of_row.unwrap_or("unknown")),
        _ => None,
    }
}

/// The stable name of a row's state.
pub fn outbox_state(state: &OutboxState) -> &'static str {
    match state {
        OutboxState::Queued => "queued",
        OutboxState::Sending => "sending",
        OutboxState::Wedged { .. } => "wedged",
    }
}

/// A row of the outbox.
pub fn outbox_item(item: &OutboxItem) -> Value {
    let mut document = json!({
        "id": item.id,
        "kind": item.kind.as_str(),
        "conversation": item.conversation_id,
        "message": item.message_id,
        "state": outbox_state(&item.state),
        "attempts": item.attempts,
        "created_at": time(item.created_at),
    });
    if let OutboxState::Wedged { code, detail } = &item.state {
        document["code"] = code.as_str().into();
        document["detail"] = detail.as_str().into();
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_core::OperationKind;
    use beistand_core::protocol::{AgentId, Code, ConversationId, MessageId, OperationId, Priority, Status};
    use uuid::Uuid;

    fn names(document: &Value) -> Vec<&str> {
        document.as_object().unwrap().keys().map(String::as_str).collect()
    }

    fn sample(body: MessageBody, state: MessageState) -> Message {
        Message {
            attachments: Vec::new(),
            id: MessageId(Uuid::from_u128(1)),
            conversation_id: ConversationId(Uuid::from_u128(2)),
            seq: Some(7),
            author: Author::Agent { id: AgentId(Uuid::from_u128(3)), name: "Aylin".into() },
            body,
            state,
            change_pending: false,
            edited: true,
            created_at: UnixMillis(1_795_253_400_123),
        }
    }

    #[test]
    fn a_message_has_its_documented_members() {
        let document = message(&sample(MessageBody::Text("Hallo".into()), MessageState::Received), None);
        assert_eq!(
            names(&document),
            [
                "attachments",
                "author",
                "change_pending",
                "conversation",
                "created_at",
                "edited",
                "id",
                "kind",
                "seq",
                "state",
                "text"
            ]
        );
        assert_eq!(document["author"]["name"], "Aylin");
        assert_eq!(document["created_at"], "2026-11-21T09:30:00.123Z");
        let poll = MessageBody::Unsupported { kind: "poll".into(), raw: r#"{"kind":"poll","q":1}"#.into() };
        let document = message(&sample(poll, MessageState::Received), None);
        assert_eq!(
            (&document["kind"], &document["text"], &document["raw"]["q"]),
            (&json!("poll"), &Value::Null, &json!(1))
        );
        assert_eq!(message(&sample(MessageBody::Retracted, MessageState::Sent), None)["kind"], "retracted");
    }

    #[test]
    fn a_wedged_message_names_its_code() {
        let by_server = MessageState::Wedged(Some(Code::TextTooLong));
        assert_eq!(wedge_code(by_server, Some("expired")), Some("text-too-long"));
        assert_eq!(wedge_code(MessageState::Wedged(None), Some("expired")), Some("expired"));
        assert_eq!(wedge_code(MessageState::Queued, Some("expired")), None);
    }

    #[test]
    fn a_conversation_has_its_documented_members() {
        let document = conversation(&Conversation {
            id: ConversationId(Uuid::from_u128(2)),
            subject: "Paket".into(),
            category: None,
            priority: Priority::High,
            fields: Default::default(),
            status: Status::Pending,
            assignee: None,
            unread: 2,
            at_server: false,
            created_at: UnixMillis(0),
            updated_at: UnixMillis(i64::MAX),
            preview: "Wo ist es?".into(),
        });
        assert_eq!(
            names(&document),
            [
                "assignee",
                "at_server",
                "category",
                "created_at",
                "fields",
                "id",
                "preview",
                "priority",
                "status",
                "subject",
                "unread",
                "updated_at"
            ]
        );
        assert_eq!((&document["priority"], &document["status"]), (&json!("high"), &json!("pending")));
        assert_eq!((&document["assignee"], &document["updated_at"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn only_a_wedged_row_has_a_code() {
        let mut item = OutboxItem {
            id: OperationId(Uuid::from_u128(1)),
            kind: OperationKind::Send,
            conversation_id: ConversationId(Uuid::from_u128(2)),
            message_id: None,
            state: OutboxState::Queued,
            attempts: 3,
            created_at: UnixMillis(0),
        };
        assert_eq!(
            names(&outbox_item(&item)),
            ["attempts", "conversation", "created_at", "id", "kind", "message", "state"]
        );
        item.state = OutboxState::Wedged { code: "expired".into(), detail: "too old".into() };
        let document = outbox_item(&item);
        assert_eq!((&document["state"], &document["code"]), (&json!("wedged"), &json!("expired")));
    }
}
