//! The part `android`: the Android side under Robolectric with the real library, and a small app that takes the archive, is
//! minified by R8 in full mode, packed and signed. A test reads what came out.

use crate::{
    maven::{self, Maven},
    package,
    parts::{Fault, Run},
    setup,
};

/// Only the tests of the Android side: those of the packages below it are the part `kotlin`.
const TESTS: [&str; 6] = [
    "-Pandroid",
    "-pl",
    ".,beistand,beistand-android",
    "-Dtest=dev.beistand.android.*Test",
    "-Dsurefire.failIfNoSpecifiedTests=false",
    "-Ddokka.skip=true",
];

/// Runs the part; needs the built workspace.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    setup::for_android()?;
    let maven = Maven::prepare()?;
    maven.publish(run, &TESTS)?;
    let archive = package::archive(&maven)?;
    maven.forget()?;
    let path = format!("-Dbeistand.aar={}", archive.path.display());
    maven::count(run, &mut maven.run("bindings/android-consumer", &["verify", &path]))?;
    if let Some(missing) = archive.missing {
        run.note = format!("without a native library for phones: {missing}");
    }
    Ok(())
}
