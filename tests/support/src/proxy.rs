//! A TCP proxy that breaks connections: cuts before the request, cuts the answer after the server has worked, holds a
//! request back and delivers it late, cuts after some bytes, closes one half, slows everything down. For real processes.
//! A WebSocket goes through it as well, and breaks as it should.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a proxy does to a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
    /// The request and both halves of the answer take so many milliseconds longer each.
    Slow(u64),
    /// The answer's half is closed at once, the request's stays open.
    HalfClose,
    /// Somebody answers in the server's place, with these bytes.
    Answer(String),
}

/// What a proxy has done, to show that a run tested what it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Connections.
    pub connections: u64,
    /// Requests that never reached the server.
    pub requests_cut: u64,
    /// Answers that were lost, whole or in part, after the server had worked.
    pub answers_cut: u64,
    /// Requests that reached the server after the phone had been cut off.
    pub late: u64,
    /// Sockets that went through.
    pub sockets: u64,
}

/// A running proxy. Its drop closes its port and cuts whatever is still under way.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

type Faults = Box<dyn FnMut() -> Fault + Send>;

struct Shared {
    target: AtomicU16,
    stop: AtomicBool,
    faults: Mutex<Faults>,
    /// What is to happen to the next requests that change something, before all other faults.
    write_faults: Mutex<VecDeque<Fault>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tally: Tally,
    next: u64,
    /// Connections that are being served, with the sockets to cut.
    under_way: HashMap<u64, Vec<TcpStream>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_fault(&self) -> Option<Fault> {
        self.write_faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn fault(&self) -> Fault {
        (self.faults.lock().unwrap_or_else(PoisonError::into_inner))()
    }

    /// Lets time pass, but not past the end of the proxy.
    fn pause(&self, millis: u64) {
        let until = Instant::now() + Duration::from_millis(millis);
        let mut state = self.state();
        while !self.stop.load(Ordering::SeqCst) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
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
            write_faults: Mutex::default(),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(phone) = connection {
                    accept(&serving, phone);
                }
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

    /// What happens to the next requests that change something, one fault each; reads and sockets go on as before.
    pub fn break_writes(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.write_faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Cuts every connection that is under way.
    pub fn cut(&self) {
        for streams in self.shared.state().under_way.values() {
            streams.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
    }

    /// Waits until nothing is under way any more: what was held back has reached the server, and has been worked on.
    /// `false` if that takes longer than the given time.
    pub fn wait_until_idle(&self, most: Duration) -> bool {
        let busy = |state: &mut State| !state.under_way.is_empty();
        let waited = self.shared.changed.wait_timeout_while(self.shared.state(), most, busy);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.under_way.is_empty()
    }

    /// What it has done so far.
    pub fn tally(&self) -> Tally {
        self.shared.state().tally
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        self.cut();
        // Wakes the listener, which looks at the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(shared: &Arc<Shared>, phone: TcpStream) {
    let fault = shared.fault();
    let number = {
        let mut state = shared.state();
        state.tally.connections += 1;
        state.next += 1;
        let number = state.next;
        state.under_way.insert(number, phone.try_clone().into_iter().collect());
        number
    };
    let shared = shared.clone();
    std::thread::spawn(move || {
        let connection = Connection { shared: &shared, number, phone: &phone };
        // A broken connection is the proxy's business as usual.
        let _ = connection.serve(fault);
        let _ = phone.shutdown(Shutdown::Both);
        shared.state().under_way.remove(&number);
        shared.changed.notify_all();
    });
}

/// How long either side may be silent within a request; longer than any phone waits.
const PATIENCE: Duration = Duration::from_secs(40);

struct Connection<'a> {
    shared: &'a Shared,
    number: u64,
    phone: &'a TcpStream,
}

impl Connection<'_> {
    fn serve(&self, fault: Fault) -> std::io::Result<()> {
        self.phone.set_read_timeout(Some(PATIENCE))?;
        if fault == Fault::CutRequest {
            self.shared.state().tally.requests_cut += 1;
            return Ok(());
        }
        let Some(request) = Request::read(self.phone)? else { return Ok(()) };
        let fault = if request.is_write() { self.shared.write_fault().unwrap_or(fault) } else { fault };
        let mut phone = self.phone;
        match &fault {
            Fault::DeliverLate(millis) => {
                self.phone.shutdown(Shutdown::Both)?;
                self.shared.pause(*millis);
            }
            Fault::Slow(millis) => self.shared.pause(*millis),
            Fault::HalfClose => self.phone.shutdown(Shutdown::Write)?,
            Fault::Answer(answer) => return phone.write_all(answer.as_bytes()),
            _ => {}
        }
        let mut server = TcpStream::connect(("127.0.0.1", self.shared.target.load(Ordering::SeqCst)))?;
        if let Some(streams) = self.shared.state().under_way.get_mut(&self.number) {
            streams.extend(server.try_clone());
        }
        server.set_read_timeout(Some(PATIENCE))?;
        if request.upgrade {
            return self.tunnel(&request, server, &fault);
        }
        server.write_all(&request.asking_to_close())?;
        let mut answer = Vec::new();
        // The request asked for the connection to be closed: the answer ends with the stream.
        let read = server.read_to_end(&mut answer);
        match fault {
            Fault::CutAnswer | Fault::HalfClose => {
                self.shared.state().tally.answers_cut += 1;
                Ok(())
            }
            Fault::DeliverLate(_) => {
                self.shared.state().tally.late += 1;
                Ok(())
            }
            Fault::CutAfter(bytes) => {
                self.shared.state().tally.answers_cut += u64::from(bytes < answer.len());
                phone.write_all(answer.get(..bytes).unwrap_or(&answer))
            }
            Fault::Slow(millis) => {
                let (first, second) = answer.split_at(answer.len() / 2);
                self.shared.pause(millis);
                phone.write_all(first)?;
                self.shared.pause(millis);
                phone.write_all(second)
            }
            Fault::None | Fault::CutRequest | Fault::Answer(_) => {
                read?;
                phone.write_all(&answer)
            }
        }
    }

    /// Carries a socket's bytes both ways until one side ends, or the fault says so.
    fn tunnel(&self, request: &Request, mut server: TcpStream, fault: &Fault) -> std::io::Result<()> {
        let most = match fault {
            Fault::CutAnswer | Fault::HalfClose | Fault::DeliverLate(_) => 0,
            Fault::CutAfter(bytes) => *bytes,
            _ => usize::MAX,
        };
        self.shared.state().tally.sockets += 1;
        self.phone.set_read_timeout(None)?;
        server.set_read_timeout(None)?;
        server.write_all(&request.bytes)?;
        let (mut from_phone, mut to_server) = (self.phone.try_clone()?, server.try_clone()?);
        let upwards = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_phone, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Both);
        });
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        let carried = std::io::copy(&mut (&server).take(limit), &mut &*self.phone);
        let _ = server.shutdown(Shutdown::Both);
        let _ = self.phone.shutdown(Shutdown::Both);
        let _ = upwards.join();
        carried.map(drop)
    }
}

struct Request {
    bytes: Vec<u8>,
    /// Where the head ends, before the empty line.
    head: usize,
    /// Whether it asks for a socket.
    upgrade: bool,
}

impl Request {
    /// Reads one request to its end; `None` if there is none.
    fn read(mut phone: &TcpStream) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let read = phone.read(&mut chunk)?;
            if read == 0 {
                return Ok(None);
            }
            bytes.extend_from_slice(&chunk[..read]);
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let length = value("content-length:").and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let upgrade = value("upgrade:") == Some("websocket");
                return Ok(Some(Self { bytes, head: end, upgrade }));
            }
        }
    }

    /// Whether it may change something at the server.
    fn is_write(&self) -> bool {
        !(self.bytes.starts_with(b"GET ") || self.bytes.starts_with(b"HEAD "))
    }

    fn asking_to_close(&self) -> Vec<u8> {
        let (head, rest) = self.bytes.split_at(self.head);
        [head, b"\r\nconnection: close", rest].concat()
    }
}
