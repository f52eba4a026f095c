//! Schemathesis against the running server: it reads `/openapi.json` and tries what the description allows and what it
//! does not. No answer may be a 5xx or undocumented.
//!
//! The settings, and how a case gets its credentials, stand in `tests/conformance/schemathesis/`.

use std::process::Command;

use crate::{
    parts::{Counts, Fault, Run},
    process::{self, Scratch},
    server::Server,
    setup,
};

/// The pinned Python packages.
const REQUIREMENTS: &str = "xtask/requirements.txt";

/// Settings of both sides, and hooks.
const FOLDER: &str = "tests/conformance/schemathesis";

/// Cases for each operation, and with `--full`.
const EXAMPLES: [&str; 2] = ["40", "1000"];

/// Runs the check; needs a built server.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    let root = process::root();
    let python = setup::python_environment("venv", &root.join(REQUIREMENTS))?;
    let scratch = Scratch::new("schemathesis")?;
    let log = scratch.path().join("server.log");
    let folder = root.join(FOLDER);
    let environment = [("BEISTAND_SERVER_CONFIG", folder.join("server.toml").display().to_string())];
    let server = Server::start(&scratch.path().join("server"), 0, &log, &environment)?;
    let mut command = Command::new(python.join("bin/st"));
    // Its own files go into the scratch folder, not into the repository.
    command.current_dir(scratch.path()).arg("--config-file").arg(folder.join("schemathesis.toml"));
    command.args(["run", &format!("{}/openapi.json", server.url())]);
    command.args(["--max-examples", EXAMPLES[usize::from(run.full)], "--no-color"]);
    if !run.full {
        // The same cases each time: a run of CI fails because of a change, not because of a die. `--full` casts it.
        command.arg("--generation-deterministic");
    }
    command.env("SCHEMATHESIS_HOOKS", folder.join("hooks.py")).env("PYTHONPATH", &folder);
    command.env("BEISTAND_CONFORMANCE_URL", server.url());
    let outcome = process::run_and_look(&mut command, |line| run.counts = counted(line).unwrap_or(run.counts));
    if outcome.is_err() {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        let errors = said.lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>().join("\n");
        println!("errors in the server's log:\n{errors}");
    }
    Ok(outcome.and(server.stop())?)
}

/// Reads `2080 generated, 5 found 5 unique failures, 46 skipped`; what was skipped counts as nothing.
fn counted(line: &str) -> Option<Counts> {
    let number = |what: &str| {
        let part = line.trim().split(", ").find(|part| part.split(' ').nth(1) == Some(what))?;
        part.split(' ').next()?.parse::<u64>().ok()
    };
    let (generated, failed) = (number("generated")?, number("found").unwrap_or(0));
    Some(Counts { passed: generated.saturating_sub(failed + number("skipped").unwrap_or(0)), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_schemathesis_is_counted() {
        let line = "  2080 generated, 5 found 5 unique failures, 46 skipped";
        assert_eq!(counted(line), Some(Counts { passed: 2029, failed: 5 }));
        assert_eq!(counted("  31 generated, 31 passed"), Some(Counts { passed: 31, failed: 0 }));
        assert_eq!(counted("Test cases:"), None);
    }
}
