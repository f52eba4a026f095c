//! A seeded run of real processes: the terminal client as the phone, the server's binary, and a proxy between them that
//! breaks connections. Commands and servers are killed in the middle of their work; then the sky clears, and everything
//! must be there: once, in order, with the words that were wanted last.
//!
//! The seed decides what happens and when something is killed. How far a process had got by then is the machine's to say:
//! a replay takes the same steps, and mostly the same path.

mod desk;
mod ending;
mod person;

use std::path::PathBuf;
use std::time::Duration;

use beistand_protocol::{ConversationId, MessageId, Status, UnixMillis};
use beistand_test_support::process::{Phone, PhoneProcess, ServerProcess};
use beistand_test_support::proxy::{Fault, Proxy, Tally};
use tempfile::TempDir;

pub use self::desk::{Desk, Template};
use crate::oracle::Oracle;

/// What a run has tested, for the sum at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// What the proxy did.
    pub proxy: Tally,
    /// Commands of the terminal client.
    pub commands: u64,
    /// Commands that were killed.
    pub killed: u64,
    /// Of these, writes that were there all the same, and writes that were not.
    pub killed_after_commit: u64,
    /// See above.
    pub killed_before_commit: u64,
    /// Messages that had to be there.
    pub messages: u64,
    /// Servers that were killed while a command ran.
    pub servers_killed: u64,
    /// Restored backups.
    pub restores: u64,
    /// Times that two phone processes worked on one folder.
    pub side_by_side: u64,
    /// Rows that were wedged at the end.
    pub wedges: u64,
    /// Files that were at the server in the end.
    pub files: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.proxy.connections += other.proxy.connections;
        self.proxy.requests_cut += other.proxy.requests_cut;
        self.proxy.answers_cut += other.proxy.answers_cut;
        self.proxy.late += other.proxy.late;
        self.proxy.sockets += other.proxy.sockets;
        self.commands += other.commands;
        self.killed += other.killed;
        self.killed_after_commit += other.killed_after_commit;
        self.killed_before_commit += other.killed_before_commit;
        self.messages += other.messages;
        self.servers_killed += other.servers_killed;
        self.restores += other.restores;
        self.side_by_side += other.side_by_side;
        self.wedges += other.wedges;
        self.files += other.files;
    }
}

struct Run {
    rng: fastrand::Rng,
    // Fields are dropped in this order: processes end before their folder goes.
    proxy: Proxy,
    server: ServerProcess,
    phone: Phone,
    desk: Desk,
    oracle: Oracle,
    report: Report,
    /// What was wrong on the way.
    faults: Vec<String>,
    /// What the template had already.
    strangers: Vec<ConversationId>,
    /// What the person did last to a conversation, if that was to close or reopen it and nobody else has touched it since.
    statuses: Vec<(ConversationId, Status)>,
    /// Whether another phone process is at work on the folder right now.
    beside: bool,
    /// The newest backup.
    backup: Option<PathBuf>,
    numbers: u32,
    folder: TempDir,
}

/// Plays the run of a seed on a copy of the template.
///
/// # Errors
/// What was wrong, a line each.
pub fn play(seed: u64, template: &Template) -> Result<Report, Vec<String>> {
    let folder = tempfile::tempdir().map_err(|error| vec![error.to_string()])?;
    let mut rng = fastrand::Rng::with_seed(seed);
    let server = template.start_server(&folder.path().join("server"));
    let proxy = Proxy::start(server.port, storm(rng.fork()));
    let phone = Phone { server: proxy.url(), data: folder.path().join("phone") };
    let desk = template.desk(&server);
    let strangers = desk.conversations().unwrap_or_default().iter().map(|conversation| conversation.id).collect();
    let mut run = Run {
        rng,
        proxy,
        server,
        phone,
        desk,
        oracle: Oracle::default(),
        report: Report::default(),
        faults: Vec::new(),
        strangers,
        statuses: Vec::new(),
        beside: false,
        backup: None,
        numbers: 0,
        folder,
    };
    if run.rng.u8(..6) == 0 {
        run.open_with_an_unknown_category();
    }
    for _ in 0..run.rng.u32(12..24) {
        run.step();
    }
    run.settle();
    run.check();
    run.report.proxy = run.proxy.tally();
    if run.faults.is_empty() { Ok(run.report) } else { Err(run.faults) }
}

/// Half of all connections break, each in its own way.
fn storm(mut rng: fastrand::Rng) -> impl FnMut() -> Fault + Send + 'static {
    move || match rng.u32(..20) {
        0..2 => Fault::CutRequest,
        2..4 => Fault::CutAnswer,
        4 => Fault::CutAfter(rng.usize(..600)),
        // Behind the next commands, each of which takes some 30 milliseconds.
        5..9 => Fault::DeliverLate(rng.u64(20..500)),
        9 => Fault::Slow(rng.u64(5..60)),
        10 => Fault::HalfClose,
        _ => Fault::None,
    }
}

impl Run {
    fn text(&mut self) -> String {
        self.numbers += 1;
        format!("Nachricht {} – größer als gedacht", self.numbers)
    }

    fn some_conversation(&mut self) -> Option<ConversationId> {
        let known: Vec<_> =
            self.oracle.conversations.iter().filter(|(_, expected)| !expected.discarded).map(|(id, _)| *id).collect();
        self.rng.choice(known)
    }

    fn some_message(&mut self) -> Option<MessageId> {
        let known = self.oracle.wanted_messages();
        self.rng.choice(known)
    }

    fn step(&mut self) {
        match self.rng.u32(..100) {
            0..10 => self.open(),
            10..34 => self.send(),
            34..43 => self.edit(),
            43..48 => self.retract(),
            48..52 => self.discard(),
            52..58 => self.close_or_reopen(),
            58..60 => self.read(),
            60..63 => self.command(&["sync"], &[1]),
            63..69 => self.command(&["flush", "--timeout", "0.3"], &[3, 5]),
            69..75 => self.agent_acts(),
            75..80 => self.weather(),
            80..86 => self.kill_the_server(),
            86..89 => self.take_a_backup(),
            89..93 => self.restore_the_backup(),
            93..97 => self.send_beside_a_flush(),
            97..99 => self.send_twice_at_once(),
            _ => self.send_beside_a_watch(),
        }
    }

    fn weather(&mut self) {
        match self.rng.u8(..8) {
            0..4 => self.proxy.set_faults(storm(self.rng.fork())),
            4..6 => self.proxy.set_faults(|| Fault::CutRequest),
            _ => self.proxy.set_faults(|| Fault::None),
        }
    }

    fn kill_the_server(&mut self) {
        let text = self.text();
        let conversation = self.some_conversation().filter(|_| self.rng.bool());
        let mut command = match conversation {
            Some(conversation) => self.phone.start(&["send", &conversation.to_string(), &text, "--wait", "0.1"]),
            None => self.phone.start(&["flush", "--timeout", "0.2"]),
        };
        let until = std::time::Instant::now() + Duration::from_millis(self.rng.u64(..60));
        while !command.has_ended() && std::time::Instant::now() < until {
            // The moment is chosen by the seed.
            std::thread::sleep(Duration::from_millis(1));
        }
        self.server.kill();
        self.report.servers_killed += 1;
        let output = command.wait();
        self.look_at("a command whose server was killed", &output, false, &[3, 5]);
        self.server.restart();
        if let Some(conversation) = conversation {
            self.sent(conversation, &text, &output, false);
        }
    }

    fn take_a_backup(&mut self) {
        self.numbers += 1;
        let file = self.folder.path().join(format!("backup-{}.db", self.numbers));
        self.server.backup(&file);
        self.backup = Some(file);
    }

    fn restore_the_backup(&mut self) {
        let Some(backup) = self.backup.clone() else { return self.take_a_backup() };
        self.server.restore(&backup);
        self.report.restores += 1;
        self.statuses.clear();
        // What agents wrote after the backup is lost with the server that was thrown away: no outbox of ours holds it.
        for (id, expected) in &mut self.oracle.conversations {
            let stored = self.desk.messages(*id).unwrap_or_default();
            let there = |id: &MessageId| stored.iter().any(|message| message.id == *id);
            expected.answers.retain(there);
            expected.notes.retain(there);
        }
    }

    fn agent_acts(&mut self) {
        let known: Vec<_> = self.oracle.conversations.iter().map(|(id, _)| *id).collect();
        let Some(id) = self.rng.choice(known) else { return };
        let Ok(conversation) = self.desk.conversation(id) else { return };
        if conversation.withdrawn_at.is_some() {
            return;
        }
        self.forget_status(id);
        let text = self.text();
        let message = MessageId::mint(now(), std::array::from_fn(|_| self.rng.u8(..)));
        let note = self.rng.u8(..4) == 0;
        if self.rng.u8(..5) == 0 {
            let _ = self.desk.set_status(id, Status::Solved);
        } else if self.desk.write(id, message, &text, note).is_ok() {
            let expected = self.oracle.of(id);
            if note { &mut expected.notes } else { &mut expected.answers }.push(message);
        }
    }

    fn forget_status(&mut self, id: ConversationId) {
        self.statuses.retain(|(known, _)| *known != id);
    }

    /// Two processes on one folder: one sends what waits while the other writes.
    fn send_beside_a_flush(&mut self) {
        if self.some_conversation().is_none() {
            return self.open();
        }
        self.report.side_by_side += 1;
        let flush = self.phone.start(&["flush", "--timeout", "0.5"]);
        self.beside = true;
        for _ in 0..self.rng.u8(1..4) {
            self.send();
        }
        self.beside = false;
        self.end(flush, "flush", &[3, 5]);
    }

    fn send_beside_a_watch(&mut self) {
        let Some(conversation) = self.some_conversation() else { return self.open() };
        self.report.side_by_side += 1;
        let watch = self.phone.start(&["watch", &conversation.to_string(), "--for", "0.4"]);
        self.beside = true;
        self.send();
        self.agent_acts();
        self.send();
        self.beside = false;
        self.end(watch, "watch", &[4]);
    }

    fn send_twice_at_once(&mut self) {
        let (Some(first), Some(second)) = (self.some_conversation(), self.some_conversation()) else {
            return self.open();
        };
        self.report.side_by_side += 1;
        let texts = [self.text(), self.text()];
        let senders = [(first, &texts[0]), (second, &texts[1])].map(|(conversation, text)| {
            (conversation, text, self.phone.start(&["send", &conversation.to_string(), text]))
        });
        for (conversation, text, sender) in senders {
            let output = sender.wait();
            self.look_at("one of two sends", &output, false, &[]);
            self.sent(conversation, text, &output, false);
        }
        // Which of them was first is known by what the phone shows.
        self.reorder(first);
    }

    fn end(&mut self, mut process: PhoneProcess, what: &str, also: &[i32]) {
        // Some are killed: what they had under way is then under way for good.
        let (output, killed) = if self.rng.bool() && !process.has_ended() {
            process.kill_after(Duration::ZERO)
        } else {
            (process.wait(), false)
        };
        self.look_at(what, &output, killed, also);
    }
}

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(0))
}
