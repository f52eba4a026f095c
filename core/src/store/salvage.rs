//! Rescues what a damaged database still holds: the file is moved aside, and every row that can still be read goes into a
//! new one. From each table rows are read from the front until the damage, then from the back.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, types::Value};

use super::database::Recovered;
use super::open::{self, Purpose};
use crate::error::StoreError;

/// Parents before children, and what must not be lost first.
const TABLES: &[(&str, &str)] = &[
    ("identities", "id"),
    ("meta", "key"),
    ("lanes", "lane"),
    ("outbox", "id"),
    ("conversations", "id"),
    ("messages", "id"),
    ("journal", "id"),
    ("unknown_changes", "identity, seq"),
];

/// After a rescue lanes count on from the wall clock in milliseconds: rows that could not be read may have used any
/// smaller number, and a number is never used twice.
const COUNT_ON: &str =
    "INSERT INTO meta (key, value) VALUES ('lane_seq_floor', CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

pub(super) fn rebuild(path: &Path) -> Result<Recovered, StoreError> {
    let moved_to = free_name(path);
    std::fs::rename(path, &moved_to).map_err(|_| StoreError::Value("the damaged database cannot be moved aside"))?;
    for suffix in ["-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            let _ = std::fs::rename(&from, with_suffix(&moved_to, suffix));
        }
    }
    let fresh = open::open(path, None, Purpose::Write)?;
    fresh.pragma_update(None, "foreign_keys", false)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if let Ok(damaged) = Connection::open_with_flags(&moved_to, flags) {
        for (table, key) in TABLES {
            rescue(&damaged, &fresh, table, key)?;
        }
    }
    fresh.execute_batch(
        "DELETE FROM messages WHERE conversation_id NOT IN (SELECT id FROM conversations);
         -- Whom a rescued row was written as may be lost; on this phone it is the one who writes now.
         UPDATE identities SET cursor = NULL, epoch = NULL;",
    )?;
    fresh.execute_batch(COUNT_ON)?;
    let count = |sql| -> Result<u64, StoreError> { Ok(fresh.query_row(sql, [], |row| row.get(0))?) };
    Ok(Recovered {
        moved_to,
        outbox_rows: count("SELECT count(*) FROM outbox")?,
        messages: count("SELECT count(*) FROM messages")?,
    })
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
                        // A row that breaks a rule of the schema is part of the damage.
                        let _ = fresh.prepare_cached(&insert)?.execute(rusqlite::params_from_iter(values));
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
