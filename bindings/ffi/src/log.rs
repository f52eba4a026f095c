//! What the library writes down for developers, handed to the app: one sink for the process, off by default. Only lines of
//! Beistand's own code pass, which hold no user data; those of the libraries below may name addresses and headers.
//!
//! A thread of its own calls the sink, so that no lock is held and nothing waits for it: a sink that is slow loses lines, one
//! that throws or calls back into a client hurts nothing.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Lines that may wait for the sink; more are dropped and counted.
const WAITING: usize = 512;

/// What a line begins with that is ours.
const OWN: &str = "beistand";

/// How much is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiLogLevel {
    /// Something is broken.
    Error,
    /// Something is odd.
    Warn,
    /// What happens, roughly.
    Info,
    /// What happens.
    Debug,
    /// Everything.
    Trace,
}

impl FfiLogLevel {
    fn of(level: &Level) -> Self {
        match *level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG => Self::Debug,
            Level::TRACE => Self::Trace,
        }
    }

    /// 1 for errors to 5 for everything.
    fn rank(self) -> u8 {
        self as u8 + 1
    }
}

/// The sink has failed. Nobody is told.
#[derive(Debug, uniffi::Error)]
pub enum FfiLogError {
    /// It has thrown something.
    Failed,
}

impl fmt::Display for FfiLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sink has failed")
    }
}

impl std::error::Error for FfiLogError {}

impl From<uniffi::UnexpectedUniFFICallbackError> for FfiLogError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Where lines go.
#[uniffi::export(with_foreign)]
pub trait FfiLogSink: Send + Sync {
    /// Takes a line. Called from a thread of the library, one line at a time.
    fn log(&self, level: FfiLogLevel, target: String, text: String) -> Result<(), FfiLogError>;
}

/// Hands lines of this level and above to the sink from now on, instead of the one before; none for nobody.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn FfiLogSink>>, level: FfiLogLevel) {
    let lines = sink.and_then(|sink| {
        let (lines, waiting) = mpsc::sync_channel(WAITING);
        let calls = move || waiting.into_iter().for_each(|line| call(&*sink, line));
        std::thread::Builder::new().name("beistand-log".into()).spawn(calls).ok()?;
        Some(lines)
    });
    LEVEL.store(lines.as_ref().map_or(0, |_| level.rank()), Ordering::SeqCst);
    let before = std::mem::replace(&mut *lock(), lines);
    // The thread of the one before ends when it has told what waits.
    drop(before);
    // Fails if there is one, which is ours: nobody else has this library's copy of `tracing`.
    let _ = tracing::subscriber::set_global_default(Lines);
}

struct Line {
    level: FfiLogLevel,
    target: &'static str,
    text: String,
}

/// The highest rank that is told; 0 for nothing.
static LEVEL: AtomicU8 = AtomicU8::new(0);
static SINK: Mutex<Option<SyncSender<Line>>> = Mutex::new(None);
static MISSED: AtomicU8 = AtomicU8::new(0);

thread_local! {
    /// Whether this thread is inside a sink: what it causes there is not told to it again.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn lock() -> std::sync::MutexGuard<'static, Option<SyncSender<Line>>> {
    SINK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn call(sink: &dyn FfiLogSink, line: Line) {
    INSIDE.set(true);
    let missed = MISSED.swap(0, Ordering::Relaxed);
    if missed > 0 {
        let text = format!("{missed} or more lines were lost: the sink is too slow");
        let _ = sink.log(FfiLogLevel::Warn, OWN.to_owned(), text);
    }
    let _ = sink.log(line.level, line.target.to_owned(), line.text);
    INSIDE.set(false);
}

/// Hears what the code says by `tracing`. Spans carry nothing here: the core uses none.
struct Lines;

impl Subscriber for Lines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // Asked again each time: the level may change.
        if metadata.target().starts_with(OWN) {
            tracing::subscriber::Interest::sometimes()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with(OWN)
            && FfiLogLevel::of(metadata.level()).rank() <= LEVEL.load(Ordering::Relaxed)
            && !INSIDE.get()
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let line =
            Line { level: FfiLogLevel::of(event.metadata().level()), target: event.metadata().target(), text: text.0 };
        let sink = lock().clone();
        if let Some(Err(TrySendError::Full(_))) = sink.map(|sink| sink.try_send(line)) {
            let _ = MISSED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |missed| missed.checked_add(1));
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The message, then each field as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into memory cannot fail.
        let _ = if field.name() == "message" {
            let rest = std::mem::take(&mut self.0);
            write!(self.0, "{value:?}{rest}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
