//! `beistand-server`: reads flags, opens the server, serves until it is told to stop.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
