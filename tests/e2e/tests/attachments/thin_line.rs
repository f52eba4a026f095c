//! Real sockets: a large file over a line that is cut again and again, and a line so thin that files must not fill it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use beistand_core::{AttachmentSource, Client, MessageDraft, Settings, TicketDraft};
use beistand_e2e::processes::Template;
use tokio::runtime::Runtime;

use crate::{LONG, noise};

/// A line between phone and server: counts what the phone sends, is cut after given numbers of bytes, and carries so many
/// bytes a second, which all connections share.
struct Line {
    port: u16,
    state: Arc<LineState>,
}

struct LineState {
    target: u16,
    sent: AtomicU64,
    cuts: AtomicU64,
    /// The line is cut each time so many more bytes have been sent.
    cut_every: u64,
    most_cuts: u64,
    bytes_a_second: Option<u64>,
    /// When the line is free again, for the next piece of whichever connection.
    free_at: Mutex<Instant>,
    stop: AtomicBool,
}

impl Line {
    fn new(target: u16, cut_every: u64, most_cuts: u64, bytes_a_second: Option<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(LineState {
            target,
            sent: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            cut_every,
            most_cuts,
            bytes_a_second,
            free_at: Mutex::new(Instant::now()),
            stop: AtomicBool::new(false),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for phone in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(phone) = phone else { return };
                let Ok(server) = TcpStream::connect(("127.0.0.1", shared.target)) else { continue };
                let (up, down) = (shared.clone(), shared.clone());
                let (from_phone, to_server) = (phone.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || up.carry(from_phone, to_server, true));
                std::thread::spawn(move || down.carry(server, phone, false));
            }
        });
        Self { port, state }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl LineState {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream, upward: bool) {
        // As much as a short queue in a modem holds: what waits there is the same for all connections.
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if upward {
                let sent = self.sent.fetch_add(read as u64, Ordering::SeqCst) + read as u64;
                let cuts = self.cuts.load(Ordering::SeqCst);
                if cuts < self.most_cuts && sent >= (cuts + 1) * self.cut_every {
                    self.cuts.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                self.wait_for_the_line(read as u64);
            }
            if to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// The line is the thing under test: its slowness is made here.
    fn wait_for_the_line(&self, bytes: u64) {
        let Some(rate) = self.bytes_a_second else { return };
        let until = {
            let mut free_at = self.free_at.lock().unwrap();
            *free_at = (*free_at).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate as f64);
            *free_at
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn client(url: &str, folder: &Path) -> Client {
    Client::builder(Settings::new(url, "demo", folder).unwrap()).build().unwrap()
}

fn ticket(text: &str) -> TicketDraft {
    TicketDraft { subject: "Video".into(), text: text.into(), ..TicketDraft::default() }
}

/// The most memory that this process has held, in bytes (`VmHWM`), since it was last set back.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// Only a process of its own can say what a file costs in memory: this runs in one, started by the test below.
#[test]
fn child_sends_a_large_file() {
    let Ok(folder) = std::env::var("BEISTAND_LARGE_FILE_CHILD") else { return };
    let folder = Path::new(&folder);
    let url = std::env::var("BEISTAND_LARGE_FILE_SERVER").unwrap();
    let runtime = runtime();
    runtime.block_on(async {
        let client = client(&url, &folder.join("phone"));
        let opened = client.conversations().open(ticket("erst Worte")).await.unwrap();
        client.outbox().flush(LONG).await.unwrap();
        // 5 sets the peak back to what is held now (proc(5), clear_refs).
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = peak_memory();
        let draft = MessageDraft::from("Video").attach(AttachmentSource::path(folder.join("video.bin")));
        client.conversations().send(opened.conversation, draft).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(240);
        while !client.outbox().items().await.unwrap().is_empty() {
            assert!(Instant::now() < deadline, "it never arrives: {:?}", client.outbox().items().await);
            // What a system does that notices the network is back.
            client.wake();
            client.outbox().flush(Duration::from_secs(1)).await.unwrap();
        }
        println!("extra memory: {}", peak_memory() - before);
        client.shutdown().await;
    });
}

#[test]
fn fifty_megabytes_through_twenty_cuts_send_little_twice_in_little_memory() {
    const SIZE: u64 = 50_000_000;
    let folder = tempfile::tempdir().unwrap();
    let template = Template::new();
    let server = template.start_server(&folder.path().join("server"));
    let bytes = noise(1, SIZE as usize);
    std::fs::write(folder.path().join("video.bin"), &bytes).unwrap();
    let line = Line::new(server.port, SIZE / 21, 20, None);
    let begun = Instant::now();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "thin_line::child_sends_a_large_file", "--nocapture"])
        .env("BEISTAND_LARGE_FILE_CHILD", folder.path())
        .env("BEISTAND_LARGE_FILE_SERVER", line.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let extra: u64 = said.split("extra memory: ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let (sent, cuts) = (line.state.sent.load(Ordering::SeqCst), line.state.cuts.load(Ordering::SeqCst));
    let twice = sent - SIZE;
    println!(
        "50 MB through {cuts} cuts in {:?}: {twice} bytes more than the file ({:.1} %), {:.1} MB extra memory",
        begun.elapsed(),
        twice as f64 * 100.0 / SIZE as f64,
        extra as f64 / 1e6
    );
    assert_eq!(cuts, 20);
    assert!(twice * 20 <= SIZE, "{twice} bytes more than the file");
    assert!(extra < 16 * 1024 * 1024, "{extra} bytes of memory");
    let desk = template.desk(&server);
    let talk = desk.conversations().unwrap()[0].id;
    let message = desk.messages(talk).unwrap().pop().unwrap();
    let there = &message.content.attachments()[0];
    assert_eq!(there.size, SIZE);
    let runtime = runtime();
    let fetched = runtime.block_on(async {
        // Another phone of the test would be another person: the same one reads its file back from the server.
        let folder = folder.path().join("phone");
        let copy = folder.join("attachments").join(there.id.to_string());
        std::fs::remove_file(copy).unwrap();
        let client = client(&format!("http://127.0.0.1:{}", server.port), &folder);
        let path = client.attachments().fetch(there.id).await.unwrap();
        std::fs::read(path).unwrap()
    });
    assert!(fetched == bytes, "the file is not what it was");
}

#[test]
fn a_hundred_files_on_a_thin_line_leave_room_for_words() {
    let folder = tempfile::tempdir().unwrap();
    let template = Template::new();
    let server = template.start_server(&folder.path().join("server"));
    // 1 Mbit/s.
    let line = Line::new(server.port, u64::MAX, 0, Some(125_000));
    let runtime = runtime();
    runtime.block_on(async {
        let client = client(&line.url(), &folder.path().join("phone"));
        let conversations = client.conversations();
        let words = conversations.open(ticket("hier nur Worte")).await.unwrap().conversation;
        let mut talks = Vec::new();
        for n in 0..10 {
            talks.push(conversations.open(ticket(&format!("Fotos {n}"))).await.unwrap().conversation);
        }
        client.outbox().flush(LONG).await.unwrap();
        for talk in &talks {
            let draft = (0..10).fold(MessageDraft::from("zehn Fotos"), |draft, n| draft.attach(crate::file("a.bin", &noise(n, 200_000))));
            conversations.send(*talk, draft).await.unwrap();
        }
        let mut slowest = Duration::ZERO;
        for n in 0..8 {
            // The files are on their way all the time.
            let begun = Instant::now();
            let id = conversations.send(words, format!("Worte {n}")).await.unwrap();
            client.outbox().wait_for(id, LONG).await.unwrap().expect("it arrives");
            slowest = slowest.max(begun.elapsed());
        }
        let waiting = client.outbox().items().await.unwrap().len();
        println!("100 files at 1 Mbit/s: the slowest of 8 messages elsewhere took {slowest:?}; {waiting} messages with files still wait");
        assert!(waiting >= 8, "the files were through before the words: nothing was tried");
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        client.shutdown().await;
    });
}
