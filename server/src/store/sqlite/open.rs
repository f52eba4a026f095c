//! Opening the file: pragmas, migrations, the epoch, the folder's lock, and the online backup.

use beistand_protocol::hex;
use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior};

use crate::{
    clock::{self, Clock},
    store::StoreOptions,
};

/// Numbered by their place; never changed once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_attachments.sql"),
    include_str!("migrations/0003_push.sql"),
    include_str!("migrations/0004_faq.sql"),
    include_str!("migrations/0005_faq_feedback.sql"),
    include_str!("migrations/0006_identity.sql"),
];

/// How long a writer waits for another process's short write (`app add` beside a running server).
const BUSY: Duration = Duration::from_secs(5);

/// Above this size the whole-file check at start would take longer than anybody waits for a start.
const CHECK_UP_TO: u64 = 256 * 1024 * 1024;

/// Why a database does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server works on the folder.
    #[error("another server is using {0}: stop it first, or choose another folder with --data")]
    InUse(PathBuf),
    /// The file is damaged.
    #[error("{path} is damaged ({detail}): restore it from a backup, or move it away to start empty")]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The file was written by a newer version.
    #[error("the database has schema {found}, this version knows {known}: update beistand-server")]
    TooNew {
        /// The file's schema.
        found: usize,
        /// The newest known schema.
        known: usize,
    },
    /// The folder cannot be used.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A thread did not start.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The target of a backup exists.
    #[error("{0} exists already: a backup never overwrites a file")]
    Exists(PathBuf),
    /// SQLite says no.
    #[error("the database does not open: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

fn damaged(path: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Corrupt { path: path.to_owned(), detail: error.to_string() }
        }
        _ => OpenError::Sqlite(error),
    }
}

/// Makes the folder and takes its lock; the lock ends with the returned file, also if the process is killed.
pub(super) fn lock_folder(options: &StoreOptions) -> Result<Option<File>, OpenError> {
    if options.vfs.is_some() {
        return Ok(None);
    }
    let mut path = options.path.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    make_folder(&options.path)?;
    let folder = |source| OpenError::Folder { path: path.clone(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(options.path.clone())),
        Err(TryLockError::Error(source)) => Err(folder(source)),
    }
}

fn make_folder(file: &Path) -> Result<(), OpenError> {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            std::fs::create_dir_all(parent).map_err(|source| OpenError::Folder { path: parent.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn connect(options: &StoreOptions, flags: OpenFlags) -> Result<Connection, OpenError> {
    let conn = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs.as_str())?,
        None => Connection::open_with_flags(&options.path, flags)?,
    };
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

pub(super) fn open_writer(options: &StoreOptions, max_bytes: u64) -> Result<Connection, OpenError> {
    if options.vfs.is_none() {
        make_folder(&options.path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = connect(options, flags)?;
    let set_up = || -> rusqlite::Result<Option<String>> {
        if options.vfs.is_some() {
            conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        if max_bytes > 0 {
            let page: u64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
            conn.pragma_query(None, "max_page_count", |_| Ok(()))?;
            conn.query_row(&format!("PRAGMA max_page_count = {}", (max_bytes / page).max(1)), [], |_| Ok(()))?;
        }
        let pages: u64 = conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
        if pages.saturating_mul(4096) > CHECK_UP_TO {
            return Ok(None);
        }
        let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok(Some(verdict).filter(|verdict| verdict != "ok"))
    };
    match set_up() {
        Ok(None) => Ok(conn),
        Ok(Some(detail)) => Err(OpenError::Corrupt { path: options.path.clone(), detail }),
        Err(error) => Err(damaged(&options.path, error)),
    }
}

pub(super) fn open_reader(options: &StoreOptions) -> Result<Connection, OpenError> {
    let conn = connect(options, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

/// Brings the schema up to date, each step in a transaction of its own.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), OpenError> {
    loop {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > MIGRATIONS.len() {
            return Err(OpenError::TooNew { found, known: MIGRATIONS.len() });
        }
        let Some(step) = MIGRATIONS.get(found) else { return Ok(()) };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", found + 1)?;
        transaction.commit()?;
    }
}

/// Gives the database an epoch if it has none, and a new one if it comes from a backup: what was acknowledged after the
/// backup is not in it, and only another epoch makes the phones send it again.
pub(super) fn mint_epoch(conn: &mut Connection, clock: &dyn Clock) -> Result<(), OpenError> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let has = |key: &str| {
        transaction.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get::<_, String>(0)).optional()
    };
    if has("epoch")?.is_none() || has("restored")?.is_some() {
        let epoch = hex::encode(&clock::random::<8>(clock));
        transaction.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('epoch', ?1)", [epoch])?;
        if has("restored")?.is_some() {
            super::faq::publish_again(&transaction, clock.now())?;
            transaction.execute("DELETE FROM meta WHERE key = 'restored'", [])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Writes the log back into the file and closes it.
pub(super) fn close(conn: Connection) {
    if let Err(error) = conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the last checkpoint failed; the log is kept and read at the next start");
    }
    if let Err((_, error)) = conn.close() {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

/// Copies a database, also while a server works on it, and marks the copy so that its first start mints a new epoch.
/// The copy appears under its name only when it is whole.
pub fn backup(from: &Path, to: &Path) -> Result<(), OpenError> {
    if to.exists() {
        return Err(OpenError::Exists(to.to_owned()));
    }
    let source =
        Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| damaged(from, error))?;
    source.busy_timeout(BUSY)?;
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let folder = |source| OpenError::Folder { path: to.to_owned(), source };
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(folder)?;
    }
    let mut copy = Connection::open(&partial)?;
    // One step: a copy in several steps starts over with every write of the server.
    rusqlite::backup::Backup::new(&source, &mut copy)?.run_to_completion(i32::MAX, Duration::from_millis(50), None)?;
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('restored', '1')", [])?;
    copy.close().map_err(|(_, error)| error)?;
    File::open(&partial).and_then(|file| file.sync_all()).map_err(folder)?;
    std::fs::rename(&partial, to).map_err(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite keeps of every table and index.
    fn schema(conn: &Connection) -> Vec<(String, Option<String>)> {
        let mut rows = conn.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_older_schema_is_brought_up_to_date_with_what_it_holds() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh).unwrap();
        for released in 1..MIGRATIONS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            for step in &MIGRATIONS[..released] {
                old.execute_batch(step).unwrap();
            }
            old.pragma_update(None, "user_version", released).unwrap();
            old.execute_batch(
                "INSERT INTO apps VALUES (1, 'shop', 'key', 0); \
                 INSERT INTO persons (app_id, id, name, locale, created_at) VALUES (1, x'01', 'Jana', 'de', 0); \
                 INSERT INTO devices (app_id, id, person_id, secret_hash, created_at) VALUES (1, x'02', x'01', x'03', 0);",
            )
            .unwrap();
            migrate(&mut old).unwrap();
            assert_eq!(schema(&old), schema(&fresh), "from {released}");
            // Whoever was there is anonymous, and has not left.
            let kept: (String, Option<String>, Option<Vec<u8>>, Option<i64>) = old
                .query_row(
                    "SELECT p.name, p.subject, p.alias_of, d.signed_off_at FROM persons p \
                     JOIN devices d ON d.app_id = p.app_id AND d.person_id = p.id",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )
                .unwrap();
            assert_eq!(kept, ("Jana".to_owned(), None, None, None));
        }
    }
}
