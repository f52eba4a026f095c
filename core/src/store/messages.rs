//! Messages: echoes of what was written here, the server's word once it has come, and windows over both.

use beistand_protocol::{
    Attachment as WireAttachment, AttachmentId, AttachmentState as WireState, Author, Code, Content, ConversationId,
    Message as Wire, MessageId, Receipts, UnixMillis, message::KnownContent,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{conversations, files};
use crate::error::StoreError;
use crate::model::{Attachment, AttachmentState, Message, MessageBody, MessageState};
use crate::sync::merge::LocalMessage;

/// The echo of a message that was just written here.
pub(crate) fn insert_echo(
    connection: &Connection,
    conversation: ConversationId,
    id: MessageId,
    text: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO messages (id, conversation_id, local_order, mine, text, created_at)
             VALUES (?1, ?2, (SELECT coalesce(max(local_order), 0) + 1 FROM messages WHERE conversation_id = ?2 AND seq IS NULL), 1, ?3, ?4)",
        )?
        .execute(params![id.as_bytes(), conversation.as_bytes(), text, now.0])?;
    connection
        .prepare_cached("UPDATE conversations SET touched_at = max(touched_at, ?) WHERE id = ?")?
        .execute(params![now.0, conversation.as_bytes()])?;
    Ok(())
}

/// What merging needs to know.
pub(crate) fn local(connection: &Connection, id: MessageId) -> Result<Option<LocalMessage>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT version, seq IS NOT NULL FROM messages WHERE id = ?")?
        .query_row([id.as_bytes()], |row| Ok(LocalMessage { version: row.get(0)?, at_server: row.get(1)? }))
        .optional()?)
}

/// Takes up the server's word; echoes of changes under way stay on top.
pub(crate) fn put_server(connection: &Connection, wire: &Wire) -> Result<(), StoreError> {
    let json = serde_json::to_string(wire).map_err(|_| StoreError::Value("a message"))?;
    let text = match &wire.content {
        Content::Known(KnownContent::Text { text, .. }) => text.as_str(),
        _ => "",
    };
    // After a restored backup another message may have had this place.
    connection
        .prepare_cached("DELETE FROM messages WHERE conversation_id = ? AND seq = ? AND id <> ?")?
        .execute(params![wire.conversation_id.as_bytes(), wire.seq, wire.id.as_bytes()])?;
    connection
        .prepare_cached(
            "INSERT INTO messages (id, conversation_id, seq, local_order, version, server, mine, text, created_at)
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET seq = ?3, version = ?4, server = ?5, mine = ?6, text = ?7, created_at = ?8",
        )?
        .execute(params![
            wire.id.as_bytes(),
            wire.conversation_id.as_bytes(),
            wire.seq,
            wire.version,
            json,
            matches!(wire.author, Author::Person),
            text,
            wire.created_at.0
        ])?;
    Ok(())
}

/// Removes what a snapshot's window shows to be gone: messages of the server at or above `from` that it does not list. An
/// own message whose write is queued (again) becomes an echo once more.
pub(crate) fn keep_only(
    connection: &Connection,
    conversation: ConversationId,
    from: u64,
    listed: &[MessageId],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM messages WHERE conversation_id = ? AND seq >= ?")?;
    let found = statement
        .query_map(params![conversation.as_bytes(), from], |row| row.get::<_, Vec<u8>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    for id in found {
        if !MessageId::from_slice(&id).is_some_and(|id| listed.contains(&id)) {
            forget(connection, &id)?;
        }
    }
    Ok(())
}

fn forget(connection: &Connection, id: &[u8]) -> Result<(), StoreError> {
    let waits = connection
        .prepare_cached("SELECT 1 FROM outbox WHERE message_id = ? AND kind IN ('open', 'send')")?
        .exists([id])?;
    if waits {
        // It stood before whatever was written since.
        connection
            .prepare_cached(
                "UPDATE messages SET seq = NULL, server = NULL, version = 0, local_order = seq - (1 << 40) WHERE id = ?",
            )?
            .execute([id])?;
    } else {
        connection.prepare_cached("DELETE FROM messages WHERE id = ?")?.execute([id])?;
    }
    Ok(())
}

pub(crate) fn set_text(connection: &Connection, id: MessageId, text: &str) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE messages SET text = ? WHERE id = ?")?.execute(params![text, id.as_bytes()])?;
    Ok(())
}

pub(crate) fn set_pending_text(connection: &Connection, id: MessageId, text: Option<&str>) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE messages SET pending_text = ? WHERE id = ?")?
        .execute(params![text, id.as_bytes()])?;
    Ok(())
}

pub(crate) fn set_pending_retract(connection: &Connection, id: MessageId, pending: bool) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE messages SET pending_retract = ? WHERE id = ?")?
        .execute(params![pending, id.as_bytes()])?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, id: MessageId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM messages WHERE id = ?")?.execute([id.as_bytes()])?;
    Ok(())
}

/// Own messages that no server has and that no row of the outbox sends, oldest first.
pub(crate) fn unsent(
    connection: &Connection,
) -> Result<Vec<(ConversationId, MessageId, String, UnixMillis)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT conversation_id, id, text, created_at FROM messages WHERE mine = 1 AND seq IS NULL AND pending_retract = 0
           AND id NOT IN (SELECT message_id FROM outbox WHERE kind IN ('open', 'send'))
         ORDER BY conversation_id, local_order",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, String>(2)?, row.get(3)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (conversation, id, text, created_at) = row?;
        if let (Some(conversation), Some(id)) = (ConversationId::from_slice(&conversation), MessageId::from_slice(&id))
        {
            found.push((conversation, id, text, UnixMillis(created_at)));
        }
    }
    Ok(found)
}

/// Where a message stands, whose it is, and its words as the server last told them (or as the echo has them).
pub(crate) struct Placed {
    pub conversation: ConversationId,
    pub mine: bool,
    pub seq: Option<u64>,
    pub text: String,
    pub retracted: bool,
}

pub(crate) fn place(connection: &Connection, id: MessageId) -> Result<Option<Placed>, StoreError> {
    let parts = connection
        .prepare_cached("SELECT conversation_id, mine, seq, text, pending_retract, server FROM messages WHERE id = ?")?
        .query_row([id.as_bytes()], |row| {
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get::<_, bool>(4)?,
                row.get::<_, Option<String>>(5)?,
            ))
        })
        .optional()?;
    let Some((conversation, mine, seq, text, pending_retract, server)) = parts else { return Ok(None) };
    let conversation = ConversationId::from_slice(&conversation).ok_or(StoreError::Value("a conversation id"))?;
    let retracted = pending_retract
        || server.and_then(|json| serde_json::from_str::<Wire>(&json).ok()).is_some_and(|m| m.retracted_at.is_some());
    Ok(Some(Placed { conversation, mine, seq, text, retracted }))
}

struct Parts {
    id: Vec<u8>,
    seq: Option<u64>,
    server: Option<String>,
    mine: bool,
    text: String,
    pending_text: Option<String>,
    pending_retract: bool,
    created_at: i64,
    row_state: Option<String>,
    wedge_code: Option<String>,
}

// The newest row about the message decides what the person sees of it; rows that follow a sent message are changes.
const COLUMNS: &str = "m.id, m.seq, m.server, m.mine, m.text, m.pending_text, m.pending_retract, m.created_at,
    (SELECT o.state FROM outbox o WHERE o.message_id = m.id AND o.kind IN ('open', 'send') LIMIT 1),
    (SELECT o.wedge_code FROM outbox o WHERE o.message_id = m.id AND o.state = 'wedged' LIMIT 1)";

fn read(row: &Row<'_>) -> Result<Parts, rusqlite::Error> {
    Ok(Parts {
        id: row.get(0)?,
        seq: row.get(1)?,
        server: row.get(2)?,
        mine: row.get(3)?,
        text: row.get(4)?,
        pending_text: row.get(5)?,
        pending_retract: row.get(6)?,
        created_at: row.get(7)?,
        row_state: row.get(8)?,
        wedge_code: row.get(9)?,
    })
}

fn build(
    connection: &Connection,
    conversation_id: ConversationId,
    receipts: &Receipts,
    parts: Parts,
) -> Result<Message, StoreError> {
    let id = MessageId::from_slice(&parts.id).ok_or(StoreError::Value("a message id"))?;
    let wire: Option<Wire> = match parts.server {
        Some(json) => Some(serde_json::from_str(&json).map_err(|_| StoreError::Value("a message"))?),
        None => None,
    };
    let state = state(receipts, parts.mine, parts.seq, parts.row_state.as_deref(), parts.wedge_code.as_deref());
    let change_pending = parts.pending_text.is_some() || parts.pending_retract;
    let edited = wire.as_ref().is_some_and(|wire| wire.edited_at.is_some());
    let body = match wire.as_ref().map(|wire| &wire.content) {
        _ if parts.pending_retract => MessageBody::Retracted,
        Some(Content::Known(KnownContent::Retracted)) => MessageBody::Retracted,
        Some(Content::Unknown(raw)) => MessageBody::Unsupported {
            kind: raw.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned(),
            raw: serde_json::to_string(raw).unwrap_or_default(),
        },
        _ => MessageBody::Text(parts.pending_text.unwrap_or(parts.text)),
    };
    let attachments = match body {
        MessageBody::Text(_) => attachments(connection, id, wire.as_ref(), parts.mine, state)?,
        MessageBody::Retracted | MessageBody::Unsupported { .. } => Vec::new(),
    };
    Ok(Message {
        id,
        conversation_id,
        seq: parts.seq,
        author: wire.map_or(Author::Person, |wire| wire.author),
        body,
        attachments,
        state,
        change_pending,
        edited,
        created_at: UnixMillis(parts.created_at),
    })
}

/// The files of a message: the server's word on them once there is one, and where they are.
fn attachments(
    connection: &Connection,
    id: MessageId,
    wire: Option<&Wire>,
    mine: bool,
    state: MessageState,
) -> Result<Vec<Attachment>, StoreError> {
    if let Some(wire) = wire {
        let told = wire.content.attachments();
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let here = files::of_message(connection, id)?;
        return Ok(told.iter().map(|told| known_to_server(told, mine, &here)).collect());
    }
    if !mine {
        return Ok(Vec::new());
    }
    let echoes = files::of_message(connection, id)?.into_iter().map(|file| {
        let state = match (file.uploaded, state) {
            (true, _) => AttachmentState::Here,
            (false, MessageState::Sending) => AttachmentState::Uploading,
            (false, _) => AttachmentState::Waiting,
        };
        Attachment {
            id: file.taken.id,
            name: file.taken.name,
            media_type: file.taken.media_type,
            size: file.taken.size,
            dimensions: file.taken.dimensions,
            thumbnail: None,
            state,
        }
    });
    Ok(echoes.collect())
}

fn known_to_server(told: &WireAttachment, mine: bool, here: &[files::StoredFile]) -> Attachment {
    let is_here = here.iter().any(|file| file.taken.id == told.id);
    let state = match told.state {
        WireState::Blocked => AttachmentState::Blocked,
        _ if is_here => AttachmentState::Here,
        WireState::Ready => AttachmentState::Remote,
        // Its sender may have it back at any time.
        WireState::Scanning | WireState::Unknown if mine => AttachmentState::Remote,
        WireState::Scanning | WireState::Unknown => AttachmentState::Scanning,
    };
    Attachment {
        id: told.id,
        name: beistand_protocol::file_name::clean(&told.name),
        media_type: told.media_type.clone(),
        size: told.size,
        dimensions: told.dimensions,
        thumbnail: told.thumbnail,
        state,
    }
}

/// Whether the file belongs to a message of the current identity, as far as this phone knows it by itself.
pub(crate) fn file_is_shown(connection: &Connection, message: MessageId) -> Result<bool, StoreError> {
    match place(connection, message)? {
        Some(placed) => conversations::is_shown(connection, placed.conversation),
        None => Ok(false),
    }
}

/// The server's word on a file of any message of the current identity, and which message that is.
pub(crate) fn wire_attachment(
    connection: &Connection,
    id: AttachmentId,
) -> Result<Option<(MessageId, WireAttachment)>, StoreError> {
    let json: Option<String> = connection
        .prepare_cached(
            "SELECT m.server FROM messages m, json_each(m.server, '$.content.attachments') a
             WHERE m.server LIKE '%\"attachments\":%' AND json_extract(a.value, '$.id') = ?
               AND m.conversation_id IN (SELECT c.id FROM conversations c
                 WHERE c.identity = (SELECT i.id FROM identities i WHERE i.current = 1)) LIMIT 1",
        )?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(json) = json else { return Ok(None) };
    let wire: Wire = serde_json::from_str(&json).map_err(|_| StoreError::Value("a message"))?;
    Ok(wire.content.attachments().iter().find(|told| told.id == id).map(|told| (wire.id, told.clone())))
}

fn state(
    receipts: &Receipts,
    mine: bool,
    seq: Option<u64>,
    row_state: Option<&str>,
    wedge_code: Option<&str>,
) -> MessageState {
    if !mine {
        return MessageState::Received;
    }
    if let Some(code) = wedge_code {
        return MessageState::Wedged(Code::parse(code));
    }
    match (seq, row_state) {
        (None, Some("sending")) => MessageState::Sending,
        (None, _) => MessageState::Queued,
        (Some(seq), _) if seq <= receipts.agents.read_seq => MessageState::Read,
        (Some(seq), _) if seq <= receipts.agents.delivered_seq => MessageState::Delivered,
        (Some(_), _) => MessageState::Sent,
    }
}

/// A message of the current identity.
pub(crate) fn get(connection: &Connection, id: MessageId) -> Result<Option<Message>, StoreError> {
    let Some(placed) = place(connection, id)? else { return Ok(None) };
    if !conversations::is_shown(connection, placed.conversation)? {
        return Ok(None);
    }
    let receipts = conversations::receipts(connection, placed.conversation)?;
    let parts = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM messages m WHERE m.id = ?"))?
        .query_row([id.as_bytes()], read)?;
    build(connection, placed.conversation, &receipts, parts).map(Some)
}

/// A window over a conversation of the current identity (`None` if it is not, or is gone): the newest `limit` messages of the server without a gap below them, then the echoes that
/// it does not have yet, in the order they were written. Second: whether older ones exist here, third: whether older ones
/// may exist at the server.
pub(crate) fn window(
    connection: &Connection,
    conversation: ConversationId,
    limit: u32,
) -> Result<Option<(Vec<Message>, bool, bool)>, StoreError> {
    if !conversations::is_shown(connection, conversation)? {
        return Ok(None);
    }
    let receipts = conversations::receipts(connection, conversation)?;
    let from = conversations::local(connection, conversation)?.map_or(1, |local| local.contiguous_from);
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m WHERE m.conversation_id = ? AND m.seq >= ? ORDER BY m.seq DESC LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut parts = statement
        .query_map(params![conversation.as_bytes(), from, i64::from(limit) + 1], read)?
        .collect::<Result<Vec<_>, _>>()?;
    let older_here = parts.len() > limit as usize;
    parts.truncate(limit as usize);
    parts.reverse();
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m WHERE m.conversation_id = ? AND m.seq IS NULL ORDER BY m.local_order, m.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for echo in statement.query_map([conversation.as_bytes()], read)? {
        parts.push(echo?);
    }
    let messages =
        parts.into_iter().map(|parts| build(connection, conversation, &receipts, parts)).collect::<Result<_, _>>()?;
    Ok(Some((messages, older_here, from > 1)))
}
