//! Acknowledged writes of the last days: if the server comes back from a backup that lacks them, they are queued again
//! under their old ids and places.

use beistand_protocol::{LaneMark, UnixMillis};
use rusqlite::{Connection, params};

use crate::config::JOURNAL_MS;
use crate::error::StoreError;
use crate::outbox::machine::IdentityId;

use beistand_protocol::OperationId;

/// Moves an acknowledged row from the outbox to the journal, just as it was sent.
pub(crate) fn record(connection: &Connection, id: OperationId, acked_at: UnixMillis) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO journal (id, lane, lane_seq, kind, conversation_id, message_id, payload,
               payload_version, wire_body, identity, acked_at)
             SELECT id, lane, lane_seq, kind, conversation_id, message_id, payload, payload_version, wire_body, identity, ?
             FROM outbox WHERE id = ? AND wire_body IS NOT NULL AND lane NOT LIKE 'read:%'",
        )?
        .execute(params![acked_at.0, id.as_bytes()])?;
    Ok(())
}

/// Forgets what is older than the journal reaches back.
pub(crate) fn prune(connection: &Connection, known: UnixMillis) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM journal WHERE acked_at < ?")?.execute([known.plus(-JOURNAL_MS).0])?;
    Ok(())
}

/// Forgets reports of what was counted in the FAQ.
pub(crate) fn forget_reports(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM journal WHERE kind = 'report'")?.execute([])?;
    Ok(())
}

/// Queues again, frozen as it was, every acknowledged write that lies above the mark of its lane, or whose lane the
/// server does not know. Returns how many.
pub(crate) fn requeue_above(
    connection: &Connection,
    identity: IdentityId,
    marks: &[LaneMark],
    known: Option<UnixMillis>,
) -> Result<u64, StoreError> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS marks (lane TEXT PRIMARY KEY, high_water INTEGER); DELETE FROM marks",
    )?;
    {
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?, ?)")?;
        for mark in marks {
            insert.execute(params![mark.lane, i64::try_from(mark.high_water).unwrap_or(i64::MAX)])?;
        }
    }
    let missing =
        "identity = ?1 AND lane_seq > coalesce((SELECT high_water FROM marks WHERE marks.lane = journal.lane), 0)";
    let requeued = connection.execute(
        &format!(
            "INSERT OR IGNORE INTO outbox (id, lane, lane_seq, kind, conversation_id, message_id, payload, payload_version,
               wire_body, may_be_stored, state, identity, created_at, known_created_at)
             SELECT id, lane, lane_seq, kind, conversation_id, message_id, payload, payload_version, wire_body, 1, 'queued',
               identity, acked_at, ?2 FROM journal WHERE {missing}"
        ),
        params![identity, known.map(|known| known.0)],
    )?;
    connection.execute(&format!("DELETE FROM journal WHERE {missing}"), [identity])?;
    Ok(requeued as u64)
}
