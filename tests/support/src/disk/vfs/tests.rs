//! The corners of the border that SQLite itself reaches only in a race, called by hand.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use rusqlite::{Connection, ffi};

use super::super::Disk;
use super::file::OpenFile;

const PATH: &str = "app/support.sqlite3";

fn find(name: &str) -> *mut ffi::sqlite3_vfs {
    let name = std::ffi::CString::new(name).unwrap();
    // SAFETY: The name ends in a zero.
    unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) }
}

fn delete(disk: &Disk, path: &CStr) -> c_int {
    let vfs = find(disk.vfs_name());
    // SAFETY: The VFS is registered and has all its methods.
    unsafe { (*vfs).xDelete.unwrap()(vfs, path.as_ptr(), 0) }
}

/// What SQLite holds as the connection's database file; valid while the connection is open.
fn file_of(connection: &Connection) -> *mut ffi::sqlite3_file {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    let out = (&raw mut file).cast::<c_void>();
    // SAFETY: The operation writes a file pointer to where the argument points.
    let done = unsafe {
        ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), ffi::SQLITE_FCNTL_FILE_POINTER, out)
    };
    assert_eq!(done, ffi::SQLITE_OK);
    file
}

#[test]
fn a_disk_that_is_gone_is_no_longer_registered() {
    let disk = Disk::new(1);
    let name = disk.vfs_name().to_owned();
    let connection = disk.open(PATH).unwrap();
    drop(disk);
    assert!(!find(&name).is_null(), "the connection still needs it");
    drop(connection);
    assert!(find(&name).is_null());
}

#[test]
fn a_connection_from_before_a_crash_deletes_nothing_after_it() {
    let disk = Disk::new(2);
    let old = disk.open(PATH).unwrap();
    disk.crash();
    let new = disk.open(PATH).unwrap();
    new.execute_batch("CREATE TABLE item(id)").unwrap();
    disk.write_file("journal", b"x").unwrap();

    assert!(old.execute_batch("CREATE TABLE item(id)").is_err());
    assert_eq!(delete(&disk, c"journal"), ffi::SQLITE_IOERR, "the old one was at work in this thread");
    assert!(disk.exists("journal"));
    new.execute_batch("INSERT INTO item VALUES(1)").unwrap();
    assert_eq!(delete(&disk, c"journal"), ffi::SQLITE_OK, "now it is the new one");
    assert_eq!(delete(&disk, c"journal"), ffi::SQLITE_IOERR_DELETE_NOENT);
}

#[test]
fn a_connection_from_before_a_crash_makes_no_journal_after_it() {
    /// Opens the connection's journal as its pager does; the code, and the file closed again.
    fn open_journal(disk: &Disk, connection: &Connection) -> c_int {
        let vfs = find(disk.vfs_name());
        let mut file = vec![0_u64; 16];
        let slot = file.as_mut_ptr().cast::<ffi::sqlite3_file>();
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | ffi::SQLITE_OPEN_MAIN_JOURNAL;
        // SAFETY: The connection is open, so its names are valid; the slot is larger than szOsFile.
        unsafe {
            let database = ffi::sqlite3_db_filename(connection.handle(), c"main".as_ptr());
            let journal = ffi::sqlite3_filename_journal(database);
            let done = (*vfs).xOpen.unwrap()(vfs, journal, slot, flags, ptr::null_mut());
            if !(*slot).pMethods.is_null() {
                (*(*slot).pMethods).xClose.unwrap()(slot);
            }
            done
        }
    }
    let disk = Disk::new(7);
    let old = disk.open(PATH).unwrap();
    disk.crash();
    let new = disk.open(PATH).unwrap();
    assert_eq!(open_journal(&disk, &old), ffi::SQLITE_IOERR);
    assert_eq!(disk.files(), [PATH]);
    assert_eq!(open_journal(&disk, &new), ffi::SQLITE_OK);
    assert_eq!(disk.files(), [PATH.to_owned(), format!("{PATH}-journal")]);
}

#[test]
fn shared_memory_stays_mapped_in_a_dead_connection() {
    let disk = Disk::new(3);
    let connection = disk.open(PATH).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch("CREATE TABLE item(id)").unwrap();
    let before = OpenFile::mapped(file_of(&connection));
    assert!(!before.is_empty());
    disk.crash();
    let other = disk.open(PATH).unwrap();
    other.pragma_update(None, "journal_mode", "wal").unwrap();
    other.execute_batch("CREATE TABLE IF NOT EXISTS item(id)").unwrap();
    assert_eq!(OpenFile::mapped(file_of(&connection)), before, "SQLite may still read through these addresses");
    assert!(OpenFile::mapped(file_of(&other)).iter().all(|start| !before.contains(start)));
}

#[test]
fn a_read_past_the_end_is_reported_as_short() {
    let disk = Disk::new(4);
    let connection = disk.open(PATH).unwrap();
    connection.execute_batch("CREATE TABLE item(id)").unwrap();
    let file = file_of(&connection);
    let mut buffer = [7_u8; 100];
    let end = disk.contents(PATH).unwrap().len() as i64;
    for (offset, expected) in [(end - 100, ffi::SQLITE_OK), (end - 1, ffi::SQLITE_IOERR_SHORT_READ), (-1, 10)] {
        // SAFETY: The file is open, and the buffer as long as said.
        let done = unsafe { (*(*file).pMethods).xRead.unwrap()(file, buffer.as_mut_ptr().cast(), 100, offset) };
        assert_eq!(done, expected);
    }
    assert_eq!(buffer[1..], [0; 99]);
}

#[test]
fn an_empty_file_is_no_journal() {
    let disk = Disk::new(5);
    let vfs = find(disk.vfs_name());
    let there = |path: &CStr| {
        let mut out = -1;
        // SAFETY: The VFS is registered and has all its methods.
        let done = unsafe { (*vfs).xAccess.unwrap()(vfs, path.as_ptr(), ffi::SQLITE_ACCESS_EXISTS, &raw mut out) };
        assert_eq!(done, ffi::SQLITE_OK);
        out
    };
    disk.write_file("empty", b"").unwrap();
    disk.write_file("full", b"x").unwrap();
    assert_eq!((there(c"empty"), there(c"full"), there(c"none")), (0, 1, 0));
}

#[test]
fn a_path_too_long_is_refused() {
    let disk = Disk::new(6);
    let vfs = find(disk.vfs_name());
    let mut out = [0 as c_char; 4];
    // SAFETY: The VFS is registered and has all its methods; `out` is as long as said.
    let full = |path: &CStr, out: &mut [c_char; 4]| unsafe {
        (*vfs).xFullPathname.unwrap()(vfs, path.as_ptr(), 4, out.as_mut_ptr())
    };
    assert_eq!(full(c"abc", &mut out), ffi::SQLITE_OK);
    assert_eq!(out.map(|byte| byte as u8), *b"abc\0");
    assert_eq!(full(c"abcd", &mut out), ffi::SQLITE_CANTOPEN);
}

#[test]
fn a_panic_becomes_an_io_error() {
    assert_eq!(super::guarded(|| std::panic::resume_unwind(Box::new("on purpose"))), ffi::SQLITE_IOERR);
}
