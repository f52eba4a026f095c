//! Rescues what a damaged database still holds: every row that can still be read goes into a new file, and the damaged one
//! is moved aside. From each table rows are read from the front until the damage, then from the back.

use std::path::{Path, PathBuf};

use beistand_protocol::{Lane, OperationId, SendMessage, UnixMillis};
use rusqlite::{Connection, ErrorCode, OpenFlags, types::Value};

use super::database::Recovered;
use super::open::{self, Purpose};
use super::outbox::NewRow;
use super::{conversations, files, leaving, messages, outbox};
use crate::error::StoreError;
use crate::outbox::machine::IdentityId;
use crate::outbox::payload::Payload;

/// Parents before children, and what must not be lost first.
const TABLES: &[(&str, &str)] = &[
    ("identities", "id"),
    ("meta", "key"),
    ("lanes", "lane"),
    ("outbox", "id"),
    ("conversations", "id"),
    ("messages", "id"),
    ("journal", "id"),
    ("files", "attachment_id, variant"),
    ("files_to_remove", "attachment_id, variant"),
    ("faq_views", "article, locale"),
    ("faq_searches", "locale, query"),
    ("unknown_changes", "identity, seq"),
];

/// After a rescue lanes count on from the wall clock in milliseconds: rows that could not be read may have used any
/// smaller number, and a number is never used twice.
const COUNT_ON: &str =
    "INSERT INTO meta (key, value) VALUES ('lane_seq_floor', CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// Rebuilds beside the damaged file, in one transaction, and then puts the new file in its place: a rescue that is
/// interrupted, or finds no room, begins anew the next time, with nothing lost.
pub(super) fn rebuild(path: &Path) -> Result<Recovered, StoreError> {
    let rebuilt = with_suffix(path, ".rebuilding");
    for suffix in ["", "-wal", "-shm"] {
        let leftover = with_suffix(&rebuilt, suffix);
        if leftover.exists() {
            std::fs::remove_file(leftover).map_err(|error| StoreError::Folder(error.kind()))?;
        }
    }
    let mut fresh = open::open(&rebuilt, None, &open::CLIENT, Purpose::Write)?;
    fresh.pragma_update(None, "foreign_keys", false)?;
    let transaction = fresh.transaction()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut switched = true;
    if let Ok(damaged) = Connection::open_with_flags(path, flags) {
        for (table, key) in TABLES {
            rescue(&damaged, &transaction, table, key)?;
        }
        switched = leaving::has_switched(&damaged).unwrap_or(true);
    }
    if switched {
        leaving::set_switched(&transaction)?;
    } else {
        // A phone that has only ever spoken as one: whatever is left is that one's.
        transaction.execute_batch(
            "INSERT OR IGNORE INTO meta (key, value) SELECT 'current_identity', max(identity) FROM
               (SELECT identity FROM outbox UNION SELECT identity FROM conversations) HAVING max(identity) IS NOT NULL",
        )?;
    }
    transaction.execute_batch(COUNT_ON)?;
    make_whole(&transaction)?;
    transaction.execute_batch(
        "DELETE FROM messages WHERE seq IS NULL AND pending_retract = 1
           AND id NOT IN (SELECT message_id FROM outbox WHERE message_id IS NOT NULL);
         -- A change whose row is lost does not stay pending for ever; the person sees what stands and may change it again.
         UPDATE messages SET pending_text = NULL
           WHERE id NOT IN (SELECT message_id FROM outbox WHERE kind = 'edit');
         UPDATE messages SET pending_retract = 0
           WHERE id NOT IN (SELECT message_id FROM outbox WHERE kind = 'retract');
         UPDATE conversations SET pending_status = NULL
           WHERE id NOT IN (SELECT conversation_id FROM outbox WHERE kind = 'status');
         -- What the server has is asked for anew.
         UPDATE identities SET cursor = NULL, epoch = NULL;",
    )?;
    let count = |sql| -> Result<u64, StoreError> { Ok(transaction.query_row(sql, [], |row| row.get(0))?) };
    let (outbox_rows, messages) = (count("SELECT count(*) FROM outbox")?, count("SELECT count(*) FROM messages")?);
    transaction.commit()?;
    // Closing checkpoints the log into the file, which then stands alone.
    fresh.close().map_err(|(_, error)| error)?;
    let moved_to = free_name(path);
    let moved = |result: std::io::Result<()>| result.map_err(|error| StoreError::Folder(error.kind()));
    moved(std::fs::rename(path, &moved_to))?;
    for suffix in ["-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            moved(std::fs::rename(&from, with_suffix(&moved_to, suffix)))?;
        }
    }
    moved(std::fs::rename(&rebuilt, path))?;
    Ok(Recovered { moved_to, outbox_rows, messages })
}

/// Half of a pair may have been lost: a message that was to be sent without the row that sends it, or a row without the
/// message that the person sees. The other half is made from the one that is left; the ids are the same, so a server that
/// has it already says so.
fn make_whole(connection: &Connection) -> Result<(), StoreError> {
    for row in outbox::creations(connection)? {
        let Some(message) = row.payload.message() else { continue };
        if let Payload::Open { conversation, body } = &row.payload
            && !conversations::exists(connection, *conversation)?
        {
            conversations::insert_echo(connection, *conversation, row.row.identity, body, row.created_at)?;
        }
        if let Some(conversation) = row.payload.conversation()
            && messages::place(connection, message)?.is_none()
        {
            let text = row.payload.text().unwrap_or_default();
            messages::insert_echo(connection, conversation, message, text, row.created_at)?;
        }
    }
    for (conversation, identity, draft, created_at) in conversations::unconfirmed(connection)? {
        if !outbox::of_lane(connection, Lane::Conversation(conversation))?.iter().any(|row| row.payload.creates()) {
            if messages::place(connection, draft.message.id)?.is_none() {
                messages::insert_echo(connection, conversation, draft.message.id, &draft.message.text, created_at)?;
            }
            requeue(connection, identity, created_at, Payload::Open { conversation, body: draft })?;
        }
    }
    for (conversation, message, text, created_at) in messages::unsent(connection)? {
        let Some(identity) = conversations::identity_of(connection, conversation)? else {
            // Nobody would see it, and nobody knows whose it was.
            messages::delete(connection, message)?;
            continue;
        };
        let attachments = files::of_message(connection, message)?.into_iter().map(|file| file.taken.id).collect();
        let body = SendMessage { text, attachments, sent_at: Some(created_at) };
        requeue(connection, identity, created_at, Payload::Send { conversation, message, body })?;
    }
    Ok(())
}

fn requeue(connection: &Connection, identity: IdentityId, now: UnixMillis, payload: Payload) -> Result<(), StoreError> {
    let Some(conversation) = payload.conversation() else { return Ok(()) };
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| StoreError::Value("random bytes"))?;
    let lane = Lane::Conversation(conversation);
    outbox::insert(
        connection,
        &NewRow { id: OperationId::mint(now, random), lane, payload, identity, now, born: None },
    )?;
    Ok(())
}

fn rescue(damaged: &Connection, fresh: &Connection, table: &str, key: &str) -> Result<(), StoreError> {
    for direction in ["ASC", "DESC"] {
        let order = key.split(", ").map(|column| format!("{column} {direction}")).collect::<Vec<_>>().join(", ");
        let Ok(mut statement) = damaged.prepare(&format!("SELECT * FROM {table} ORDER BY {order}")) else { continue };
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({marks})", columns.join(", "));
        let Ok(mut rows) = statement.query([]) else { continue };
        let whole = loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let values: Result<Vec<Value>, _> = (0..columns.len()).map(|index| row.get(index)).collect();
                    if let Ok(values) = values {
                        match fresh.prepare_cached(&insert)?.execute(rusqlite::params_from_iter(values)) {
                            Ok(_) => {}
                            // A row that breaks a rule of the schema is part of the damage.
                            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if whole {
            break;
        }
    }
    Ok(())
}

/// Deletes a file of which nothing is worth keeping, with its log.
pub(super) fn delete(path: &Path) -> Result<(), StoreError> {
    // The log first: it must not be taken for the log of another file.
    for suffix in ["-wal", "-shm", ""] {
        match std::fs::remove_file(with_suffix(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::Folder(error.kind())),
            _ => {}
        }
    }
    Ok(())
}

/// Deletes the copies that were moved aside, as far as that is possible.
pub(super) fn forget_copies(path: &Path) {
    for number in 1.. {
        let copy = with_suffix(path, &format!(".damaged-{number}"));
        if !copy.exists() {
            return;
        }
        for suffix in ["-wal", "-shm", ""] {
            let _ = std::fs::remove_file(with_suffix(&copy, suffix));
        }
        if copy.exists() {
            return;
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn free_name(path: &Path) -> PathBuf {
    (1..)
        .map(|n| with_suffix(path, &format!(".damaged-{n}")))
        .find(|name| !name.exists())
        .unwrap_or_else(|| path.into())
}
