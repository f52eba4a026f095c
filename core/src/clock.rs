//! Time and chance, the two things that a test must be able to hold still.
//!
//! Waiting itself is always `tokio::time`, which a test runtime can pause; what a [`Clock`] adds is the wall clock that
//! a phone shows, which may jump, and which nothing may be ordered by.

use std::time::Duration;

use beistand_protocol::UnixMillis;

/// Where the core reads time from.
pub trait Clock: Send + Sync {
    /// The phone's own wall clock. It may be wrong and may jump.
    fn wall(&self) -> UnixMillis;

    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> UnixMillis {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Both clocks, read together: what the pure parts get to know of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Never goes back.
    pub mono: Duration,
    /// What the phone shows.
    pub wall: UnixMillis,
}

impl Now {
    /// Reads both clocks.
    pub fn read(clock: &dyn Clock) -> Self {
        Self { mono: clock.monotonic(), wall: clock.wall() }
    }
}

/// Where the core takes random bytes from: ids, the device's secret, and the seed of retry jitter.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator, fit for secrets.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Without random bytes there is no secret and no unique id: nothing that follows could be right.
        if let Err(error) = getrandom::fill(buffer) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// The server's time as far as it is known. It is never taken from the phone's clock alone, which may be wrong: the
/// monotonic clock bounds it from below (it stands still while some phones sleep), the wall clock, if it shows more, from
/// above. Nothing expires because a phone's clock is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KnownTime {
    last: Option<Told>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told {
    time: UnixMillis,
    mono: Duration,
    wall: UnixMillis,
}

impl KnownTime {
    /// Takes up what an earlier process stored: the server's time, and what the phone showed then.
    pub fn restored(stored: Option<(UnixMillis, UnixMillis)>, mono: Duration) -> Self {
        Self { last: stored.map(|(time, wall)| Told { time, mono, wall }) }
    }

    /// The server told its time. It never goes back, so a server with a wrong clock cannot make anything younger.
    pub fn told(&mut self, time: UnixMillis, now: Now) {
        if self.at(now.mono).is_none_or(|known| time > known) {
            self.last = Some(Told { time, mono: now.mono, wall: now.wall });
        }
    }

    /// The server's time is at least this; `None` before the first word of a server.
    pub fn at(&self, mono: Duration) -> Option<UnixMillis> {
        self.last.map(|told| told.time.plus(passed(told, mono)))
    }

    /// The server's time is about this, rather later than earlier: what is written now is dated with it.
    pub fn at_most(&self, now: Now) -> Option<UnixMillis> {
        self.last.map(|told| told.time.plus(passed(told, now.mono).max(now.wall.since(told.wall))))
    }

    /// The last word, with what the phone showed then.
    pub fn told_at_wall(&self) -> Option<(UnixMillis, UnixMillis)> {
        self.last.map(|told| (told.time, told.wall))
    }
}

fn passed(told: Told, mono: Duration) -> i64 {
    i64::try_from(mono.saturating_sub(told.mono).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: u64, wall: i64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: UnixMillis(wall) }
    }

    #[test]
    fn known_time_runs_with_the_monotonic_clock_and_never_back() {
        let mut known = KnownTime::default();
        assert_eq!(known.at(Duration::from_secs(5)), None);
        known.told(UnixMillis(1_000_000), now(5, 0));
        assert_eq!(known.at(Duration::from_secs(7)), Some(UnixMillis(1_002_000)));
        known.told(UnixMillis(500_000), now(8, 0));
        assert_eq!(known.at(Duration::from_secs(8)), Some(UnixMillis(1_003_000)));
    }

    #[test]
    fn what_is_written_after_a_long_sleep_is_dated_by_the_clock_that_went_on() {
        let known = KnownTime::restored(Some((UnixMillis(1_000_000), UnixMillis(70_000))), Duration::from_secs(1));
        assert_eq!(known.at_most(now(3, 900_070_000)), Some(UnixMillis(901_000_000)), "the phone was off meanwhile");
        assert_eq!(known.at_most(now(3, 0)), Some(UnixMillis(1_002_000)), "the phone's clock was set back");
    }
}
