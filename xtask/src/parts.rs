//! The parts of `cargo xtask test`. A part that fails does not hide the ones behind it; the end tells which failed, how
//! long each took, and how to run one alone.
//!
//! All builds are of the whole workspace, or of a selection that needs the same features, so that no part rebuilds what
//! another one has built.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    android, bench, bindings, faq, fuzz, kotlin, layers, licences, links, metadata::Graph, phones, process,
    schemathesis, setup, swift,
};

/// What a part needs to know.
pub struct Run {
    /// Whether the long runs are wanted.
    pub full: bool,
    /// What the test runners counted.
    pub counts: Counts,
    /// The remark behind the part in the closing table.
    pub note: String,
}

/// Passed and failed tests.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
}

/// Why a part did not pass.
pub enum Fault {
    /// Something is wrong with the project.
    Failed(String),
    /// A tool is missing that could be installed.
    Missing(String),
}

impl Fault {
    /// What is to be told, whichever it is.
    pub fn said(self) -> String {
        match self {
            Self::Failed(said) | Self::Missing(said) => said,
        }
    }
}

impl From<String> for Fault {
    fn from(said: String) -> Self {
        Self::Failed(said)
    }
}

impl From<setup::Missing> for Fault {
    fn from(missing: setup::Missing) -> Self {
        Self::Missing(missing.0)
    }
}

type Part = (&'static str, fn(&mut Run) -> Result<(), Fault>);

/// In this order: what is quick and what everything else needs comes first.
const PARTS: [Part; 19] = [
    ("fmt", |_| Ok(process::run(&mut process::cargo(&["fmt", "--all", "--check"]))?)),
    ("clippy", |_| cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("build", |_| build()),
    ("unit", unit),
    ("conformance", |run| black_box(run, "beistand-conformance")),
    ("e2e", |run| black_box(run, "beistand-e2e")),
    ("fuzz", |run| {
        black_box(run, "beistand-fuzzed")?;
        if run.full { fuzz::run(run) } else { Ok(()) }
    }),
    ("faq", |run| {
        build()?;
        faq::check(run)
    }),
    ("bench", |_| {
        build()?;
        Ok(bench::smoke()?)
    }),
    ("schemathesis", |run| {
        build()?;
        schemathesis::check(run)
    }),
    ("api", bindings::check),
    ("kotlin", |run| {
        build()?;
        kotlin::check(run)
    }),
    ("swift", swift::check),
    ("android", |run| {
        build()?;
        android::check(run)
    }),
    ("targets", phones::check),
    ("doc", doc),
    ("links", |run| look(run, links::check)),
    ("licences", |run| look(run, licences::check)),
    ("layers", |run| look(run, layers::check)),
];

/// What this kind of machine can never run.
const CANNOT_RUN: &str = "docs/cannot-run-here.md";

/// Schedules of `--full`.
const FULL_SCHEDULES: &str = "10000";

/// The names of all parts.
pub fn names() -> Vec<&'static str> {
    PARTS.iter().map(|(name, _)| *name).collect()
}

/// How a part ended.
struct Ended {
    name: &'static str,
    time: Duration,
    counts: Counts,
    note: String,
    fault: Option<Fault>,
}

impl Ended {
    fn is_failure(&self) -> bool {
        match self.fault {
            None => false,
            Some(Fault::Failed(_)) => true,
            Some(Fault::Missing(_)) => setup::is_ci(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.fault {
            None => "ok",
            Some(_) if self.is_failure() => "FAILED",
            Some(_) => "skipped",
        }
    }
}

/// Runs the named parts, or all of them.
pub fn run(wanted: &[String], full: bool) -> Result<(), String> {
    let begun = Instant::now();
    let mut ended = Vec::new();
    for (name, work) in PARTS.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name)) {
        println!("\n== {name} (alone: {}) ==", alone(name, full));
        let start = Instant::now();
        let mut run = Run { full, counts: Counts::default(), note: String::new() };
        let fault = work(&mut run).err();
        if let Some(Fault::Failed(said) | Fault::Missing(said)) = &fault {
            println!("{said}");
        }
        let mut part = Ended { name, time: start.elapsed(), counts: run.counts, note: run.note, fault };
        // A part without a test runner of its own is one check; and a runner may fail before it counts anything.
        if part.is_failure() && part.counts.failed == 0 {
            part.counts.failed = 1;
        } else if part.fault.is_none() && part.counts == Counts::default() {
            part.counts.passed = 1;
        }
        println!("== {name}: {} after {} ==", part.verdict(), seconds(part.time));
        ended.push(part);
    }
    close(&ended, begun.elapsed(), full)
}

fn close(ended: &[Ended], time: Duration, full: bool) -> Result<(), String> {
    let root = process::root();
    if let Ok(text) = std::fs::read_to_string(root.join(CANNOT_RUN)) {
        println!("\nNever run on this kind of machine ({CANNOT_RUN}):");
        text.lines().filter(|line| line.starts_with("- ")).for_each(|line| println!("{line}"));
    }
    let skipped: Vec<&Ended> = ended.iter().filter(|part| part.fault.is_some() && !part.is_failure()).collect();
    for part in &skipped {
        if let Some(Fault::Missing(said) | Fault::Failed(said)) = &part.fault {
            println!("\nSKIPPED {}: {said}", part.name);
        }
    }
    let failed: Vec<&Ended> = ended.iter().filter(|part| part.is_failure()).collect();
    println!();
    for part in &failed {
        println!("FAILED {}; alone: {}", part.name, alone(part.name, full));
    }
    println!("{:<13} {:<8} {:>9} {:>7} {:>7}", "part", "result", "time", "passed", "failed");
    for part in ended {
        let Counts { passed, failed } = part.counts;
        let line = format!("{:<13} {:<8} {:>9} {passed:>7} {failed:>7}", part.name, part.verdict(), seconds(part.time));
        println!("{}", format!("{line}  {}", part.note).trim_end());
    }
    println!("{:<13} {:<8} {:>9}", "all", "", seconds(time));
    let sum = |pick: fn(&Counts) -> u64| ended.iter().map(|part| pick(&part.counts)).sum::<u64>();
    println!("{} passed, {} failed", sum(|counts| counts.passed), sum(|counts| counts.failed));
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.iter().map(|part| part.name).collect::<Vec<_>>().join(", ")))
    }
}

fn alone(name: &str, full: bool) -> String {
    format!("cargo xtask test {name}{}", if full { " --full" } else { "" })
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn cargo(arguments: &[&str]) -> Result<(), Fault> {
    setup::for_building()?;
    Ok(process::run(&mut process::cargo(arguments))?)
}

/// Builds everything, so that no part builds a selection of its own.
pub fn build() -> Result<(), Fault> {
    cargo(&["build", "--workspace", "--all-targets"])
}

/// The packages whose tests have a part of their own.
const BLACK_BOX: [&str; 3] = ["beistand-conformance", "beistand-e2e", "beistand-fuzzed"];

/// Where the tests run; their names do not depend on the platform.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn unit(run: &mut Run) -> Result<(), Fault> {
    // The terminal client's own tests start it and a server.
    build()?;
    let tests = tests_of(|package| !BLACK_BOX.contains(&package))?;
    let mut command = test(&tests);
    if run.full {
        command.env("BEISTAND_FULL", "1");
    }
    let beside_the_code = count(run, command.args(["--lib", "--bins"]));
    let in_the_docs = count(run, &mut process::cargo(&["test", "--workspace", "--no-fail-fast", "--doc"]));
    beside_the_code.and(in_the_docs)
}

/// Tests that start the programs themselves, which therefore have to be built.
fn black_box(run: &mut Run, package: &str) -> Result<(), Fault> {
    build()?;
    let tests = tests_of(|name| name == package)?;
    if tests.is_empty() {
        return Err(Fault::Failed(format!("{package} has no tests")));
    }
    let mut command = test(&tests);
    if run.full {
        command.env("BEISTAND_FULL", "1").env("BEISTAND_SCHEDULES", FULL_SCHEDULES);
    }
    count(run, &mut command)
}

/// Runs the named integration tests. It is the workspace that is named, not the package: a package alone needs fewer
/// features of its dependencies, and cargo would build half the graph once more.
fn test(names: &[String]) -> Command {
    let mut command = process::cargo(&["test", "--workspace", "--no-fail-fast"]);
    for name in names {
        command.args(["--test", name]);
    }
    command
}

fn tests_of(wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let graph = Graph::read(PLATFORM)?;
    let all: Vec<&String> = graph.own().flat_map(|package| &package.tests).collect();
    let names: Vec<String> =
        graph.own().filter(|package| wanted(&package.name)).flat_map(|package| package.tests.clone()).collect();
    match names.iter().find(|name| all.iter().filter(|other| **other == *name).count() > 1) {
        Some(twice) => Err(format!("two packages have a test file called {twice}, so neither can be run alone")),
        None => Ok(names),
    }
}

fn doc(_: &mut Run) -> Result<(), Fault> {
    setup::for_building()?;
    let mut command = process::cargo(&["doc", "--workspace", "--no-deps"]);
    Ok(process::run(command.env("RUSTDOCFLAGS", "-Dwarnings"))?)
}

fn look(run: &mut Run, check: fn() -> Result<String, String>) -> Result<(), Fault> {
    run.note = check()?;
    println!("{}", run.note);
    Ok(())
}

fn count(run: &mut Run, command: &mut Command) -> Result<(), Fault> {
    let counts = &mut run.counts;
    let outcome = process::run_and_look(command, |line| {
        if let Some(found) = counted(line) {
            counts.passed += found.passed;
            counts.failed += found.failed;
        }
    });
    Ok(outcome?)
}

/// Reads `test result: ok. 12 passed; 0 failed; …`.
fn counted(line: &str) -> Option<Counts> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut numbers = rest.split("; ").map(|part| part.split(' ').next().and_then(|number| number.parse().ok()));
    Some(Counts { passed: numbers.next()??, failed: numbers.next()?? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_cargo_test_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counted(line), Some(Counts { passed: 12, failed: 3 }));
        assert_eq!(counted("test a::b ... ok"), None);
    }
}
