//! A phone with ten thousand messages: fetched by a fresh client, and opened once they are there.

use std::path::Path;
use std::time::{Duration, Instant};

use beistand_core::FlushOutcome;
use beistand_protocol::limits::SNAPSHOT_MESSAGES;
use futures_util::{StreamExt, TryStreamExt, stream};
use rusqlite::Connection;

use crate::figures::{Aim, Row, median, millis, number};
use crate::people::Http;
use crate::server::Server;
use crate::{Failure, Run, phone};

const DATABASE: &str = "beistand.sqlite3";

/// What a person has at the server, and the phone that has none of it yet.
struct History {
    server: Server,
    conversations: usize,
    messages: usize,
    fresh: std::path::PathBuf,
}

impl History {
    /// A snapshot carries the newest messages of each conversation: so many conversations hold ten thousand.
    async fn prepare(run: &Run, name: &str) -> Result<Self, Failure> {
        let wanted = if run.quick { 90 } else { 10_000 };
        let each = usize::try_from(SNAPSHOT_MESSAGES)?;
        let conversations = usize::div_ceil(wanted, each);
        let server = Server::start(&run.folder(&format!("{name}-server"))?)?;
        let first = run.folder(&format!("{name}-first"))?;
        let fresh = run.folder(&format!("{name}-fresh"))?;
        // The identity is made with the first call; before the first sync that is all there is.
        let client = phone::offline(&first)?;
        client.conversations().list().await?;
        client.shutdown().await;
        std::fs::copy(first.join(DATABASE), fresh.join(DATABASE))?;
        let (client, gate) = phone::gated(&server.url, &first)?;
        gate.open();
        let opening = stream::iter(0..conversations).map(|_| phone::open(&client)).buffer_unordered(64);
        let opened: Vec<_> = opening.try_collect().await?;
        if client.outbox().flush(Duration::from_secs(60)).await? != FlushOutcome::Empty {
            return Err("the conversations were not opened".into());
        }
        client.shutdown().await;
        Http::new(&server)?.agent().await?.reply_to_all(&opened, each - 1).await?;
        Ok(Self { server, conversations, messages: conversations * each, fresh })
    }

    /// Fetches everything into a folder; how long that took.
    async fn fetch(&self, folder: &Path) -> Result<Duration, Failure> {
        std::fs::copy(self.fresh.join(DATABASE), folder.join(DATABASE))?;
        let (client, _) = phone::gated(&self.server.url, folder)?;
        let begun = Instant::now();
        client.sync().await?;
        let took = begun.elapsed();
        client.shutdown().await;
        let stored: usize = Connection::open(folder.join(DATABASE))?.query_row(
            "SELECT count(*) FROM messages WHERE seq IS NOT NULL",
            [],
            |row| row.get(0),
        )?;
        if stored == self.messages { Ok(took) } else { Err(format!("{stored} messages arrived").into()) }
    }
}

/// Measures the fetching.
pub async fn sync(run: &Run) -> Result<Vec<Row>, Failure> {
    let history = History::prepare(run, "sync").await?;
    let mut times = Vec::new();
    for _ in 0..run.times(5) {
        times.push(history.fetch(&run.folder("sync-phone")?).await?.as_secs_f64());
    }
    let what = format!("a fresh client fetches {} messages", number(history.messages as f64));
    let rate = number(history.messages as f64 / median(&times));
    Ok(vec![
        Row::of_runs(what, &times, "s").beside(format!("{rate} messages/s, {} conversations", history.conversations)),
    ])
}

/// Measures the opening: build, the list, the first look at a conversation.
pub async fn open(run: &Run) -> Result<Vec<Row>, Failure> {
    let history = History::prepare(run, "open").await?;
    let folder = run.folder("open-phone")?;
    history.fetch(&folder).await?;
    let (mut whole, mut list) = (Vec::new(), Vec::new());
    for _ in 0..run.times(25) {
        let begun = Instant::now();
        let client = phone::offline(&folder)?;
        let conversations = client.conversations().list().await?;
        list.push(millis(begun.elapsed()));
        let newest = conversations.first().ok_or("the list is empty")?;
        let mut timeline = client.conversations().timeline(newest.id).await?;
        let shown = timeline.next().await.ok_or("the timeline has ended")?;
        whole.push(millis(begun.elapsed()));
        if shown.is_empty() || timeline.messages().is_empty() || conversations.len() != history.conversations {
            return Err("the client opened without its messages".into());
        }
        drop(timeline);
        client.shutdown().await;
    }
    let what = format!("client opens on {} messages: list and newest conversation", number(history.messages as f64));
    let beside = format!("the list alone: {} ms", number(median(&list)));
    Ok(vec![Row::of_runs(what, &whole, "ms").beside(beside).aim(Aim::AtMost(50.0))])
}
