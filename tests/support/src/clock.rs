//! Virtual time. It rests on tokio's paused clock, which moves on by itself as soon as everything waits; the wall clock
//! of the phone can be set wrong besides.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use beistand_protocol::UnixMillis;
use tokio::time::Instant;

use crate::chance::Chance;

/// When every simulated world begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: UnixMillis = UnixMillis(1_767_225_600_000);

/// A clock of a simulated world; clones share it. Serves the phone and the server alike.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    started: Instant,
    wrong_by: Arc<AtomicI64>,
    chance: Chance,
}

impl VirtualClock {
    /// Begins now, at [`BEGINNING`]. Needs a tokio runtime whose time is paused.
    pub fn new(chance: Chance) -> Self {
        Self { started: Instant::now(), wrong_by: Arc::new(AtomicI64::new(0)), chance }
    }

    /// Moves the wall clock by so many milliseconds, without any time passing.
    pub fn jump(&self, millis: i64) {
        self.wrong_by.fetch_add(millis, Ordering::SeqCst);
    }

    fn passed(&self) -> Duration {
        self.started.elapsed()
    }

    fn wall_now(&self) -> UnixMillis {
        let passed = i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX);
        BEGINNING.plus(passed).plus(self.wrong_by.load(Ordering::SeqCst))
    }
}

impl beistand_core::clock::Clock for VirtualClock {
    fn wall(&self) -> UnixMillis {
        self.wall_now()
    }

    fn monotonic(&self) -> Duration {
        self.passed()
    }
}

impl beistand_server::clock::Clock for VirtualClock {
    fn now(&self) -> UnixMillis {
        self.wall_now()
    }

    fn monotonic(&self) -> Duration {
        self.passed() + Duration::from_secs(3600)
    }

    fn random(&self, bytes: &mut [u8]) {
        beistand_core::clock::Entropy::fill(&self.chance, bytes);
    }
}
