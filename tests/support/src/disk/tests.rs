//! What real SQLite connections make of the disk: the rules it must hold are SQLite's promises, kept where the
//! settings are right and caught broken where they are not.

mod faults;
mod ledger;
mod power_loss;
mod sharing;

use rusqlite::Connection;

use super::Disk;

const PATH: &str = "app/support.sqlite3";

fn open(disk: &Disk, journal: &str, synchronous: &str) -> rusqlite::Result<Connection> {
    let connection = disk.open(PATH)?;
    connection.busy_timeout(std::time::Duration::from_secs(20))?;
    let mode: String = connection.query_row(&format!("PRAGMA journal_mode={journal}"), [], |row| row.get(0))?;
    assert_eq!(mode, journal);
    connection.execute_batch(&format!("PRAGMA synchronous={synchronous}"))?;
    Ok(connection)
}

fn integrity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))
}

/// SQLite's extended result code of a failure.
fn code<T: std::fmt::Debug>(result: rusqlite::Result<T>) -> i32 {
    result.unwrap_err().sqlite_error().unwrap().extended_code
}

fn count(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM item", [], |row| row.get(0)).unwrap()
}
