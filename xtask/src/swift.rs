//! The part `swift`: the Swift package over the real library and the real server, its format, its documentation, and a
//! consumer that has nothing but its products. And `cargo xtask package apple`, which needs Xcode.
//!
//! Where `swift` is on PATH it is used. Debian 12 has none: there, as root, Debian's own `swiftlang` runs in a root of its
//! own (`xtask/swift-root.sh`).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    bindings, guide,
    parts::{self, Fault, Run},
    process, setup, swift_api,
};

/// The package.
const PACKAGE: &str = "bindings/swift";

/// The package that uses it as an app does.
const CONSUMER: &str = "bindings/swift-consumer";

/// Conditions that are never true here, in the files that hold Apple's own.
const APPLE_ONLY: [&str; 3] = ["#if canImport(UIKit) && os(iOS)", "#if canImport(Darwin)", "#if os(iOS)"];

/// The targets of iOS, and the name of each slice.
const SLICES: [(&str, &[&str]); 2] =
    [("device", &["aarch64-apple-ios"]), ("simulator", &["aarch64-apple-ios-sim", "x86_64-apple-ios"])];

/// Where Swift is.
enum Swift {
    /// On PATH.
    Here,
    /// In a Debian root, through this script.
    Root(PathBuf),
}

impl Swift {
    fn find() -> Result<Self, Fault> {
        if answers("swift", "--version") {
            return Ok(Self::Here);
        }
        let script = process::root().join("xtask/swift-root.sh");
        if cfg!(not(target_os = "linux")) {
            return Err(Fault::Missing("swift is missing: xcode-select --install, or swift.org".to_owned()));
        }
        setup::for_swift_root()?;
        let made = process::run(Command::new(&script).arg("make").stdout(Stdio::null()));
        made.map_err(|error| Fault::Missing(format!("Swift is missing: {} make ({error})", script.display())))?;
        Ok(Self::Root(script))
    }

    /// A command inside a folder of the checkout, with both of its outputs in one.
    fn command(&self, folder: &Path, words: &[&str]) -> Result<Command, String> {
        Ok(self.command_with(&process::programs()?, folder, words))
    }

    /// The same with the library and the programs of another build.
    fn command_with(&self, programs: &Path, folder: &Path, words: &[&str]) -> Command {
        let mut command = match self {
            Self::Here => Command::new("sh"),
            Self::Root(script) => {
                let mut command = Command::new(script);
                command.arg("run").arg(programs.parent().unwrap_or(programs)).args(["--", "sh"]);
                command
            }
        };
        command.args(["-c", "exec \"$@\" 2>&1", "sh"]).args(words).current_dir(folder);
        let stage = programs.join(format!("beistand-stage{}", env::consts::EXE_SUFFIX));
        command.env("BEISTAND_NATIVE_DIR", programs).env("BEISTAND_STAGE", stage);
        command
    }

    fn run(&self, folder: &Path, words: &[&str]) -> Result<(), String> {
        process::run(&mut self.command(folder, words)?)
    }

    /// Runs the tests of a package, and adds what they counted.
    fn test(&self, run: &mut Run, folder: &Path) -> Result<(), String> {
        let before = run.counts;
        let counts = &mut run.counts;
        let outcome = process::run_and_look(&mut self.command(folder, &["swift", "test"])?, |line| {
            let (passed, failed) = counted(line);
            counts.passed += passed;
            counts.failed += failed;
        });
        outcome?;
        if run.counts == before { Err(format!("{} has run no test", folder.display())) } else { Ok(()) }
    }
}

/// The part `swift`.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    parts::build()?;
    names(true)?;
    let swift = Swift::find()?;
    let package = process::root().join(PACKAGE);
    generate(&package)?;
    let consumer = process::root().join(CONSUMER);
    // The rules ask for documentation on everything public as well.
    for folder in [&package, &consumer] {
        let lint = ["swift", "format", "lint", "--strict", "--recursive", "Sources", "Tests", "Package.swift"];
        swift.run(folder, &lint)?;
    }
    parse_apple(&swift, &package)?;
    swift.test(run, &package)?;
    guide::write(guide::Language::Swift, &consumer.join("Guide"))?;
    swift.test(run, &consumer)?;
    Ok(())
}

/// What measures the package, with the library of another build; run by `cargo xtask bench bindings`.
pub fn bench(programs: &Path) -> Result<Command, Fault> {
    let swift = Swift::find()?;
    let package = process::root().join(PACKAGE);
    generate(&package)?;
    // Apart from the tests' build: that one is linked to another library.
    let words = ["swift", "run", "-c", "release", "--scratch-path", ".build-measure", "beistand-swift-bench"];
    Ok(swift.command_with(programs, &package, &words))
}

/// Keeps the public names of the package as text, or only looks whether they have changed.
pub fn names(check: bool) -> Result<(), String> {
    let (package, file) = (process::root().join(PACKAGE), process::root().join(PACKAGE).join("api.txt"));
    let now = swift_api::names(&package)?;
    let before = fs::read_to_string(&file).unwrap_or_default();
    if before == now {
        return Ok(());
    }
    if check {
        let said = bindings::difference(&before, &now);
        return Err(format!(
            "{said}\nthe public names are not those in {PACKAGE}/api.txt; if that is meant: cargo xtask api"
        ));
    }
    fs::write(&file, now).map_err(|error| format!("{}: {error}", file.display()))
}

/// Writes the code that calls the library, in the shape that a Swift package wants it.
fn generate(package: &Path) -> Result<(), String> {
    let written = process::target("swift-generated")?;
    bindings::write("swift", &written)?;
    let folder = package.join("Generated");
    for (from, to) in [
        ("BeistandFFI.swift", "BeistandFFI/BeistandFFI.swift"),
        ("CBeistandFFI.h", "CBeistandFFI/include/CBeistandFFI.h"),
        ("CBeistandFFI.modulemap", "CBeistandFFI/include/module.modulemap"),
    ] {
        let text = fs::read_to_string(written.join(from)).map_err(|error| format!("{from}: {error}"))?;
        write_if_new(&folder.join(to), &text)?;
    }
    write_if_new(&folder.join("CBeistandFFI/empty.c"), "// The header is all of it.\n")
}

/// A file that did not change keeps its time, and the compiler its work.
fn write_if_new(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    made.map_err(|error| format!("{}: {error}", path.display()))
}

/// What only Apple's systems can compile is at least Swift: the conditions are set to true in copies, which are parsed.
fn parse_apple(swift: &Swift, package: &Path) -> Result<(), String> {
    let scratch = process::target("swift-apple")?;
    let sources = package.join("Sources/Beistand");
    let mut found = 0;
    for entry in fs::read_dir(&sources).map_err(|error| error.to_string())?.flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        if !APPLE_ONLY.iter().any(|condition| text.contains(condition)) {
            continue;
        }
        found += 1;
        let on = APPLE_ONLY.iter().fold(text, |text, condition| text.replace(condition, "#if true"));
        let copy = scratch.join(entry.file_name());
        write_if_new(&copy, &on)?;
        let path = copy.to_string_lossy().into_owned();
        let mut command = swift.command(package, &["swiftc", "-frontend", "-parse", &path])?;
        command.stdin(Stdio::null());
        process::run(&mut command)?;
    }
    if found == 0 {
        Err("no file holds code for Apple's systems: is the list of conditions out of date?".to_owned())
    } else {
        Ok(())
    }
}

/// Passed and failed tests that a line tells of: one of Swift Testing, or the closing line of XCTest.
fn counted(line: &str) -> (u64, u64) {
    let line = line.trim_start();
    let mut words = line.split(' ');
    let sign = words.next().unwrap_or_default();
    if words.next() == Some("Test") && !line.contains(" Test run with ") {
        return match sign {
            "✔" if line.contains(" passed after ") => (1, 0),
            "✘" if line.contains(" failed after ") => (0, 1),
            _ => (0, 0),
        };
    }
    (0, 0)
}

/// Builds the XCFramework that the package takes on Apple's systems.
pub fn package_apple() -> Result<(), String> {
    if !cfg!(target_os = "macos") || !answers("xcodebuild", "-version") {
        return Err("an XCFramework needs Xcode, which runs on macOS only: install it there, then \
                    `rustup target add aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios` and this again"
            .to_owned());
    }
    let scratch = process::target("apple")?;
    let framework = process::root().join(PACKAGE).join("BeistandNative.xcframework");
    if framework.exists() {
        fs::remove_dir_all(&framework).map_err(|error| format!("{}: {error}", framework.display()))?;
    }
    let mut create = Command::new("xcodebuild");
    create.arg("-create-xcframework");
    for (slice, targets) in SLICES {
        let mut lipo = Command::new("lipo");
        lipo.arg("-create");
        for target in targets {
            process::run(&mut process::cargo(&["build", "--release", "-p", "beistand-ffi", "--target", target]))?;
            lipo.arg(process::target(target)?.join("release/libbeistand_ffi.a"));
        }
        let folder = scratch.join(slice);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let library = folder.join("libbeistand_ffi.a");
        process::run(lipo.arg("-output").arg(&library))?;
        create.arg("-library").arg(library);
    }
    process::run(create.arg("-output").arg(&framework))?;
    parts::build().map_err(Fault::said)?;
    generate(&process::root().join(PACKAGE))?;
    println!("{}", framework.display());
    Ok(())
}

fn answers(program: &str, argument: &str) -> bool {
    if env::var_os("PATH").is_none() {
        return false;
    }
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_is_counted_once() {
        assert_eq!(counted("✔ Test aRule() passed after 0.01 seconds."), (1, 0));
        assert_eq!(counted("✘ Test aRule() failed after 0.01 seconds with 1 issue."), (0, 1));
        assert_eq!(counted("✘ Test aRule() recorded an issue at A.swift:1:1: no"), (0, 0));
        assert_eq!(counted("✔ Suite Rules passed after 0.01 seconds."), (0, 0));
        assert_eq!(counted("✔ Test run with 2 tests passed after 0.01 seconds."), (0, 0));
    }
}
