//! A hundred seeded runs with real processes that are killed, over connections that break. A run that fails prints the
//! command that plays it again.

use beistand_e2e::processes::{Template, play};
use beistand_e2e::seeds::{number, play_all};

/// Runs with every test; `BEISTAND_PROCESS_SCHEDULES` asks for another number.
const SCHEDULES: u64 = 100;

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
    let (report, failed) = play_all(0..schedules, |seed| play(seed, &template));
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
