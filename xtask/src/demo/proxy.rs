//! A small TCP proxy that can lose an answer: it hands a message on to the server, waits until the server has answered,
//! and keeps that answer from the phone. So the phone cannot know whether its message arrived. It also tells what the FAQ
//! costs on the line.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What happens to the answer to the next message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// It passes, like everything else.
    Pass,
    /// It is dropped and the connection cut.
    Cut,
    /// It is kept back until the phone is gone.
    Hold,
}

struct State {
    plan: Plan,
    /// The status lines of the answers that were lost.
    lost: Vec<String>,
    /// After so many more bytes of a file its connection is cut.
    cut_file_after: Option<usize>,
    /// Connections that were cut in the middle of a file.
    files_cut: usize,
    /// What was asked for of the FAQ, and the bytes of each answer.
    faq: Vec<(String, usize)>,
}

struct Shared {
    goal: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid at any moment, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy in front of a port of this machine.
    pub fn start(port: u16) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the proxy does not start: {error}");
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let state = Mutex::new(State {
            plan: Plan::Pass,
            lost: Vec::new(),
            cut_file_after: None,
            files_cut: 0,
            faq: Vec::new(),
        });
        let shared = Arc::new(Shared { goal: ([127, 0, 0, 1], port).into(), state, changed: Condvar::new() });
        let for_connections = Arc::clone(&shared);
        thread::spawn(move || {
            for phone in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&for_connections);
                thread::spawn(move || serve(&shared, phone));
            }
        });
        Ok(Self { url, shared })
    }

    /// Where a phone reaches it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Loses the answer to the next message.
    pub fn cut_next_answer(&self) {
        self.shared.state().plan = Plan::Cut;
    }

    /// Keeps back the answer to the next message, and all after it on that connection.
    pub fn hold_next_answer(&self) {
        self.shared.state().plan = Plan::Hold;
    }

    /// Cuts the connection in the middle of the next file, once so many bytes of it have passed.
    pub fn cut_next_file(&self, after: usize) {
        self.shared.state().cut_file_after = Some(after);
    }

    /// How many connections were cut in the middle of a file.
    pub fn files_cut(&self) -> usize {
        self.shared.state().files_cut
    }

    /// What was asked for of the FAQ since the last call: the lines of the requests, and the bytes of each answer.
    pub fn faq(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.shared.state().faq)
    }

    /// Waits until the given number of answers was lost, and gives their status lines.
    pub fn lost(&self, number: usize, within: Duration) -> Vec<String> {
        let state = self.shared.state();
        let waited = self.shared.changed.wait_timeout_while(state, within, |state| state.lost.len() < number);
        waited.unwrap_or_else(PoisonError::into_inner).0.lost.clone()
    }
}

fn serve(shared: &Arc<Shared>, phone: TcpStream) {
    let Ok(server) = TcpStream::connect(shared.goal) else { return };
    let (Ok(from_phone), Ok(to_server)) = (phone.try_clone(), server.try_clone()) else { return };
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let (shared_there, mut is_file) = (Arc::clone(shared), false);
    let for_faq = Arc::new(AtomicBool::new(false));
    let faq_asked = Arc::clone(&for_faq);
    let there = thread::spawn(move || {
        pump(from_phone, to_server, |bytes| {
            if is_message(bytes) {
                seen.store(true, Ordering::SeqCst);
            }
            let is_faq = bytes.starts_with(b"GET /v1/faq/");
            faq_asked.store(is_faq, Ordering::SeqCst);
            if is_faq {
                shared_there.state().faq.push((first_line(bytes), 0));
            }
            is_file |= bytes.starts_with(b"PATCH /v1/uploads/");
            !is_file || file_passes(&shared_there, bytes.len())
        });
    });
    let cut = (phone.try_clone(), server.try_clone());
    pump(server, phone, |bytes| {
        if for_faq.load(Ordering::SeqCst)
            && let Some((_, answered)) = shared.state().faq.last_mut()
        {
            *answered += bytes.len();
        }
        !asked.swap(false, Ordering::SeqCst) || passes(shared, bytes)
    });
    if let (Ok(phone), Ok(server)) = cut {
        // Either side may be gone already.
        let _ = phone.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }
    let _ = there.join();
}

/// Whether the answer to a message reaches the phone; if not, its connection is over.
fn passes(shared: &Shared, answer: &[u8]) -> bool {
    let mut state = shared.state();
    let plan = std::mem::replace(&mut state.plan, Plan::Pass);
    if plan == Plan::Pass {
        return true;
    }
    state.lost.push(first_line(answer));
    shared.changed.notify_all();
    drop(state);
    if plan == Plan::Hold {
        // Longer than the story lets the phone live: from its side the answer simply does not come.
        thread::sleep(Duration::from_secs(5));
    }
    false
}

/// Whether these bytes of a file reach the server; if not, the connection is over.
fn file_passes(shared: &Shared, length: usize) -> bool {
    let mut state = shared.state();
    let Some(left) = state.cut_file_after else { return true };
    if let Some(left) = left.checked_sub(length) {
        state.cut_file_after = Some(left);
        return true;
    }
    state.cut_file_after = None;
    state.files_cut += 1;
    false
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut passes: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !passes(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Whether the bytes begin a request that sends a message; clients write the head of a request in one piece.
fn is_message(bytes: &[u8]) -> bool {
    let line = first_line(bytes);
    line.starts_with("PUT ") && line.contains("/messages/")
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each request with its own first line.
    fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut bytes = [0; 1024];
                let length = stream.read(&mut bytes).unwrap_or(0);
                let line = bytes[..length].split(|byte| *byte == b'\r').next().unwrap_or_default();
                let _ = stream.write_all(&[b"HTTP/1.1 200 OK\r\n\r\n", line].concat());
            }
        });
        port
    }

    fn ask(proxy: &Proxy, request: &str) -> String {
        let mut stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn only_the_answer_to_a_message_is_lost_and_only_once() {
        let proxy = Proxy::start(echo()).unwrap();
        proxy.cut_next_answer();
        assert!(ask(&proxy, "GET /v1/sync HTTP/1.1\r\n\r\n").contains("GET /v1/sync"));
        assert_eq!(ask(&proxy, "PUT /v1/conversations/a/messages/b HTTP/1.1\r\n\r\n"), "");
        assert_eq!(proxy.lost(1, Duration::ZERO), ["HTTP/1.1 200 OK"]);
        assert!(ask(&proxy, "PUT /v1/conversations/a/messages/b HTTP/1.1\r\n\r\n").contains("/messages/b"));
    }
}
