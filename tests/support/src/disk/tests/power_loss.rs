//! What is left after the power failed.

use std::collections::BTreeSet;

use super::super::Disk;
use super::ledger::{Ledger, crash_often};
use super::{PATH, code, count, integrity, open};

#[test]
fn a_synced_commit_survives_power_loss() {
    for seed in 0..50 {
        let disk = Disk::new(seed);
        let connection = open(&disk, "wal", "full").unwrap();
        connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
        disk.crash();
        assert_eq!(count(&open(&disk, "wal", "full").unwrap()), 1, "seed {seed}");
    }
}

#[test]
fn an_unsynced_write_may_be_lost_or_torn() {
    let old = [1; 64 * 512];
    let new = [2; 64 * 512];
    let (mut lost, mut whole, mut torn) = (0, 0, 0);
    for seed in 0..200 {
        let disk = Disk::new(seed);
        disk.write_file("photo", &old).unwrap();
        disk.sync_file("photo").unwrap();
        disk.write_file("photo", &new).unwrap();
        disk.crash();
        let left = disk.contents("photo").unwrap();
        match left.as_slice() {
            left if left == old => lost += 1,
            left if left == new => whole += 1,
            _ => torn += 1,
        }
    }
    assert!(lost > 20 && whole > 20 && torn > 20, "lost {lost}, whole {whole}, torn {torn}");
}

#[test]
fn wal_with_full_keeps_every_acknowledged_commit_over_500_random_crashes() {
    let found = crash_often("wal", "full", 0..50, 10);
    assert_eq!((found.crashes, found.lost, found.broken), (500, 0, 0), "{found:?}");
    assert!(found.commits > 2000, "the schedules must be long enough to mean something: {found:?}");
}

#[test]
fn a_rollback_journal_with_extra_keeps_every_acknowledged_commit() {
    let found = crash_often("delete", "extra", 1000..1020, 10);
    assert_eq!((found.crashes, found.lost, found.broken), (200, 0, 0), "{found:?}");
}

#[test]
fn a_truncated_or_persistent_journal_with_full_keeps_every_acknowledged_commit() {
    for journal in ["truncate", "persist"] {
        let found = crash_often(journal, "full", 2000..2010, 10);
        assert_eq!((found.crashes, found.lost, found.broken), (100, 0, 0), "{journal}: {found:?}");
    }
}

#[test]
fn a_rollback_journal_with_full_is_caught_losing_the_last_commit_but_never_broken() {
    // Known of SQLite: without EXTRA the deletion of the journal, which is the commit, is not synced.
    let found = crash_often("delete", "full", 3000..3020, 10);
    assert_eq!(found.broken, 0, "{found:?}");
    assert!(found.lost > 0, "{found:?}");
}

#[test]
fn synchronous_normal_in_wal_is_caught_losing_commits_but_never_broken() {
    let found = crash_often("wal", "normal", 4000..4020, 10);
    assert_eq!(found.broken, 0, "{found:?}");
    assert!(found.lost > 0, "{found:?}");
}

#[test]
fn synchronous_off_is_caught_losing_commits() {
    let found = crash_often("wal", "off", 5000..5020, 10);
    assert!(found.lost > 0 && found.broken > 0, "{found:?}");
}

#[test]
fn the_same_seed_finds_the_same() {
    let runs = [0, 1].map(|_| Ledger::new(7, "wal", "normal").crash_often(10));
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].lost > 0, "a run that loses something shows more: {:?}", runs[0]);
}

/// From the empty disk to a closed database, with the power failing at each single operation.
fn crash_everywhere(journal: &str, synchronous: &str, seeds: u64) -> u64 {
    let run = |disk: &Disk| -> (i64, bool) {
        let mut acknowledged = -1;
        let attempt = (|| {
            let connection = open(disk, journal, synchronous)?;
            connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB)")?;
            acknowledged = 0;
            for _ in 0..3 {
                connection.execute("INSERT INTO item(body) VALUES(randomblob(6000))", [])?;
                acknowledged += 1;
            }
            connection.close().map_err(|(_, error)| error)
        })();
        (acknowledged, attempt.is_ok())
    };

    let whole = Disk::new(0);
    assert_eq!(run(&whole), (3, true));
    let points = whole.operations();
    for point in 1..=points {
        for seed in 0..seeds {
            let disk = Disk::new(seed * 1000 + point);
            disk.crash_after_writes(point);
            let (acknowledged, _) = run(&disk);
            assert!(disk.has_crashed(), "point {point}, seed {seed}");
            disk.reboot();
            let connection = open(&disk, journal, synchronous).unwrap();
            assert_eq!(integrity(&connection).unwrap(), "ok", "point {point}, seed {seed}");
            let made: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
            let found = if made == 0 { -1 } else { count(&connection) };
            let kept = acknowledged..=acknowledged + 1;
            assert!(kept.contains(&found), "point {point}, seed {seed}: {acknowledged} acknowledged, {found} found");
        }
    }
    points
}

#[test]
fn no_crash_point_in_a_young_wal_database_loses_a_commit() {
    assert!(crash_everywhere("wal", "full", 8) > 20);
}

#[test]
fn no_crash_point_in_a_young_journalled_database_loses_a_commit() {
    assert!(crash_everywhere("delete", "extra", 8) > 20);
}

#[test]
fn a_transaction_over_two_databases_is_whole_at_every_crash_point() {
    const OTHER: &str = "app/other.sqlite3";
    let prepare = |seed| {
        let disk = Disk::new(seed);
        for path in [PATH, OTHER] {
            let connection = disk.open(path).unwrap();
            let create = "PRAGMA synchronous=EXTRA; CREATE TABLE item(id INTEGER); INSERT INTO item VALUES(1)";
            connection.execute_batch(create).unwrap();
        }
        disk
    };
    let run = |disk: &Disk| -> rusqlite::Result<()> {
        let connection = disk.open(PATH)?;
        connection.execute_batch(&format!("PRAGMA synchronous=EXTRA; ATTACH '{OTHER}' AS other"))?;
        connection.execute_batch("PRAGMA other.synchronous=EXTRA")?;
        connection.execute_batch("BEGIN; UPDATE main.item SET id=2; UPDATE other.item SET id=2; COMMIT")
    };
    let value = |disk: &Disk, path| -> i64 {
        let connection = disk.open(path).unwrap();
        assert_eq!(integrity(&connection).unwrap(), "ok");
        connection.query_row("SELECT id FROM item", [], |row| row.get(0)).unwrap()
    };

    let whole = prepare(0);
    let before = whole.operations();
    run(&whole).unwrap();
    let points = whole.operations() - before;
    assert!(points > 10, "{points}");
    let mut seen = BTreeSet::new();
    for point in 1..=points {
        for seed in 0..10 {
            let disk = prepare(seed * 1000 + point);
            disk.crash_after_writes(point);
            let done = run(&disk).is_ok();
            disk.reboot();
            let (here, there) = (value(&disk, PATH), value(&disk, OTHER));
            assert_eq!(here, there, "point {point}, seed {seed}");
            assert!(here == 2 || !done, "point {point}, seed {seed}: acknowledged and lost");
            seen.insert(here);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_connection_from_before_the_crash_is_dead_and_touches_nothing() {
    for journal in ["wal", "delete"] {
        let disk = Disk::new(3);
        let old = open(&disk, journal, "extra").unwrap();
        old.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
        old.execute_batch("BEGIN IMMEDIATE; INSERT INTO item VALUES(2)").unwrap();
        disk.crash();

        let new = open(&disk, journal, "extra").unwrap();
        new.execute_batch("BEGIN IMMEDIATE; INSERT INTO item VALUES(3)").unwrap();
        let before = (disk.files(), disk.operations());
        assert_eq!(code(old.execute_batch("COMMIT")) & 0xff, rusqlite::ffi::SQLITE_IOERR, "{journal}");
        drop(old);
        assert_eq!((disk.files(), disk.operations()), before, "{journal}: not even at its end");
        new.execute_batch("COMMIT").unwrap();
        assert_eq!(count(&new), 2);
        assert_eq!(integrity(&new).unwrap(), "ok");
    }
}

#[test]
fn a_crash_point_takes_the_power_until_reboot() {
    let disk = Disk::new(4);
    let connection = open(&disk, "wal", "full").unwrap();
    connection.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY)").unwrap();
    disk.crash_after_writes(1);
    assert!(!disk.has_crashed());
    assert_eq!(code(connection.execute("INSERT INTO item VALUES(1)", [])) & 0xff, rusqlite::ffi::SQLITE_IOERR);
    assert!(disk.has_crashed());
    assert!(disk.open(PATH).and_then(|connection| integrity(&connection)).is_err());
    assert!(disk.write_file("photo", b"x").is_err());
    disk.reboot();
    assert!(!disk.has_crashed());
    assert_eq!(code(connection.execute("INSERT INTO item VALUES(1)", [])) & 0xff, rusqlite::ffi::SQLITE_IOERR);
    assert_eq!(count(&open(&disk, "wal", "full").unwrap()), 0);
}

#[test]
fn a_killed_process_leaves_its_unsynced_commits_and_no_locks() {
    for journal in ["wal", "delete"] {
        let disk = Disk::new(5);
        let old = open(&disk, journal, "off").unwrap();
        old.execute_batch("CREATE TABLE item(id INTEGER PRIMARY KEY); INSERT INTO item VALUES(1)").unwrap();
        old.execute_batch("BEGIN IMMEDIATE; INSERT INTO item VALUES(2)").unwrap();
        disk.kill();
        let new = open(&disk, journal, "off").unwrap();
        assert_eq!(count(&new), 1, "{journal}");
        new.execute_batch("INSERT INTO item VALUES(3)").unwrap();
        assert!(old.execute_batch("COMMIT").is_err(), "{journal}");
        drop(old);
        assert_eq!(count(&new), 2, "{journal}");
        assert_eq!(integrity(&new).unwrap(), "ok");
    }
}

#[test]
fn a_file_written_synced_renamed_and_folder_synced_is_there_and_whole() {
    for seed in 0..100 {
        let disk = Disk::new(seed);
        disk.write_file("files/a.part", &[7; 3000]).unwrap();
        disk.sync_file("files/a.part").unwrap();
        disk.rename("files/a.part", "files/a").unwrap();
        disk.sync_folder("files").unwrap();
        disk.crash();
        assert_eq!(disk.contents("files/a").as_deref(), Some([7; 3000].as_slice()), "seed {seed}");
        assert_eq!(disk.files(), ["files/a"]);
    }
}

#[test]
fn each_sync_left_out_of_storing_a_file_is_caught() {
    for (sync_file, sync_folder) in [(false, true), (true, false)] {
        let bad = (0..100).filter(|seed| {
            let disk = Disk::new(*seed);
            disk.write_file("files/a.part", &[7; 3000]).unwrap();
            if sync_file {
                disk.sync_file("files/a.part").unwrap();
            }
            disk.rename("files/a.part", "files/a").unwrap();
            if sync_folder {
                disk.sync_folder("files").unwrap();
            }
            disk.crash();
            disk.contents("files/a").as_deref() != Some([7; 3000].as_slice())
        });
        assert!(bad.count() > 20, "file synced: {sync_file}, folder synced: {sync_folder}");
    }
}
