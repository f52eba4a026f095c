//! `cargo xtask bindgen` writes the code that calls the library, `cargo xtask api` keeps what the library exports as text in
//! the repository, so that a change of it shows in a diff. Both ask `beistand-bindgen`, a program of its own, so that this
//! one stays light.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    parts::{Fault, Run},
    process, setup,
};

/// The surface as text.
const SURFACE: &str = "bindings/ffi/api.txt";

/// Where the settings of the generated code are.
const SETTINGS: &str = "bindings/bindgen";

/// What can be written: the name on the command line, which is that of its settings, and the language.
pub const TARGETS: [(&str, &str); 3] = [("kotlin", "kotlin"), ("kotlin-android", "kotlin"), ("swift", "swift")];

/// The library and the program that reads it, built.
struct Tools {
    library: PathBuf,
    bindgen: PathBuf,
}

impl Tools {
    fn build(arguments: &[&str]) -> Result<Self, Fault> {
        setup::for_building()?;
        process::run(process::cargo(&["build"]).args(arguments))?;
        Ok(Self::built()?)
    }

    fn built() -> Result<Self, String> {
        let name = format!("{}beistand_ffi{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
        let library = process::programs()?.join(name);
        Ok(Self { library, bindgen: process::program("beistand-bindgen")? })
    }

    fn write(&self, settings: &str, language: &str, out: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.bindgen);
        command.arg(language).arg("--library").arg(&self.library).arg("--out").arg(out);
        command.arg("--config").arg(process::root().join(SETTINGS).join(format!("{settings}.toml")));
        process::run(command.current_dir(process::root()))?;
        println!("written into {}", out.display());
        Ok(())
    }

    fn ask(&self, what: &str) -> Result<String, String> {
        process::output(Command::new(&self.bindgen).arg(what).arg("--library").arg(&self.library))
    }
}

/// Writes the code of one language into a folder.
pub fn generate(target: &str, out: &Path) -> Result<(), String> {
    let Some((settings, language)) = TARGETS.iter().find(|(name, _)| *name == target) else {
        let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        return Err(format!("cannot write {target:?}; there are {}", known.join(" ")));
    };
    Tools::build(&["-p", "beistand-ffi", "-p", "beistand-bindgen"]).map_err(Fault::said)?.write(settings, language, out)
}

/// The same with what the build of the whole workspace has left.
pub fn write(target: &str, out: &Path) -> Result<(), String> {
    let (settings, language) = TARGETS.iter().find(|(name, _)| *name == target).ok_or("no such language")?;
    Tools::built()?.write(settings, language, out)
}

/// Writes the surface into the repository, or only looks whether it has changed.
pub fn surface(check: bool) -> Result<(), String> {
    let tools = Tools::build(&["-p", "beistand-ffi", "-p", "beistand-bindgen"]).map_err(Fault::said)?;
    let now = tools.ask("surface")?;
    if check {
        return compare(&now);
    }
    let path = process::root().join(SURFACE);
    fs::write(&path, now).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("written into {SURFACE}");
    Ok(())
}

/// The part `api`: the surface is the one in the repository, and both flavours have it, with the same checksums.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    // The flavour with calls first: the one without is what the other parts find afterwards.
    let calls = Tools::build(&["--workspace", "--features", "beistand-ffi/calls"])?;
    let with_calls = (calls.ask("surface")?, calls.ask("checksums")?);
    let chat = Tools::build(&["--workspace"])?;
    let without = (chat.ask("surface")?, chat.ask("checksums")?);
    if with_calls.0 != without.0 {
        return Err(Fault::Failed(format!(
            "the flavours of the library export different things; bindings of one would not load the other:\n{}",
            difference(&without.0, &with_calls.0)
        )));
    }
    if with_calls.1 != without.1 {
        let said = difference(&without.1, &with_calls.1);
        return Err(Fault::Failed(format!("the flavours of the library have different checksums:\n{said}")));
    }
    compare(&without.0)?;
    run.note = format!("{} calls, the same in both flavours", without.1.lines().count());
    Ok(())
}

fn compare(now: &str) -> Result<(), String> {
    let before = fs::read_to_string(process::root().join(SURFACE)).unwrap_or_default();
    if before == now {
        return Ok(());
    }
    let said = difference(&before, now);
    Err(format!("{said}\nthe exported surface is not the one in {SURFACE}; if that is meant: cargo xtask api"))
}

/// The lines that only one of both has.
pub fn difference(before: &str, now: &str) -> String {
    let only = |one: &str, other: &str, sign: char| {
        one.lines()
            .filter(|line| !other.lines().any(|it| it == *line))
            .map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    only(before, now, '-') + &only(now, before, '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_and_what_is_gone_is_told() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), "- a\n+ c\n");
    }
}
