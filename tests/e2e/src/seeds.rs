//! Many seeded runs on all cores, each one's ending kept apart.

use std::ops::{AddAssign, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The number in an environment variable.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Plays each seed; the sum of what went well, and what was wrong with the others. A panic is a fault.
pub fn play_all<T: Default + AddAssign + Send>(
    seeds: Range<u64>,
    play: impl Fn(u64) -> Result<T, Vec<String>> + Sync,
) -> (T, Vec<(u64, Vec<String>)>) {
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new((T::default(), Vec::new())));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = catch_unwind(AssertUnwindSafe(|| play(seed)))
                        .unwrap_or_else(|_| Err(vec!["a panic, see above".to_owned()]));
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    match outcome {
                        Ok(report) => sum.0 += report,
                        Err(faults) => sum.1.push((seed, faults)),
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}
