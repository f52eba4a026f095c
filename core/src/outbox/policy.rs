//! When an attempt is repeated and when it is given up: every number of the outbox, each with its reason.

use std::time::Duration;

/// The numbers that the machine works with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The first wait after a failure. A lost packet is over in a second.
    pub first_wait: Duration,
    /// The longest wait. A person who puts the phone down and comes back must not look at *queued* for longer, even if
    /// the system tells nothing about the network.
    pub longest_wait: Duration,
    /// The least that a server may ask for with `Retry-After`.
    pub least_retry_after: Duration,
    /// The most that a server may ask for: an hour of maintenance, but never a typing error of years.
    pub most_retry_after: Duration,
    /// Requests under way at once, one a lane. They share one connection and are small; with sixteen, commits on both sides
    /// are shared as well, which is worth a quarter of the time of a full outbox. More only share the same thin line.
    pub in_flight: usize,
    /// Of these, how many may be background writes, so that read marks never stand before a message.
    pub background_in_flight: usize,
    /// How long a background write waits for one that replaces it: a screen that shows a message says so within a frame
    /// or two, and no agent notices a third of a second.
    pub background_wait: Duration,
    /// Of these, how many may have files on their way: two fill any line, and leave most places to words.
    pub uploads_in_flight: usize,
    /// How old a row may grow by the server's own time before it asks the person. A question of last week has another
    /// answer today.
    pub max_age: Duration,
    /// Server errors of one row, while others pass, after which it is the row's fault.
    pub poison_attempts: u32,
    /// How long such a row must have failed: a bad deployment is repaired within a day.
    pub poison_after: Duration,
    /// A wall clock that moves by more than this against the monotonic one has jumped: the phone slept, or was set.
    pub clock_jump: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(5 * 60),
            least_retry_after: Duration::from_secs(1),
            most_retry_after: Duration::from_secs(3600),
            in_flight: 16,
            background_in_flight: 2,
            background_wait: Duration::from_millis(300),
            uploads_in_flight: 2,
            max_age: Duration::from_secs(7 * 24 * 3600),
            poison_attempts: 50,
            poison_after: Duration::from_secs(24 * 3600),
            clock_jump: Duration::from_secs(60),
        }
    }
}

impl Policy {
    /// Full jitter: a wait chosen evenly between nothing and a bound that doubles with each failure. `chance` is an even
    /// number in 0..1. At least a tenth of a second, so that a broken server is not asked in a tight loop.
    ///
    /// Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter empties a queue of many
    /// clients with the fewest calls.
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let bound = doubled.min(self.longest_wait);
        bound.mul_f64(chance.clamp(0.0, 1.0)).max(Duration::from_millis(100))
    }

    /// Holds a server's `Retry-After` within bounds.
    pub fn clamp_retry_after(&self, asked: Duration) -> Duration {
        asked.clamp(self.least_retry_after, self.most_retry_after)
    }

    /// How long the timer may sleep although the server asked for more: the queue looks up at least this often.
    pub fn timer_limit(&self) -> Duration {
        self.longest_wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_never_nothing() {
        let policy = Policy::default();
        assert_eq!(policy.wait(1, 1.0), Duration::from_secs(1));
        assert_eq!(policy.wait(4, 1.0), Duration::from_secs(8));
        for failures in [10, 31, 32, 33, 1000, u32::MAX] {
            assert_eq!(policy.wait(failures, 1.0), policy.longest_wait);
            assert_eq!(policy.wait(failures, 0.0), Duration::from_millis(100));
        }
    }

    #[test]
    fn a_server_may_ask_for_a_second_to_an_hour() {
        let policy = Policy::default();
        assert_eq!(policy.clamp_retry_after(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(policy.clamp_retry_after(Duration::from_secs(1 << 40)), Duration::from_secs(3600));
    }
}
