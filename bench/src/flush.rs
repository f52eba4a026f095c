//! How fast a full outbox empties through the real server: many conversations side by side, and one conversation whose
//! queue grows longer and longer.

use std::time::{Duration, Instant};

use beistand_core::FlushOutcome;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::figures::{Aim, Row, median, number};
use crate::people::WORDS;
use crate::server::Server;
use crate::{Failure, Run, phone};

/// After the last answer only its acknowledgement is missing.
const TAIL: Duration = Duration::from_secs(30);

/// Measures.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let server = Server::start(&run.folder("flush-server")?)?;
    let rounds = run.times(5);
    let mut rows = Vec::new();
    let mut shortest = None;
    for queued in if run.quick { vec![10, 20] } else { vec![100, 1_000, 2_000] } {
        let rates = rates(run, &server, rounds, 1, queued).await?;
        let row = Row::of_runs(format!("one conversation, {} queued", number(queued as f64)), &rates, "messages/s");
        let row = row.aim(Aim::AtLeast(1_000.0));
        let base = *shortest.get_or_insert(median(&rates));
        rows.push(row.beside(format!("{} × the shortest queue", number(median(&rates) / base))));
    }
    for (lanes, aim) in [(10, None), (50, Some(Aim::AtLeast(2_000.0)))] {
        let queued = if run.quick { lanes * 2 } else { 2_000 };
        let rates = rates(run, &server, rounds, lanes, queued).await?;
        let mut row =
            Row::of_runs(format!("{lanes} conversations, {} queued", number(queued as f64)), &rates, "messages/s");
        row.aim = aim;
        rows.push(row);
    }
    Ok(rows)
}

async fn rates(run: &Run, server: &Server, rounds: usize, lanes: usize, queued: usize) -> Result<Vec<f64>, Failure> {
    let mut rates = Vec::new();
    for _ in 0..rounds {
        rates.push(flush(run, server, lanes, queued).await?);
    }
    Ok(rates)
}

/// Messages a second, from the moment the network is there until nothing waits any more.
async fn flush(run: &Run, server: &Server, lanes: usize, queued: usize) -> Result<f64, Failure> {
    let folder = run.folder("flush")?;
    let (client, gate) = phone::gated(&server.url, &folder)?;
    // Registered, and with the server's configuration: what is measured is the queue.
    client.sync().await?;
    let mut conversations = Vec::new();
    for _ in 0..lanes {
        conversations.push(phone::open(&client).await?);
    }
    // Many at once, so that the disk takes them in groups: this is not what is measured.
    let service = client.conversations();
    stream::iter(lanes..queued)
        .map(|number| service.send(conversations[number % lanes], WORDS))
        .buffer_unordered(64)
        .try_for_each(|_| std::future::ready(Ok(())))
        .await?;
    let begun = Instant::now();
    gate.open();
    gate.stored(queued).await;
    let ended = client.outbox().flush(TAIL).await?;
    let took = begun.elapsed();
    client.shutdown().await;
    std::fs::remove_dir_all(folder)?;
    if ended != FlushOutcome::Empty {
        return Err(format!("the outbox did not empty: {ended:?}").into());
    }
    Ok(queued as f64 / took.as_secs_f64())
}
