//! What the person does, command by command, and what each has promised by how it ended. A command that was killed has
//! promised nothing unless it printed an id; whether it did its work is then asked of the phone, and from there on that
//! is what must hold. Only beside another process the answer is not final.

use std::process::Output;
use std::time::Duration;

use beistand_protocol::{ConversationId, MessageId, Status};
use beistand_test_support::process::documents;
use serde_json::Value;

use super::Run;
use crate::oracle::Wanted;

/// What messages begin with that have a file.
pub(super) const WITH_FILE: &str = "mit Datei: ";

/// Each message has a file of its own, of one piece or of several: a mixture would be seen.
pub(super) fn file_of(text: &str) -> Vec<u8> {
    let sum: usize = text.bytes().map(usize::from).sum();
    text.repeat(1 + sum % 7 * 600).into_bytes()
}

/// How a command ended.
pub(super) struct Ended {
    output: Output,
    killed: bool,
}

impl Ended {
    fn is_done(&self) -> bool {
        self.output.status.code() == Some(0)
    }
}

/// A message as the phone shows it.
pub(super) struct Shown {
    pub id: MessageId,
    /// `None` if it was taken back.
    pub text: Option<String>,
    pub state: String,
    pub change_pending: bool,
}

fn id_in<T: serde::de::DeserializeOwned>(document: &Value, member: &str) -> Option<T> {
    serde_json::from_value(document.get(member)?.clone()).ok()
}

impl Run {
    /// Holds an ended command against what any command may do.
    pub(super) fn look_at(&mut self, what: &str, output: &Output, killed: bool, also: &[i32]) {
        self.report.commands += 1;
        self.report.killed += u64::from(killed);
        let complaints = String::from_utf8_lossy(&output.stderr);
        if complaints.contains("panicked") || complaints.contains("was damaged") {
            self.faults.push(format!("{what}: {complaints}"));
        }
        let code = output.status.code();
        let fine = killed || code == Some(0) || code.is_some_and(|code| also.contains(&code));
        if !fine {
            let said = String::from_utf8_lossy(&output.stdout);
            self.faults.push(format!("{what} ended with {code:?}: {said}{complaints}"));
        }
    }

    /// Runs a command; now and then it is killed in the middle.
    fn perhaps_killed(&mut self, args: &[&str], also: &[i32]) -> Ended {
        let ended = if self.rng.u8(..5) == 0 {
            // A command takes some 30 milliseconds.
            let moment = Duration::from_micros(self.rng.u64(..35_000));
            let (output, killed) = self.phone.start(args).kill_after(moment);
            Ended { output, killed }
        } else {
            Ended { output: self.phone.run(args), killed: false }
        };
        self.look_at(&args.join(" "), &ended.output, ended.killed, also);
        ended
    }

    /// A command whose end promises nothing.
    pub(super) fn command(&mut self, args: &[&str], also: &[i32]) {
        self.perhaps_killed(args, also);
    }

    fn surely(&mut self, args: &[&str], also: &[i32]) -> Output {
        let output = self.phone.run(args);
        self.look_at(&args.join(" "), &output, false, also);
        output
    }

    pub(super) fn open(&mut self) {
        let text = self.text();
        let ended = self.perhaps_killed(&["open", "--subject", "Paket verspätet", "--text", &text], &[]);
        self.opened(&text, &ended);
    }

    /// Before the first contact nobody knows the categories, so that the server is the one to refuse.
    pub(super) fn open_with_an_unknown_category(&mut self) {
        self.server.kill();
        let text = self.text();
        let args = ["open", "--subject", "Paket", "--text", &text, "--category", "gibt-es-nicht"];
        let ended = self.perhaps_killed(&args, &[]);
        self.opened(&text, &ended);
        self.server.restart();
    }

    fn opened(&mut self, text: &str, ended: &Ended) {
        for document in documents(&ended.output) {
            if let (Some(conversation), Some(message)) = (id_in(&document, "conversation"), id_in(&document, "message"))
            {
                let wanted = (message, Wanted::There(text.to_owned()));
                return self.oracle.of(conversation).messages.push(wanted);
            }
        }
        if !ended.killed {
            return self.faults.push(format!("{text}: opened without an id"));
        }
        // Killed before it said anything: it is there as a whole, or not at all.
        for conversation in self.listed() {
            if self.oracle.conversations.iter().all(|(known, _)| *known != conversation) {
                match self.shown(conversation).as_deref() {
                    Some([only]) if only.text.as_deref() == Some(text) => {
                        let wanted = (only.id, Wanted::There(text.to_owned()));
                        self.oracle.of(conversation).messages.push(wanted);
                        self.report.killed_after_commit += 1;
                    }
                    _ => self.faults.push(format!("{conversation}: half opened by a killed command")),
                }
                return;
            }
        }
        self.report.killed_before_commit += 1;
    }

    /// The conversations that the phone knows.
    pub(super) fn listed(&mut self) -> Vec<ConversationId> {
        let output = self.surely(&["list"], &[]);
        documents(&output).iter().filter_map(|document| id_in(document, "id")).collect()
    }

    /// What the phone shows of a conversation; `None` if it does not know it.
    pub(super) fn shown(&mut self, conversation: ConversationId) -> Option<Vec<Shown>> {
        let output = self.surely(&["show", &conversation.to_string()], &[4]);
        if output.status.code() != Some(0) {
            return None;
        }
        let shown =
            documents(&output).iter().filter_map(|document| document.get("message").and_then(Shown::read)).collect();
        Some(shown)
    }

    pub(super) fn send(&mut self) {
        let Some(conversation) = self.some_conversation() else { return self.open() };
        let text = self.text();
        let id = conversation.to_string();
        if self.rng.u8(..4) == 0 {
            return self.send_a_file(conversation, &format!("{WITH_FILE}{text}"));
        }
        // Who stays for the answer meets what the network does to it; who does not leaves a request under way behind.
        let ended = if self.rng.u8(..3) == 0 {
            self.perhaps_killed(&["send", &id, &text, "--wait", "0.15"], &[3, 5])
        } else {
            self.perhaps_killed(&["send", &id, &text], &[])
        };
        self.sent(conversation, &text, &ended.output, ended.killed);
    }

    /// Killed while the file is copied, the command has sent neither it nor its words.
    fn send_a_file(&mut self, conversation: ConversationId, text: &str) {
        let file = self.folder.path().join("Beleg.txt");
        std::fs::write(&file, file_of(text)).expect("a file to attach");
        let (id, file) = (conversation.to_string(), file.to_string_lossy().into_owned());
        let ended = self.perhaps_killed(&["send", &id, text, "--attach", &file], &[]);
        std::fs::remove_file(&file).expect("it was there");
        self.sent(conversation, text, &ended.output, ended.killed);
    }

    pub(super) fn sent(&mut self, conversation: ConversationId, text: &str, output: &Output, killed: bool) {
        let told = documents(output).iter().find_map(|document| id_in(document, "message"));
        let found = match told {
            Some(message) => Some(message),
            None if !killed => None,
            None => {
                let shown = self.shown(conversation).unwrap_or_default();
                let found = shown.iter().find(|shown| shown.text.as_deref() == Some(text)).map(|shown| shown.id);
                let counter = match found {
                    Some(_) => &mut self.report.killed_after_commit,
                    None => &mut self.report.killed_before_commit,
                };
                *counter += 1;
                if found.is_none() && self.beside {
                    // Killed between the log and its index, a commit is invisible to whoever shares the index, and comes
                    // to light when the next process builds it anew from the log.
                    self.oracle.uncertain.push(text.to_owned());
                }
                found
            }
        };
        if let Some(message) = found {
            self.forget_status(conversation);
            self.oracle.of(conversation).messages.push((message, Wanted::There(text.to_owned())));
        }
    }

    /// Takes the order of what has not been told yet from the phone: two commands at once have none of their own.
    pub(super) fn reorder(&mut self, conversation: ConversationId) {
        let shown = self.shown(conversation).unwrap_or_default();
        let place = |id: &MessageId| shown.iter().position(|shown| shown.id == *id);
        let messages = &mut self.oracle.of(conversation).messages;
        if let [.., first, second] = messages.as_mut_slice()
            && place(&first.0) > place(&second.0)
        {
            std::mem::swap(first, second);
        }
    }

    pub(super) fn edit(&mut self) {
        let Some(message) = self.some_message() else { return };
        let text = self.text();
        let ended = self.perhaps_killed(&["edit", &message.to_string(), &text], &[]);
        if ended.is_done() {
            self.want(message, Wanted::There(text));
        } else {
            self.see_what_became_of(message, Some(&text));
        }
    }

    pub(super) fn retract(&mut self) {
        let Some(message) = self.some_message() else { return };
        let ended = self.perhaps_killed(&["retract", &message.to_string()], &[]);
        if ended.is_done() {
            self.want(message, Wanted::Gone);
        }
        self.see_what_became_of(message, None);
    }

    fn want(&mut self, message: MessageId, wanted: Wanted) {
        if let Some(slot) = self.oracle.wanted(message) {
            *slot = wanted;
        }
    }

    /// Asks the phone how a message stands after a change that may or may not have happened. It is as before, or as the
    /// change wanted it, and nothing else; what it is now must then hold.
    fn see_what_became_of(&mut self, message: MessageId, new_text: Option<&str>) {
        let Some((conversation, before)) = self.oracle.conversations.iter().find_map(|(id, expected)| {
            expected.messages.iter().find(|(known, _)| *known == message).map(|(_, wanted)| (*id, wanted.clone()))
        }) else {
            return;
        };
        let Some(shown) = self.shown(conversation) else {
            // With the first message of a conversation that no server has confirmed goes the conversation.
            let expected = self.oracle.of(conversation);
            let is_first = expected.messages.first().is_some_and(|(first, _)| *first == message);
            expected.discarded = true;
            if !is_first {
                self.faults.push(format!("{conversation}: vanished with another message than its first"));
            }
            return;
        };
        match shown.into_iter().find(|shown| shown.id == message).and_then(|shown| shown.text) {
            None => self.want(message, Wanted::Gone),
            Some(text) => {
                if before != Wanted::There(text.clone()) && new_text != Some(text.as_str()) {
                    self.faults.push(format!("{message}: shows {text:?} after {before:?}, wanted {new_text:?}"));
                }
                self.want(message, Wanted::There(text));
            }
        }
    }

    pub(super) fn discard(&mut self) {
        let rows = documents(&self.surely(&["outbox"], &[]));
        let Some(row) = self.rng.choice(rows) else { return };
        self.discard_row(&row);
    }

    /// Gives a row of the outbox up; it may have left in the meantime.
    pub(super) fn discard_row(&mut self, row: &Value) {
        // Giving up a retraction would ask the oracle what the server has: covered by a test of its own.
        if matches!(row["kind"].as_str(), Some("retract" | "withdraw")) {
            return;
        }
        let (Some(id), conversation) = (row["id"].as_str(), id_in::<ConversationId>(row, "conversation")) else {
            return;
        };
        let ended = self.perhaps_killed(&["discard", id], &[4]);
        if let Some(conversation) = conversation {
            self.forget_status(conversation);
        }
        let Some(message) = id_in::<MessageId>(row, "message") else { return };
        let vanishes = matches!(row["kind"].as_str(), Some("open" | "send"));
        if ended.is_done() && vanishes {
            self.want(message, Wanted::Gone);
            return self.see_what_became_of(message, None);
        }
        // A given-up edit leaves what the person sees now, older words or newer ones.
        let wanted = self.wanted_words(message);
        let shown = conversation.and_then(|conversation| self.shown(conversation)).unwrap_or_default();
        let words = shown.into_iter().find(|shown| shown.id == message).and_then(|shown| shown.text);
        if words != wanted {
            match words {
                Some(words) => self.want(message, Wanted::There(words)),
                None => self.see_what_became_of(message, None),
            }
        }
    }

    fn wanted_words(&mut self, message: MessageId) -> Option<String> {
        match self.oracle.wanted(message)? {
            Wanted::There(text) => Some(text.clone()),
            Wanted::Gone => None,
        }
    }

    pub(super) fn close_or_reopen(&mut self) {
        let Some(conversation) = self.some_conversation() else { return };
        let (command, status) = if self.rng.bool() { ("close", Status::Closed) } else { ("reopen", Status::Open) };
        let ended = self.perhaps_killed(&[command, &conversation.to_string()], &[]);
        self.forget_status(conversation);
        if ended.is_done() {
            self.statuses.push((conversation, status));
        }
    }

    pub(super) fn read(&mut self) {
        if let Some(conversation) = self.some_conversation() {
            self.command(&["read", &conversation.to_string()], &[]);
        }
    }
}

impl Shown {
    fn read(document: &Value) -> Option<Self> {
        Some(Self {
            id: id_in(document, "id")?,
            text: document["text"].as_str().map(str::to_owned),
            state: document["state"].as_str()?.to_owned(),
            change_pending: document["change_pending"].as_bool()?,
        })
    }
}
