//! Thousands of open sockets in this process, cheap each: a task, small buffers, and two numbers that it leaves behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use beistand_protocol::{ClientFrame, ServerFrame, device::APP_KEY_HEADER};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Failure;
use crate::server::APP;

/// Source addresses: one alone has ports for some 28,000 connections, those of the last minute included.
const SOURCES: usize = 50;
/// Handshakes under way while the sockets are opened in peace.
const IN_PEACE: usize = 200;
/// Whoever has no socket by then has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the sockets leave behind. Times are nanoseconds since the board was made, 0 for never.
pub struct Board {
    begun: Instant,
    heard: Vec<AtomicU64>,
    ready: AtomicUsize,
    hints: AtomicUsize,
    last: AtomicU64,
    failed: AtomicUsize,
}

impl Board {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// A moment on this board.
    pub fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.begun).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Forgets all hints.
    pub fn wipe(&self) {
        self.heard.iter().for_each(|heard| heard.store(0, Ordering::Relaxed));
        self.hints.store(0, Ordering::Relaxed);
        self.last.store(0, Ordering::Relaxed);
    }

    /// When this socket got its last hint.
    pub fn heard(&self, socket: usize) -> Option<u64> {
        Some(self.heard[socket].load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// When the last of all hints came.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Waits until so many hints have come; how many came in time.
    pub async fn hints(&self, count: usize, within: Duration) -> usize {
        wait(&self.hints, count, within).await
    }
}

/// The times that matter are taken where the frames arrive; this only looks whether all of them have.
async fn wait(counter: &AtomicUsize, count: usize, within: Duration) -> usize {
    let begun = Instant::now();
    while counter.load(Ordering::Relaxed) < count && begun.elapsed() < within {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    counter.load(Ordering::Relaxed)
}

/// Open sockets; closed when dropped.
pub struct Swarm {
    /// What they leave behind.
    pub board: Arc<Board>,
    /// How long it took until all were open.
    pub took: Duration,
    /// How many were never opened.
    pub failed: usize,
    tasks: JoinSet<()>,
}

/// Whom a swarm speaks for.
pub struct Crowd {
    /// `host:port` of the server.
    pub address: String,
    /// `/v1/realtime` or the agents' path.
    pub path: &'static str,
    /// The token of each socket.
    pub tokens: Vec<String>,
}

impl Swarm {
    /// Opens a socket for each token: all at once, or a few at a time.
    pub async fn open(crowd: &Arc<Crowd>, all_at_once: bool) -> Result<Self, Failure> {
        let count = crowd.tokens.len();
        let board = Arc::new(Board {
            begun: Instant::now(),
            heard: (0..count).map(|_| AtomicU64::new(0)).collect(),
            ready: AtomicUsize::new(0),
            hints: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            failed: AtomicUsize::new(0),
        });
        let turns = Arc::new(tokio::sync::Semaphore::new(if all_at_once { count } else { IN_PEACE }));
        let server: SocketAddr = crowd.address.parse()?;
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let (crowd, board, turns) = (crowd.clone(), board.clone(), turns.clone());
            tasks.spawn(async move {
                let Ok(turn) = turns.acquire().await else { return };
                let opened = tokio::time::timeout(PATIENCE, connect(server, &crowd, number)).await;
                drop(turn);
                drop(turns);
                match opened {
                    Ok(Ok(socket)) => {
                        board.ready.fetch_add(1, Ordering::Relaxed);
                        listen(socket, &board, number).await;
                    }
                    _ => {
                        board.failed.fetch_add(1, Ordering::Relaxed);
                        board.ready.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        wait(&board.ready, count, PATIENCE * 2).await;
        let (took, failed) = (begun.elapsed(), board.failed.load(Ordering::Relaxed));
        Ok(Self { board, took, failed, tasks })
    }

    /// Sockets that are still open.
    pub fn open_now(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len()
    }

    /// Closes all and waits until they are.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

type Socket = WebSocketStream<TcpStream>;

/// Opens a socket and waits for its first frame.
async fn connect(server: SocketAddr, crowd: &Crowd, number: usize) -> Result<Socket, Failure> {
    let socket = TcpSocket::new_v4()?;
    let source = u8::try_from(2 + number % SOURCES)?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, source), 0)))?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{server}{}", crowd.path).into_client_request()?;
    let bearer = format!("Bearer {}", crowd.tokens[number]);
    request.headers_mut().insert("authorization", HeaderValue::from_str(&bearer)?);
    request.headers_mut().insert(APP_KEY_HEADER, HeaderValue::from_static(APP));
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0).max_write_buffer_size(4096);
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    match socket.next().await {
        Some(Ok(Message::Text(text))) if matches!(serde_json::from_str(&text), Ok(ServerFrame::Ready { .. })) => {
            Ok(socket)
        }
        _ => Err("the socket did not get ready".into()),
    }
}

async fn listen(mut socket: Socket, board: &Board, number: usize) {
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        match serde_json::from_str(&text) {
            Ok(ServerFrame::Hint { .. }) => {
                let now = board.now();
                board.heard[number].store(now, Ordering::Relaxed);
                board.last.fetch_max(now, Ordering::Relaxed);
                board.hints.fetch_add(1, Ordering::Relaxed);
            }
            Ok(ServerFrame::Ping) => {
                let Ok(pong) = serde_json::to_string(&ClientFrame::Pong) else { return };
                if socket.send(Message::text(pong)).await.is_err() {
                    return;
                }
            }
            _ => {}
        }
    }
}
