//! Conversations: the echo of one that was opened here, and the server's word once it has come.

use beistand_protocol::{Conversation as Wire, ConversationId, OpenConversation, Receipts, Status, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::model::Conversation;
use crate::outbox::machine::IdentityId;
use crate::sync::merge::LocalConversation;

/// The echo of a conversation that was just opened here.
pub(crate) fn insert_echo(
    connection: &Connection,
    id: ConversationId,
    identity: IdentityId,
    open: &OpenConversation,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let draft = serde_json::to_string(open).map_err(|_| StoreError::Value("a draft"))?;
    connection
        .prepare_cached(
            "INSERT INTO conversations (id, identity, draft, created_at, touched_at) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![id.as_bytes(), identity, draft, now.0, now.0])?;
    Ok(())
}

/// What merging needs to know.
pub(crate) fn local(connection: &Connection, id: ConversationId) -> Result<Option<LocalConversation>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT version, contiguous_from, server IS NOT NULL FROM conversations WHERE id = ?")?
        .query_row([id.as_bytes()], |row| {
            Ok(LocalConversation { version: row.get(0)?, contiguous_from: row.get(1)?, at_server: row.get(2)? })
        })
        .optional()?)
}

/// Takes up the server's word. Whoever signs in again may be told of a conversation that an identity before, of the same
/// user, is still sending into: it is theirs again, and that identity's end does not take it away.
pub(crate) fn put_server(
    connection: &Connection,
    identity: IdentityId,
    wire: &Wire,
    snapshot: i64,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(wire).map_err(|_| StoreError::Value("a conversation"))?;
    connection
        .prepare_cached(
            "INSERT INTO conversations (id, identity, server, version, draft, read_seq, created_at, touched_at, snapshot,
               delivered_seq)
             VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET
               identity = CASE WHEN EXISTS (SELECT 1 FROM identities WHERE id = ?2 AND current = 1) THEN ?2 ELSE identity END,
               server = ?3, version = ?4, read_seq = max(read_seq, ?5), created_at = ?6,
               touched_at = ?7, snapshot = ?8, delivered_seq = max(delivered_seq, ?9)",
        )?
        .execute(params![
            wire.id.as_bytes(),
            identity,
            json,
            wire.version,
            wire.receipts.person.read_seq,
            wire.created_at.0,
            wire.updated_at.0,
            snapshot,
            wire.receipts.person.delivered_seq
        ])?;
    Ok(())
}

pub(crate) fn set_pending_status(
    connection: &Connection,
    id: ConversationId,
    status: Option<Status>,
) -> Result<(), StoreError> {
    let text = status.map(|status| if status == Status::Closed { "closed" } else { "open" });
    connection
        .prepare_cached("UPDATE conversations SET pending_status = ? WHERE id = ?")?
        .execute(params![text, id.as_bytes()])?;
    Ok(())
}

pub(crate) fn set_contiguous_from(connection: &Connection, id: ConversationId, seq: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE conversations SET contiguous_from = ? WHERE id = ?")?
        .execute(params![seq, id.as_bytes()])?;
    Ok(())
}

/// Moves the person's own mark forward; `false` if it stood there already.
pub(crate) fn mark_read(connection: &Connection, id: ConversationId, seq: u64) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached("UPDATE conversations SET read_seq = ?1 WHERE id = ?2 AND read_seq < ?1")?
        .execute(params![seq, id.as_bytes()])?;
    Ok(changed > 0)
}

/// The newest message here that is not the person's own and that the server was not told of yet.
pub(crate) fn undelivered(connection: &Connection, id: ConversationId) -> Result<Option<u64>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT max(m.seq) FROM messages m, conversations c WHERE c.id = ?1 AND m.conversation_id = ?1
               AND m.seq > c.delivered_seq AND m.mine = 0",
        )?
        .query_row([id.as_bytes()], |row| row.get(0))?)
}

/// Moves the mark of what has arrived forward; returns how far the person has read.
pub(crate) fn mark_delivered(connection: &Connection, id: ConversationId, seq: u64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached(
            "UPDATE conversations SET delivered_seq = max(delivered_seq, ?) WHERE id = ? RETURNING read_seq",
        )?
        .query_row(params![seq, id.as_bytes()], |row| row.get(0))?)
}

/// The newest message of others that is here.
pub(crate) fn newest_of_others(connection: &Connection, id: ConversationId) -> Result<u64, StoreError> {
    let seq: Option<u64> = connection
        .prepare_cached("SELECT max(seq) FROM messages WHERE conversation_id = ? AND mine = 0")?
        .query_row([id.as_bytes()], |row| row.get(0))?;
    Ok(seq.unwrap_or(0))
}

/// The newest message seq that is here.
pub(crate) fn newest_seq(connection: &Connection, id: ConversationId) -> Result<u64, StoreError> {
    let seq: Option<u64> = connection
        .prepare_cached("SELECT max(seq) FROM messages WHERE conversation_id = ? AND seq IS NOT NULL")?
        .query_row([id.as_bytes()], |row| row.get(0))?;
    Ok(seq.unwrap_or(0))
}

/// Whether it is the identity's.
pub(crate) fn is_of(connection: &Connection, id: ConversationId, identity: IdentityId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM conversations WHERE id = ? AND identity = ?")?
        .exists(params![id.as_bytes(), identity])?)
}

pub(crate) fn exists(connection: &Connection, id: ConversationId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM conversations WHERE id = ?")?.exists([id.as_bytes()])?)
}

pub(crate) fn delete(connection: &Connection, id: ConversationId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM messages WHERE conversation_id = ?")?.execute([id.as_bytes()])?;
    connection.prepare_cached("DELETE FROM conversations WHERE id = ?")?.execute([id.as_bytes()])?;
    Ok(())
}

/// After a whole snapshot: what none of its pages held, and what no row of the outbox is about, is gone.
pub(crate) fn sweep(connection: &Connection, identity: IdentityId, snapshot: i64) -> Result<(), StoreError> {
    for id in absent(connection, identity, snapshot)? {
        if !connection.prepare_cached("SELECT 1 FROM outbox WHERE conversation_id = ?")?.exists([id.as_bytes()])? {
            delete(connection, id)?;
        }
    }
    Ok(())
}

/// Conversations that the server once had and that a snapshot did not hold.
pub(crate) fn absent(
    connection: &Connection,
    identity: IdentityId,
    snapshot: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM conversations WHERE identity = ? AND snapshot <> ? AND server IS NOT NULL")?;
    let ids = statement.query_map(params![identity, snapshot], |row| row.get::<_, Vec<u8>>(0))?;
    ids.map(|id| ConversationId::from_slice(&id?).ok_or(StoreError::Value("a conversation id"))).collect()
}

/// Another history begins: nothing that the server told before counts any more. Own messages whose write is queued
/// (again) are echoes once more, all others come anew.
pub(crate) fn begin_anew(connection: &Connection, identity: IdentityId) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE conversations SET version = 0, read_seq = 0, delivered_seq = 0, pending_status = NULL WHERE identity = ?",
        [identity],
    )?;
    let mut statement = connection.prepare_cached("SELECT id FROM conversations WHERE identity = ?")?;
    let ids = statement.query_map([identity], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    for id in ids {
        let id = ConversationId::from_slice(&id).ok_or(StoreError::Value("a conversation id"))?;
        super::messages::keep_only(connection, id, 1, &[])?;
        set_contiguous_from(connection, id, 1)?;
    }
    Ok(())
}

/// The server's word belongs to a history that is no more: the next one is newer, whatever its version.
pub(crate) fn forget_version(connection: &Connection, id: ConversationId) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE conversations SET version = 0 WHERE id = ?")?.execute([id.as_bytes()])?;
    Ok(())
}

/// Whose conversation it is.
pub(crate) fn identity_of(connection: &Connection, id: ConversationId) -> Result<Option<IdentityId>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT identity FROM conversations WHERE id = ?")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Conversations that no server has confirmed, with the draft that opened them; what has no readable draft is removed.
pub(crate) fn unconfirmed(
    connection: &Connection,
) -> Result<Vec<(ConversationId, IdentityId, OpenConversation, UnixMillis)>, StoreError> {
    let mut statement =
        connection.prepare("SELECT id, identity, draft, created_at FROM conversations WHERE server IS NULL")?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (id, identity, draft, created_at) = row?;
        let Some(id) = ConversationId::from_slice(&id) else { continue };
        match serde_json::from_str(&draft) {
            Ok(draft) => found.push((id, identity, draft, UnixMillis(created_at))),
            Err(_) => delete(connection, id)?,
        }
    }
    Ok(found)
}

/// A change of a kind that this version does not know, kept until one does.
pub(crate) fn keep_unknown_change(
    connection: &Connection,
    identity: IdentityId,
    seq: u64,
    conversation: ConversationId,
    body: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO unknown_changes (identity, seq, conversation_id, body) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![identity, seq, conversation.as_bytes(), body])?;
    Ok(())
}

/// The receipts as the server last told them.
pub(crate) fn receipts(connection: &Connection, id: ConversationId) -> Result<Receipts, StoreError> {
    Ok(server(connection, id)?.map(|wire| wire.receipts).unwrap_or_default())
}

/// The server's word, if it has come.
pub(crate) fn server(connection: &Connection, id: ConversationId) -> Result<Option<Wire>, StoreError> {
    let json: Option<Option<String>> = connection
        .prepare_cached("SELECT server FROM conversations WHERE id = ?")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(json.flatten().and_then(|json| serde_json::from_str(&json).ok()))
}

const COLUMNS: &str = "c.id, c.server, c.draft, c.pending_status, c.created_at, c.touched_at,
    (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id AND m.seq > c.read_seq AND m.mine = 0),
    coalesce(
      (SELECT coalesce(m.pending_text, m.text) FROM messages m
         WHERE m.conversation_id = c.id AND m.seq IS NULL AND m.pending_retract = 0 ORDER BY m.local_order DESC LIMIT 1),
      (SELECT coalesce(m.pending_text, m.text) FROM messages m
         WHERE m.conversation_id = c.id AND m.seq IS NOT NULL AND m.pending_retract = 0 ORDER BY m.seq DESC LIMIT 1))";

struct Parts {
    id: Vec<u8>,
    server: Option<String>,
    draft: String,
    pending_status: Option<String>,
    created_at: i64,
    touched_at: i64,
    unread: u64,
    preview: Option<String>,
}

fn read(row: &Row<'_>) -> Result<Parts, rusqlite::Error> {
    Ok(Parts {
        id: row.get(0)?,
        server: row.get(1)?,
        draft: row.get(2)?,
        pending_status: row.get(3)?,
        created_at: row.get(4)?,
        touched_at: row.get(5)?,
        unread: row.get(6)?,
        preview: row.get(7)?,
    })
}

fn build(parts: Parts) -> Result<Conversation, StoreError> {
    let id = ConversationId::from_slice(&parts.id).ok_or(StoreError::Value("a conversation id"))?;
    let pending = parts.pending_status.map(|text| if text == "closed" { Status::Closed } else { Status::Open });
    let preview = parts.preview.unwrap_or_default();
    let (created_at, updated_at) = (UnixMillis(parts.created_at), UnixMillis(parts.touched_at));
    if let Some(json) = parts.server {
        let wire: Wire = serde_json::from_str(&json).map_err(|_| StoreError::Value("a conversation"))?;
        return Ok(Conversation {
            id,
            subject: wire.subject,
            category: wire.category,
            priority: wire.priority,
            fields: wire.fields,
            status: pending.unwrap_or(wire.status),
            assignee: wire.assignee,
            unread: parts.unread,
            at_server: true,
            created_at,
            updated_at,
            preview,
        });
    }
    let draft: OpenConversation = serde_json::from_str(&parts.draft).map_err(|_| StoreError::Value("a draft"))?;
    Ok(Conversation {
        id,
        subject: draft.subject,
        category: draft.category,
        priority: draft.priority,
        fields: draft.fields,
        status: pending.unwrap_or_default(),
        assignee: None,
        unread: parts.unread,
        at_server: false,
        created_at,
        updated_at,
        preview,
    })
}

/// All conversations of an identity, the one with the newest event first.
pub(crate) fn list(connection: &Connection, identity: IdentityId) -> Result<Vec<Conversation>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM conversations c WHERE c.identity = ? ORDER BY c.touched_at DESC, c.id DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let parts = statement.query_map([identity], read)?.collect::<Result<Vec<_>, _>>()?;
    parts.into_iter().map(build).collect()
}

/// Who is current, and all conversations of that identity.
pub(crate) fn list_of_current(connection: &Connection) -> Result<(IdentityId, Vec<Conversation>), StoreError> {
    // Without an identity, as after a rescue, there is nothing to show until the next write makes one.
    let current = super::identity::current(connection)?.map(|identity| identity.id).unwrap_or_default();
    Ok((current, list(connection, current)?))
}

/// Whether it is the current identity's.
pub(crate) fn is_shown(connection: &Connection, id: ConversationId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM conversations WHERE id = ? AND identity = (SELECT id FROM identities WHERE current = 1)",
        )?
        .exists([id.as_bytes()])?)
}

pub(crate) fn get(
    connection: &Connection,
    identity: IdentityId,
    id: ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM conversations c WHERE c.identity = ?1 AND c.id = ?2");
    let parts = connection.prepare_cached(&sql)?.query_row(params![identity, id.as_bytes()], read).optional()?;
    parts.map(build).transpose()
}
