//! Rows of the outbox: written with their echo, frozen before they leave, deleted with their acknowledgement.

use beistand_protocol::{
    AppConfig, AttachmentId, ConversationId, DeviceId, Lane, MessageId, OperationId, OperationOrder, UnixMillis,
};
use rusqlite::{Connection, params};

use super::{files, meta};
use crate::error::{Error, ErrorKind, StoreError};
use crate::model::{OperationKind, OutboxItem, OutboxState};
use crate::outbox::machine::{IdentityId, Row};
use crate::outbox::payload::{self, Payload, WireBody};

/// What a new row is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewRow {
    pub id: OperationId,
    pub lane: Lane,
    pub payload: Payload,
    pub identity: IdentityId,
    pub now: UnixMillis,
    /// The server's time that it is dated with.
    pub born: Option<UnixMillis>,
}

/// A row with everything that decisions inside a transaction need.
#[derive(Clone, Debug)]
pub(crate) struct StoredRow {
    pub row: Row,
    pub payload: Payload,
    pub wire: Option<WireBody>,
    pub may_be_stored: bool,
    pub rewritten: bool,
    pub state: OutboxState,
    pub created_at: UnixMillis,
}

/// Whether a row may leave.
#[derive(Clone, Debug)]
pub(crate) enum Preparation {
    /// It leaves like this.
    Ready(Box<Prepared>),
    /// It is wedged by now.
    Wedged,
    /// An earlier row of its lane waits, which whoever asks does not know of yet.
    NotHead,
}

/// What leaves.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub wire: WireBody,
    pub order: OperationOrder,
    pub payload: Payload,
}

/// The bounds of the outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub items: u32,
    pub bytes: u64,
    /// Bytes of files that wait to be sent.
    pub file_bytes: u64,
}

fn kind(text: &str) -> Result<OperationKind, StoreError> {
    use OperationKind::{Edit, Feedback, Open, Read, Report, Retract, Send, Status, Withdraw};
    [Open, Send, Edit, Retract, Withdraw, Status, Read, Feedback, Report]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or(StoreError::Value("an outbox kind"))
}

/// The next number of a lane; a number is never given twice.
pub(crate) fn next_lane_seq(connection: &Connection, lane: Lane) -> Result<u64, StoreError> {
    let floor = meta::get(connection, "lane_seq_floor")?.and_then(|text| text.parse().ok()).unwrap_or(0i64);
    let lane = lane.to_string();
    let seq: u64 = connection
        .prepare_cached(
            "INSERT INTO lanes (lane, last_seq) VALUES (?1, max(?2, (SELECT coalesce(max(lane_seq), 0) FROM outbox WHERE lane = ?1)) + 1)
             ON CONFLICT (lane) DO UPDATE SET last_seq = max(last_seq, ?2) + 1 RETURNING last_seq",
        )?
        .query_row(params![lane, floor], |row| row.get(0))?;
    Ok(seq)
}

/// Fails if one more row would go over the bounds; nothing has been promised by then.
pub(crate) fn check_room(connection: &Connection, bounds: Bounds) -> Result<(), StoreError> {
    let (items, bytes): (u32, u64) = connection
        .prepare_cached("SELECT items, bytes FROM outbox_size")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if items >= bounds.items || bytes >= bounds.bytes || files::waiting_bytes(connection)? > bounds.file_bytes {
        return Err(Error::new(ErrorKind::OutboxFull, "the outbox holds as much as it may; nothing was stored").into());
    }
    Ok(())
}

pub(crate) fn insert(connection: &Connection, new: &NewRow) -> Result<Row, StoreError> {
    let lane_seq = next_lane_seq(connection, new.lane)?;
    let json = serde_json::to_string(&new.payload).map_err(|_| StoreError::Value("an outbox payload"))?;
    connection
        .prepare_cached(
            "INSERT INTO outbox (id, lane, lane_seq, kind, conversation_id, message_id, payload, payload_version, state,
               identity, created_at, known_created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        )?
        .execute(params![
            new.id.as_bytes(),
            new.lane.to_string(),
            lane_seq,
            new.payload.kind().as_str(),
            // What belongs to no conversation has no bytes here.
            new.payload.conversation().map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            new.payload.message().map(|id| *id.as_bytes()),
            json,
            payload::VERSION,
            new.identity,
            new.now.0,
            new.born.map(|born| born.0),
        ])?;
    Ok(Row {
        id: new.id,
        lane: new.lane,
        lane_seq,
        kind: new.payload.kind(),
        identity: new.identity,
        attempts: 0,
        wedged: false,
        server_errors: 0,
        server_error_at: None,
        known_created_at: new.born,
        files: !new.payload.attachments().is_empty(),
    })
}

// Only `open` and `send` have files; their bodies name them.
const META: &str = "id, lane, lane_seq, kind, identity, attempts, state, server_errors, server_error_at, known_created_at,
    coalesce(json_array_length(payload, '$.body.attachments'), json_array_length(payload, '$.body.message.attachments'), 0) > 0";

type MetaParts = (Vec<u8>, String, u64, String, i64, u32, String, u32, Option<i64>, Option<i64>, bool);

fn read_meta(row: &rusqlite::Row<'_>) -> Result<MetaParts, rusqlite::Error> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
        row.get(9)?,
        row.get(10)?,
    ))
}

fn build_meta(parts: MetaParts) -> Result<Row, StoreError> {
    let (id, lane, lane_seq, kind_text, identity, attempts, state, server_errors, server_error_at, known, files) =
        parts;
    Ok(Row {
        id: OperationId::from_slice(&id).ok_or(StoreError::Value("an operation id"))?,
        lane: lane.parse().map_err(|_| StoreError::Value("a lane"))?,
        lane_seq,
        kind: kind(&kind_text)?,
        identity,
        attempts,
        wedged: state == "wedged",
        server_errors,
        server_error_at: server_error_at.map(UnixMillis),
        known_created_at: known.map(UnixMillis),
        files,
    })
}

/// All rows as the machine sees them.
pub(crate) fn load(connection: &Connection) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {META} FROM outbox ORDER BY lane, lane_seq"))?;
    let parts = statement.query_map([], read_meta)?.collect::<Result<Vec<_>, _>>()?;
    // A row that this version cannot read stays where it is for a version that can.
    Ok(parts.into_iter().filter_map(|parts| build_meta(parts).ok()).collect())
}

/// At the start nothing is under way: what an earlier process was sending is queued again; the mark that it may be
/// stored stays.
pub(crate) fn nothing_is_under_way(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE outbox SET state = 'queued' WHERE state = 'sending'")?.execute([])?;
    Ok(())
}

fn stored(connection: &Connection, condition: &str, value: &dyn rusqlite::ToSql) -> Result<Vec<StoredRow>, StoreError> {
    let sql = format!(
        "SELECT {META}, payload, payload_version, wire_body, may_be_stored, rewritten, wedge_code, wedge_detail, created_at
         FROM outbox WHERE {condition} ORDER BY lane, lane_seq"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let meta = read_meta(row)?;
        let state = match meta.6.as_str() {
            "wedged" => OutboxState::Wedged {
                code: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
                detail: row.get::<_, Option<String>>(17)?.unwrap_or_default(),
            },
            "sending" => OutboxState::Sending,
            _ => OutboxState::Queued,
        };
        let (json, version): (String, u32) = (row.get(11)?, row.get(12)?);
        let wire: Option<String> = row.get(13)?;
        found.push(StoredRow {
            row: build_meta(meta)?,
            payload: payload::read(version, &json)?,
            wire: wire
                .map(|wire| serde_json::from_str(&wire).map_err(|_| StoreError::Value("a frozen request")))
                .transpose()?,
            may_be_stored: row.get(14)?,
            rewritten: row.get(15)?,
            state,
            created_at: UnixMillis(row.get(18)?),
        });
    }
    Ok(found)
}

pub(crate) fn get(connection: &Connection, id: OperationId) -> Result<Option<StoredRow>, StoreError> {
    Ok(stored(connection, "id = ?", id.as_bytes())?.pop())
}

/// The rows about a message, oldest first.
pub(crate) fn about_message(connection: &Connection, id: MessageId) -> Result<Vec<StoredRow>, StoreError> {
    stored(connection, "message_id = ?", id.as_bytes())
}

/// The rows of a lane, oldest first.
pub(crate) fn of_lane(connection: &Connection, lane: Lane) -> Result<Vec<StoredRow>, StoreError> {
    stored(connection, "lane = ?", &lane.to_string())
}

/// The rows of an identity, oldest first within their lanes.
pub(crate) fn of_identity(connection: &Connection, id: IdentityId) -> Result<Vec<StoredRow>, StoreError> {
    stored(connection, "identity = ?", &id)
}

/// The rows that bring a message into being, oldest first.
pub(crate) fn creations(connection: &Connection) -> Result<Vec<StoredRow>, StoreError> {
    stored(connection, "?1 AND kind IN ('open', 'send')", &true)
}

/// The rows that change what stands at the server already, oldest first.
pub(crate) fn changes(connection: &Connection) -> Result<Vec<StoredRow>, StoreError> {
    stored(connection, "?1 AND kind IN ('edit', 'retract', 'status', 'withdraw')", &true)
}

/// What an app may see of the outbox: the identity's rows of visible lanes, in the order they were written.
pub(crate) fn items(connection: &Connection, identity: IdentityId) -> Result<Vec<OutboxItem>, StoreError> {
    let mut rows: Vec<StoredRow> =
        of_identity(connection, identity)?.into_iter().filter(|row| !row.row.lane.is_background()).collect();
    rows.sort_by_key(|row| (row.created_at, row.row.lane, row.row.lane_seq));
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(OutboxItem {
                id: row.row.id,
                kind: row.row.kind,
                conversation_id: row.payload.conversation()?,
                message_id: row.payload.message(),
                state: row.state,
                attempts: row.row.attempts,
                created_at: row.created_at,
            })
        })
        .collect())
}

/// Freezes the request if it is not frozen yet, and marks the row as under way and perhaps stored. Only the head of a lane
/// leaves: rows are told of in the order of commits, but another process may have written one that nobody told of.
pub(crate) fn prepare(
    connection: &Connection,
    stored: StoredRow,
    device: DeviceId,
    now: UnixMillis,
    known: Option<UnixMillis>,
    config: Option<&AppConfig>,
) -> Result<Preparation, StoreError> {
    if stored.row.wedged {
        return Ok(Preparation::Wedged);
    }
    if !is_head(connection, &stored.row)? {
        return Ok(Preparation::NotHead);
    }
    let wire = match stored.wire {
        Some(wire) => wire,
        None => stored.payload.freeze(known, config)?,
    };
    let json = serde_json::to_string(&wire).map_err(|_| StoreError::Value("a frozen request"))?;
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'sending', may_be_stored = 1, wire_body = ?,
               first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?",
        )?
        .execute(params![json, now.0, stored.row.id.as_bytes()])?;
    let order = OperationOrder { device, lane: stored.row.lane, lane_seq: stored.row.lane_seq };
    Ok(Preparation::Ready(Box::new(Prepared { wire, order, payload: stored.payload })))
}

/// Whether nothing stands before it in its lane.
pub(crate) fn is_head(connection: &Connection, row: &Row) -> Result<bool, StoreError> {
    Ok(!connection
        .prepare_cached("SELECT 1 FROM outbox WHERE lane = ? AND lane_seq < ?")?
        .exists(params![row.lane.to_string(), row.lane_seq])?)
}

/// Files that a row names, whether or not anything else is known of them.
pub(crate) fn wanted_files(connection: &Connection) -> Result<Vec<AttachmentId>, StoreError> {
    Ok(creations(connection)?.iter().flat_map(|row| row.payload.attachments()).copied().collect())
}

/// The server has none of the row's files (any more).
pub(crate) fn forget_uploads(connection: &Connection, id: OperationId) -> Result<(), StoreError> {
    if let Some(row) = get(connection, id)? {
        for file in row.payload.attachments() {
            files::set_uploaded(connection, *file, false)?;
        }
    }
    Ok(())
}

/// Its files are on their way: it shows as *sending*, but nothing of it can be stored yet.
pub(crate) fn begin_upload(connection: &Connection, id: OperationId) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE outbox SET state = 'sending' WHERE id = ? AND state = 'queued'")?
        .execute([id.as_bytes()])?;
    Ok(())
}

pub(crate) fn requeue(connection: &Connection, row: &Row, next_attempt_at: UnixMillis) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = CASE state WHEN 'wedged' THEN 'wedged' ELSE 'queued' END, attempts = ?,
               next_attempt_at = ?, server_errors = ?, server_error_at = ?, known_created_at = coalesce(known_created_at, ?)
             WHERE id = ?",
        )?
        .execute(params![
            row.attempts,
            next_attempt_at.0,
            row.server_errors,
            row.server_error_at.map(|at| at.0),
            row.known_created_at.map(|at| at.0),
            row.id.as_bytes()
        ])?;
    Ok(())
}

pub(crate) fn wedge(connection: &Connection, id: OperationId, code: &str, detail: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE outbox SET state = 'wedged', wedge_code = ?, wedge_detail = ? WHERE id = ?")?
        .execute(params![code, detail, id.as_bytes()])?;
    Ok(())
}

/// Puts a wedged row back to the start: another try, with an age that counts from now.
pub(crate) fn unwedge(connection: &Connection, id: OperationId, born: Option<UnixMillis>) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'queued', attempts = 0, server_errors = 0, server_error_at = NULL, wedge_code = NULL,
               wedge_detail = NULL, known_created_at = ? WHERE id = ?",
        )?
        .execute(params![born.map(|born| born.0), id.as_bytes()])?;
    Ok(())
}

/// Gives this row and those behind it new numbers above every other: the server has seen higher ones of this lane, which
/// this phone has forgotten. What was not sent keeps its order.
pub(crate) fn renumber(connection: &Connection, id: OperationId, now: UnixMillis) -> Result<(), StoreError> {
    let Some(row) = get(connection, id)? else { return Ok(()) };
    meta::set(connection, "lane_seq_floor", &now.0.to_string())?;
    for behind in of_lane(connection, row.row.lane)? {
        let seq = next_lane_seq(connection, row.row.lane)?;
        connection
            .prepare_cached("UPDATE outbox SET lane_seq = ? WHERE id = ?")?
            .execute(params![seq, behind.row.id.as_bytes()])?;
    }
    Ok(())
}

/// Gives a row other content. Only for rows that never left, or that the server has refused (`rewritten`).
pub(crate) fn rewrite(
    connection: &Connection,
    id: OperationId,
    payload: &Payload,
    rewritten: bool,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(payload).map_err(|_| StoreError::Value("an outbox payload"))?;
    connection
        .prepare_cached(
            "UPDATE outbox SET payload = ?, payload_version = ?, wire_body = NULL, rewritten = max(rewritten, ?) WHERE id = ?",
        )?
        .execute(params![json, payload::VERSION, rewritten, id.as_bytes()])?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, id: OperationId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("DELETE FROM outbox WHERE id = ?")?.execute([id.as_bytes()])? > 0)
}

/// Rows that wait, whoever wrote them, and rows that are wedged: those of whoever has left are dropped.
pub(crate) fn counts(connection: &Connection) -> Result<(u64, u64), StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state <> 'wedged'), count(*) FILTER (WHERE state = 'wedged')
             FROM outbox",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Lanes whose head is wedged hold back what stands behind it: these rows will not leave by themselves.
pub(crate) fn held_back(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM outbox o WHERE state <> 'wedged' AND EXISTS
               (SELECT 1 FROM outbox h WHERE h.lane = o.lane AND h.state = 'wedged' AND h.lane_seq < o.lane_seq)",
        )?
        .query_row([], |row| row.get(0))?)
}

/// Whether the conversation is being taken back.
pub(crate) fn is_withdrawing(connection: &Connection, conversation: ConversationId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM outbox WHERE lane = ? AND kind = 'withdraw'")?
        .exists([Lane::Conversation(conversation).to_string()])?)
}
