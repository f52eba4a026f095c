//! `cargo xtask bench`: builds the server and the bench as they are measured, and lets the bench keep its page. The part of
//! the test only shows that every measure still gives a figure.

use std::process::Command;

use crate::{bench_bindings, process, setup};

/// The page with the tables.
pub const PAGE: &str = "docs/performance.md";

/// The profile that is measured; the root `Cargo.toml` says why it is not `release`.
const PROFILE: &str = "measure";

/// Builds and runs the named measures, or all.
pub fn run(names: &[String], quick: bool) -> Result<(), String> {
    setup::for_building().map_err(|missing| missing.0)?;
    let bindings = !quick && (names.is_empty() || names.iter().any(|name| name == bench_bindings::NAME));
    let others: Vec<&String> = names.iter().filter(|name| *name != bench_bindings::NAME).collect();
    if names.is_empty() || !others.is_empty() {
        of_the_line(&others, quick)?;
    }
    if bindings { bench_bindings::run(PROFILE, Some(&commit())) } else { Ok(()) }
}

fn of_the_line(names: &[&String], quick: bool) -> Result<(), String> {
    process::run(&mut process::cargo(&[
        "build",
        "--profile",
        PROFILE,
        "--package",
        "beistand-server",
        "--package",
        "beistand-bench",
    ]))?;
    let program = process::target(PROFILE)?.join(format!("beistand-bench{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(program);
    bench.args(names);
    if quick {
        bench.arg("--quick");
    } else {
        bench.arg("--write").arg(process::root().join(PAGE)).arg("--commit").arg(commit());
    }
    process::run(&mut bench)
}

/// Tiny numbers with the programs of the usual build; every measure must give a figure.
pub fn smoke() -> Result<(), String> {
    process::run(Command::new(process::program("beistand-bench")?).arg("--quick"))
}

/// The commit that is measured, as git names it.
fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=10"]).current_dir(process::root());
    process::output(&mut git).map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
