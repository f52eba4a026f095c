//! The local database: one file, one writer thread, few readers, SQLite in WAL mode with `synchronous=FULL`, so that what
//! a call has promised survives a power cut.
//!
//! [`database`] owns threads and connections, `open` makes a connection fit for use, `salvage` rescues what a damaged
//! file still holds; each other file has the queries of one aggregate. No SQL stands outside this
//! folder and `faq/`, whose file of its own is opened and served here as well.

pub(crate) mod conversations;
pub mod database;
pub(crate) mod faq_counts;
pub(crate) mod files;
pub(crate) mod identity;
pub(crate) mod journal;
pub(crate) mod leaving;
pub(crate) mod messages;
pub(crate) mod meta;
pub(crate) mod open;
pub(crate) mod outbox;
mod salvage;

pub(crate) use database::Database;
pub use database::{Execution, FolderOfFiles, StorageOptions};

/// A new database in memory.
#[cfg(test)]
pub(crate) fn open_for_test() -> rusqlite::Connection {
    let mut connection = rusqlite::Connection::open_in_memory().expect("memory");
    open::migrate(&mut connection, &open::CLIENT).expect("the schema");
    connection
}
