//! The part `kotlin`: the packages for the JVM with their tests over the real library and the real server, and a project that
//! takes nothing but the packages, as an app's does.

use crate::{
    maven::{self, Maven},
    parts::{Fault, Run},
    setup,
};

/// Runs the part; needs the built workspace.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    setup::for_kotlin()?;
    let maven = Maven::prepare()?;
    maven.publish(run, &[])?;
    maven.forget()?;
    maven::count(run, &mut maven.run("bindings/kotlin-consumer", &["verify"]))
}
