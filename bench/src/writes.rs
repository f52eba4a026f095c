//! Durable writes of many persons at once, beside bare group commits of as many rows by one thread on the same disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::figures::{Row, median, number};
use crate::people::{Http, Person, WORDS, chance};
use crate::server::Server;
use crate::{Failure, Run};

/// Measures.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let server = Server::start(&run.folder("writes-server")?)?;
    let http = Http::new(&server)?;
    let time = Duration::from_millis(if run.quick { 200 } else { 3_000 });
    let mut rows = Vec::new();
    for writers in if run.quick { vec![8] } else { vec![16, 64, 256] } {
        let people = http.people(writers).await?;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..run.times(3) {
            ours.push(served(&http, &people, time).await?);
            let folder = run.folder("writes-bare")?;
            bare.push(tokio::task::spawn_blocking(move || group_commit(&folder, writers, time / 3)).await??);
        }
        let beside = format!(
            "bare commits of {writers} rows: {} rows/s ({} ×)",
            number(median(&bare)),
            number(median(&ours) / median(&bare))
        );
        rows.push(Row::of_runs(format!("durable writes of {writers} persons at once"), &ours, "/s").beside(beside));
    }
    Ok(rows)
}

/// Writes a second, each person writing again once the server has answered.
async fn served(http: &Http, people: &[Arc<Person>], time: Duration) -> Result<f64, Failure> {
    let written = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for person in people {
        let (http, person, written) = (http.clone(), person.clone(), written.clone());
        tasks.spawn(async move {
            while begun.elapsed() < time {
                http.send(&person).await?;
                written.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(written.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// Rows a second that SQLite takes when each commit holds so many.
fn group_commit(folder: &std::path::Path, rows: usize, time: Duration) -> Result<f64, Failure> {
    let mut connection = Connection::open(folder.join("bare.sqlite3"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE message (id BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID, STRICT")?;
    let (mut written, begun) = (0, Instant::now());
    while begun.elapsed() < time {
        let transaction = connection.transaction()?;
        for _ in 0..rows {
            let id = chance::<16>();
            transaction.prepare_cached("INSERT INTO message VALUES (?, ?)")?.execute((id, WORDS))?;
        }
        transaction.commit()?;
        written += rows;
    }
    Ok(written as f64 / begun.elapsed().as_secs_f64())
}
