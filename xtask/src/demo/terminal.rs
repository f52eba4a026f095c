//! The terminal client as a person's phone and as an agent's desk: one process a command, read by its JSON.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::process::{self, Ended};

/// Done.
pub const DONE: i32 = 0;
/// Not delivered in time.
pub const NOT_IN_TIME: i32 = 3;

/// The key of the app that a server with sample data has.
pub const APP_KEY: &str = "demo";
/// An agent of the sample data.
pub const AGENT: &str = "Deniz";
/// The password of all agents of the sample data.
pub const PASSWORD: &str = "demo";

/// How long a command may take; the longest is a `flush` that waits for a server to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command of the terminal client said.
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its JSON documents, one a line.
    pub documents: Vec<Value>,
    /// What it said to people.
    pub complaint: String,
}

/// A message as either side shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The words.
    pub text: String,
    /// The name of the agent who wrote it.
    pub agent: Option<String>,
    /// What the phone knows of its way.
    pub state: Option<String>,
}

/// A phone: a data folder and a server to talk to.
#[derive(Clone)]
pub struct Phone {
    program: PathBuf,
    data: PathBuf,
    server: String,
    /// Articles that its app carries, and the key that they must be signed with.
    carries: Option<(PathBuf, String)>,
}

impl Phone {
    /// A phone with its folder.
    pub fn new(data: &Path, server: &str) -> Result<Self, String> {
        Ok(Self {
            program: process::program("beistand")?,
            data: data.to_path_buf(),
            server: server.to_owned(),
            carries: None,
        })
    }

    /// The same phone, reaching its server another way.
    pub fn through(&self, server: &str) -> Self {
        Self { server: server.to_owned(), ..self.clone() }
    }

    /// Where it looks for its server.
    pub fn address(&self) -> &str {
        &self.server
    }

    /// The same phone with an app that carries articles.
    pub fn carrying(&self, articles: &Path, key: &str) -> Self {
        Self { carries: Some((articles.to_path_buf(), key.to_owned())), ..self.clone() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--server", &self.server, "--app-key", APP_KEY, "--json", "--data"]).arg(&self.data);
        // A customer who reads German, wherever the story is told.
        command.args(arguments).stdin(Stdio::null()).env("LC_ALL", "de_DE.UTF-8");
        if let Some((articles, key)) = &self.carries {
            command.env("BEISTAND_FAQ_SEED", articles).env("BEISTAND_FAQ_KEY", key);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Said, String> {
        let shown: Vec<_> = arguments.iter().map(|word| quoted(word)).collect();
        println!("     $ beistand {}", shown.join(" "));
        let (code, text, complaint) = process::output_within(&mut self.command(arguments), PATIENCE)?;
        let documents = text
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|_| format!("beistand printed no JSON: {line}")))
            .collect::<Result<_, _>>()?;
        Ok(Said { code, documents, complaint: complaint.trim().to_owned() })
    }

    /// Runs a command that must do what it is asked.
    pub fn must(&self, arguments: &[&str]) -> Result<Said, String> {
        let said = self.run(arguments)?;
        if said.code == DONE {
            return Ok(said);
        }
        Err(format!("beistand {} ended with {}: {}", arguments.join(" "), said.code, said.complaint))
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Result<Ended, String> {
        println!("     $ beistand {} &", arguments.join(" "));
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Ended).map_err(|error| format!("beistand does not start: {error}"))
    }

    /// The timeline of a conversation, from the phone's own store.
    pub fn timeline(&self, conversation: &str) -> Result<Vec<Line>, String> {
        Ok(self.must(&["show", conversation])?.lines())
    }

    /// The number of writes that wait in the outbox.
    pub fn waiting(&self) -> Result<usize, String> {
        Ok(self.must(&["outbox"])?.documents.len())
    }

    /// Runs a command of the agent, from a folder of its own.
    pub fn agent(&self, arguments: &[&str]) -> Result<Said, String> {
        let desk = Self { data: self.data.with_file_name("desk"), ..self.clone() };
        desk.must(&[&["agent", "--user", AGENT, "--password", PASSWORD], arguments].concat())
    }
}

impl Said {
    /// The text at a JSON pointer, from the first document that has it.
    pub fn text_at(&self, pointer: &str) -> Result<String, String> {
        let found = self.documents.iter().find_map(|document| document.pointer(pointer)?.as_str());
        found.map(str::to_owned).ok_or_else(|| format!("nothing at {pointer} of {:?}", self.documents))
    }

    /// The messages among the documents, in their order.
    pub fn lines(&self) -> Vec<Line> {
        self.documents.iter().filter_map(|document| line(&document["message"])).collect()
    }
}

/// A message, in the phone's words (`text`) or the server's (`content.text`).
fn line(message: &Value) -> Option<Line> {
    let text = message["text"].as_str().or_else(|| message["content"]["text"].as_str())?;
    Some(Line {
        text: text.to_owned(),
        agent: message["author"]["name"].as_str().map(str::to_owned),
        state: message["state"].as_str().map(str::to_owned),
    })
}

fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}
