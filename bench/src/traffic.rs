//! Bytes on the wire for a conversation of twelve messages: counted by a proxy between phone and server, all that both
//! sent, from the first connection on (HTTP heads, frames and pings included; TLS and IP not).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use beistand_core::FlushOutcome;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::figures::{Aim, Row, number};
use crate::people::{Http, WORDS};
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
    async fn start(target: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
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

/// Measures.
pub async fn measure(run: &Run) -> Result<Vec<Row>, Failure> {
    let server = Server::start(&run.folder("wire-server")?)?;
    let agent = Http::new(&server)?.agent().await?;
    let (mut both, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..run.times(3) {
        let proxy = Proxy::start(server.address.parse()?).await?;
        let (client, gate) = phone::gated(&proxy.url, &run.folder("wire-phone")?)?;
        gate.open();
        let conversation = phone::open(&client).await?;
        let mut timeline = client.conversations().timeline(conversation).await?;
        let talk = async {
            for number in 1..=MESSAGES {
                match number {
                    1 => {}
                    person if person % 2 == 1 => {
                        client.conversations().send(conversation, WORDS).await?;
                    }
                    _ => agent.reply(conversation).await?,
                }
                // The next one is written once this one is there, and has been looked at.
                let there = |timeline: &beistand_core::Timeline| {
                    timeline.messages().iter().filter(|message| message.seq.is_some()).count() >= number
                };
                while !there(&timeline) {
                    timeline.next().await.ok_or("the timeline has ended")?;
                }
                client.conversations().mark_read(conversation, None).await?;
                if client.outbox().flush(PATIENCE).await? != FlushOutcome::Empty {
                    return Err("something is still queued".into());
                }
            }
            Ok::<(), Failure>(())
        };
        tokio::time::timeout(PATIENCE, talk).await.map_err(|_| "the conversation takes too long")??;
        client.shutdown().await;
        let bytes = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        up.push(bytes(&proxy.tally.up));
        down.push(bytes(&proxy.tally.down));
        both.push((bytes(&proxy.tally.up) + bytes(&proxy.tally.down)) / 1000.0);
    }
    let words = MESSAGES * WORDS.len();
    let (up, down) = (crate::figures::median(&up), crate::figures::median(&down));
    let beside = format!("{} bytes up, {} down; the words alone: {}", number(up), number(down), number(words as f64));
    let what = format!("bytes on the wire, {MESSAGES} messages both ways");
    Ok(vec![Row::of_runs(what, &both, "kB").beside(beside).aim(Aim::AtMost(20.0))])
}
