//! Pages of a stream. A cursor names its history (epoch) and a place in it: a seq of the log, or a place in a snapshot
//! together with the seq that the log had when the snapshot began. The log's seq is taken first, so what changes while
//! a snapshot is paged comes again through the log, and applying a change twice is harmless.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use beistand_protocol::{
    Change, ChangeBody, Code, ConversationId, DeviceId, Epoch, KnownChange, LaneMark, MessageId, SnapshotPart,
    SyncPage, Violation, limits::SNAPSHOT_MESSAGES,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{self, uuid};
use crate::store::{AppId, Reader, Stream, SyncQuery};

/// Where a stream is.
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) epoch: Epoch,
}

pub(super) fn place(conn: &Connection, app: AppId, stream: Stream) -> rusqlite::Result<Place> {
    let server: String =
        conn.prepare_cached("SELECT value FROM meta WHERE key = 'epoch'")?.query_row([], |row| row.get(0))?;
    let (seq, own): (u64, u64) = conn
        .prepare_cached("SELECT seq, epoch FROM streams WHERE app_id = ?1 AND stream = ?2")?
        .query_row(params![app.0, rows::stream_key(stream)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    Ok(Place { seq, epoch: Epoch(format!("{server}.{own}")) })
}

/// What a cursor says.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Cursor {
    /// Everything up to this seq is known.
    Log { epoch: String, seq: u64 },
    /// A snapshot goes on after this conversation; the log had this seq when it began.
    Snapshot { epoch: String, seq: u64, after: ConversationId },
}

/// Makes a cursor's text: opaque, so that nobody builds one.
pub(super) fn encode(plain: &str) -> String {
    URL_SAFE_NO_PAD.encode(plain)
}

/// Reads a cursor's text.
pub(crate) fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let plain = decode(text)?;
        let mut parts = plain.split(':');
        let epoch = parts.next()?.to_owned();
        let seq: u64 = parts.next()?.parse().ok().filter(|seq| i64::try_from(*seq).is_ok())?;
        match (parts.next(), parts.next()) {
            (None, _) => Some(Self::Log { epoch, seq }),
            (Some(after), None) => Some(Self::Snapshot { epoch, seq, after: after.parse().ok()? }),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Log { epoch, seq } => encode(&format!("{epoch}:{seq}")),
            Self::Snapshot { epoch, seq, after } => encode(&format!("{epoch}:{seq}:{after}")),
        }
    }
}

fn reader(stream: Stream) -> Reader {
    match stream {
        Stream::Person(person) => Reader::Person(person),
        Stream::Agents => Reader::Agent,
    }
}

/// The inner error is a cursor that is none.
pub(super) fn page(
    conn: &Connection,
    app: AppId,
    stream: Stream,
    query: &SyncQuery,
) -> rusqlite::Result<Result<SyncPage, Violation>> {
    let here = place(conn, app, stream)?;
    let cursor = match query.cursor.as_deref().map(Cursor::parse) {
        Some(None) => {
            return Ok(Err(Violation::new(Code::BadParameter, "cursor", "the cursor is not one of this server's")));
        }
        Some(Some(cursor)) => Some(cursor),
        None => None,
    };
    let page = match cursor {
        // A seq that this history has not reached yet is of another one, whatever its epoch says.
        Some(Cursor::Log { epoch, seq }) if epoch == here.epoch.0 && seq <= here.seq => {
            log(conn, app, stream, seq, query.limit, here)?
        }
        Some(Cursor::Snapshot { epoch, seq, after }) if epoch == here.epoch.0 && seq <= here.seq => {
            snapshot(conn, app, stream, seq, Some(after), query, here)?
        }
        _ => {
            let seq = here.seq;
            snapshot(conn, app, stream, seq, None, query, here)?
        }
    };
    Ok(Ok(page))
}

fn log(
    conn: &Connection,
    app: AppId,
    stream: Stream,
    after: u64,
    limit: u32,
    here: Place,
) -> rusqlite::Result<SyncPage> {
    let mut entries = conn
        .prepare_cached(
            "SELECT seq, kind, resource FROM changes WHERE app_id = ?1 AND stream = ?2 AND seq > ?3 \
             ORDER BY seq LIMIT ?4",
        )?
        .query_map(params![app.0, rows::stream_key(stream), after, limit + 1], |row: &Row<'_>| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, i64>(1)?, uuid(row, 2)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let reached = entries.last().map_or(here.seq, |entry| entry.0);
    let mut changes = Vec::with_capacity(entries.len());
    for (seq, kind, resource) in entries {
        let change = match kind {
            0 => conversation_change(conn, app, stream, ConversationId(resource), seq)?,
            _ => message_change(conn, app, stream, MessageId(resource), seq)?,
        };
        changes.extend(change);
    }
    let cursor = Cursor::Log { epoch: here.epoch.0.clone(), seq: reached }.to_text();
    Ok(SyncPage { changes, cursor, epoch: here.epoch, has_more, snapshot: None, lanes: Vec::new() })
}

fn conversation_change(
    conn: &Connection,
    app: AppId,
    stream: Stream,
    id: ConversationId,
    seq: u64,
) -> rusqlite::Result<Option<Change>> {
    let conversation = rows::load_conversation(conn, app, reader(stream), id, true)?;
    Ok(conversation.map(|conversation| Change {
        seq,
        conversation_id: conversation.id,
        body: ChangeBody::Known(KnownChange::Conversation { conversation: Box::new(conversation) }),
    }))
}

fn message_change(
    conn: &Connection,
    app: AppId,
    stream: Stream,
    id: MessageId,
    seq: u64,
) -> rusqlite::Result<Option<Change>> {
    let message = rows::load_message(conn, app, reader(stream), id)?;
    Ok(message.map(|message| Change {
        seq,
        conversation_id: message.conversation_id,
        body: ChangeBody::Known(KnownChange::Message { message: Box::new(message) }),
    }))
}

fn seq_of(conn: &Connection, app: AppId, stream: Stream, kind: i64, resource: &[u8; 16]) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT seq FROM changes WHERE app_id = ?1 AND stream = ?2 AND kind = ?3 AND resource = ?4")?
        .query_row(params![app.0, rows::stream_key(stream), kind, resource], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

fn snapshot(
    conn: &Connection,
    app: AppId,
    stream: Stream,
    begun_at: u64,
    after: Option<ConversationId>,
    query: &SyncQuery,
    here: Place,
) -> rusqlite::Result<SyncPage> {
    let ids = snapshot_ids(conn, app, stream, after, query.limit)?;
    let newest =
        rows::select_messages(reader(stream), "m.app_id = ?1 AND m.conversation_id = ?2 ORDER BY m.seq DESC LIMIT ?3");
    let mut changes = Vec::new();
    let mut done = None;
    let mut last = true;
    for id in ids {
        // A page holds whole conversations, at least one: their number of messages is bounded.
        if done.is_some() && changes.len() >= query.limit as usize {
            last = false;
            break;
        }
        let seq = seq_of(conn, app, stream, 0, id.as_bytes())?;
        changes.extend(conversation_change(conn, app, stream, id, seq)?);
        let mut messages = conn
            .prepare_cached(&newest)?
            .query_map(params![app.0, id.as_bytes(), SNAPSHOT_MESSAGES], rows::message)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        messages.reverse();
        for message in messages {
            let seq = seq_of(conn, app, stream, 1, message.id.as_bytes())?;
            let body = ChangeBody::Known(KnownChange::Message { message: Box::new(message) });
            changes.push(Change { seq, conversation_id: id, body });
        }
        done = Some(id);
    }
    let epoch = here.epoch.0.clone();
    let cursor = match done {
        Some(after) if !last => Cursor::Snapshot { epoch, seq: begun_at, after },
        _ => Cursor::Log { epoch, seq: begun_at },
    };
    let lanes = match query.device {
        Some(device) if after.is_none() => lanes(conn, app, device)?,
        _ => Vec::new(),
    };
    Ok(SyncPage {
        changes,
        cursor: cursor.to_text(),
        epoch: here.epoch,
        has_more: !last || here.seq > begun_at,
        snapshot: Some(SnapshotPart { first: after.is_none(), last }),
        lanes,
    })
}

fn snapshot_ids(
    conn: &Connection,
    app: AppId,
    stream: Stream,
    after: Option<ConversationId>,
    limit: u32,
) -> rusqlite::Result<Vec<ConversationId>> {
    // No bytes sort before every id.
    let after = after.map_or(Vec::new(), |id| id.as_bytes().to_vec());
    // One more than can be on the page, to know whether it is the last.
    let limit = limit + 1;
    let id = |row: &Row<'_>| Ok(ConversationId(uuid(row, 0)?));
    match stream {
        Stream::Person(person) => conn
            .prepare_cached(
                "SELECT id FROM conversations WHERE app_id = ?1 AND person_id = ?2 AND id > ?3 \
                 AND withdrawn_at IS NULL ORDER BY id LIMIT ?4",
            )?
            .query_map(params![app.0, person.as_bytes(), after, limit], id)?
            .collect(),
        Stream::Agents => conn
            .prepare_cached("SELECT id FROM conversations WHERE app_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3")?
            .query_map(params![app.0, after, limit], id)?
            .collect(),
    }
}

fn lanes(conn: &Connection, app: AppId, device: DeviceId) -> rusqlite::Result<Vec<LaneMark>> {
    conn.prepare_cached("SELECT lane, high_water FROM lanes WHERE app_id = ?1 AND device_id = ?2 ORDER BY lane")?
        .query_map(params![app.0, device.as_bytes()], |row| {
            Ok(LaneMark { lane: row.get(0)?, high_water: row.get(1)? })
        })?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_protocol::UnixMillis;

    #[test]
    fn a_cursor_survives_its_text_and_garbage_is_none() {
        let after = ConversationId::mint(UnixMillis(4), [3; 10]);
        for cursor in
            [Cursor::Log { epoch: "e.0".into(), seq: 7 }, Cursor::Snapshot { epoch: "e.0".into(), seq: 7, after }]
        {
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
        for bad in ["", "!", "abc", &encode("e.0"), &encode("e.0:x"), &encode("e.0:1:2"), &encode("e:1:2:3")] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
