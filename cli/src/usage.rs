//! What is said about a wrong command line: one line for people, one document for scripts, exit code 2.

use std::io::Write;

use clap::error::ErrorKind;
use serde_json::json;

use crate::exit::Exit;

/// Tells what is wrong on the command line, or prints the help that was asked for.
pub fn refuse(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone needs no help.
            let _ = error.print();
            return Exit::Done;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
        }
        _ => {
            let _ = writeln!(std::io::stderr(), "beistand: {}", in_one_line(&error.render().to_string()));
        }
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let detail = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                "A command is missing; see `beistand --help`.".into()
            }
            _ => in_one_line(&error.render().to_string()),
        };
        let _ = writeln!(std::io::stdout(), "{}", json!({"error": {"code": "usage", "detail": detail}}));
    }
    Exit::Usage
}

/// What clap says in a paragraph, without the usage that follows it.
fn in_one_line(rendered: &str) -> String {
    let said = rendered.trim_start_matches("error: ").lines().map(str::trim);
    let said = said.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let said: Vec<_> = said.filter(|line| !line.is_empty()).collect();
    format!("{}. Nothing was done; see --help.", said.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser;

    #[test]
    fn a_complaint_is_one_line() {
        let error = Arguments::try_parse_from(["beistand", "open", "--subject", "S"]).unwrap_err();
        let line = in_one_line(&error.render().to_string());
        assert_eq!(
            line,
            "the following required arguments were not provided: --text <TEXT>. Nothing was done; see --help."
        );
        let error = Arguments::try_parse_from(["beistand", "open", "--priority", "max"]).unwrap_err();
        assert!(in_one_line(&error.render().to_string()).contains("urgent"));
    }
}
