//! The real server with a limit on its memory, somebody honest who goes on using it, and strangers.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use beistand_protocol::{DeviceId, DeviceSecret};
use beistand_test_support::process::binary;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Mutex, MutexGuard},
};

/// What the server may have: a small machine's share. The system refuses it more, and a server that is refused memory
/// ends, which every test here would notice.
const MEMORY_KB: u64 = 256 * 1024;

/// Any honest request is answered within this, whatever else goes on. It takes milliseconds on an idle machine.
pub const HONEST_WITHIN: Duration = Duration::from_secs(3);

/// Far more than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Each test wants the machine's files and processor for itself.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A server that is attacked.
pub struct Stage {
    pub address: SocketAddr,
    child: Child,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `/proc` says of the server's memory, in kilobytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: u64,
    pub most: u64,
}

/// Raises this process's limit on open files as far as it may; gives the limit.
pub fn open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

impl Stage {
    /// Starts a server with these `[connections]`.
    pub async fn set(connections: &str) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("server.toml");
        let rates = "burst = 0\nwrites_per_minute = 0\nregistration_burst = 0\nregistrations_per_minute = 0\n\
                     sign_in_burst = 0\nsign_ins_per_minute = 0\n";
        std::fs::write(&config, format!("[limits]\n{rates}[connections]\nper_address = 0\n{connections}\n")).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -d \"$1\" && shift && exec \"$@\"", "sh", &MEMORY_KB.to_string()])
            .arg(binary("beistand-server"))
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(&config)
            .args(["serve", "--demo"])
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("an address").parse().unwrap();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(beistand_core::api::tls::client_config(false, &[]).unwrap())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self { address, child, http, _folder: folder, _turn: turn }
    }

    pub async fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(self.address).await
    }

    pub async fn call(&self, method: reqwest::Method, path: &str, token: Option<&str>, body: Option<String>) -> String {
        let mut request =
            self.http.request(method, format!("http://{}{path}", self.address)).header("x-app-key", "demo");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.expect("an honest request is answered");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// A registered device: its id and its token.
    pub async fn device(&self) -> (DeviceId, String) {
        let id = DeviceId(uuid_of_now());
        let secret = DeviceSecret([7; 32]).to_hex();
        let body = format!("{{\"secret\":\"{secret}\"}}");
        self.call(reqwest::Method::PUT, &format!("/v1/devices/{id}"), None, Some(body)).await;
        (id, format!("{id}.{secret}"))
    }

    /// Somebody honest connects anew each time, writes and reads; the longest that a round took.
    pub async fn honest_rounds(&self, rounds: usize) -> Duration {
        let mut longest = Duration::ZERO;
        for _ in 0..rounds {
            let began = Instant::now();
            let (_, token) = self.device().await;
            self.call(reqwest::Method::GET, "/v1/sync", Some(&token), None).await;
            longest = longest.max(began.elapsed());
        }
        longest
    }

    /// A number out of `/metrics`.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.call(reqwest::Method::GET, "/metrics", None, None).await;
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// Waits until a metric fulfils a condition.
    pub async fn until(&self, name: &str, fits: impl Fn(u64) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name).await;
            if fits(value) {
                return;
            }
            assert!(Instant::now() < deadline, "{name} stays at {value}");
        }
    }

    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server lives");
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known line");
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
        };
        Memory { now: kilobytes("VmRSS"), most: kilobytes("VmHWM") }
    }

    /// Holds what was seen against the promises and prints it.
    pub fn judge(&mut self, what: &str, longest: Duration) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server has ended");
        let memory = self.memory();
        println!(
            "{what}: memory {} MB, at most {} MB of {} MB; an honest round took at most {} ms",
            memory.now / 1024,
            memory.most / 1024,
            MEMORY_KB / 1024,
            longest.as_millis()
        );
        assert!(memory.most < MEMORY_KB, "{memory:?}");
        assert!(longest < HONEST_WITHIN, "{longest:?}");
    }

    /// A WebSocket, by hand so that it can misbehave.
    pub async fn socket(&self, token: Option<&str>) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // A small buffer, so that not reading is noticed soon.
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let credential =
            token.map(|token| format!("authorization: Bearer {token}\r\nx-app-key: demo\r\n")).unwrap_or_default();
        let request = format!(
            "GET /v1/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{credential}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        stream
    }
}

/// An id that no other has.
pub fn uuid_of_now() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

/// Reads until the other side ends the connection, however it does.
pub async fn until_closed(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    let drained = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    tokio::time::timeout(PATIENCE, drained).await.expect("the server closes the connection");
}

/// Writes the same bytes until the other side has had enough, at most so often; whether it had.
pub async fn pour(stream: &mut TcpStream, bytes: &[u8], times: usize) -> bool {
    let poured = async {
        for _ in 0..times {
            if stream.write_all(bytes).await.is_err() {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(PATIENCE, poured).await.unwrap_or(false)
}
