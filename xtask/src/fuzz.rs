//! `cargo xtask test fuzz --full`: each target of `fuzz/` for a minute on a nightly toolchain, from the kept corpus on. What
//! is new and worth keeping is left in `fuzz/corpus`, minimised, to be checked in; what crashes becomes a named test.

use std::{env, path::Path, process::Command};

use crate::{
    parts::{Fault, Run},
    process, setup,
};

/// Seconds for each target.
const SECONDS: u32 = 60;

/// Builds and runs all targets.
pub fn run(run: &mut Run) -> Result<(), Fault> {
    let tools = setup::fuzzer()?;
    let folder = process::root().join("fuzz");
    let target = process::target("fuzz")?;
    let cargo = |arguments: &[&str]| -> Result<Command, String> {
        // The proxy of rustup: it alone understands which toolchain is asked for.
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "fuzz"]).args(arguments).arg("--target-dir").arg(&target);
        command.current_dir(&folder).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(std::iter::once(tools.clone()).chain(env::split_paths(&path)));
        command.env("PATH", path.map_err(|error| error.to_string())?);
        Ok(process::plain(command))
    };
    process::run(&mut cargo(&["build"])?)?;
    let names = targets(&folder)?;
    let mut failed = Vec::new();
    for name in &names {
        let found = process::target("fuzz-found")?.join(name);
        std::fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let kept = folder.join("corpus").join(name);
        let time = format!("-max_total_time={SECONDS}");
        let mut fuzz = cargo(&["run"])?;
        // What is found goes elsewhere first, so that the kept corpus only gets what adds something.
        fuzz.arg(name).arg(&found).arg(&kept).args(["--", &time, "-print_final_stats=1", "-verbosity=0"]);
        if process::run(&mut fuzz).is_err() {
            failed.push(name.clone());
            continue;
        }
        // Only what reaches a place that nothing smaller reaches: the corpus is part of every checkout.
        let mut merge = cargo(&["run"])?;
        let options = ["--", "-set_cover_merge=1", "-use_counters=0", "-verbosity=0"];
        process::run(merge.arg(name).arg(&kept).arg(&found).args(options))?;
        run.counts.passed += 1;
    }
    run.note = format!("{} targets for {SECONDS} s each", names.len());
    if failed.is_empty() {
        return Ok(());
    }
    run.counts.failed += failed.len() as u64;
    let names = failed.join(", ");
    Err(Fault::Failed(format!("{names}: what crashes lies in fuzz/artifacts; make a named test of it")))
}

/// The programs of the fuzz package.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let place = folder.join("fuzz_targets");
    let entries = std::fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}
