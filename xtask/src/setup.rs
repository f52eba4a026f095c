//! What has to be on the machine besides Rust. As root on Debian or Ubuntu it is installed, else the command that
//! installs it is named.
//!
//! A linker must be there before this program can run at all; the README names that one line.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::process;

/// A tool that is missing, and what installs it.
pub struct Missing(pub String);

/// Something a part needs.
struct Tool {
    what: &'static str,
    debian: &'static [&'static str],
    there: fn() -> bool,
}

/// Bundled SQLite and ring hold C and assembler.
const C_COMPILER: Tool =
    Tool { what: "a C compiler", debian: &["gcc", "libc6-dev"], there: || answers("cc", &["--version"]) };

/// The client verifies certificates against the system's list and refuses to start without one.
const CERTIFICATES: Tool = Tool {
    what: "the system's certificates",
    debian: &["ca-certificates"],
    there: || cfg!(not(target_os = "linux")) || CERTIFICATE_PLACES.iter().any(|place| Path::new(place).exists()),
};
const CERTIFICATE_PLACES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Schemathesis is a Python program.
const PYTHON: Tool = Tool {
    what: "Python 3 with venv",
    debian: &["python3", "python3-venv"],
    there: || answers("python3", &["-c", "import ensurepip, venv"]),
};

/// The fuzzer's own runtime is C++.
const CXX_COMPILER: Tool = Tool { what: "a C++ compiler", debian: &["g++"], there: || answers("c++", &["--version"]) };

/// Compiles and runs the Kotlin packages.
const JDK: Tool = Tool {
    what: "a JDK, 17 or newer",
    debian: &["openjdk-17-jdk-headless"],
    there: || answers("javac", &["--release", "17", "-version"]) && answers("jar", &["--version"]),
};

/// Builds the Kotlin packages.
const MAVEN: Tool = Tool { what: "Maven", debian: &["maven"], there: || answers("mvn", &["--version"]) };

/// Signs the app that shows that the Android package survives R8.
const APK_SIGNER: Tool =
    Tool { what: "apksigner", debian: &["apksigner"], there: || answers("apksigner", &["--version"]) };

/// Compiles and links for Android where there is no NDK.
const LLVM: Tool = Tool {
    what: "clang 19 with lld",
    debian: &["clang-19", "lld-19", "llvm-19"],
    there: || ["clang-19", "ld.lld-19", "llvm-ar-19"].iter().all(|program| answers(program, &["--version"])),
};

/// What linking for Android needs.
pub fn android_linker() -> Result<(), Missing> {
    require(&[LLVM])
}

/// Makes sure that Rust's standard library is there for a target.
pub fn rust_target(target: &str) -> Result<(), Missing> {
    let installed = process::output(Command::new("rustup").args(["target", "list", "--installed"])).unwrap_or_default();
    if installed.lines().any(|line| line.trim() == target) {
        return Ok(());
    }
    println!("installing Rust's standard library for {target}");
    process::run(Command::new("rustup").args(["target", "add", target])).map_err(|error| {
        Missing(format!(
            "the target {target} is missing: rustup target add {target} ({error}). Without rustup Debian has \
             rustc-web, cargo-web and rust-web-src: RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 /usr/bin/cargo check \
             -Zbuild-std=std,panic_unwind --target {target} -p beistand-ffi"
        ))
    })
}

/// What every build needs.
pub fn for_building() -> Result<(), Missing> {
    require(&[C_COMPILER, CERTIFICATES])
}

/// What the Kotlin packages need.
pub fn for_kotlin() -> Result<(), Missing> {
    require(&[C_COMPILER, CERTIFICATES, JDK, MAVEN])
}

/// What the Android package needs besides.
pub fn for_android() -> Result<(), Missing> {
    require(&[C_COMPILER, CERTIFICATES, JDK, MAVEN, APK_SIGNER])
}

/// A Python environment of this name that holds exactly the pinned packages of `requirements`.
pub fn python_environment(name: &str, requirements: &Path) -> Result<PathBuf, Missing> {
    require(&[PYTHON])?;
    let broken = |error: String| Missing(format!("the Python environment cannot be made: {error}"));
    let folder = process::target(name).map_err(broken)?;
    let wanted = std::fs::read_to_string(requirements)
        .map_err(|error| broken(format!("{}: {error}", requirements.display())))?;
    let stamp = folder.join("requirements.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    println!("installing the Python packages of {}", requirements.display());
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).map_err(broken)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    process::run(pip.arg("--requirement").arg(requirements)).map_err(broken)?;
    std::fs::write(&stamp, wanted).map_err(|error| broken(format!("{}: {error}", stamp.display())))?;
    Ok(folder)
}

/// The version of `cargo-fuzz` that the fuzz targets are known to work with.
const CARGO_FUZZ: &str = "0.13.2";

/// The folder with `cargo-fuzz`, which is built from the Rust registry the first time, and the nightly toolchain that it
/// needs, which `rustup` fetches.
pub fn fuzzer() -> Result<PathBuf, Missing> {
    require(&[C_COMPILER, CXX_COMPILER])?;
    let broken = |error: String| Missing(format!("the fuzzer cannot be installed: {error}"));
    if !answers("rustup", &["run", "nightly", "cargo", "--version"]) {
        println!("installing a nightly toolchain");
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal", "--no-self-update"]);
        process::run(&mut rustup).map_err(|error| {
            Missing(format!("a nightly toolchain is missing: rustup toolchain install nightly ({error})"))
        })?;
    }
    let folder = process::target("tools").map_err(broken)?;
    let programs = folder.join("bin");
    let fuzz = programs.join(format!("cargo-fuzz{}", env::consts::EXE_SUFFIX));
    let says = process::output(Command::new(&fuzz).arg("--version")).unwrap_or_default();
    if says.trim() != format!("cargo-fuzz {CARGO_FUZZ}") {
        println!("installing cargo-fuzz {CARGO_FUZZ}");
        let mut install = process::cargo(&["install", "cargo-fuzz", "--locked", "--force", "--version", CARGO_FUZZ]);
        process::run(install.arg("--root").arg(&folder)).map_err(broken)?;
    }
    Ok(programs)
}

/// Makes a Debian root, for Swift where this Debian has none.
const DEBOOTSTRAP: Tool = Tool {
    what: "Swift 6 on PATH, or debootstrap to make a root with it",
    debian: &["debootstrap"],
    there: || answers("debootstrap", &["--version"]),
};

/// What the root with Swift is made with.
pub fn for_swift_root() -> Result<(), Missing> {
    require(&[DEBOOTSTRAP])
}

/// Whether a missing tool fails the run: in CI it does, on a laptop it is said at the end.
pub fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn require(tools: &[Tool]) -> Result<(), Missing> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !(tool.there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = missing.iter().map(|tool| tool.what).collect::<Vec<_>>().join(" and ");
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.debian).copied().collect();
    let advice = format!("{what} is missing; on Debian or Ubuntu: apt-get install -y {}", packages.join(" "));
    if !answers("apt-get", &["--version"]) || process::output(Command::new("id").arg("-u")).as_deref() != Ok("0\n") {
        return Err(Missing(advice));
    }
    println!("installing {what}: apt-get install -y {}", packages.join(" "));
    let install = || {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"])
            .args(&packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut apt)
    };
    // A fresh machine has no package lists yet; a machine that has them is spared the look-up.
    let done =
        install().or_else(|_| process::run(Command::new("apt-get").args(["update", "-qq"])).and_then(|()| install()));
    match done {
        Ok(()) if missing.iter().all(|tool| (tool.there)()) => Ok(()),
        Ok(()) => Err(Missing(format!("{advice} (done, and still missing)"))),
        Err(error) => Err(Missing(format!("{advice} ({error})"))),
    }
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
