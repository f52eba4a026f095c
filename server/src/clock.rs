//! Where time and chance come from. Everything in the server asks a [`Clock`], so a seeded simulation that owns one runs
//! the same way twice; only the binary uses [`SystemClock`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use beistand_protocol::UnixMillis;

/// The server's time and, since both must be owned by whoever replays a run, its chance.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> UnixMillis;

    /// A time that never goes back, for rates. A clock jump of a day must not lock a person out for a day, so the
    /// system's clock overrides this; a virtual clock need not.
    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().0).unwrap_or(0))
    }

    /// Fills `bytes` with chance. From the operating system unless a simulation says otherwise.
    ///
    /// # Panics
    /// If the operating system has no randomness: nothing safe can follow.
    fn random(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no randomness: {error}");
        }
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed() + Duration::from_secs(3600)
    }
}

/// `N` random bytes.
pub(crate) fn random<const N: usize>(clock: &dyn Clock) -> [u8; N] {
    let mut bytes = [0; N];
    clock.random(&mut bytes);
    bytes
}
