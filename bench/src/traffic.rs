//! Bytes on the wire for a conversation of twelve messages: counted by a proxy between phone and server, all that both
//! sent, from the first connection on (handshakes, HTTP heads, frames and pings included; IP not).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use beistand_core::{Client, FlushOutcome, Timeline};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::figures::{Aim, Row, median, number};
use crate::people::{Agent, Http, WORDS};
use crate::server::Server;
use crate::{Failure, Run, phone};

const MESSAGES: usize = 12;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Tally {
    up: AtomicU64,
    down: AtomicU64,
}

/// Carries bytes both ways and counts them; ends with this value.
struct Proxy {
    url: String,
    tally: Arc<Tally>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn start(target: SocketAddr, scheme: &str) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{scheme}://{}", listener.local_addr()?);
        let tally = Arc::new(Tally::default());
        let counted = tally.clone();
        let accepting = tokio::spawn(async move {
            let mut carried = tokio::task::JoinSet::new();
            while let Ok((phone, _)) = listener.accept().await {
                let tally = counted.clone();
                carried.spawn(async move {
                    let Ok(server) = TcpStream::connect(target).await else { return };
                    let ((from_phone, to_phone), (from_server, to_server)) = (phone.into_split(), server.into_split());
                    tokio::join!(carry(from_phone, to_server, &tally.up), carry(from_server, to_phone, &tally.down));
                });
            }
        });
        Ok(Self { url, tally, accepting })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, count: &AtomicU64) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        count.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// Measures: as phones do it, over TLS and HTTP/2, and bare, to show what that is worth.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let encrypted = Server::start_encrypted(&run.folder("wire-server")?)?;
    let bare = Server::start(&run.folder("wire-bare-server")?)?;
    let words = number((MESSAGES * WORDS.len()) as f64);
    let (both, up, down) = conversations(run, &encrypted, "https").await?;
    let beside = format!("{up} bytes up, {down} down, handshakes included; the words alone: {words}");
    let what = format!("bytes on the wire, {MESSAGES} messages both ways");
    let first = Row::of_runs(what, &both, "kB").beside(beside).aim(Aim::AtMost(20.0));
    let (both, up, down) = conversations(run, &bare, "http").await?;
    let beside = format!("{up} bytes up, {down} down");
    let second = Row::of_runs("the same without TLS, over HTTP/1.1".to_owned(), &both, "kB").beside(beside);
    Ok(vec![first, second])
}

/// Kilobytes both ways of each conversation, and the median of the bytes each way.
async fn conversations(run: &Run, server: &Server, scheme: &str) -> Result<(Vec<f64>, String, String), Failure> {
    let agent = Http::new(server)?.agent().await?;
    let (mut both, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..run.times(3) {
        let proxy = Proxy::start(server.address.parse()?, scheme).await?;
        let folder = run.folder("wire-phone")?;
        let (client, gate) = phone::gated_trusting(&proxy.url, server.authority.as_deref(), &folder)?;
        gate.open();
        let talked = tokio::time::timeout(PATIENCE, talk(&client, &agent)).await;
        talked.map_err(|_| "the conversation takes too long")??;
        client.shutdown().await;
        let bytes = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        up.push(bytes(&proxy.tally.up));
        down.push(bytes(&proxy.tally.down));
        both.push((bytes(&proxy.tally.up) + bytes(&proxy.tally.down)) / 1000.0);
    }
    Ok((both, number(median(&up)), number(median(&down))))
}

/// A person and an agent write in turn; each message is there and has been looked at before the next one.
async fn talk(client: &Client, agent: &Agent) -> Result<(), Failure> {
    let conversation = phone::open(client).await?;
    let mut timeline = client.conversations().timeline(conversation).await?;
    for number in 1..=MESSAGES {
        match number {
            1 => {}
            person if person % 2 == 1 => {
                client.conversations().send(conversation, WORDS).await?;
            }
            _ => agent.reply(conversation).await?,
        }
        let there =
            |timeline: &Timeline| timeline.messages().iter().filter(|message| message.seq.is_some()).count() >= number;
        while !there(&timeline) {
            timeline.next().await.ok_or("the timeline has ended")?;
        }
        client.conversations().mark_read(conversation, None).await?;
        if client.outbox().flush(PATIENCE).await? != FlushOutcome::Empty {
            return Err("something is still queued".into());
        }
    }
    Ok(())
}
