//! The end of a run: the sky clears, the outbox empties, copies that still wandered have arrived; then everything is held
//! against the oracle, at the server and on the phone.

use std::path::Path;
use std::time::Duration;

use beistand_protocol::{Message, Visibility};
use beistand_test_support::process::documents;
use beistand_test_support::proxy::Fault;
use rusqlite::{Connection, OpenFlags};

use super::Run;
use super::person::{WITH_FILE, file_of};

/// Rounds of deciding about wedged rows. Each round decides about every wedged row; behind one there may be others.
const ROUNDS: u32 = 20;

impl Run {
    pub(super) fn settle(&mut self) {
        self.proxy.set_faults(|| Fault::None);
        // A restored server is noticed with a look at the latest.
        self.must(&["sync"]);
        self.empty_the_outbox();
        // Copies that still wander arrive, and must change nothing.
        if !self.proxy.wait_until_idle(Duration::from_secs(10)) {
            self.faults.push("requests are still under way".to_owned());
        }
        self.must(&["sync"]);
        self.empty_the_outbox();
    }

    fn must(&mut self, args: &[&str]) -> Vec<serde_json::Value> {
        let output = self.phone.run(args);
        self.look_at(&format!("the last {}", args.join(" ")), &output, false, &[]);
        documents(&output)
    }

    fn empty_the_outbox(&mut self) {
        for round in 0..ROUNDS {
            let output = self.phone.run(&["flush", "--timeout", "20"]);
            self.look_at("the last flush", &output, false, &[5]);
            let rows = self.must(&["outbox"]);
            if output.status.code() == Some(0) {
                if !rows.is_empty() {
                    self.faults.push(format!("flushed, and yet there are rows: {rows:?}"));
                }
                return;
            }
            for row in rows.iter().filter(|row| row["state"] == "wedged") {
                if round == 0 {
                    self.report.wedges += 1;
                }
                if row["code"].as_str().is_none_or(str::is_empty) {
                    self.faults.push(format!("wedged without a code: {row}"));
                }
                if round == 0 && self.rng.bool() {
                    let id = row["id"].as_str().unwrap_or_default().to_owned();
                    self.command(&["retry", &id], &[4]);
                } else {
                    self.discard_row(row);
                }
            }
        }
        let rows = self.must(&["outbox"]);
        self.faults.push(format!("the outbox never gets empty: {rows:?}"));
    }

    pub(super) fn check(&mut self) {
        self.report.messages = self.oracle.wanted_messages().len() as u64;
        self.check_conversations();
        let log = self.server.log();
        if log.contains("panicked") {
            self.faults.push(format!("the server: {log}"));
        }
        self.check_databases();
    }

    fn check_conversations(&mut self) {
        let Ok(stored) = self.desk.conversations() else { return self.faults.push("the agent is refused".to_owned()) };
        for conversation in &stored {
            let known = self.oracle.conversations.iter().any(|(id, _)| *id == conversation.id);
            // What was taken back leaves a trace for agents only.
            if !known && conversation.withdrawn_at.is_none() && !self.strangers.contains(&conversation.id) {
                self.faults.push(format!("{}: nobody opened it", conversation.id));
            }
        }
        let listed = self.must(&["list"]);
        for (id, expected) in self.oracle.conversations.clone() {
            let at_server = stored.iter().find(|conversation| conversation.id == id);
            let on_phone = listed.iter().find(|document| document["id"] == id.to_string());
            if expected.discarded {
                if at_server.is_some_and(|conversation| conversation.withdrawn_at.is_none()) || on_phone.is_some() {
                    self.faults.push(format!("{id}: taken back and still there"));
                }
                continue;
            }
            let (Some(at_server), Some(on_phone)) = (at_server, on_phone) else {
                self.faults.push(format!(
                    "{id}: the server {}, the phone {}",
                    if at_server.is_some() { "has it" } else { "does not have it" },
                    if on_phone.is_some() { "shows it" } else { "does not show it" }
                ));
                continue;
            };
            let status = serde_json::to_value(at_server.status).unwrap_or_default();
            if on_phone["status"] != status {
                self.faults.push(format!("{id}: {status} at the server, {} on the phone", on_phone["status"]));
            }
            if let Some((_, wanted)) = self.statuses.iter().find(|(known, _)| *known == id)
                && *wanted != at_server.status
            {
                self.faults.push(format!("{id}: {status} at the server, {wanted:?} was wanted last"));
            }
            let messages = self.desk.messages(id).unwrap_or_default();
            self.faults.extend(self.oracle.check_server(id, &messages));
            self.check_files(&messages);
            self.check_phone(id, &messages);
        }
    }

    /// Files are at the agents' side, whole, with the messages that they belong to.
    fn check_files(&mut self, messages: &[Message]) {
        for message in messages.iter().filter(|message| message.edited_at.is_none()) {
            let Some(text) = message.content.as_text().filter(|text| text.starts_with(WITH_FILE)) else { continue };
            let [file] = message.content.attachments() else {
                self.faults.push(format!("{}: its file is lost", message.id));
                continue;
            };
            self.report.files += 1;
            match self.desk.download(file.id) {
                Ok(bytes) if bytes == file_of(text) => {}
                Ok(bytes) => self.faults.push(format!("{}: {} other bytes", message.id, bytes.len())),
                Err(refused) => self.faults.push(format!("{}: its file is answered with {}", message.id, refused.0)),
            }
        }
    }

    /// Holds what the phone shows against what the server has.
    fn check_phone(&mut self, id: beistand_protocol::ConversationId, server: &[Message]) {
        let visible: Vec<&Message> = server.iter().filter(|message| message.visibility == Visibility::All).collect();
        let shown = self.shown(id).unwrap_or_default();
        let ids: Vec<_> = visible.iter().map(|message| message.id).collect();
        let shown_ids: Vec<_> = shown.iter().map(|message| message.id).collect();
        if ids != shown_ids {
            return self.faults.push(format!("{id}: the phone shows {shown_ids:?}, the server has {ids:?}"));
        }
        for (stored, shown) in visible.iter().zip(shown) {
            if stored.content.as_text() != shown.text.as_deref() {
                self.faults.push(format!("{}: the phone shows other words", shown.id));
            }
            if matches!(shown.state.as_str(), "queued" | "sending" | "wedged") || shown.change_pending {
                self.faults.push(format!("{}: still {}, or a change of it is", shown.id, shown.state));
            }
        }
    }

    /// Whatever was killed, both databases hold together, and no phone had to rebuild its own.
    fn check_databases(&mut self) {
        let phone = self.phone.data.join("beistand.sqlite3");
        for path in [phone.as_path(), self.server.database().as_path()] {
            match ask(path, "PRAGMA integrity_check") {
                Ok(verdict) if verdict == "ok" => {}
                other => self.faults.push(format!("{}: {other:?}", path.display())),
            }
        }
        match ask(&phone, "SELECT CAST(count(*) AS TEXT) FROM outbox WHERE state = 'sending'") {
            Ok(count) if count == "0" => {}
            other => self.faults.push(format!("rows are left sending: {other:?}")),
        }
        let moved_aside = std::fs::read_dir(&self.phone.data)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| name.contains("damaged"));
        if let Some(name) = moved_aside {
            self.faults.push(format!("the phone's database was rebuilt: {name}"));
        }
    }
}

fn ask(path: &Path, question: &str) -> rusqlite::Result<String> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?.query_row(question, [], |row| row.get(0))
}
