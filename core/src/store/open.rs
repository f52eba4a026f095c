//! Makes a connection fit for use: pragmas, numbered migrations, and a check of the file where it was not closed in order.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::error::StoreError;
use crate::outbox::worker::LOCK_FILE;

/// Each migration once, in order; `user_version` is the number of those that have run. A released one never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
];

/// What a file holds, and so how it is treated.
#[derive(Debug)]
pub(crate) struct Kind {
    /// As [`MIGRATIONS`].
    pub migrations: &'static [&'static str],
    /// Whether everything in it can be had again. Then the last commits may be lost with the power (the file stays whole),
    /// and a file that is damaged, or of a newer app, is deleted and begun anew.
    pub cache: bool,
    /// Connections that read.
    pub readers: usize,
}

/// What the person wrote, and what waits to be sent.
pub(super) static CLIENT: Kind = Kind { migrations: MIGRATIONS, cache: false, readers: 2 };

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Write,
    Read,
}

/// A log that a large transaction has blown up is cut to this afterwards.
const LOG_BYTES: i64 = 4 * 1024 * 1024;

/// Another process may hold the file for the length of a commit, or of its first set-up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the file and makes it fit for use. Turning a new file into WAL mode does not wait for a lock by itself, so several
/// processes that begin a folder at the same time take turns here.
pub(super) fn open(path: &Path, vfs: Option<&str>, kind: &Kind, purpose: Purpose) -> Result<Connection, StoreError> {
    let started = Instant::now();
    loop {
        match try_open(path, vfs, kind, purpose) {
            Err(StoreError::Sqlite(error)) if is_busy(&error) && started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn try_open(path: &Path, vfs: Option<&str>, kind: &Kind, purpose: Purpose) -> Result<Connection, StoreError> {
    let unclean = vfs.is_none() && purpose == Purpose::Write && wal_of(path).exists();
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Only the writer makes a file: a reader that made one would read nothing for ever.
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, purpose == Purpose::Write);
    let mut connection = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    match purpose {
        Purpose::Write => {
            if kind.cache {
                // Has to be said before anything is in the file: what is evicted gives its room back.
                connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            }
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", if kind.cache { "NORMAL" } else { "FULL" })?;
            connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
            // What is deleted is overwritten: after a logout nothing of a person stays, and rows that were sent are part of it.
            connection.pragma_update(None, "secure_delete", !kind.cache)?;
            // A file that was closed in order has no log beside it, and one that another process works on has one all the
            // time: only in between is the check worth its time.
            if unclean && (kind.cache || nobody_works(path)) {
                check(&connection)?;
            }
            migrate(&mut connection, kind)?;
        }
        Purpose::Read => connection.pragma_update(None, "query_only", true)?,
    }
    Ok(connection)
}

fn wal_of(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn nobody_works(path: &Path) -> bool {
    let Some(folder) = path.parent() else { return true };
    match std::fs::File::options().write(true).open(folder.join(LOCK_FILE)) {
        Ok(file) => file.try_lock().is_ok(),
        Err(_) => true,
    }
}

/// Makes a file empty through its VFS, whatever is wrong with it.
pub(super) fn empty(path: &Path, vfs: &str) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags_and_vfs(path, OpenFlags::SQLITE_OPEN_READ_WRITE, vfs)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    connection.execute_batch("VACUUM")?;
    Ok(())
}

/// Reads through the file; `Damaged` if it does not hold together.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged) }
}

pub(crate) fn migrate(connection: &mut Connection, kind: &Kind) -> Result<(), StoreError> {
    let newest = i64::try_from(kind.migrations.len()).unwrap_or(i64::MAX);
    let at = schema_version(connection)?;
    if at == newest {
        return Ok(());
    }
    if at > newest {
        return Err(StoreError::TooNew(at));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let at = schema_version(&transaction)?;
    for (number, sql) in (1..).zip(kind.migrations) {
        if number > at {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn schema_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(connection: &Connection) -> Vec<(String, String)> {
        let mut statement =
            connection.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_database_of_every_released_schema_becomes_the_newest() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, &CLIENT).unwrap();
        for released in 1..=MIGRATIONS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            for (number, sql) in MIGRATIONS.iter().take(released).enumerate() {
                old.execute_batch(sql).unwrap();
                old.pragma_update(None, "user_version", i64::try_from(number).unwrap() + 1).unwrap();
            }
            migrate(&mut old, &CLIENT).unwrap();
            assert_eq!(dump(&old), dump(&fresh), "from schema {released}");
        }
    }

    #[test]
    fn the_identity_of_a_phone_before_logins_stays_the_current_one() {
        let mut old = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..3] {
            old.execute_batch(sql).unwrap();
        }
        old.pragma_update(None, "user_version", 3).unwrap();
        old.execute(
            "INSERT INTO identities (id, device_id, secret, current, registered, created_at)
             VALUES (1, zeroblob(16), zeroblob(32), 1, 1, 5)",
            [],
        )
        .unwrap();
        migrate(&mut old, &CLIENT).unwrap();
        let current = crate::store::identity::current(&old).unwrap().unwrap();
        assert_eq!((current.id, current.registered, current.subject, current.confirmed), (1, true, None, false));
        assert_eq!(crate::store::meta::get(&old, "current_identity").unwrap().as_deref(), Some("1"));
    }

    #[test]
    fn a_database_of_a_newer_app_is_left_alone() {
        let mut newer = Connection::open_in_memory().unwrap();
        newer.pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(migrate(&mut newer, &CLIENT), Err(StoreError::TooNew(999))));
    }
}
