//! The terminal client without a server: everything a person writes is safe and readable, and each exit code is the
//! documented one. Nothing listens at the address, so whatever waited for the network would be seen here.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const NOWHERE: &str = "http://127.0.0.1:1";
const UNKNOWN: &str = "01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f";

/// What a command said.
struct Said {
    code: i32,
    documents: Vec<Value>,
    text: String,
    complaint: String,
}

impl Said {
    /// The code of the error that the last document holds.
    fn error(&self) -> &str {
        self.documents.last().and_then(|document| document["error"]["code"].as_str()).unwrap_or_default()
    }
}

fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beistand"));
    command.env_clear().env("BEISTAND_SERVER", NOWHERE).env("BEISTAND_DATA", data).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run_with(data: &Path, words: &[&str], input: &[u8]) -> Said {
    let mut child = command(data, words).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let documents = if words.contains(&"--json") {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    } else {
        Vec::new()
    };
    let complaint = String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code().unwrap(), documents, text, complaint }
}

fn run(data: &Path, words: &[&str]) -> Said {
    run_with(data, words, b"")
}

/// A folder with one open conversation, and its id.
fn with_conversation() -> (TempDir, String) {
    let data = TempDir::new().unwrap();
    let said = run(data.path(), &["--json", "open", "--subject", "Paket", "--text", "Wo ist mein Paket?"]);
    assert_eq!(said.code, 0, "{}", said.complaint);
    let id = said.documents[0]["conversation"].as_str().unwrap().to_owned();
    (data, id)
}

#[test]
fn what_is_written_offline_is_there_for_the_next_command() {
    let (data, id) = with_conversation();
    let sent = run(data.path(), &["--json", "send", &id, "Grüße, 返品"]);
    assert_eq!((sent.code, sent.documents.len()), (0, 1));
    let message = sent.documents[0]["message"].as_str().unwrap();
    assert_eq!(sent.documents[0]["conversation"], id);

    let list = run(data.path(), &["--json", "list"]);
    assert_eq!((list.code, list.documents.len()), (0, 1));
    assert_eq!(list.documents[0]["id"], id);
    assert_eq!(list.documents[0]["subject"], "Paket");
    assert_eq!(list.documents[0]["at_server"], false);

    let show = run(data.path(), &["--json", "show", &id]);
    assert_eq!((show.code, show.documents.len()), (0, 3));
    assert_eq!(show.documents[0]["conversation"]["id"], id);
    assert_eq!(show.documents[1]["message"]["text"], "Wo ist mein Paket?");
    assert_eq!(show.documents[2]["message"]["text"], "Grüße, 返品");
    assert_eq!(show.documents[2]["message"]["id"], message);
    assert_eq!(show.documents[2]["message"]["state"], "queued");

    let outbox = run(data.path(), &["--json", "outbox"]);
    assert_eq!(outbox.code, 0);
    let kinds: Vec<_> = outbox.documents.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["open", "send"]);
}

#[test]
fn people_get_the_bare_id_on_standard_output() {
    let data = TempDir::new().unwrap();
    let opened = run(data.path(), &["open", "--subject", "Paket", "--text", "Wo?"]);
    assert_eq!(opened.code, 0);
    let id = opened.text.trim_end();
    assert_eq!(id.len(), 36);
    let shown = run(data.path(), &["show", id]);
    assert_eq!(shown.code, 0);
    assert!(shown.text.contains("Paket") && shown.text.contains("you · ") && shown.text.contains(" UTC · queued"));
}

#[test]
fn a_change_of_an_unsent_message_needs_no_network() {
    let (data, id) = with_conversation();
    let sent = run(data.path(), &["--json", "send", &id, "eins"]);
    let message = sent.documents[0]["message"].as_str().unwrap();
    assert_eq!(run_with(data.path(), &["edit", message, "-"], "zwei\n".as_bytes()).code, 0);
    let show = run(data.path(), &["--json", "show", &id]);
    assert_eq!(show.documents[2]["message"]["text"], "zwei");
    let gone = run(data.path(), &["--json", "cancel", message]);
    assert_eq!((gone.code, &gone.documents[0]["state"]), (0, &Value::from("gone")));
    assert_eq!(run(data.path(), &["--json", "show", &id]).documents.len(), 2);
}

#[test]
fn closing_shows_at_once() {
    let (data, id) = with_conversation();
    for (word, status) in [("close", "closed"), ("reopen", "open")] {
        assert_eq!(run(data.path(), &[word, &id]).code, 0);
        assert_eq!(run(data.path(), &["--json", "list"]).documents[0]["status"], status);
    }
    assert_eq!(run(data.path(), &["read", &id]).code, 0);
}

#[test]
fn discarding_an_opening_leaves_nothing() {
    let (data, id) = with_conversation();
    assert_eq!(run(data.path(), &["discard", &id]).code, 0);
    assert!(run(data.path(), &["--json", "list"]).documents.is_empty());
}

#[test]
fn not_in_time_is_3_and_nothing_is_lost() {
    let (data, id) = with_conversation();
    let flushed = run(data.path(), &["--json", "flush", "--timeout", "1"]);
    assert_eq!((flushed.code, flushed.documents.len()), (3, 1));
    assert_eq!(flushed.documents[0]["result"], "timeout");
    assert_eq!(flushed.documents[0]["waiting"], 1);
    assert_eq!(flushed.error(), "not-delivered");
    assert!(flushed.complaint.contains("saved"), "{}", flushed.complaint);

    let sent = run(data.path(), &["--json", "send", &id, "noch da?", "--wait", "0.2"]);
    assert_eq!((sent.code, sent.error()), (3, "not-delivered"));
    assert!(sent.documents[0]["message"].is_string());
    assert_eq!(run(data.path(), &["--json", "outbox"]).documents.len(), 2);
}

#[test]
fn an_empty_outbox_is_flushed_without_a_network() {
    let data = TempDir::new().unwrap();
    let flushed = run(data.path(), &["--json", "flush", "--timeout", "1"]);
    assert_eq!((flushed.code, &flushed.documents[0]["result"]), (0, &Value::from("empty")));
}

#[test]
fn what_is_not_there_is_4() {
    let (data, _) = with_conversation();
    for words in [
        &["--json", "send", UNKNOWN, "Hallo"][..],
        &["--json", "show", UNKNOWN],
        &["--json", "close", UNKNOWN],
        &["--json", "read", UNKNOWN],
        &["--json", "edit", UNKNOWN, "neu"],
        &["--json", "retract", UNKNOWN],
        &["--json", "retry", UNKNOWN],
        &["--json", "discard", UNKNOWN],
        &["--json", "watch", UNKNOWN, "--for", "1"],
    ] {
        let said = run(data.path(), words);
        assert_eq!((said.code, said.error()), (4, "local-not-found"), "{words:?}");
        assert_eq!(said.complaint.lines().count(), 1, "{words:?}: {}", said.complaint);
    }
    assert_eq!(run(data.path(), &["--json", "outbox"]).documents.len(), 1);
}

#[test]
fn bad_usage_is_2_and_stores_nothing() {
    let data = TempDir::new().unwrap();
    for (words, code) in [
        (&["--json", "open", "--subject", "S", "--text", "  \u{200b} "][..], "text-empty"),
        (&["--json", "open", "--subject", " ", "--text", "T"], "text-empty"),
        (&["--json", "open", "--subject", "S", "--text", "T", "--field", "k=1", "--field", "k=2"], "usage"),
        (&["--json", "open", "--subject", "S"], "usage"),
        (&["--json", "send", "no-uuid", "T"], "usage"),
        (&["--json", "fly"], "usage"),
        (&["--json", "--server", "http://support.example.com", "list"], "configuration"),
        (&["--json", "--app-key", "schlüssel", "list"], "configuration"),
        (&["--json", "agent", "--user", "D", "--password", "p", "reply", "no-uuid", "T"], "usage"),
    ] {
        let said = run(data.path(), words);
        assert_eq!((said.code, said.error()), (2, code), "{words:?}: {}", said.complaint);
        assert_eq!(said.complaint.lines().count(), 1, "{words:?}: {}", said.complaint);
    }
    let too_long = "x".repeat(10_001);
    let said = run_with(data.path(), &["--json", "open", "--subject", "S", "--text", "-"], too_long.as_bytes());
    assert_eq!((said.code, said.error()), (2, "text-too-long"));
    let said = run_with(data.path(), &["--json", "open", "--subject", "S", "--text", "-"], b"a\xffb");
    assert_eq!((said.code, said.error()), (2, "not-utf8"));
    assert!(run(data.path(), &["--json", "list"]).documents.is_empty());
}

#[test]
fn what_needs_the_server_says_so_with_1() {
    let (data, _) = with_conversation();
    for words in [&["--json", "sync"][..], &["--json", "agent", "--user", "D", "--password", "p", "list"]] {
        let said = run(data.path(), words);
        assert_eq!((said.code, said.error()), (1, "unreachable"), "{words:?}");
        assert!(said.complaint.contains("No connection"), "{}", said.complaint);
    }
}

#[test]
fn watching_offline_shows_what_is_here_and_ends_in_time() {
    let (data, id) = with_conversation();
    let said = run(data.path(), &["--json", "watch", &id, "--for", "0.5"]);
    assert_eq!(said.code, 0);
    let events: Vec<_> = said.documents.iter().map(|document| document["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"message") && events.contains(&"ready") && events.contains(&"status"), "{events:?}");
}

#[test]
fn the_defaults_serve_until_the_server_was_asked() {
    let data = TempDir::new().unwrap();
    let said = run(data.path(), &["--json", "config"]);
    assert_eq!((said.code, &said.documents[0]["announced"]), (0, &Value::from(false)));
    assert_eq!(said.documents[0]["limits"]["text_chars"], 10_000);
}

#[test]
fn help_names_the_exit_codes() {
    let said = run(Path::new("unused"), &["--help"]);
    assert_eq!(said.code, 0);
    assert!(said.text.contains("Exit codes:") && said.text.contains("BEISTAND_SERVER"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (data, _) = with_conversation();
    let mut child = command(data.path(), &["--json", "list"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
