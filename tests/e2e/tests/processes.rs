//! A hundred seeded runs with real processes that are killed, over connections that break. A run that fails prints the
//! command that plays it again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use beistand_e2e::processes::{Report, Template, play};

/// Runs with every test; `BEISTAND_PROCESS_SCHEDULES` asks for another number.
const SCHEDULES: u64 = 100;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nothing_is_lost_doubled_or_reordered_when_processes_are_killed() {
    let template = Template::new();
    if let Some(seed) = number("BEISTAND_PROCESS_SEED") {
        match play(seed, &template) {
            Ok(report) => println!("seed {seed}: {report:?}"),
            Err(faults) => panic!("seed {seed}:\n{}", faults.join("\n")),
        }
        return;
    }
    let schedules = number("BEISTAND_PROCESS_SCHEDULES").unwrap_or(SCHEDULES);
    let next = AtomicU64::new(0);
    let sum = Mutex::new((Report::default(), Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= schedules {
                        return;
                    }
                    let played = std::panic::AssertUnwindSafe(|| play(seed, &template));
                    let outcome =
                        std::panic::catch_unwind(played).unwrap_or_else(|_| Err(vec!["a panic, see above".to_owned()]));
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    match outcome {
                        Ok(report) => sum.0 += report,
                        Err(faults) => sum.1.push((seed, faults)),
                    }
                }
            });
        }
    });
    let (report, failed) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{schedules} schedules: {report:?}");
    for (seed, faults) in failed.iter().take(10) {
        println!("seed {seed}:\n  {}", faults.join("\n  "));
        println!("  again: BEISTAND_PROCESS_SEED={seed} cargo test -p beistand-e2e --test processes -- --nocapture");
    }
    assert!(failed.is_empty(), "{} of {schedules} schedules failed", failed.len());
    if schedules >= SCHEDULES {
        assert!(report.proxy.answers_cut > 0 && report.proxy.late > 0, "the weather was never bad");
        assert!(report.killed_after_commit > 0 && report.killed_before_commit > 0, "no kill hit a write");
        assert!(
            report.servers_killed > 0 && report.restores > 0 && report.side_by_side > 0,
            "something never happened"
        );
    }
}
