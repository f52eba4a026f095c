//! `beistand`, the terminal client: a complete phone on the core, and a small desk for agents, made for scripts and for
//! trying things out. Each command is a process of its own; several may share a data folder.
//!
//! This file only ties the parts together: arguments in, one command, an exit code out.

mod agent;
mod args;
mod chat;
mod eval;
mod exit;
mod faq;
mod harmless;
mod human;
mod input;
mod json;
mod output;
mod person;
mod progress;
mod save;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Arguments, Command},
    exit::{Exit, Failure},
    faq::FaqCommand,
    output::Output,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::refuse(&error).into(),
    };
    let mut output = Output::standard(arguments.place.json);
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(Box::pin(run(arguments, &mut output)));
            // A name look-up of the system that hangs must not keep a command that is done.
            runtime.shutdown_background();
            ended
        }
        Err(_) => Err(Failure::new(Exit::Failed, "runtime", "The system gives no resources to run. Try again later.")),
    };
    match ended {
        Ok(()) => Exit::Done.into(),
        Err(failure) => output.failure(failure).into(),
    }
}

async fn run(arguments: Arguments, output: &mut Output) -> Result<(), Failure> {
    match arguments.command {
        Command::Agent(desk) => agent::run(&arguments.place, desk, output).await,
        Command::Faq(faq) => match faq.command {
            FaqCommand::Eval(eval) => eval::run(eval, output).await,
            command => person::look_into_faq(&arguments.place, command, output).await,
        },
        Command::Person(command) => person::run(&arguments.place, command, output).await,
    }
}
