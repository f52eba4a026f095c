//! What runs on phones, as far as a Linux machine can tell: the core and the bindings are type-checked for Android and iOS,
//! and the library is linked for Android against a C library that has the names which Android has. What comes out of the
//! link measures size, exports and alignment; it is never shipped, and never run.

mod kit;
mod size;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{
    parts::{Fault, Run},
    process, setup,
};

pub use size::measure;

/// Where the library is linked. Another ABI would show the same.
const LINKED: &str = "aarch64-linux-android";

/// Where it is type-checked only.
const CHECKED: [&str; 2] = ["x86_64-linux-android", "aarch64-apple-ios"];

/// What the library may show to others: the calls of UniFFI, and what its generator reads.
const EXPORTS: [&str; 4] = ["uniffi_beistand_ffi_", "ffi_beistand_ffi_", "UNIFFI_META_", "Java_dev_beistand_"];

/// Android's largest pages. A library that is aligned to less is not loaded on such a phone.
const PAGE: u64 = 16 * 1024;

/// The part `targets`.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    setup::for_building()?;
    let nothing = kit::compiles_nothing()?;
    for target in CHECKED {
        setup::rust_target(target)?;
        let mut cargo = process::cargo(&["check", "--package", "beistand-core", "--package", "beistand-ffi"]);
        process::run(cargo.args(["--target", target]).envs(nothing.for_target(target)))?;
    }
    let library = link("dev", &[])?;
    let exports = look_at(&library)?;
    let checked = CHECKED.join(" and ");
    run.note = format!("checked for {checked}; linked for {LINKED}, {exports} exports");
    Ok(())
}

/// Builds the library for Android; tells where it lies. The link fails on a name that Android might not have.
fn link(profile: &str, features: &[&str]) -> Result<std::path::PathBuf, Fault> {
    setup::rust_target(LINKED)?;
    let kit = kit::for_android()?;
    let mut cargo = process::cargo(&["build", "--package", "beistand-ffi", "--profile", profile, "--target", LINKED]);
    process::run(cargo.args(features).envs(kit.for_target(LINKED)))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(process::target(LINKED)?.join(folder).join("libbeistand_ffi.so"))
}

/// Holds a library against what a phone and its neighbours in an app ask of it; tells how many names it exports.
fn look_at(library: &Path) -> Result<usize, Fault> {
    let names = process::output(
        Command::new(kit::LLVM_NM).args(["-D", "--defined-only", "--format=just-symbols"]).arg(library),
    )?;
    let names: BTreeSet<&str> = names.lines().filter(|name| !name.is_empty()).collect();
    let foreign: Vec<&str> =
        names.iter().filter(|name| !EXPORTS.iter().any(|own| name.starts_with(own))).copied().collect();
    if names.is_empty() || !foreign.is_empty() {
        let said = format!("{} exports what could clash with others: {foreign:?}", library.display());
        return Err(Fault::Failed(said));
    }
    let headers = process::output(Command::new(kit::LLVM_READELF).args(["--program-headers", "--wide"]).arg(library))?;
    let aligned = alignments(&headers);
    if aligned.is_empty() || aligned.iter().any(|alignment| alignment % PAGE != 0) {
        return Err(Fault::Failed(format!("{} is not aligned to 16 KB: {aligned:?}", library.display())));
    }
    Ok(names.len())
}

/// How the parts of a library that are loaded are aligned, from lines such as
/// `  LOAD 0x000000 0x0000000000000000 … R E 0x4000`.
fn alignments(headers: &str) -> Vec<u64> {
    let loads = headers.lines().map(str::trim).filter(|line| line.starts_with("LOAD "));
    loads.filter_map(|line| u64::from_str_radix(line.rsplit("0x").next()?, 16).ok()).collect()
}

/// Writes a file, unless it has these contents already: what was built from it stays built.
fn write(path: &Path, contents: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    fs::write(path, contents).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alignment_is_the_last_figure_of_a_line() {
        let headers = "  Type Offset\n  LOAD           0x000000 0x0 0x0 0x7f0 0x7f0 R   0x4000\n  NOTE 0x1 R 0x4\n";
        assert_eq!(alignments(headers), [0x4000]);
    }
}
