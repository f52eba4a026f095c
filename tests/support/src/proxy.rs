//! A TCP proxy that breaks connections: cuts before the request, cuts the answer after the server has worked, holds a
//! request back and delivers it late, cuts after some bytes, closes one half, slows everything down. For real processes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a proxy does to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// Reset before anything reaches the server.
    CutRequest,
    /// The request reaches the server, the answer is cut.
    CutAnswer,
    /// The connection is cut after so many bytes of the answer.
    CutAfter(usize),
    /// The phone is cut off; the request reaches the server some milliseconds later.
    DeliverLate(u64),
    /// Everything takes so many milliseconds longer.
    Slow(u64),
    /// The answer's half is closed at once, the request's stays open.
    HalfClose,
}

/// A running proxy; stops with its drop.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: AtomicU16,
    stop: AtomicBool,
    faults: Mutex<Box<dyn FnMut() -> Fault + Send>>,
    connections: AtomicU64,
}

impl Proxy {
    /// Listens on a free port of this machine; each new connection asks for its fault. One connection carries one request,
    /// since the proxy asks both sides to close.
    ///
    /// # Panics
    /// If no port can be had.
    pub fn start(target: u16, faults: impl FnMut() -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            stop: AtomicBool::new(false),
            faults: Mutex::new(Box::new(faults)),
            connections: AtomicU64::new(0),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(phone) = connection else { continue };
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let fault = (serving.faults.lock().unwrap_or_else(PoisonError::into_inner))();
                let target = serving.target.load(Ordering::SeqCst);
                std::thread::spawn(move || {
                    // A broken connection is the proxy's business as usual.
                    let _ = serve(&phone, target, fault);
                    let _ = phone.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, shared }
    }

    /// Its address, as a server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends what comes from now on to another port.
    pub fn retarget(&self, port: u16) {
        self.shared.target.store(port, Ordering::SeqCst);
    }

    /// Replaces the faults of new connections.
    pub fn set_faults(&self, faults: impl FnMut() -> Fault + Send + 'static) {
        *self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(faults);
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which looks at the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(phone: &TcpStream, target: u16, fault: Fault) -> std::io::Result<()> {
    let patience = Some(Duration::from_secs(20));
    phone.set_read_timeout(patience)?;
    if fault == Fault::CutRequest {
        return Ok(());
    }
    let request = read_request(phone)?;
    if request.is_empty() {
        return Ok(());
    }
    match fault {
        Fault::DeliverLate(millis) => {
            phone.shutdown(Shutdown::Both)?;
            std::thread::sleep(Duration::from_millis(millis));
        }
        Fault::Slow(millis) => std::thread::sleep(Duration::from_millis(millis)),
        Fault::HalfClose => phone.shutdown(Shutdown::Write)?,
        _ => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", target))?;
    server.set_read_timeout(patience)?;
    server.write_all(&request)?;
    let mut answer = Vec::new();
    // The request asked for the connection to be closed: the answer ends with the stream.
    let read = server.read_to_end(&mut answer);
    match fault {
        Fault::CutAnswer | Fault::DeliverLate(_) | Fault::HalfClose => Ok(()),
        Fault::CutAfter(bytes) => (&mut &*phone).write_all(answer.get(..bytes).unwrap_or(&answer)),
        _ => {
            read?;
            (&mut &*phone).write_all(&answer)
        }
    }
}

/// Reads one request to its end, and asks for `Connection: close` in its place. Sockets are not served here: a phone does
/// without them.
fn read_request(mut phone: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = phone.read(&mut chunk)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = find(&bytes, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|value| value.trim().parse::<usize>().ok())
            .unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            let mut request = bytes[..end].to_vec();
            request.extend_from_slice(b"\r\nconnection: close");
            request.extend_from_slice(&bytes[end..]);
            return Ok(request);
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
