//! `cargo xtask package android`: the archive (AAR) that Android apps take. It holds the classes, a manifest, the rules for
//! R8, and the native library for each kind of processor.
//!
//! The library needs Google's NDK and `cargo-ndk`. Without them the archive is put together all the same, so that the rest
//! of it can be tested, but under a name that nobody publishes by accident.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    maven::{self, Maven},
    parts::{self, Counts, Fault, Run},
    process, setup, swift,
};

/// The kinds of processor that Android phones and their emulators have.
const ABIS: [&str; 3] = ["arm64-v8a", "armeabi-v7a", "x86_64"];

/// The oldest Android that the library is linked for.
const MIN_SDK: &str = "26";

/// What goes into the archive besides the classes.
const FILES: &str = "bindings/kotlin/beistand-android/src/main/android";

/// What is published beside it.
const POM: &str = "bindings/kotlin/beistand-android/publish/pom.xml";

/// An archive.
pub struct Archive {
    /// Where it is.
    pub path: PathBuf,
    /// Why it has no native library, if it has none.
    pub missing: Option<String>,
}

/// What can be packaged.
pub const TARGETS: [&str; 2] = ["android", "apple"];

/// Makes one of them.
pub fn run(what: &str) -> Result<(), String> {
    match what {
        "android" => android(),
        "apple" => swift::package_apple(),
        _ => Err(format!("cannot package {what:?}; there is {}", TARGETS.join(" "))),
    }
}

/// Makes the archive and tells where it is.
fn android() -> Result<(), String> {
    let make = || -> Result<Archive, Fault> {
        setup::for_kotlin()?;
        parts::build()?;
        let maven = Maven::prepare()?;
        let mut run = Run { full: false, counts: Counts::default(), note: String::new() };
        maven.publish(&mut run, &["-Pandroid", "-DskipTests", "-Ddokka.skip=true"])?;
        archive(&maven)
    };
    let archive = make().map_err(Fault::said)?;
    println!("{}", archive.path.display());
    match archive.missing {
        None => Ok(()),
        Some(missing) => Err(format!("this archive has no native library and cannot be published: {missing}")),
    }
}

/// Puts the archive together from the published classes.
pub fn archive(maven: &Maven) -> Result<Archive, Fault> {
    let folder = process::target("package")?;
    let (content, version) = (folder.join("android"), env!("CARGO_PKG_VERSION"));
    maven::empty(&content)?;
    let files = process::root().join(FILES);
    for name in ["AndroidManifest.xml", "proguard.txt"] {
        copy(&files.join(name), &content.join(name))?;
    }
    let classes = format!("dev/beistand/beistand-android/{version}/beistand-android-{version}.jar");
    copy(&maven.repository.join(classes), &content.join("classes.jar"))?;
    // Gradle expects the list of resources, even where there are none.
    fs::write(content.join("R.txt"), "").map_err(|error| error.to_string())?;
    let missing = native(&content.join("jni"))?;
    let mark = if missing.is_some() { "-no-native" } else { "" };
    let name = format!("beistand-android-{version}{mark}");
    let pom = fs::read_to_string(process::root().join(POM)).map_err(|error| format!("{POM}: {error}"))?;
    fs::write(folder.join(format!("{name}.pom")), pom.replace("@VERSION@", version))
        .map_err(|error| error.to_string())?;
    let path = folder.join(format!("{name}.aar"));
    if path.exists() {
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    // The JDK's own; the date makes two archives of the same content the same bytes.
    let mut jar = Command::new("jar");
    jar.args(["--create", "--no-manifest", "--date=2026-01-01T00:00:00Z"]).arg("--file").arg(&path);
    process::run(jar.arg("-C").arg(&content).arg("."))?;
    Ok(Archive { path, missing })
}

/// Builds the native library for all phones; tells what is missing for that.
fn native(out: &Path) -> Result<Option<String>, Fault> {
    let ndk = ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"].iter().find_map(env::var_os).map(PathBuf::from);
    let Some(ndk) = ndk.filter(|path| path.is_dir()) else {
        return Ok(Some("ANDROID_NDK_HOME names no folder with Android's NDK".into()));
    };
    if process::output(&mut process::cargo(&["ndk", "--version"])).is_err() {
        return Ok(Some("cargo-ndk is missing: cargo install cargo-ndk --locked".into()));
    }
    let mut command = process::cargo(&["ndk", "--platform", MIN_SDK]);
    for abi in ABIS {
        command.args(["--target", abi]);
    }
    command.arg("--output-dir").arg(out).args(["build", "--release", "-p", "beistand-ffi"]);
    // Newer phones load only what is aligned to pages of 16 KB.
    command.env("RUSTFLAGS", "-C link-arg=-Wl,-z,max-page-size=16384").env("ANDROID_NDK_HOME", ndk);
    process::run(&mut command)?;
    Ok(None)
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(|_| ()).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}
