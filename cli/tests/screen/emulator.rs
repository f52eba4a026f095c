//! `beistand chat` in a terminal that exists only in memory: a pseudo-terminal, and an emulator that reads what the program
//! writes. Tests wait until the screen shows something, never for a time.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pty_process::{Size, blocking};
use vt100::{Parser, Screen};

/// What a person would call hanging, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What begins and what ends a frame that a terminal shows at once (synchronized output).
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";

struct Shared {
    parser: Mutex<(Parser, bool)>,
    changed: Condvar,
}

/// Shows whole frames only, as a terminal does; what stands before the end of one waits for the rest of it.
#[derive(Default)]
struct Frames {
    waiting: Vec<u8>,
}

impl Frames {
    /// Bytes that may be shown now.
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.waiting.extend_from_slice(bytes);
        let find = |what: &[u8]| self.waiting.windows(what.len()).rposition(|window| window == what);
        let shown = match (find(FRAME_BEGINS), find(FRAME_ENDS)) {
            (Some(begun), Some(ended)) if ended > begun => self.waiting.len(),
            (Some(begun), _) => begun,
            // The mark itself may be cut in two by a read.
            (None, _) => self.waiting.len() - partial_mark(&self.waiting),
        };
        self.waiting.drain(..shown).collect()
    }
}

/// How many bytes at the end may be the front of a mark.
fn partial_mark(bytes: &[u8]) -> usize {
    (1..FRAME_BEGINS.len()).rev().find(|length| bytes.ends_with(&FRAME_BEGINS[..*length])).unwrap_or(0)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Parser, bool)> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A terminal with the program in it; the program is killed when this is dropped.
pub struct Emulator {
    pty: Arc<blocking::Pty>,
    child: Child,
    shared: Arc<Shared>,
}

fn size(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).expect("rows"), NonZeroU16::new(columns).expect("columns"))
}

impl Emulator {
    /// Starts `beistand chat` in a terminal of so many columns and rows.
    pub fn start(server: &str, data: &Path, (columns, rows): (u16, u16), arguments: &[&str]) -> Self {
        let (pty, pts) = blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("its size");
        let command = blocking::Command::new(env!("CARGO_BIN_EXE_beistand"))
            .env_clear()
            .envs([("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8"), ("TZ", "UTC")])
            .envs([("BEISTAND_SERVER", server), ("BEISTAND_APP_KEY", "demo")])
            .env("BEISTAND_DATA", data)
            .arg("chat")
            .args(arguments);
        let child = command.spawn(pts).expect("the program starts");
        let (high, wide) = size(columns, rows);
        let shared =
            Arc::new(Shared { parser: Mutex::new((Parser::new(high, wide, 0), false)), changed: Condvar::new() });
        let pty = Arc::new(pty);
        let (reads, sees) = (pty.clone(), shared.clone());
        std::thread::spawn(move || {
            let (mut bytes, mut frames) = ([0; 65536], Frames::default());
            // Linux reports the end of the program as an error.
            while let Ok(count @ 1..) = (&*reads).read(&mut bytes) {
                let shown = frames.take(&bytes[..count]);
                sees.lock().0.process(&shown);
                sees.changed.notify_all();
            }
            let mut seen = sees.lock();
            seen.0.process(&frames.waiting);
            seen.1 = true;
            drop(seen);
            sees.changed.notify_all();
        });
        Self { pty, child, shared }
    }

    /// Types.
    pub fn keys(&self, bytes: &str) {
        (&*self.pty).write_all(bytes.as_bytes()).expect("the terminal takes keys");
    }

    /// Pastes, as a terminal does where the program has asked to be told.
    pub fn paste(&self, text: &str) {
        assert!(self.shared.lock().0.screen().bracketed_paste(), "the program asks for bracketed paste");
        self.keys(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (high, wide) = size(columns, rows);
        self.shared.lock().0.screen_mut().set_size(high, wide);
        self.pty.resize(Size::new(rows, columns)).expect("another size");
    }

    /// Waits until the screen is as described; returns it.
    pub fn wait(&self, what: &str, is: impl Fn(&Screen) -> bool) -> Screen {
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.shared.lock();
        loop {
            if is(parser.0.screen()) {
                return parser.0.screen().clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !parser.1, "{what} does not come:\n{}", parser.0.screen().contents());
            parser = self.shared.changed.wait_timeout(parser, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the screen shows all of these texts.
    pub fn shows(&self, texts: &[&str]) -> Screen {
        self.wait(&format!("{texts:?}"), |screen| texts.iter().all(|text| has(screen, text)))
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the program; how it ended, and what the terminal looks like then.
    pub fn ends(mut self) -> (ExitStatus, Screen) {
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.shared.lock();
        while !parser.1 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the program does not end:\n{}", parser.0.screen().contents());
            parser = self.shared.changed.wait_timeout(parser, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let screen = parser.0.screen().clone();
        drop(parser);
        (self.child.wait().expect("its end"), screen)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rows of the screen.
pub fn rows(screen: &Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).collect()
}

/// Whether a row holds the text.
pub fn has(screen: &Screen, text: &str) -> bool {
    rows(screen).iter().any(|row| row.contains(text))
}
