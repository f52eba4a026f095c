//! Reads. What a reader may see of a message is decided in `rows`, never here.

use beistand_protocol::{
    AgentId, ConversationId, DeviceId, Message, MessagePage, PersonId, PushToken, UnixMillis,
    agent::{Agent, AgentList, ApiKey, ApiKeyList, ConversationPage},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{self, uuid};
use crate::store::{
    AgentRow, AppId, AppRow, Authenticated, Census, ConversationQuery, DeviceRow, PushTargets, Reader,
    command::role_from_name,
};

fn app_row(row: &Row<'_>) -> rusqlite::Result<AppRow> {
    Ok(AppRow { id: AppId(row.get(0)?), name: row.get(1)?, key: row.get(2)? })
}

/// By `column`, which is a name of our own.
pub(super) fn app(conn: &Connection, column: &'static str, value: &str) -> rusqlite::Result<Option<AppRow>> {
    conn.prepare_cached(&format!("SELECT id, name, key FROM apps WHERE {column} = ?1"))?
        .query_row([value], app_row)
        .optional()
}

pub(super) fn apps(conn: &Connection) -> rusqlite::Result<Vec<AppRow>> {
    conn.prepare_cached("SELECT id, name, key FROM apps ORDER BY id")?.query_map([], app_row)?.collect()
}

pub(super) fn device(conn: &Connection, app: AppId, id: DeviceId) -> rusqlite::Result<Option<DeviceRow>> {
    conn.prepare_cached(
        "SELECT person_id, secret_hash, created_at, signed_off_at IS NOT NULL FROM devices \
         WHERE app_id = ?1 AND id = ?2",
    )?
    .query_row(params![app.0, id.as_bytes()], |row| {
        Ok(DeviceRow {
            person: PersonId(uuid(row, 0)?),
            secret_hash: row.get(1)?,
            created_at: UnixMillis(row.get(2)?),
            signed_off: row.get(3)?,
        })
    })
    .optional()
}

/// A message counts as unread if somebody else wrote it, the person may see it, and it is newer than their mark.
pub(super) fn push_targets(conn: &Connection, app: AppId, person: PersonId) -> rusqlite::Result<PushTargets> {
    let devices = conn
        .prepare_cached(
            "SELECT t.device_id, t.service, t.token FROM devices d \
             JOIN push_tokens t ON t.app_id = d.app_id AND t.device_id = d.id \
             WHERE d.app_id = ?1 AND d.person_id = ?2 ORDER BY t.device_id",
        )?
        .query_map(params![app.0, person.as_bytes()], |row| {
            Ok((DeviceId(uuid(row, 0)?), PushToken { service: row.get(1)?, token: row.get(2)? }))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let badge = conn
        .prepare_cached(
            "SELECT count(*) FROM conversations c \
             JOIN messages m ON m.app_id = c.app_id AND m.conversation_id = c.id AND m.seq > c.person_read \
             WHERE c.app_id = ?1 AND c.person_id = ?2 AND c.withdrawn_at IS NULL \
             AND m.visibility = 0 AND m.author <> 0 AND m.retracted_at IS NULL",
        )?
        .query_row(params![app.0, person.as_bytes()], |row| row.get(0))?;
    Ok(PushTargets { devices, badge })
}

fn agent(row: &Row<'_>, first: usize) -> rusqlite::Result<Agent> {
    let role: String = row.get(first + 2)?;
    Ok(Agent { id: AgentId(uuid(row, first)?), name: row.get(first + 1)?, role: role_from_name(&role) })
}

pub(super) fn agent_by_name(conn: &Connection, app: AppId, name: &str) -> rusqlite::Result<Option<AgentRow>> {
    conn.prepare_cached("SELECT id, name, role, password_hash FROM agents WHERE app_id = ?1 AND name = ?2")?
        .query_row(params![app.0, name], |row| Ok(AgentRow { agent: agent(row, 0)?, password_hash: row.get(3)? }))
        .optional()
}

pub(super) fn agents(conn: &Connection, app: AppId) -> rusqlite::Result<AgentList> {
    let agents = conn
        .prepare_cached("SELECT id, name, role FROM agents WHERE app_id = ?1 ORDER BY name")?
        .query_map([app.0], |row| agent(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(AgentList { agents })
}

pub(super) fn session(conn: &Connection, hash: [u8; 32], now: UnixMillis) -> rusqlite::Result<Option<Authenticated>> {
    conn.prepare_cached(
        "SELECT s.app_id, s.expires_at, a.id, a.name, a.role FROM sessions s \
         JOIN agents a ON a.app_id = s.app_id AND a.id = s.agent_id WHERE s.token_hash = ?1 AND s.expires_at > ?2",
    )?
    .query_row(params![hash, now.0], |row| {
        Ok(Authenticated { app: AppId(row.get(0)?), expires_at: Some(UnixMillis(row.get(1)?)), agent: agent(row, 2)? })
    })
    .optional()
}

pub(super) fn api_key(conn: &Connection, hash: [u8; 32]) -> rusqlite::Result<Option<Authenticated>> {
    conn.prepare_cached(
        "SELECT k.app_id, a.id, a.name, 'agent' FROM api_keys k \
         JOIN agents a ON a.app_id = k.app_id AND a.id = k.agent_id WHERE k.key_hash = ?1",
    )?
    .query_row(params![hash], |row| {
        Ok(Authenticated { app: AppId(row.get(0)?), agent: agent(row, 1)?, expires_at: None })
    })
    .optional()
}

pub(super) fn api_keys(conn: &Connection, app: AppId) -> rusqlite::Result<ApiKeyList> {
    let keys = conn
        .prepare_cached("SELECT id, label, created_at FROM api_keys WHERE app_id = ?1 ORDER BY created_at, id")?
        .query_map([app.0], |row| {
            Ok(ApiKey { id: row.get(0)?, label: row.get(1)?, created_at: UnixMillis(row.get(2)?) })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(ApiKeyList { keys })
}

pub(super) fn owner(conn: &Connection, app: AppId, id: ConversationId) -> rusqlite::Result<Option<PersonId>> {
    conn.prepare_cached("SELECT person_id FROM conversations WHERE app_id = ?1 AND id = ?2")?
        .query_row(params![app.0, id.as_bytes()], |row| Ok(PersonId(uuid(row, 0)?)))
        .optional()
}

pub(super) fn history(
    conn: &Connection,
    app: AppId,
    reader: Reader,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> rusqlite::Result<Option<MessagePage>> {
    if rows::load_conversation(conn, app, reader, id, false)?.is_none() {
        return Ok(None);
    }
    let before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
    let sql = rows::select_messages(
        reader,
        "m.app_id = ?1 AND m.conversation_id = ?2 AND m.seq < ?3 ORDER BY m.seq DESC LIMIT ?4",
    );
    let mut messages = conn
        .prepare_cached(&sql)?
        .query_map(params![app.0, id.as_bytes(), before, limit + 1], rows::message)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    messages.reverse();
    Ok(Some(MessagePage { messages, has_more }))
}

pub(super) fn conversations(
    conn: &Connection,
    app: AppId,
    query: &ConversationQuery,
) -> rusqlite::Result<ConversationPage> {
    let (time, id) = match query.after {
        Some((time, id)) => (time.0, *id.as_bytes()),
        None => (i64::MAX, [0xff; 16]),
    };
    let status = query.status.map(rows::status_code);
    // Two statements, since one with an optional status could use neither index.
    let filter = if status.is_some() { "c.status = ?2" } else { "?2 IS NULL" };
    let sql = rows::select_conversations(&format!(
        "WHERE c.app_id = ?1 AND {filter} AND (c.updated_at, c.id) < (?3, ?4) \
         ORDER BY c.updated_at DESC, c.id DESC LIMIT ?5"
    ));
    let mut conversations = conn
        .prepare_cached(&sql)?
        .query_map(params![app.0, status, time, id, query.limit + 1], |row| rows::conversation(row, Reader::Agent))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let has_more = conversations.len() > query.limit as usize;
    conversations.truncate(query.limit as usize);
    let next = conversations
        .last()
        .filter(|_| has_more)
        .map(|last| crate::store::sqlite::sync::encode(&format!("{}:{}", last.updated_at.0, last.id)));
    Ok(ConversationPage { conversations, next })
}

pub(super) fn all_messages(conn: &Connection, app: AppId, id: ConversationId) -> rusqlite::Result<Vec<Message>> {
    let sql = rows::select_messages(Reader::Agent, "m.app_id = ?1 AND m.conversation_id = ?2 ORDER BY m.seq");
    conn.prepare_cached(&sql)?.query_map(params![app.0, id.as_bytes()], rows::message)?.collect()
}

pub(super) fn census(conn: &Connection) -> rusqlite::Result<Census> {
    conn.query_row(
        "SELECT (SELECT count(*) FROM persons), (SELECT count(*) FROM devices), (SELECT count(*) FROM conversations), \
         (SELECT count(*) FROM messages), (SELECT count(*) FROM operations), (SELECT count(*) FROM attachments)",
        [],
        |row| {
            Ok(Census {
                persons: row.get(0)?,
                devices: row.get(1)?,
                conversations: row.get(2)?,
                messages: row.get(3)?,
                operations: row.get(4)?,
                attachments: row.get(5)?,
            })
        },
    )
}
