//! How fast the line is. Each measure runs the real parts (the core with its database, the server as a process of its
//! own) over loopback, and stands beside a reference that the same machine gives in the same run.
//!
//! `cargo xtask bench` builds and starts it, and keeps the table in `docs/performance.md`.

#![allow(clippy::print_stdout, reason = "talking to a terminal is what this program is for")]

mod cold;
mod enqueue;
mod faq;
mod figures;
mod flush;
mod machine;
mod page;
mod people;
mod phone;
mod server;
mod sockets;
mod swarm;
mod traffic;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;

use figures::Row;

/// Anything that ends a measure with a sentence.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The measures, in this order.
const NAMES: [&str; 8] = ["enqueue", "flush", "writes", "sockets", "sync", "wire", "open", "faq"];

/// How it runs.
pub struct Run {
    /// Tiny numbers: shows that everything still works, says nothing about speed.
    pub quick: bool,
    scratch: tempfile::TempDir,
}

impl Run {
    /// A new folder for one measure, on the disk that holds the build.
    pub fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.scratch.path().join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// How often a short measure is repeated.
    pub fn times(&self, usual: usize) -> usize {
        if self.quick { 1 } else { usual }
    }
}

struct Options {
    names: Vec<String>,
    quick: bool,
    /// The page that keeps the table.
    write: Option<PathBuf>,
    /// The commit, to be named there.
    commit: String,
    /// A cache to be searched by a process that has done nothing else: tells its memory.
    faq_memory: Option<PathBuf>,
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options { names: Vec::new(), quick: false, write: None, commit: String::new(), faq_memory: None };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("quick") => options.quick = true,
            Long("write") => options.write = Some(arguments.value()?.into()),
            Long("faq-memory") => options.faq_memory = Some(arguments.value()?.into()),
            Long("commit") => options.commit = arguments.value()?.string()?,
            Value(name) => {
                let name = name.string()?;
                if !NAMES.contains(&name.as_str()) {
                    return Err(format!("no measure is called {name}; there are {}", NAMES.join(" ")).into());
                }
                options.names.push(name);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let ended = match &options.faq_memory {
        Some(folder) => faq::tell_memory(folder),
        None => run(&options),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let own = std::env::current_exe()?;
    let beside = own.parent().ok_or("the own program is in no folder")?;
    let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?;
    let machine = machine::described(scratch.path());
    machine.iter().for_each(|line| println!("{line}"));
    let run = Run { quick: options.quick, scratch };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for name in NAMES.iter().filter(|name| options.names.is_empty() || options.names.iter().any(|n| n == *name)) {
        println!("{name} …");
        // Stopped in the middle, what was started ends as well: it is owned by what is dropped here.
        let measured = runtime.block_on(async {
            tokio::select! {
                measured = measure(name, &run) => measured,
                _ = tokio::signal::ctrl_c() => Err("stopped".into()),
                () = terminated() => Err("stopped".into()),
            }
        })?;
        if let Some(broken) = measured.iter().find(|row| !row.figure.is_finite() || row.figure < 0.0) {
            return Err(format!("{name} gave no figure for: {}", broken.what).into());
        }
        println!("{}", figures::text(&measured));
        rows.push((*name, measured));
    }
    if let Some(page) = &options.write {
        page::write(page, &machine, &options.commit, &rows)?;
    }
    Ok(())
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

async fn measure(name: &str, run: &Run) -> Result<Vec<Row>, Failure> {
    match name {
        "enqueue" => enqueue::measure(run).await,
        "flush" => flush::measure(run).await,
        "writes" => writes::measure(run).await,
        "sockets" => sockets::measure(run).await,
        "sync" => cold::sync(run).await,
        "wire" => traffic::measure(run).await,
        "faq" => faq::measure(run).await,
        _ => cold::open(run).await,
    }
}
