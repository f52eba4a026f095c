//! Writes what lies between the library and its façades: Kotlin, Swift, and the exported surface as text.
//!
//! A package of its own, so that `xtask`, which is built first and by everybody, stays light. Called by
//! `cargo xtask bindgen` and `cargo xtask api`.

#![allow(clippy::print_stdout, reason = "the surface goes to whoever asked for it")]

mod surface;

use std::error::Error;
use std::process::ExitCode;

use lexopt::prelude::*;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

const HELP: &str = "\
beistand-bindgen kotlin|swift --library FILE --config FILE --out DIR   code that calls the library
beistand-bindgen surface --library FILE                                what the library exports, as text
beistand-bindgen checksums --library FILE                              the checksum of each call, as text
";

fn main() -> ExitCode {
    match run(lexopt::Parser::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: lexopt::Parser) -> Result<(), Box<dyn Error>> {
    let (mut what, mut library, mut config, mut out) = (String::new(), None, None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("library") => library = Some(args.value()?.string()?),
            Long("config") => config = Some(args.value()?.string()?),
            Long("out") => out = Some(args.value()?.string()?),
            Value(name) if what.is_empty() => what = name.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let library = library.ok_or("--library is missing")?;
    let language = match what.as_str() {
        "kotlin" => TargetLanguage::Kotlin,
        "swift" => TargetLanguage::Swift,
        "surface" => {
            print!("{}", surface::text(&surface::read(&library)?));
            return Ok(());
        }
        "checksums" => {
            print!("{}", surface::checksums(&surface::read(&library)?));
            return Ok(());
        }
        other => return Err(format!("no command is called {other:?}").into()),
    };
    generate(GenerateOptions {
        languages: vec![language],
        source: library.into(),
        out_dir: out.ok_or("--out is missing")?.into(),
        config_override: Some(config.ok_or("--config is missing")?.into()),
        format: false,
        crate_filter: None,
        metadata_no_deps: true,
    })?;
    Ok(())
}
