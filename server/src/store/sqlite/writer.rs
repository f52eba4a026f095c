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
    store::{Applied, Command, Farewell, Hint, StoreError},
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

/// What a commit has to tell.
#[derive(Default)]
pub(super) struct Effects {
    hints: Vec<Hint>,
    farewells: Vec<Farewell>,
}

/// Hints go first: whoever is sent away comes back to what they tell of.
pub(super) fn tell(bus: &dyn Bus, effects: Effects) {
    for hint in effects.hints {
        bus.publish(Event::Hint(hint));
    }
    for farewell in effects.farewells {
        bus.publish(Event::Farewell(farewell));
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
        let (answers, effects) = commit(&conn, commands, metrics);
        tell(bus, effects);
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
) -> Result<(Applied, Effects), StoreError> {
    let (mut answers, effects) = commit(conn, vec![command], metrics);
    answers.pop().unwrap_or(Err(StoreError::Closed)).map(|applied| (applied, effects))
}

type Answers = Vec<Result<Applied, StoreError>>;

fn commit(conn: &Connection, commands: Vec<Command>, metrics: &Metrics) -> (Answers, Effects) {
    let count = commands.len();
    let mut effects = Effects::default();
    let outcome = attempt(conn, commands, &mut effects);
    match outcome {
        Ok(answers) => {
            metrics.committed(count);
            effects.hints = newest(effects.hints);
            (answers, effects)
        }
        Err(error) => {
            if !conn.is_autocommit()
                && let Err(error) = conn.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "rollback failed");
            }
            metrics.commit_failed();
            let error = failure(error);
            ((0..count).map(|_| Err(error.clone())).collect(), Effects::default())
        }
    }
}

/// Runs a batch up to COMMIT. An error means that nothing of it is stored.
fn attempt(conn: &Connection, commands: Vec<Command>, effects: &mut Effects) -> rusqlite::Result<Answers> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let mut answers = Vec::with_capacity(commands.len());
    for command in commands {
        conn.prepare_cached("SAVEPOINT command")?.execute([])?;
        let before = (effects.hints.len(), effects.farewells.len());
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut context = commands::Context { conn, hints: &mut effects.hints, farewells: &mut effects.farewells };
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
            effects.hints.truncate(before.0);
            effects.farewells.truncate(before.1);
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
