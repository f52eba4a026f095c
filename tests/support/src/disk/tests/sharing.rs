//! Several connections, threads and disks at once.

use std::thread;
use std::time::Duration;

use rusqlite::ffi;

use super::super::Disk;
use super::{PATH, code, count, integrity, open};

const THREADS: i64 = 4;

#[test]
fn four_connections_in_four_threads_share_wal() {
    let disk = Disk::new(1);
    open(&disk, "wal", "full").unwrap().execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let disk = &disk;
            scope.spawn(move || {
                let connection = open(disk, "wal", "full").unwrap();
                connection.execute_batch("PRAGMA wal_autocheckpoint=10").unwrap();
                let mut seen = 0;
                for turn in 0..100 {
                    connection.execute("INSERT INTO item VALUES(?1)", [number * 1000 + turn]).unwrap();
                    let now = count(&connection);
                    assert!(now > seen, "what was seen stays seen, and one's own row is among it");
                    seen = now;
                }
            });
        }
    });
    let connection = open(&disk, "wal", "full").unwrap();
    assert_eq!(count(&connection), 400);
    assert_eq!(integrity(&connection).unwrap(), "ok");
}

#[test]
fn a_power_loss_under_four_writers_keeps_what_each_was_told() {
    for seed in 0..30 {
        let disk = Disk::new(seed);
        open(&disk, "wal", "full").unwrap().execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
        disk.crash_after_writes(20 + seed * 13);
        let write = |number: i64| {
            let mut told = 0;
            let _ = (|| -> rusqlite::Result<()> {
                let connection = open(&disk, "wal", "full")?;
                connection.execute_batch("PRAGMA wal_autocheckpoint=10")?;
                loop {
                    connection.execute("INSERT INTO item VALUES(?1)", [number * 100_000 + told])?;
                    told += 1;
                }
            })();
            told
        };
        let told: Vec<i64> = thread::scope(|scope| {
            let writers: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || write(number))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert!(disk.has_crashed(), "seed {seed}: nothing else ends a writer");
        disk.reboot();

        let connection = open(&disk, "wal", "full").unwrap();
        assert_eq!(integrity(&connection).unwrap(), "ok", "seed {seed}");
        for (number, told) in (0..THREADS).zip(told) {
            let range = [number * 100_000, number * 100_000 + 99_999];
            let sql = "SELECT count(*), coalesce(max(id) - ?1 + 1, 0) FROM item WHERE id BETWEEN ?1 AND ?2";
            let (rows, end): (i64, i64) =
                connection.query_row(sql, range, |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(rows, end, "seed {seed}: no gap");
            assert!(rows == told || rows == told + 1, "seed {seed}: told {told}, found {rows}");
        }
    }
}

#[test]
fn power_losses_and_kills_under_running_threads_lose_nothing_that_was_told() {
    let disk = Disk::new(10);
    open(&disk, "wal", "full").unwrap().execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
    let write = |id: i64, connection: &mut Option<rusqlite::Connection>| -> rusqlite::Result<()> {
        if connection.is_none() {
            let opened = open(&disk, "wal", "full")?;
            opened.execute_batch("PRAGMA wal_autocheckpoint=10")?;
            *connection = Some(opened);
        }
        let Some(connection) = connection else { return Ok(()) };
        connection.execute("INSERT OR IGNORE INTO item VALUES(?1)", [id]).map(|_| ())
    };
    thread::scope(|scope| {
        let work = |number: i64| {
            let mut connection = None;
            for turn in 0..150 {
                // As an app does after a crash: opens again and tries again, until it is told that it is done.
                while write(number * 1000 + turn, &mut connection).is_err() {
                    connection = None;
                }
            }
        };
        let writers: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        for round in 0.. {
            if writers.iter().all(|writer| writer.is_finished()) {
                break;
            }
            thread::sleep(Duration::from_millis(5));
            if round % 3 == 0 { disk.kill() } else { disk.crash() }
        }
    });
    let connection = open(&disk, "wal", "full").unwrap();
    assert_eq!(count(&connection), THREADS * 150);
    assert_eq!(integrity(&connection).unwrap(), "ok");
}

#[test]
fn a_reader_in_wal_keeps_its_snapshot_while_another_writes() {
    let disk = Disk::new(2);
    let writer = open(&disk, "wal", "full").unwrap();
    writer.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
    let reader = open(&disk, "wal", "full").unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), 1);
    writer.execute_batch("INSERT INTO item VALUES(2)").unwrap();
    assert_eq!((count(&reader), count(&writer)), (1, 2));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&reader), 2);
}

#[test]
fn a_connection_that_leaves_takes_nothing_from_the_others() {
    let disk = Disk::new(9);
    let first = open(&disk, "wal", "full").unwrap();
    first.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
    let second = open(&disk, "wal", "full").unwrap();
    first.execute_batch("BEGIN IMMEDIATE; INSERT INTO item VALUES(2)").unwrap();
    assert_eq!(count(&second), 1);
    second.close().unwrap();

    let third = open(&disk, "wal", "full").unwrap();
    third.busy_timeout(Duration::ZERO).unwrap();
    assert_eq!(code(third.execute_batch("BEGIN IMMEDIATE")), ffi::SQLITE_BUSY, "the first still has its lock");
    first.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&third), 2);
}

#[test]
fn a_second_writer_is_busy_in_every_mode() {
    // With `off` the journal looks like one left by a crash from the start, and only the lock tells that it is not.
    for (journal, synchronous) in [("wal", "full"), ("delete", "full"), ("delete", "off")] {
        let disk = Disk::new(3);
        let first = open(&disk, journal, synchronous).unwrap();
        first.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
        let second = open(&disk, journal, synchronous).unwrap();
        second.busy_timeout(Duration::ZERO).unwrap();
        first.execute_batch("BEGIN IMMEDIATE; INSERT INTO item VALUES(1)").unwrap();
        assert_eq!(code(second.execute_batch("BEGIN IMMEDIATE")), ffi::SQLITE_BUSY, "{journal}");
        assert_eq!(count(&second), 0, "{journal}: reading goes on");
        first.execute_batch("COMMIT").unwrap();
        second.execute_batch("BEGIN IMMEDIATE; INSERT INTO item VALUES(2); COMMIT").unwrap();
        assert_eq!(count(&first), 2, "{journal}");
    }
}

#[test]
fn a_reader_holds_off_the_commit_of_a_rollback_journal() {
    let disk = Disk::new(4);
    let writer = open(&disk, "delete", "full").unwrap();
    writer.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
    writer.busy_timeout(Duration::ZERO).unwrap();
    let reader = open(&disk, "delete", "full").unwrap();
    reader.busy_timeout(Duration::ZERO).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), 0);
    writer.execute_batch("BEGIN; INSERT INTO item VALUES(1)").unwrap();
    assert_eq!(code(writer.execute_batch("COMMIT")), ffi::SQLITE_BUSY);

    let late = disk.open(PATH).unwrap();
    late.busy_timeout(Duration::ZERO).unwrap();
    assert_eq!(
        code(late.query_row("SELECT count(*) FROM item", [], |row| row.get::<_, i64>(0))),
        ffi::SQLITE_BUSY,
        "a waiting writer lets no new reader in"
    );
    reader.execute_batch("COMMIT").unwrap();
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&late), 1);
}

#[test]
fn two_disks_do_not_know_each_others_files() {
    let (first, second) = (Disk::new(5), Disk::new(5));
    assert_ne!(first.vfs_name(), second.vfs_name());
    let here = open(&first, "wal", "full").unwrap();
    let there = open(&second, "wal", "full").unwrap();
    here.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
    there.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
    first.crash();
    assert_eq!(count(&there), 0, "the other disk has its own power");
    assert_eq!(count(&open(&first, "wal", "full").unwrap()), 1);
}

#[test]
fn a_disk_outlives_its_handles_while_a_connection_is_open() {
    let disk = Disk::new(6);
    let name = disk.vfs_name().to_owned();
    let connection = open(&disk, "wal", "full").unwrap();
    drop(disk);
    connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
    assert_eq!(count(&connection), 1);
    connection.close().unwrap();
    let gone = rusqlite::Connection::open_with_flags_and_vfs(PATH, rusqlite::OpenFlags::default(), name.as_str());
    assert!(gone.is_err(), "nobody is left to open it again");
}

#[test]
fn a_connection_without_a_file_is_safe_when_its_disk_is_gone() {
    let disk = Disk::new(7);
    let connection = disk.open("").unwrap();
    drop(disk);
    let spill = "PRAGMA cache_size=5; CREATE TABLE item(body); \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500) \
                 INSERT INTO item SELECT randomblob(1000) FROM n";
    assert_eq!(code(connection.execute_batch(spill)) & 0xff, ffi::SQLITE_CANTOPEN);
}

#[test]
fn temporary_files_work_and_leave_nothing() {
    let disk = Disk::new(8);
    let connection = open(&disk, "wal", "full").unwrap();
    connection.execute_batch("PRAGMA temp_store=FILE; PRAGMA cache_size=5").unwrap();
    connection
        .execute_batch(
            "CREATE TEMP TABLE item(id INTEGER PRIMARY KEY, body BLOB);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 2000)
             INSERT INTO item(body) SELECT randomblob(1000) FROM n;",
        )
        .unwrap();
    assert!(disk.used() > 1_000_000, "the temporary table lies on the disk");
    let spread: i64 = connection
        .query_row("SELECT count(*) FROM (SELECT DISTINCT body FROM item ORDER BY body)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(spread, 2000);
    connection.close().unwrap();
    assert!(disk.used() < 100_000, "{}", disk.used());
    assert!(disk.files().iter().all(|path| path.starts_with(PATH)), "{:?}", disk.files());
}
