//! The writer: takes what has queued up into one transaction, each command in a savepoint of its own, so that a refused
//! one does not undo its neighbours, and one `fsync` serves them all. Answers and hints leave after COMMIT.

use std::panic::{AssertUnwindSafe, catch_unwind};

use beistand_protocol::Violation;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::commands;
use crate::{
    bus::{Bus, Event},
    metrics::Metrics,
    store::{Applied, Command, Hint, StoreError},
};

/// Commands that may wait; more make their askers wait, which is what slows a flood down.
pub(super) const QUEUE: usize = 1024;

/// Commands in one transaction: bounded, so that the first one's answer does not wait for ever under load.
const BATCH: usize = 256;

pub(super) struct Job {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Result<Applied, StoreError>>,
}

/// Why a command had no effect.
#[derive(Debug)]
pub(super) enum Fault {
    Refused(Violation),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Refused(violation)
    }
}

/// What SQLite's errors mean to a caller.
pub(super) fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked,
        ) => {
            tracing::error!(%error, "the disk does not take writes");
            StoreError::Full(error.to_string())
        }
        _ => {
            tracing::error!(%error, "the store failed");
            StoreError::Failed(error.to_string())
        }
    }
}

pub(super) fn tell(bus: &dyn Bus, hints: Vec<Hint>) {
    for hint in hints {
        bus.publish(Event::Hint(hint));
    }
}

/// The writer thread: ends when every sender has gone, after the last waiting command.
pub(super) fn run(conn: Connection, mut jobs: mpsc::Receiver<Job>, bus: &dyn Bus, metrics: &Metrics) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(job) = jobs.try_recv()
        {
            batch.push(job);
        }
        let (commands, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.command, job.reply)).unzip();
        let (answers, hints) = commit(&conn, commands, metrics);
        tell(bus, hints);
        for (reply, answer) in replies.into_iter().zip(answers) {
            // The asker may have gone; what it wrote stays.
            let _ = reply.send(answer);
        }
    }
    super::open::close(conn);
}

/// One command in a transaction of its own.
pub(super) fn run_one(
    conn: &Connection,
    command: Command,
    metrics: &Metrics,
) -> Result<(Applied, Vec<Hint>), StoreError> {
    let (mut answers, hints) = commit(conn, vec![command], metrics);
    answers.pop().unwrap_or(Err(StoreError::Closed)).map(|applied| (applied, hints))
}

type Answers = Vec<Result<Applied, StoreError>>;

fn commit(conn: &Connection, commands: Vec<Command>, metrics: &Metrics) -> (Answers, Vec<Hint>) {
    let count = commands.len();
    let mut hints = Vec::new();
    let outcome = attempt(conn, commands, &mut hints);
    match outcome {
        Ok(answers) => {
            metrics.committed(count);
            (answers, newest(hints))
        }
        Err(error) => {
            if !conn.is_autocommit()
                && let Err(error) = conn.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "rollback failed");
            }
            metrics.commit_failed();
            let error = failure(error);
            ((0..count).map(|_| Err(error.clone())).collect(), Vec::new())
        }
    }
}

/// Runs a batch up to COMMIT. An error means that nothing of it is stored.
fn attempt(conn: &Connection, commands: Vec<Command>, hints: &mut Vec<Hint>) -> rusqlite::Result<Answers> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let mut answers = Vec::with_capacity(commands.len());
    for command in commands {
        conn.prepare_cached("SAVEPOINT command")?.execute([])?;
        let before = hints.len();
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut context = commands::Context { conn, hints };
            commands::apply(&mut context, command)
        }));
        let answer = match ran {
            Ok(Ok(applied)) => Ok(applied),
            Ok(Err(Fault::Refused(violation))) => Err(StoreError::Refused(violation)),
            // SQLite has taken the whole transaction back (a full disk does that), or may do so.
            Ok(Err(Fault::Sqlite(error))) => return Err(error),
            Err(_) => Err(StoreError::Failed("a command panicked".into())),
        };
        if answer.is_err() {
            hints.truncate(before);
            conn.prepare_cached("ROLLBACK TO command")?.execute([])?;
        }
        conn.prepare_cached("RELEASE command")?.execute([])?;
        answers.push(answer);
    }
    conn.execute_batch("COMMIT")?;
    Ok(answers)
}

/// One hint per stream, the newest.
fn newest(mut hints: Vec<Hint>) -> Vec<Hint> {
    hints.sort_by_key(|hint| (hint.app, hint.stream, std::cmp::Reverse(hint.seq)));
    hints.dedup_by_key(|hint| (hint.app, hint.stream));
    hints
}
