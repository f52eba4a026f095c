//! A database of which every commit is known: after commit `n` its whole content follows from `n`, so that after a
//! crash one number tells what was kept and everything else must agree with it.

use rusqlite::Connection;

use super::super::Disk;
use super::{integrity, open};

/// Rows older than this many commits are deleted, so that pages are reused and the file stays small.
const KEPT_ROWS: i64 = 40;

pub(super) struct Ledger {
    disk: Disk,
    journal: &'static str,
    synchronous: &'static str,
    draws: fastrand::Rng,
    /// The last commit that SQLite reported as done.
    acknowledged: i64,
}

/// What was found over many crashes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Findings {
    pub crashes: u32,
    pub commits: i64,
    /// Crashes after which acknowledged commits were missing.
    pub lost: u32,
    /// Crashes after which the database could not be read, failed its integrity check or held a state that no
    /// commit had left.
    pub broken: u32,
}

impl Findings {
    pub(super) fn add(&mut self, other: &Findings) {
        self.crashes += other.crashes;
        self.commits += other.commits;
        self.lost += other.lost;
        self.broken += other.broken;
    }
}

/// Crashes many disks many times each and adds up what was found; a broken disk is given up.
pub(super) fn crash_often(
    journal: &'static str,
    synchronous: &'static str,
    seeds: std::ops::Range<u64>,
    times: u32,
) -> Findings {
    let mut all = Findings::default();
    for seed in seeds {
        all.add(&Ledger::new(seed, journal, synchronous).crash_often(times));
    }
    all
}

fn body(commit: i64) -> Vec<u8> {
    vec![(commit % 251) as u8; 1 + (commit * 397 % 3000) as usize]
}

impl Ledger {
    pub(super) fn new(seed: u64, journal: &'static str, synchronous: &'static str) -> Self {
        let disk = Disk::new(seed);
        let connection = open(&disk, journal, synchronous).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB NOT NULL);
                 CREATE INDEX item_body ON item(body);
                 CREATE TABLE counter(value INTEGER NOT NULL);
                 INSERT INTO counter VALUES(0);",
            )
            .unwrap();
        drop(connection);
        // Also where the setting under test would not: the schema is not what is asked about.
        for path in disk.files() {
            disk.sync_file(&path).unwrap();
        }
        disk.sync_folder("app").unwrap();
        Self { disk, journal, synchronous, draws: fastrand::Rng::with_seed(!seed), acknowledged: 0 }
    }

    pub(super) fn crash_often(&mut self, times: u32) -> Findings {
        let mut findings = Findings::default();
        while findings.crashes < times {
            // Now and then the power fails again while SQLite is still recovering from the last time.
            self.disk.crash_after_writes(if self.draws.u8(0..4) == 0 {
                self.draws.u64(1..6)
            } else {
                self.draws.u64(1..400)
            });
            let before = self.acknowledged;
            self.commit_until_failure();
            assert!(self.disk.has_crashed(), "only the crash ends it");
            self.disk.reboot();
            findings.crashes += 1;
            findings.commits += self.acknowledged - before;

            match self.examine() {
                Some(found) => {
                    findings.lost += u32::from(found < self.acknowledged);
                    self.acknowledged = found;
                }
                None => {
                    findings.broken += 1;
                    break;
                }
            }
        }
        findings
    }

    fn commit_until_failure(&mut self) {
        let Ok(mut connection) = open(&self.disk, self.journal, self.synchronous) else { return };
        // Checkpoints often, to crash in many of them.
        if connection.execute_batch("PRAGMA wal_autocheckpoint=12; PRAGMA cache_size=20").is_err() {
            return;
        }
        loop {
            match commit(&mut connection, self.acknowledged + 1) {
                Ok(()) => self.acknowledged += 1,
                Err(_) => return,
            }
        }
    }

    /// The number of the commit whose state the database holds, or nothing if it is none's.
    fn examine(&self) -> Option<i64> {
        let connection = open(&self.disk, self.journal, self.synchronous).ok()?;
        if integrity(&connection).ok()? != "ok" {
            return None;
        }
        let found: i64 = connection.query_row("SELECT value FROM counter", [], |row| row.get(0)).ok()?;
        let mut rows = connection.prepare("SELECT id, body FROM item ORDER BY id").ok()?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
        let rows: Vec<(i64, Vec<u8>)> = rows.collect::<Result<_, _>>().ok()?;
        let expected: Vec<_> = (1 + (found - KEPT_ROWS).max(0)..=found).map(|commit| (commit, body(commit))).collect();
        // One commit may have been under way when the power failed.
        (rows == expected && found <= self.acknowledged + 1).then_some(found)
    }
}

fn commit(connection: &mut Connection, number: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute("INSERT INTO item VALUES(?1, ?2)", (number, body(number)))?;
    transaction.execute("DELETE FROM item WHERE id <= ?1", [number - KEPT_ROWS])?;
    transaction.execute("UPDATE counter SET value = ?1", [number])?;
    transaction.commit()
}
