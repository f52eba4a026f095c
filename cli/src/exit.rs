//! How a command ends: the exit codes that scripts look at, and a failure as one sentence that says what happened, what is
//! safe and what to do. Codes are the stable ones of `docs/errors.md`; no sentence holds what a person wrote.

use std::process::ExitCode;

use beistand_core::protocol::{Code, Problem};
use beistand_core::{Error, ErrorKind, LoginError};
use serde_json::{Value, json};

/// The exit codes. They are documented in `--help` and never change their meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Anything that has no code of its own.
    Failed = 1,
    /// The command line, or a text or value in it, is wrong; nothing was stored.
    Usage = 2,
    /// Not delivered within `--wait` or `--timeout`; what was written is safe.
    NotDelivered = 3,
    /// There is no such thing.
    NotFound = 4,
    /// The server refused.
    Refused = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The stable name of what went wrong.
    pub code: String,
    /// One line for people.
    pub sentence: String,
    /// What the command has to tell all the same, as JSON: the error becomes a member of it.
    pub document: Option<Value>,
}

impl Failure {
    /// A failure with nothing else to tell.
    pub fn new(exit: Exit, code: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { exit, code: code.into(), sentence: sentence.into(), document: None }
    }

    /// The command line is wrong in a way that only shows once it is read.
    pub fn usage(code: &str, sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, sentence)
    }

    /// Whoever reads the output has enough: no failure, and nothing is left to say.
    pub fn nobody_reads() -> Self {
        Self::new(Exit::Done, "", "")
    }

    /// Adds what the command has to tell all the same.
    #[must_use]
    pub fn telling(mut self, document: Value) -> Self {
        self.document = Some(document);
        self
    }

    /// The one document that `--json` prints.
    pub fn to_json(&self) -> Value {
        let error = json!({"code": self.code, "detail": self.sentence});
        match self.document.clone() {
            Some(Value::Object(mut members)) => {
                members.insert("error".into(), error);
                Value::Object(members)
            }
            _ => json!({"error": error}),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // To the core every installation is a phone.
        let detail = error.detail.replace(" on this phone", " here");
        let detail = detail.as_str();
        let (exit, sentence) = match error.kind {
            ErrorKind::InvalidInput(_) => {
                // The rule first, then the member at fault, in the words of the protocol.
                let (member, rule) = detail.split_once(": ").unwrap_or(("", detail));
                let place = if member.is_empty() { String::new() } else { format!(" ({member})") };
                (Exit::Usage, format!("Not accepted: {rule}{place}. Nothing was stored; change it and try again."))
            }
            ErrorKind::NotFound => (
                Exit::NotFound,
                format!(
                    "{}. Nothing was changed. See `beistand list` and `beistand outbox`; `beistand sync` fetches what is \
                     new.",
                    capital(detail)
                ),
            ),
            ErrorKind::TooLate => (Exit::Failed, format!("{}. Nothing was changed.", capital(detail))),
            ErrorKind::OutboxFull => (
                Exit::Failed,
                "The outbox is full, so this was not stored. What waits is safe: `beistand flush` sends it.".into(),
            ),
            ErrorKind::StorageFull => {
                (Exit::Failed, "The disk is full, so nothing was stored. Make room and try again.".into())
            }
            ErrorKind::StorageDamaged => (
                Exit::Failed,
                "The local database was damaged. It was moved aside and what could be read is kept: run the command again."
                    .into(),
            ),
            ErrorKind::Storage => (
                Exit::Failed,
                format!("The local database cannot be used ({detail}). Nothing was changed; see whether --data is a folder that you may write to."),
            ),
            ErrorKind::Configuration => {
                (Exit::Usage, format!("{}. Nothing was done; see --server, --app-key and --data.", capital(detail)))
            }
            ErrorKind::Unreadable | ErrorKind::LocationRemains => {
                (Exit::Usage, format!("{}. Nothing was stored.", capital(detail)))
            }
            ErrorKind::Faq(_) => (Exit::Failed, format!("{}. The articles that were here before stay.", capital(detail))),
            ErrorKind::LoginFailed(LoginError::Refused(code)) => return refused(code, None),
            ErrorKind::LoginFailed(_) => (Exit::Usage, format!("{}. Nothing was changed; see --token-file.", capital(detail))),
            ErrorKind::Unreachable => (Exit::Failed, NO_CONNECTION.into()),
            ErrorKind::Refused(code) => return refused(code, None),
            _ => (Exit::Failed, format!("{}.", capital(detail))),
        };
        Self::new(exit, error.kind.code(), sentence)
    }
}

/// What to say while the server cannot be reached and nothing was to be stored.
pub const NO_CONNECTION: &str =
    "No connection to the server. What is stored here is safe; run the command again when the network is back.";

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem.known_code() {
            Some(code) => refused(code, problem.retry_after),
            None => Self::new(
                Exit::Refused,
                problem.code,
                "The server refused for a reason that this version does not know. Update beistand, or ask whoever runs the \
                 server.",
            ),
        }
    }
}

fn refused(code: Code, retry_after: Option<u64>) -> Failure {
    let title = code.title();
    let (exit, advice) = match code {
        Code::NotFound | Code::UnknownAgent => {
            (Exit::NotFound, "Nothing was changed; see the lists for what there is.".into())
        }
        Code::WrongPassword => (Exit::Refused, "Nothing was changed; see --user and --password.".into()),
        Code::UnknownApp => (Exit::Refused, "What is stored here is safe; see --app-key.".into()),
        Code::RateLimited => match retry_after {
            Some(seconds) => (Exit::Refused, format!("Nothing was changed; try again in {seconds} s.")),
            None => (Exit::Refused, "Nothing was changed; try again later.".into()),
        },
        Code::UpdateRequired => (Exit::Refused, "What is stored here is safe; update beistand.".into()),
        Code::Internal | Code::Unavailable => (Exit::Failed, "What is stored here is safe; try again later.".into()),
        _ => (Exit::Refused, "Nothing was changed.".into()),
    };
    Failure::new(exit, code.as_str(), format!("The server refused. {title}. {advice}"))
}

fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exit_code_has_its_number() {
        let numbers = [Exit::Done, Exit::Failed, Exit::Usage, Exit::NotDelivered, Exit::NotFound, Exit::Refused];
        assert_eq!(numbers.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_error_becomes_a_member_of_what_is_told() {
        let failure = Failure::new(Exit::NotDelivered, "not-delivered", "Not yet.");
        assert_eq!(failure.to_json(), json!({"error": {"code": "not-delivered", "detail": "Not yet."}}));
        let told = failure.telling(json!({"message": "m"})).to_json();
        assert_eq!(told, json!({"message": "m", "error": {"code": "not-delivered", "detail": "Not yet."}}));
    }

    #[test]
    fn a_refusal_is_5_a_missing_thing_4_and_a_broken_server_1() {
        for code in Code::ALL {
            let failure = Failure::from(Problem::new(*code, "for developers"));
            let expected = match code {
                Code::NotFound | Code::UnknownAgent => Exit::NotFound,
                Code::Internal | Code::Unavailable => Exit::Failed,
                _ => Exit::Refused,
            };
            assert_eq!((failure.exit, failure.code.as_str()), (expected, code.as_str()));
            assert!(!failure.sentence.contains("for developers"));
        }
        let mut foreign = Problem::new(Code::Internal, "x");
        foreign.code = "moon-phase".into();
        assert_eq!(
            (Failure::from(foreign.clone()).exit, Failure::from(foreign).code.as_str()),
            (Exit::Refused, "moon-phase")
        );
    }
}
