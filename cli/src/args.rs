//! The command line. What is wrong on it is found here, before anything is opened: ids that are no UUIDs, fields without a
//! value, impossible times. `--help` is the reference, so exit codes and the rules of `--json` stand in it.

use std::{path::PathBuf, time::Duration};

use beistand_core::protocol::{AttachmentId, ConversationId, MessageId, Priority, Status};
use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::faq::{self, FaqArguments};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  anything else that went wrong, such as no connection in `sync` or a full disk
  2  the command line is wrong, or a text or value in it breaks a rule; nothing was stored
  3  not delivered within --wait or --timeout; what was written is safe and leaves by itself later
  4  there is no such conversation, message, row, agent or article
  5  the server refused; also if what is left in the outbox waits for a decision (the code is named)

With --json every command prints JSON documents, one a line. If the exit code is not 0, the last document has a member
\"error\": {\"code\", \"detail\"}; its codes are listed in docs/errors.md. The sentence also goes to standard error.

A TEXT of - is read from standard input (UTF-8). Times are shown in UTC.";

/// What every command takes stands apart in its help.
const COMMON: &str = "Common options";

/// Support in a terminal: write as a person, online or not, or answer as an agent.
#[derive(Parser, Debug)]
#[command(name = "beistand", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub place: Place,
    #[command(subcommand)]
    pub command: Command,
}

/// Which server, which app, which folder, and how to say what came of it.
#[derive(Args, Debug)]
pub struct Place {
    /// Address of the server, without /v1
    #[arg(long, global = true, env = "BEISTAND_SERVER", hide_env_values = true, help_heading = COMMON, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// Names the app at the server
    #[arg(long, global = true, env = "BEISTAND_APP_KEY", hide_env_values = true, help_heading = COMMON, value_name = "KEY", default_value = "demo")]
    pub app_key: String,
    /// Folder of the local database [default: $XDG_DATA_HOME/beistand, ~/.local/share/beistand or ./.beistand]
    #[arg(long, global = true, env = "BEISTAND_DATA", hide_env_values = true, help_heading = COMMON, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Certificates of authorities in PEM that are trusted besides the system's
    #[arg(long, global = true, env = "BEISTAND_CA_FILE", hide_env_values = true, help_heading = COMMON, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Articles that are there without a network, as `beistand-server faq bundle` writes them; may be repeated
    #[arg(long, global = true, env = "BEISTAND_FAQ_SEED", hide_env_values = true, help_heading = COMMON, value_name = "FILE")]
    pub faq_seed: Vec<PathBuf>,
    /// Public key that articles must be signed with, see `beistand-server faq key`
    #[arg(long, global = true, env = "BEISTAND_FAQ_KEY", hide_env_values = true, help_heading = COMMON, value_name = "BASE64", value_parser = faq::key)]
    pub faq_key: Option<[u8; 32]>,
    /// Print JSON documents, one a line
    #[arg(long, global = true, help_heading = COMMON)]
    pub json: bool,
}

/// What is to be done, and for whom.
#[derive(Subcommand, Debug)]
pub enum Command {
    #[command(flatten)]
    Person(PersonCommand),
    /// Work as an agent: list, show, reply, note, assign, status, watch, faq
    Agent(AgentArguments),
    /// Find answers, offline too: search, show, suggest, list, rate, refresh
    Faq(FaqArguments),
}

/// What a person does.
#[derive(Subcommand, Debug)]
pub enum PersonCommand {
    /// Open a conversation and print its id, offline too
    Open(Open),
    /// Send a message and print its id once it is safe on disk, offline too
    Send {
        /// Id of the conversation
        conversation: ConversationId,
        /// The words; - reads standard input; may be left out if there is a file
        #[arg(
            allow_hyphen_values = true,
            required_unless_present = "attach",
            default_value = "",
            hide_default_value = true
        )]
        text: String,
        /// A file to send along; may be repeated
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
        /// Stay until it is delivered, at most so many seconds
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        wait: Option<Duration>,
    },
    /// List the conversations of the local store
    List,
    /// Show a conversation of the local store with its messages
    Show {
        /// Id of the conversation
        conversation: ConversationId,
        /// Fetch older messages that are only at the server
        #[arg(long)]
        all: bool,
    },
    /// List what waits to be sent
    Outbox,
    /// Try a row of the outbox again
    Retry {
        /// Id of the row, its message or its conversation
        id: Uuid,
    },
    /// Give up a row of the outbox
    Discard {
        /// Id of the row, its message or its conversation
        id: Uuid,
    },
    /// Change the words of a message, sent or not
    Edit {
        /// Id of the message or of its row
        id: MessageId,
        /// The new words; - reads standard input
        #[arg(allow_hyphen_values = true)]
        text: String,
    },
    /// Take a message back, sent or not
    #[command(visible_alias = "cancel")]
    Retract {
        /// Id of the message or of its row
        id: MessageId,
    },
    /// Mark everything in a conversation as read
    Read {
        /// Id of the conversation
        conversation: ConversationId,
    },
    /// Work until the outbox is empty
    Flush {
        /// Give up after so many seconds
        #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
        timeout: Duration,
    },
    /// Fetch what is new, once
    Sync,
    /// Print what happens in a conversation until Ctrl-C
    Watch {
        /// Id of the conversation
        conversation: ConversationId,
        /// Mark what is shown as read
        #[arg(long)]
        read: bool,
        /// End by itself after so many seconds
        #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
        time: Option<Duration>,
    },
    /// Show the conversations on a screen, to read and write in a terminal
    Chat {
        /// Id of the conversation to begin with
        conversation: Option<ConversationId>,
        /// Language of the screen [default: that of LC_ALL, LC_MESSAGES or LANG]
        #[arg(long, value_enum)]
        lang: Option<Language>,
    },
    /// Fetch a file of a message, see the ids in `show`
    Fetch {
        /// Id of the file
        attachment: AttachmentId,
        /// Where to put it; - is standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Close a conversation
    Close {
        /// Id of the conversation
        conversation: ConversationId,
    },
    /// Open a closed or solved conversation again
    Reopen {
        /// Id of the conversation
        conversation: ConversationId,
    },
    /// Show the categories, fields and limits that the server announced
    Config,
    /// Say who you are, with a token of the app's backend
    Login {
        /// File with the token; - reads standard input
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
    },
    /// Sign out, or begin anew as somebody whom nobody knows
    Logout(Logout),
    /// Print who is signed in
    Whoami,
}

/// What becomes of that which waits; ten seconds to leave, if nothing is said.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub struct Logout {
    /// What waits leaves later, with the next commands
    #[arg(long)]
    pub keep: bool,
    /// What waits is thrown away
    #[arg(long)]
    pub discard: bool,
    /// What waits may take so many seconds to leave; the rest is kept
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub send_first: Option<Duration>,
}

/// A language that the screen of `chat` speaks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Language {
    De,
    En,
}

/// A new conversation.
#[derive(Args, Debug)]
pub struct Open {
    /// What it is about; one line
    #[arg(long, allow_hyphen_values = true)]
    pub subject: String,
    /// The first message; - reads standard input
    #[arg(long, allow_hyphen_values = true)]
    pub text: String,
    /// One of the announced categories, see `beistand config`
    #[arg(long)]
    pub category: Option<String>,
    /// How pressing it is
    #[arg(long, value_enum, default_value = "normal")]
    pub priority: PriorityName,
    /// Value of an announced field; may be repeated
    #[arg(long = "field", value_name = "KEY=VALUE", value_parser = field)]
    pub fields: Vec<(String, String)>,
    /// A file to send along; may be repeated
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Stay until it is delivered, at most so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub wait: Option<Duration>,
    /// Name articles of the FAQ that may answer it already, once it is safe
    #[arg(long)]
    pub suggest: bool,
}

/// A priority as it stands on the command line.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum PriorityName {
    Low,
    Normal,
    High,
    Urgent,
}

impl From<PriorityName> for Priority {
    fn from(name: PriorityName) -> Self {
        match name {
            PriorityName::Low => Self::Low,
            PriorityName::Normal => Self::Normal,
            PriorityName::High => Self::High,
            PriorityName::Urgent => Self::Urgent,
        }
    }
}

/// A status as it stands on the command line.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum StatusName {
    Open,
    Pending,
    Solved,
    Closed,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Open => Self::Open,
            StatusName::Pending => Self::Pending,
            StatusName::Solved => Self::Solved,
            StatusName::Closed => Self::Closed,
        }
    }
}

/// An agent and what they do.
#[derive(Args, Debug)]
pub struct AgentArguments {
    /// The agent's name
    #[arg(long, env = "BEISTAND_USER", hide_env_values = true, value_name = "NAME")]
    pub user: String,
    /// The agent's password; - reads the first line of standard input
    #[arg(
        long,
        env = "BEISTAND_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD",
        allow_hyphen_values = true
    )]
    pub password: String,
    #[command(subcommand)]
    pub command: AgentCommand,
}

/// What an agent does. It all needs the server.
#[derive(Subcommand, Debug)]
pub enum AgentCommand {
    /// List conversations, the newest change first
    List {
        /// Only those with this status
        #[arg(long, value_enum)]
        status: Option<StatusName>,
    },
    /// Show a conversation with everything said, notes too, and mark it as read
    Show {
        /// Id of the conversation
        id: ConversationId,
    },
    /// Answer the person
    Reply(Words),
    /// Write a note that only agents see
    Note(Words),
    /// Fetch a file of a message
    Fetch {
        /// Id of the file
        attachment: AttachmentId,
        /// Where to put it; - is standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Give a conversation to an agent; without a name, to yourself
    Assign {
        /// Id of the conversation
        id: ConversationId,
        /// Name or id of the agent
        agent: Option<String>,
        /// Give it back, so that nobody has it
        #[arg(long, conflicts_with = "agent")]
        nobody: bool,
    },
    /// Set the status of a conversation
    Status {
        /// Id of the conversation
        id: ConversationId,
        #[arg(value_enum)]
        status: StatusName,
    },
    /// Print what changes until Ctrl-C
    Watch {
        /// End by itself after so many seconds
        #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
        time: Option<Duration>,
    },
    /// Print what readers of the FAQ say about its articles, and what they searched in vain
    Faq,
}

/// What an agent writes, and where.
#[derive(Args, Debug)]
pub struct Words {
    /// Id of the conversation
    pub id: ConversationId,
    /// The words; - reads standard input; may be left out if there is a file
    #[arg(
        allow_hyphen_values = true,
        required_unless_present = "attach",
        default_value = "",
        hide_default_value = true
    )]
    pub text: String,
    /// A file to send along; may be repeated
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Id of the message; the same id again never stores it twice [default: a new one]
    #[arg(long = "id", value_name = "MESSAGE")]
    pub message: Option<MessageId>,
}

impl Words {
    /// The id that was given, or a new one.
    pub fn message(&self) -> MessageId {
        self.message.unwrap_or_else(|| MessageId(Uuid::now_v7()))
    }
}

fn field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("a field has the form KEY=VALUE".into()),
    }
}

/// A year: whoever waits longer does not wait for this.
const LONGEST: f64 = 366.0 * 24.0 * 3600.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is needed, such as 10 or 0.5".to_owned())?;
    if !(0.0..=LONGEST).contains(&seconds) {
        return Err("the number of seconds must lie between 0 and a year".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    const ID: &str = "01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f";

    fn parse(words: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from([&["beistand"], words].concat())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_documented_command_is_understood() {
        for words in [
            &["open", "--subject", "S", "--text", "T", "--priority", "urgent", "--field", "a=b", "--field", "c=d=e"][..],
            &["--json", "--data", "x", "send", ID, "Hallo", "--wait", "0.5"],
            &["send", ID, "-"],
            &["send", ID, "-5 % Rabatt?", "--json"],
            &["send", "--wait", "3", ID, "--", "--wait"],
            &["show", ID, "--all"],
            &["cancel", ID],
            &["chat"],
            &["send", ID, "--attach", "a.jpg", "--attach", "b.pdf"],
            &["send", ID, "Fotos", "--attach", "a.jpg"],
            &["fetch", ID, "-o", "-"],
            &["agent", "--user", "D", "--password", "p", "fetch", ID, "-o", "x.jpg"],
            &["agent", "--user", "D", "--password", "p", "reply", ID, "--attach", "x.jpg"],
            &["chat", ID, "--lang", "de"],
            &["edit", ID, "neu"],
            &["flush", "--timeout", "0"],
            &["watch", ID, "--read", "--for", "1"],
            &["agent", "--user", "Deniz", "--password", "-", "assign", ID],
            &["agent", "--user", "Deniz", "--password", "p", "assign", ID, "--nobody"],
            &["agent", "--user", "Deniz", "--password", "p", "faq"],
            &["open", "--subject", "S", "--text", "T", "--suggest", "--faq-seed", "de.faq", "--faq-seed", "en.faq"],
            &["faq", "search", "-20 % einlösen", "--locale", "de-AT", "--limit", "3", "--typing"],
            &["faq", "show", "how-to-return", "--locale", "en_GB"],
            &["faq", "suggest", "-"],
            &["faq", "list"],
            &["faq", "list", "returns", "--json"],
            &["faq", "rate", "how-to-return", "--not-helpful", "--comment", "- zu lang"],
            &["faq", "refresh"],
            &["agent", "--user", "Deniz", "--password", "p", "status", ID, "pending"],
            &["agent", "--user", "Deniz", "--password", "p", "reply", ID, "Gern.", "--id", ID],
        ] {
            assert!(parse(words).is_ok(), "{words:?}: {}", parse(words).unwrap_err());
        }
    }

    #[test]
    fn a_text_may_begin_with_a_dash_and_options_may_follow_it() {
        let Command::Person(PersonCommand::Send { text, wait, .. }) =
            parse(&["send", ID, "-5 %", "--wait", "2"]).unwrap().command
        else {
            panic!("another command");
        };
        assert_eq!((text.as_str(), wait), ("-5 %", Some(Duration::from_secs(2))));
    }

    #[test]
    fn what_is_wrong_is_bad_usage() {
        for words in [
            &[][..],
            &["fly"],
            &["faq"],
            &["faq", "search"],
            &["faq", "search", "x", "--limit", "0"],
            &["faq", "search", "x", "--locale", "deutsch!"],
            &["faq", "show", "no id"],
            &["faq", "rate", "how-to-return"],
            &["faq", "rate", "how-to-return", "--helpful", "--not-helpful"],
            &["list", "--faq-key", "short"],
            &["send", "not-an-id", "x"],
            &["send", ID],
            &["open", "--subject", "S"],
            &["open", "--subject", "S", "--text", "T", "--field", "novalue"],
            &["open", "--subject", "S", "--text", "T", "--field", "=x"],
            &["open", "--subject", "S", "--text", "T", "--priority", "max"],
            &["flush", "--timeout", "-1"],
            &["flush", "--timeout", "inf"],
            &["flush", "--timeout", "NaN"],
            &["agent", "--user", "D", "--password", "p", "status", ID, "gone"],
        ] {
            let error = parse(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn a_field_is_split_at_the_first_equals_sign() {
        assert_eq!(field("order=A=1"), Ok(("order".into(), "A=1".into())));
        assert_eq!(field("order="), Ok(("order".into(), String::new())));
        assert!(field("order").is_err());
    }

    #[test]
    fn a_password_in_the_environment_is_not_printed_by_help() {
        let help = Arguments::command().find_subcommand_mut("agent").unwrap().render_long_help().to_string();
        assert!(help.contains("BEISTAND_PASSWORD") && !help.contains("BEISTAND_PASSWORD="));
    }
}
