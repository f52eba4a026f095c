//! Every command of the project, the same on a laptop and in CI: `cargo xtask demo`, `test` and `bench`.
//!
//! Each command does its own set-up. What is missing is installed where that is allowed, else named with the command
//! that installs it. This package is built first, so it needs no C compiler and few dependencies.

#![allow(clippy::print_stdout, reason = "talking to a terminal is what this program is for")]

mod android;
mod bench;
mod bench_bindings;
mod bindings;
mod demo;
mod errors_page;
mod faq;
mod fuzz;
mod guide;
mod kotlin;
mod layers;
mod licences;
mod links;
mod maven;
mod metadata;
mod package;
mod parts;
mod phones;
mod process;
mod schemathesis;
mod server;
mod setup;
mod swift;
mod swift_api;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use lexopt::prelude::*;

const HELP: &str = "\
cargo xtask demo [--script] [--port N]   a server with sample data and the chat screen of a customer; without a terminal, or with
                                         --script, the whole story plays by itself and every step is checked
cargo xtask demo --lan [--port N]        the same over TLS for real phones in this network
cargo xtask test [PART…] [--full]        everything, or the named parts; --full takes the long runs
cargo xtask bench [NAME…] [--quick]      how fast it is, or the named measures; keeps the tables of docs/performance.md;
                                         --quick only shows that the measures work, and keeps nothing
cargo xtask package apple                the framework that the Swift package takes on Apple's systems; needs Xcode
cargo xtask package android              the archive that Android apps take; the native library in it needs Android's NDK
cargo xtask guide --out DIR              the code of the guide, a file for each block, in DIR/kotlin and DIR/swift
cargo xtask bindgen TARGET --out DIR     code that calls the library: kotlin, kotlin-android or swift
cargo xtask size                         how large the library is for Android; keeps the tables of docs/size.md and the README
cargo xtask api [--check]                keeps what the library exports as text in the repository; --check only compares
";

/// What the command line asks for.
enum Command {
    Help,
    Demo { script: bool, lan: bool, port: u16 },
    Test { names: Vec<String>, full: bool },
    Bench { names: Vec<String>, quick: bool },
    Package { what: String },
    Guide { out: PathBuf },
    Bindgen { target: String, out: PathBuf },
    Api { check: bool },
    Size,
}

fn main() -> ExitCode {
    let outcome = match parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            print!("{HELP}\nParts of the test, in their order: {}\n", parts::names().join(" "));
            return ExitCode::SUCCESS;
        }
        Ok(Command::Demo { script, lan, port }) => demo::run(script, lan, port),
        Ok(Command::Test { names, full }) => parts::run(&names, full),
        Ok(Command::Bench { names, quick }) => bench::run(&names, quick),
        Ok(Command::Package { what }) => package::run(&what),
        Ok(Command::Guide { out }) => take_out(&out),
        Ok(Command::Bindgen { target, out }) => bindings::generate(&target, &out),
        Ok(Command::Api { check }) => bindings::surface(check).and_then(|()| swift::names(check)),
        Ok(Command::Size) => phones::measure(),
        Err(error) => {
            eprint!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn take_out(out: &Path) -> Result<(), String> {
    for (language, folder) in [(guide::Language::Kotlin, "kotlin"), (guide::Language::Swift, "swift")] {
        let [main, test, platform] = guide::write(language, &out.join(folder))?;
        println!("{folder}: {main} blocks, {test} for tests, {platform} for phones alone");
    }
    Ok(())
}

fn parse(mut args: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let command = match args.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected()),
    };
    let (mut script, mut lan, mut port) = (false, false, 0);
    let (mut full, mut quick, mut check, mut names, mut out) = (false, false, false, Vec::new(), None);
    while let Some(arg) = args.next()? {
        match (command.as_str(), arg) {
            (_, Short('h') | Long("help")) => return Ok(Command::Help),
            ("demo", Long("script")) => script = true,
            ("demo", Long("lan")) => lan = true,
            ("demo", Long("port")) => port = args.value()?.parse()?,
            ("test", Long("full")) => full = true,
            ("bench", Long("quick")) => quick = true,
            ("api", Long("check")) => check = true,
            ("guide" | "bindgen", Long("out")) => out = Some(PathBuf::from(args.value()?)),
            ("test" | "bench" | "bindgen" | "package", Value(name)) => names.push(name.string()?),
            (_, other) => return Err(other.unexpected()),
        }
    }
    match command.as_str() {
        "demo" if script && lan => {
            Err("the story plays on this machine alone: --script and --lan exclude each other".into())
        }
        "demo" => Ok(Command::Demo { script, lan, port }),
        "test" => match names.iter().find(|name| !parts::names().contains(&name.as_str())) {
            Some(unknown) => Err(format!("no part is called {unknown}; there are {}", parts::names().join(" ")).into()),
            None => Ok(Command::Test { names, full }),
        },
        "bench" => Ok(Command::Bench { names, quick }),
        "guide" => out.map(|out| Command::Guide { out }).ok_or_else(|| "guide needs --out DIR".into()),
        "bindgen" => match (names.pop(), out) {
            (Some(target), Some(out)) if names.is_empty() => Ok(Command::Bindgen { target, out }),
            _ => Err("bindgen takes one target and --out DIR".into()),
        },
        "api" => Ok(Command::Api { check }),
        "package" => match (names.pop(), package::TARGETS.join(" ")) {
            (Some(what), _) if names.is_empty() => Ok(Command::Package { what }),
            (_, known) => Err(format!("package takes one name: {known}").into()),
        },
        "size" => Ok(Command::Size),
        other => Err(format!("no command is called {other}").into()),
    }
}
