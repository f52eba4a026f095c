//! Hundreds of seeded runs with phone and server in one process under virtual time. A run that fails prints the command
//! that plays it again; a seed that once failed is kept by name below.

use beistand_e2e::schedule::{play, play_conversations};
use beistand_e2e::seeds::{number, play_all};

/// Runs with every test; `BEISTAND_SCHEDULES` asks for another number.
const SCHEDULES: u64 = 900;

#[test]
fn nothing_is_lost_doubled_or_reordered_in_any_schedule() {
    if let Some(seed) = number("BEISTAND_SEED") {
        // `RUST_LOG=beistand_core=trace` shows each step of the outbox.
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
        match play(seed) {
            Ok(report) => println!("seed {seed}: {report:?}"),
            Err(faults) => panic!("seed {seed}:\n{}", faults.join("\n")),
        }
        return;
    }
    let schedules = number("BEISTAND_SCHEDULES").unwrap_or(SCHEDULES);
    // Long runs begin where the last one ended.
    let first = number("BEISTAND_FIRST_SEED").unwrap_or(0);
    let (report, failed) = play_all(first..first + schedules, play);
    println!("{schedules} schedules: {report:?}");
    for (seed, faults) in failed.iter().take(10) {
        println!("seed {seed}:\n  {}", faults.join("\n  "));
        println!("  again: BEISTAND_SEED={seed} cargo test -p beistand-e2e --test schedules -- --nocapture");
    }
    assert!(failed.is_empty(), "{} of {schedules} schedules failed", failed.len());
    assert!(report.ratings > 0 && report.counted > 0, "nobody has read the FAQ");
    assert!(report.tally.answers_lost > 0 && report.tally.late_copies > 0, "the weather was never bad");
}

/// Each of these once broke a promise; what was wrong stands beside it.
#[test]
fn schedules_that_once_failed_stay_whole() {
    // An edit that went with its message stayed "pending" for ever; an acknowledgement of the old history counted in the
    // new one; a date in `Retry-After` was held against a phone's clock that was a day off; the words
    // that a discarded edit puts back did not show.
    for seed in [10_362, 11_091, 14_063, 12_244, 12_693, 6_278] {
        if let Err(faults) = play_conversations(seed) {
            panic!("seed {seed}:\n{}", faults.join("\n"));
        }
    }
}
