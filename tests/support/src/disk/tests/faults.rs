//! A full disk, failing syncs, damaged bytes.

use rusqlite::ffi;

use super::super::Disk;
use super::{PATH, code, count, integrity, open};

#[test]
fn a_full_disk_gives_sqlite_full_and_recovers_when_there_is_room() {
    for journal in ["wal", "delete"] {
        let disk = Disk::new(1);
        let connection = open(&disk, journal, "full").unwrap();
        connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB)").unwrap();
        let limit = disk.used() + 50_000;
        disk.set_capacity(Some(limit));

        let insert = || connection.execute("INSERT INTO item(body) VALUES(randomblob(5000))", []);
        let mut stored = 0;
        let refused = (0..100).find_map(|_| insert().map(|_| stored += 1).err()).unwrap();
        assert_eq!(code::<()>(Err(refused)), ffi::SQLITE_FULL, "{journal}");
        assert!(stored > 0 && disk.used() <= limit, "{journal}");
        assert_eq!(count(&connection), stored, "{journal}: what was stored stays readable");

        disk.set_capacity(None);
        insert().unwrap();
        assert_eq!(count(&connection), stored + 1, "{journal}");
        disk.crash();
        let connection = open(&disk, journal, "full").unwrap();
        assert_eq!(integrity(&connection).unwrap(), "ok");
        assert!(count(&connection) >= stored, "{journal}");
    }
}

#[test]
fn a_file_over_the_capacity_is_refused_and_the_old_one_stays() {
    let disk = Disk::new(1);
    disk.set_capacity(Some(1000));
    disk.write_file("photo", &[1; 800]).unwrap();
    assert_eq!(disk.write_file("photo", &[2; 1001]).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(disk.contents("photo").unwrap(), [1; 800]);
    disk.write_file("photo", &[2; 1000]).unwrap();
    assert_eq!(disk.used(), 1000);
    disk.remove("photo").unwrap();
    assert_eq!(disk.used(), 0);
}

#[test]
fn a_failed_sync_fails_the_commit_and_the_next_one_works() {
    let disk = Disk::new(2);
    let connection = open(&disk, "wal", "full").unwrap();
    connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
    disk.fail_sync(1);
    assert_eq!(code(connection.execute("INSERT INTO item VALUES(1)", [])), ffi::SQLITE_IOERR_FSYNC);
    connection.execute("INSERT INTO item VALUES(2)", []).unwrap();
    disk.crash();
    let connection = open(&disk, "wal", "full").unwrap();
    let kept: Vec<i64> = connection
        .prepare("SELECT id FROM item")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(kept, [2]);
    assert_eq!(integrity(&connection).unwrap(), "ok");
}

#[test]
fn damaged_bytes_are_found_by_sqlite() {
    let disk = Disk::new(3);
    let connection = open(&disk, "delete", "full").unwrap();
    connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY, body TEXT)").unwrap();
    for _ in 0..50 {
        connection.execute("INSERT INTO item(body) VALUES(hex(randomblob(500)))", []).unwrap();
    }
    drop(connection);
    assert_eq!(disk.corrupt("no such file", 0, 100), 0);

    // The content of the table's root page, past the file's first page.
    assert_eq!(disk.corrupt(".sqlite3", 4096, 200), 1);
    let connection = disk.open(PATH).unwrap();
    assert!(integrity(&connection).map_or(true, |found| found != "ok"));
    drop(connection);

    assert_eq!(disk.corrupt(".sqlite3", 0, 16), 1);
    let connection = disk.open(PATH).unwrap();
    assert_eq!(code(integrity(&connection)), ffi::SQLITE_NOTADB);
}

#[test]
fn a_copied_database_opens_under_another_name() {
    let disk = Disk::new(4);
    let connection = open(&disk, "wal", "full").unwrap();
    connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
    connection.close().unwrap();
    assert_eq!(disk.files(), [PATH], "the last connection folds the log in and deletes it");
    disk.write_file("backup", &disk.contents(PATH).unwrap()).unwrap();
    disk.remove(PATH).unwrap();
    assert!(!disk.exists(PATH));
    disk.rename("backup", PATH).unwrap();
    assert_eq!(count(&disk.open(PATH).unwrap()), 1);
    assert_eq!(disk.rename("backup", PATH).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
