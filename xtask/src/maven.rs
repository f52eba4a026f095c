//! Maven, which builds and tests the Kotlin packages: what its projects are told, and how their tests are counted.
//!
//! Everything of ours that one Maven project takes from another one goes through a repository in a folder of `target`, as
//! it would go through a public one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bindings, guide,
    parts::{Counts, Fault, Run},
    process,
};

/// Publishes into a folder; named in full, since Maven's own choice of a version depends on Maven's.
const DEPLOY: &str = "org.apache.maven.plugins:maven-deploy-plugin:3.1.4:deploy";

/// Forgets what was fetched.
const PURGE: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:purge-local-repository";

/// What a project may be told, in folders that exist.
pub struct Maven {
    /// The packages as they would be published.
    pub repository: PathBuf,
    generated: PathBuf,
    guide: PathBuf,
    programs: PathBuf,
    stage: PathBuf,
}

impl Maven {
    /// Writes the generated code and takes the guide's out. Needs the built workspace.
    pub fn prepare() -> Result<Self, Fault> {
        let folder = process::target("kotlin")?;
        let (generated, guide) = (folder.join("generated"), folder.join("guide"));
        for old in [&generated, &guide] {
            empty(old)?;
        }
        bindings::write("kotlin", &generated)?;
        guide::write(guide::Language::Kotlin, &guide)?;
        let repository = folder.join("repository");
        let (programs, stage) = (process::programs()?, process::program("beistand-stage")?);
        Ok(Self { repository, generated, guide, programs, stage })
    }

    /// With the library and the programs of another build.
    pub fn with_programs(self, programs: PathBuf) -> Self {
        let stage = programs.join(format!("beistand-stage{}", std::env::consts::EXE_SUFFIX));
        Self { programs, stage, ..self }
    }

    /// A run in a folder of the repository, with everything that a project may want to know.
    pub fn run(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("mvn");
        command.args(["-B", "-ntp", "-fae"]).args(arguments);
        let tell = |name: &str, path: &Path| format!("-Dbeistand.{name}={}", path.display());
        command.arg(tell("generated.dir", &self.generated)).arg(tell("guide.dir", &self.guide));
        command.arg(tell("native.dir", &self.programs)).arg(tell("stage", &self.stage));
        command.arg(format!("-Dbeistand.repository={}", self.url()));
        command.current_dir(process::root().join(folder));
        process::plain(command)
    }

    /// Builds and tests packages, and publishes each.
    pub fn publish(&self, run: &mut Run, arguments: &[&str]) -> Result<(), Fault> {
        fs::create_dir_all(&self.repository).map_err(|error| format!("{}: {error}", self.repository.display()))?;
        let target = format!("-DaltDeploymentRepository=built::{}", self.url());
        let all = [&["verify", DEPLOY, &target], arguments].concat();
        count(run, &mut self.run("bindings/kotlin", &all))
    }

    /// Makes Maven look at the folder again: it never fetches a released version twice.
    pub fn forget(&self) -> Result<(), Fault> {
        let ours = "-DmanualInclude=dev.beistand:beistand,dev.beistand:beistand-testing,dev.beistand:beistand-android,\
                    dev.beistand:beistand-parent";
        let mut command = self.run(".", &["-q", PURGE, ours]);
        Ok(process::run(command.current_dir(&self.generated))?)
    }

    fn url(&self) -> String {
        format!("file://{}", self.repository.display())
    }
}

/// Runs Maven and counts the tests of each module. A failure for want of what only Google's repository has is said to be
/// one: Maven asks Maven Central alone unless its settings name more.
pub fn count(run: &mut Run, command: &mut Command) -> Result<(), Fault> {
    let (counts, mut missing) = (&mut run.counts, None);
    let outcome = process::run_and_look(command, |line| {
        if let Some(found) = counted(line) {
            counts.passed += found.passed;
            counts.failed += found.failed;
        }
        missing = not_found(line).or(missing.take());
    });
    outcome.map_err(|error| match missing {
        Some(what) => Fault::Missing(format!(
            "{what} cannot be fetched. It is in Google's Maven repository: name that, or a mirror of it, in Maven's \
             settings ({error})"
        )),
        None => Fault::Failed(error),
    })
}

/// What Maven has not found, if it is Google's.
fn not_found(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Could not find artifact ")?;
    let what = rest.split(' ').next()?;
    ["androidx.", "com.android."].iter().any(|group| what.starts_with(group)).then(|| what.to_owned())
}

/// A folder with nothing in it.
pub fn empty(folder: &Path) -> Result<(), String> {
    let fault = |error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(fault)?;
    }
    fs::create_dir_all(folder).map_err(fault)
}

/// Reads Surefire's `[INFO] Tests run: 12, Failures: 0, Errors: 0, Skipped: 0`, which closes a module. The same with the time
/// behind it is only one class; what was skipped counts as nothing.
fn counted(line: &str) -> Option<Counts> {
    let (_, line) = line.split_once("Tests run: ")?;
    if line.contains("Time elapsed") {
        return None;
    }
    let mut numbers =
        line.split(", ").map(|part| part.rsplit(' ').next().and_then(|number| number.trim().parse().ok()));
    let [all, failures, errors, skipped]: [u64; 4] =
        [numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()??];
    let failed = failures + errors;
    Some(Counts { passed: all.checked_sub(failed + skipped)?, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_module_is_counted_and_that_of_a_class_is_not() {
        let line = "[ERROR] Tests run: 12, Failures: 1, Errors: 2, Skipped: 3";
        assert_eq!(counted(line), Some(Counts { passed: 6, failed: 3 }));
        assert_eq!(
            counted("[INFO] Tests run: 4, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in A"),
            None
        );
        assert_eq!(counted("[INFO] Results:"), None);
    }

    #[test]
    fn what_only_google_has_is_named() {
        let line = "[ERROR] Could not find artifact androidx.test:monitor:aar:1.8.0 in central (…)";
        assert_eq!(not_found(line).as_deref(), Some("androidx.test:monitor:aar:1.8.0"));
        assert_eq!(not_found("[ERROR] Could not find artifact dev.beistand:beistand:jar:0.1.0 in built"), None);
    }
}
