//! What `send` costs until it returns, beside a bare commit of one row on the same disk in the same folder. The client is
//! offline, so that nothing else runs; both take turns, so that a disk that changes its mind does it to both.

use std::time::Instant;

use rusqlite::Connection;

use crate::figures::{Aim, Row, median, millis, number, percentile};
use crate::people::{WORDS, chance};
use crate::{Failure, Run, phone};

/// Measures.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let (blocks, each) = if run.quick { (3, 10) } else { (25, 100) };
    let folder = run.folder("enqueue")?;
    let client = phone::offline(&folder.join("client"))?;
    let conversation = phone::open(&client).await?;
    let bare = bare(&folder.join("client"))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut ratios, mut medians) = (Vec::new(), Vec::new());
    for _ in 0..blocks {
        let (mut block, mut reference) = (Vec::new(), Vec::new());
        for _ in 0..each {
            let begun = Instant::now();
            client.conversations().send(conversation, WORDS).await?;
            block.push(millis(begun.elapsed()));
            // On this thread, which runs nothing else: the reference owes nothing to a scheduler.
            reference.push(commit_bare(&bare)?);
        }
        ratios.push(median(&block) / median(&reference));
        medians.push(median(&block));
        ours.extend(block);
        theirs.extend(reference);
    }
    client.shutdown().await;
    let (p50, p99) = (percentile(&theirs, 50), percentile(&theirs, 99));
    Ok(vec![
        Row::of_runs("`send` until the disk has it, p50", &medians, "ms")
            .beside(format!("bare one-row commit: {} ms", number(p50))),
        Row::single("the same, p99", percentile(&ours, 99), "ms")
            .beside(format!("bare one-row commit: {} ms", number(p99))),
        Row::of_runs("`send` beside the bare commit, p50", &ratios, "×").aim(Aim::AtMost(1.3)),
    ])
}

fn bare(folder: &std::path::Path) -> Result<Connection, Failure> {
    let connection = Connection::open(folder.join("bare.sqlite3"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE message (id BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID, STRICT")?;
    Ok(connection)
}

fn commit_bare(connection: &Connection) -> Result<f64, Failure> {
    let id = chance::<16>();
    let begun = Instant::now();
    connection.prepare_cached("INSERT INTO message VALUES (?, ?)")?.execute((id, WORDS))?;
    Ok(millis(begun.elapsed()))
}
