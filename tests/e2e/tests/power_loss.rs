//! The power fails at any write, half a thousand times: what a call has returned is there afterwards, what it has not
//! returned is there as a whole or not at all, the database opens, and in the end the server has everything once.
//!
//! The disk keeps what was synced and a random part of the rest, so a commit that was only written is soon missed.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use beistand_core::store::{Execution, StorageOptions};
use beistand_core::{
    AttachmentSource, Client, Error, ErrorKind, FlushOutcome, Message, MessageBody, MessageDraft, OutboxState,
    Settings, TicketDraft,
};
use beistand_e2e::oracle::{Oracle, Wanted};
use beistand_protocol::{ConversationId, MessageId};
use beistand_test_support::disk::Disk;
use beistand_test_support::folder::DiskFolder;
use beistand_test_support::network::Weather;
use beistand_test_support::world::{APP_KEY, World};

/// Crashes of a test, each at a random write.
const CRASHES: u32 = 500;
/// Crashes of one phone, before its sky clears.
const CRASHES_OF_A_PHONE: u32 = 10;
const DATABASE: &str = "app/beistand.sqlite3";
const FOLDER: &str = "app/attachments";
/// What messages begin with that have a file.
const WITH_FILE: &str = "mit Datei: ";

/// What a test has tried, to show that the power failed where it matters.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    /// Power failures.
    crashes: u32,
    /// Of these, in the middle of a call of the person.
    in_a_call: u32,
    /// Of these, while the database was opened after another one, or closed again.
    in_opening: u32,
    /// Of these, while nobody called: in the worker's writes, or between two.
    elsewhere: u32,
    /// Calls that returned.
    promised: u32,
    /// Calls that a crash cut off and whose write was there all the same.
    kept: u32,
    /// Calls that a crash cut off and whose write was gone.
    lost: u32,
    /// Messages that were at the server in the end.
    delivered: usize,
    /// Files that were at the server in the end.
    files: usize,
}

/// A phone whose power fails, and what its person knows.
struct Phone {
    world: World,
    execution: Execution,
    client: Option<Client>,
    oracle: Oracle,
    /// A call that was cut off: what it was about, and the words it wanted.
    cut_off: Option<(Option<MessageId>, String)>,
    numbers: u32,
    /// What was attached to messages.
    files: BTreeMap<MessageId, Vec<u8>>,
    figures: Figures,
}

impl Phone {
    async fn new(seed: u64, execution: Execution) -> Self {
        let (world, oracle, figures) = (World::new(seed).await, Oracle::default(), Figures::default());
        let mut phone =
            Self { world, execution, client: None, oracle, cut_off: None, numbers: 0, files: BTreeMap::new(), figures };
        phone.switch_on();
        phone
    }

    fn disk(&self) -> &Disk {
        &self.world.phone_disk
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("the app runs")
    }

    fn chance(&self, percent: u64) -> bool {
        self.world.chance.below(100) < percent
    }

    fn switch_on(&mut self) {
        let settings = Settings::new("http://127.0.0.1:1", APP_KEY, "app").expect("settings");
        let vfs = Some(self.disk().vfs_name().to_owned());
        let client = Client::builder(settings)
            .clock(Arc::new(self.world.phone_clock.clone()))
            .entropy(Arc::new(self.world.chance.clone()))
            .transport(Arc::new(self.world.network.clone()))
            .storage(StorageOptions {
                execution: self.execution,
                vfs,
                files: Some(DiskFolder::of_a_client(self.disk(), FOLDER)),
            })
            .build()
            .expect("the client is built");
        self.client = Some(client);
    }

    async fn switch_off(&mut self) {
        let client = self.client.take().expect("the app runs");
        if self.execution == Execution::Threads {
            // Its threads end a moment after it. Until they have, the power must not come back: one of them would go on
            // working as if nothing had happened, which no crash allows.
            if !self.disk().has_crashed() {
                self.disk().crash_after_writes(1);
            }
            client.shutdown().await;
        }
        drop(client);
        // Tasks that were aborted are gone once everything else has had its turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn text(&mut self) -> String {
        self.numbers += 1;
        format!("Nachricht {} – größer als gedacht", self.numbers)
    }

    fn some<T: Copy>(&self, known: &[T]) -> Option<T> {
        (!known.is_empty()).then(|| known[self.world.chance.with(|rng| rng.usize(..known.len()))])
    }

    /// One life of the app, up to the power failure and the checks after it.
    async fn live_and_crash(&mut self) {
        let weather = if self.chance(50) { Weather::CALM } else { Weather::OFFLINE };
        self.world.network.set_weather(weather);
        self.disk().crash_after_writes(1 + self.world.chance.below(200));
        for _ in 0..40 {
            self.call().await;
            if !self.disk().has_crashed() && self.chance(50) {
                // The worker has its turn, and may be the one to be hit.
                tokio::time::sleep(Duration::from_millis(self.world.chance.below(1000))).await;
            }
            if self.disk().has_crashed() {
                break;
            }
        }
        self.figures.crashes += 1;
        match &self.cut_off {
            Some(_) => self.figures.in_a_call += 1,
            None => self.figures.elsewhere += 1,
        }
        self.switch_off().await;
        self.disk().crash();
        self.reopen().await;
        self.check_what_was_promised().await;
    }

    /// Opens the database again; now and then the power fails once more while it is repaired.
    async fn reopen(&mut self) {
        while self.chance(30) {
            self.disk().crash_after_writes(1 + self.world.chance.below(6));
            self.switch_on();
            let listed = self.client().conversations().list().await;
            if let Err(error) = listed {
                assert!(self.disk().has_crashed() && error.kind == ErrorKind::Storage, "{error}");
            }
            // Closing the file moves the log into it: that may be hit as well.
            self.switch_off().await;
            let crashed = u32::from(self.disk().has_crashed());
            self.figures.crashes += crashed;
            self.figures.in_opening += crashed;
            self.disk().crash();
        }
        self.switch_on();
        self.client().conversations().list().await.expect("the database opens");
    }

    async fn call(&mut self) {
        let conversations = self.client().conversations();
        let known: Vec<ConversationId> =
            self.oracle.conversations.iter().filter(|(_, expected)| !expected.discarded).map(|(id, _)| *id).collect();
        let text = self.text();
        match (self.world.chance.below(100), self.some(&known), self.some(&self.oracle.wanted_messages())) {
            (15..35, Some(conversation), _) => {
                let text = format!("{WITH_FILE}{text}");
                let sent = conversations.send(conversation, with_file(&text)).await;
                if let Some(message) = self.returned(sent, None, &text) {
                    self.files.insert(message, file_of(&text));
                    self.oracle.of(conversation).messages.push((message, Wanted::There(text)));
                }
            }
            (35..60, Some(conversation), _) => {
                let sent = conversations.send(conversation, &text).await;
                if let Some(message) = self.returned(sent, None, &text) {
                    self.oracle.of(conversation).messages.push((message, Wanted::There(text)));
                }
            }
            (60..85, _, Some(message)) => {
                let edited = conversations.edit(message, &text).await;
                if self.returned(edited, Some(message), &text).is_some() {
                    *self.oracle.wanted(message).expect("it is known") = Wanted::There(text);
                }
            }
            (85..92, Some(conversation), _) => {
                let marked = conversations.mark_read(conversation, None).await;
                // Nobody waits for a read mark: whether it is there promises nothing.
                let _ = self.returned(marked, None, &text);
            }
            (92..96, Some(conversation), _) => {
                let closed = conversations.close(conversation).await;
                let _ = self.returned(closed, None, &text);
            }
            (96.., Some(_), _) => self.agent_answers().await,
            _ => {
                let draft = TicketDraft { subject: "Paket".into(), text: text.clone(), ..TicketDraft::default() };
                let opened = conversations.open(draft).await;
                if let Some(opened) = self.returned(opened, None, &text) {
                    self.oracle.of(opened.conversation).messages.push((opened.message, Wanted::There(text)));
                }
            }
        }
    }

    async fn agent_answers(&mut self) {
        let desk = self.world.desk().await;
        let at_server: Vec<_> = desk.conversations().await.unwrap_or_default().iter().map(|talk| talk.id).collect();
        let Some(conversation) = self.some(&at_server) else { return };
        let text = self.text();
        let answer = desk.write(conversation, &text, false).await.expect("the agent answers");
        // It may be in the answer of an opening that the phone never received.
        if self.oracle.conversations.iter().any(|(known, _)| *known == conversation) {
            self.oracle.of(conversation).answers.push(answer.id);
        }
    }

    /// What a call returned. One that failed did so because the power did, and says so.
    fn returned<T>(&mut self, result: Result<T, Error>, about: Option<MessageId>, text: &str) -> Option<T> {
        match result {
            Ok(value) => {
                self.figures.promised += 1;
                Some(value)
            }
            Err(error) => {
                assert!(self.disk().has_crashed(), "a call failed with the power on: {error}");
                assert_eq!(error.kind, ErrorKind::Storage, "{error}");
                self.cut_off.get_or_insert((about, text.to_owned()));
                None
            }
        }
    }

    async fn check_what_was_promised(&mut self) {
        self.check_database();
        self.look_at_what_was_cut_off().await;
        for (_, expected) in self.oracle.conversations.clone() {
            for (id, wanted) in expected.messages {
                let Wanted::There(words) = wanted else { continue };
                // Asked for by its id: after a snapshot a window may begin above the oldest messages.
                let message = self.client().conversations().message(id).await;
                let text = message.as_ref().ok().and_then(Message::text);
                assert_eq!(text, Some(words.as_str()), "{id} was promised: {message:?}");
                if let (Some(bytes), Ok(message)) = (self.files.get(&id), &message) {
                    self.check_file(message, bytes);
                }
            }
        }
    }

    /// The file of a message is on this phone, whole, whatever the disk forgot.
    fn check_file(&self, message: &Message, bytes: &[u8]) {
        let [file] = &message.attachments[..] else { panic!("{message:?} has lost its file") };
        let there = self.disk().contents(&format!("{FOLDER}/{}", file.id));
        assert!(there.as_deref() == Some(bytes), "{}: another file than was promised", file.id);
    }

    async fn shown(&self, conversation: ConversationId) -> Vec<Message> {
        let mut timeline = self.client().conversations().timeline(conversation).await.expect("it was promised");
        while timeline.has_earlier_here() {
            timeline.load_earlier(50).await.expect("older messages");
        }
        timeline.messages().to_vec()
    }

    /// A call that was cut off has happened or has not; what it is now must then hold.
    async fn look_at_what_was_cut_off(&mut self) {
        let Some((about, text)) = self.cut_off.take() else { return };
        let mut found = false;
        for conversation in self.client().conversations().list().await.expect("the list") {
            for message in self.shown(conversation.id).await {
                if message.body != MessageBody::Text(text.clone()) {
                    continue;
                }
                found = true;
                if text.starts_with(WITH_FILE) && about.is_none() {
                    self.check_file(&message, &file_of(&text));
                    self.files.insert(message.id, file_of(&text));
                }
                match self.oracle.wanted(message.id) {
                    Some(wanted) => *wanted = Wanted::There(text.clone()),
                    None => {
                        let wanted = (message.id, Wanted::There(text.clone()));
                        self.oracle.of(conversation.id).messages.push(wanted);
                    }
                }
                assert!(about.is_none_or(|about| about == message.id), "the words are in another message");
            }
        }
        let counter = if found { &mut self.figures.kept } else { &mut self.figures.lost };
        *counter += 1;
    }

    /// The file holds together, and so does what is in it: an echo has its row, a row its echo.
    fn check_database(&self) {
        let connection = self.disk().open(DATABASE).expect("the file opens");
        let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check");
        assert_eq!(verdict, "ok");
        for (what, half) in HALF_WRITTEN {
            let sql = format!("SELECT count(*) FROM {half}");
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0)).expect(what);
            assert_eq!(count, 0, "{what}");
        }
    }

    /// The sky clears: everything reaches the server, once.
    async fn deliver_everything(&mut self) {
        self.world.network.set_weather(Weather::CALM);
        let client = self.client();
        // With threads of its own the database takes real time, in which virtual hours pass.
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            match client.outbox().flush(Duration::from_secs(3600)).await.expect("flush") {
                FlushOutcome::TimedOut { .. } if Instant::now() < deadline => {}
                // On a busy machine the hours may be a week: what is too old then asks the person, who says yes.
                FlushOutcome::Wedged { .. } if self.execution == Execution::Threads && Instant::now() < deadline => {
                    for item in client.outbox().items().await.expect("the outbox") {
                        if let OutboxState::Wedged { code, .. } = &item.state {
                            assert_eq!(code, "expired");
                            client.outbox().retry(item.id).await.expect("once more");
                        }
                    }
                }
                flushed => break assert_eq!(flushed, FlushOutcome::Empty),
            }
        }
        client.sync().await.expect("the last sync");
        let desk = self.world.desk().await;
        let stored = desk.conversations().await.expect("the agent reads");
        assert_eq!(stored.len(), self.oracle.conversations.len(), "conversations at the server");
        for (id, _) in &self.oracle.conversations {
            let messages = desk.messages(*id).await.expect("the agent reads");
            for message in &messages {
                let Some(bytes) = self.files.get(&message.id) else { continue };
                let [file] = message.content.attachments() else { panic!("{} has lost its file", message.id) };
                let stored = desk.download(file.id).await.expect("the agent opens it");
                assert!(stored == *bytes, "{}: another file than was promised", message.id);
                self.figures.files += 1;
            }
            let mut faults = self.oracle.check_server(*id, &messages);
            faults.extend(Oracle::check_phone(&messages, &self.shown(*id).await));
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
        self.check_database();
        self.figures.delivered = self.oracle.wanted_messages().len();
    }
}

fn with_file(text: &str) -> MessageDraft {
    MessageDraft::from(text).attach(AttachmentSource::reader("a.txt", Cursor::new(file_of(text))))
}

/// Each message has a file of its own: a mixture would be seen.
fn file_of(text: &str) -> Vec<u8> {
    text.repeat(1 + text.len() * 7 % 300).into_bytes()
}

/// What may never be seen after a crash: tables and conditions that no row fulfils.
const HALF_WRITTEN: &[(&str, &str)] = &[
    (
        "an echo without its row",
        "messages WHERE mine = 1 AND seq IS NULL
         AND id NOT IN (SELECT message_id FROM outbox WHERE kind IN ('open', 'send') AND message_id IS NOT NULL)",
    ),
    (
        "a row without its echo",
        "outbox WHERE kind IN ('open', 'send', 'edit', 'retract') AND message_id NOT IN (SELECT id FROM messages)",
    ),
    (
        "an edit's echo without its row",
        "messages WHERE pending_text IS NOT NULL
         AND id NOT IN (SELECT message_id FROM outbox WHERE kind = 'edit')",
    ),
    (
        "a conversation that neither the server nor the outbox knows",
        "conversations WHERE server IS NULL AND id NOT IN (SELECT conversation_id FROM outbox WHERE kind = 'open')",
    ),
    ("a message without a conversation", "messages WHERE conversation_id NOT IN (SELECT id FROM conversations)"),
    (
        "a status's echo without its row",
        "conversations WHERE pending_status IS NOT NULL
         AND id NOT IN (SELECT conversation_id FROM outbox WHERE kind = 'status')",
    ),
    (
        "a size that is none",
        "outbox_size WHERE items <> (SELECT count(*) FROM outbox)
         OR bytes <> (SELECT coalesce(sum(length(CAST(payload AS BLOB))), 0) FROM outbox)",
    ),
    ("a number that will be given twice", "outbox JOIN lanes USING (lane) WHERE outbox.lane_seq > lanes.last_seq"),
];

/// Plays phones whose power fails until there were enough crashes.
fn crash_often(crashes: u32, execution: Execution) -> Figures {
    let mut sum = Figures::default();
    for seed in 0.. {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let figures = runtime.block_on(async {
            let mut phone = Phone::new(seed, execution).await;
            while phone.figures.crashes < CRASHES_OF_A_PHONE {
                phone.live_and_crash().await;
            }
            phone.deliver_everything().await;
            phone.figures
        });
        sum.crashes += figures.crashes;
        sum.in_a_call += figures.in_a_call;
        sum.in_opening += figures.in_opening;
        sum.elsewhere += figures.elsewhere;
        sum.promised += figures.promised;
        sum.kept += figures.kept;
        sum.lost += figures.lost;
        sum.delivered += figures.delivered;
        sum.files += figures.files;
        if sum.crashes >= crashes {
            break;
        }
    }
    assert!(sum.in_a_call > 0 && sum.in_opening > 0 && sum.elsewhere > 0, "the power never failed where it matters");
    assert!(sum.lost > 0 && sum.files > 0, "the disk never lost anything, or there was no file to lose");
    sum
}

#[test]
fn what_a_call_has_returned_survives_a_power_loss_at_any_write() {
    println!("{:?}", crash_often(CRASHES, Execution::Inline));
}

#[test]
fn it_survives_as_well_when_the_database_has_threads_of_its_own() {
    println!("{:?}", crash_often(CRASHES / 5, Execution::Threads));
}

#[test]
fn a_database_that_does_not_sync_loses_what_it_has_committed_on_this_disk() {
    // Without this the tests above would prove nothing: the same disk, and the one setting that they are about.
    let mut lost = 0;
    for seed in 0..20 {
        let disk = Disk::new(seed);
        let open = |synchronous: &str| {
            let connection = disk.open("a.sqlite3").expect("it opens");
            connection.pragma_update(None, "journal_mode", "WAL").expect("a log");
            connection.pragma_update(None, "synchronous", synchronous).expect("as asked");
            connection
        };
        open("FULL").execute_batch("CREATE TABLE t (n INTEGER)").expect("a table");
        let connection = open("OFF");
        connection.execute("INSERT INTO t VALUES (1)", []).expect("committed, it says");
        disk.crash();
        drop(connection);
        let count: i64 = open("FULL").query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("it opens");
        lost += 1 - count;
    }
    println!("{lost} of 20 commits were lost");
    assert!(lost > 0, "the disk forgives everything");
}
