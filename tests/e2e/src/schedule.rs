//! A seeded run: whatever a person, an agent, a network, a power plug and an operator can do, in any order; then the sky
//! clears, and everything must be there: once, in order, with the words that were wanted last.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

use beistand_core::{
    AttachmentSource, ErrorKind, FlushOutcome, MessageDraft, OperationKind, OutboxItem, OutboxState, TicketDraft,
    Timeline,
};
use beistand_protocol::{ConversationId, Message, MessageId, Status};
use beistand_test_support::desk::Desk;
use beistand_test_support::network::{Tally, Weather};
use beistand_test_support::world::{Ending, World};

use crate::oracle::{Oracle, Wanted};
use crate::readings::Readings;

/// What a run has tested, for the sum at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// What the network did.
    pub tally: Tally,
    /// Messages that had to be there.
    pub messages: u64,
    /// Ends of the phone's app against its will.
    pub phone_ends: u64,
    /// Ends of the server against its will.
    pub server_ends: u64,
    /// Restored backups.
    pub restores: u64,
    /// Rows that were wedged at some time.
    pub wedges: u64,
    /// Files that were at the server in the end.
    pub files: u64,
    /// Ratings that were at the server in the end.
    pub ratings: u64,
    /// Views that were reported.
    pub counted: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.tally.delivered += other.tally.delivered;
        self.tally.answers_lost += other.tally.answers_lost;
        self.tally.late_copies += other.tally.late_copies;
        self.tally.foreign += other.tally.foreign;
        self.tally.passing += other.tally.passing;
        self.tally.refused += other.tally.refused;
        self.messages += other.messages;
        self.phone_ends += other.phone_ends;
        self.server_ends += other.server_ends;
        self.restores += other.restores;
        self.wedges += other.wedges;
        self.files += other.files;
        self.ratings += other.ratings;
        self.counted += other.counted;
    }
}

struct Run {
    world: World,
    oracle: Oracle,
    report: Report,
    timeline: Option<Timeline>,
    /// What the person said about articles, and what they did there.
    readings: Option<Readings>,
    /// What was attached to messages.
    files: BTreeMap<MessageId, Vec<Vec<u8>>>,
    texts: u32,
}

/// Plays the run of a seed.
///
/// # Errors
/// What was wrong at the end, a line each.
pub fn play(seed: u64) -> Result<Report, Vec<String>> {
    run(seed, true)
}

/// Plays the run of a seed without a look at the FAQ, which seeds of before know nothing of.
///
/// # Errors
/// As [`play`].
pub fn play_conversations(seed: u64) -> Result<Report, Vec<String>> {
    run(seed, false)
}

fn run(seed: u64, reads: bool) -> Result<Report, Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| vec![error.to_string()])?;
    runtime.block_on(async {
        let mut run = Run {
            world: World::new(seed).await,
            oracle: Oracle::default(),
            report: Report::default(),
            timeline: None,
            readings: reads.then(|| Readings::new(seed)),
            files: BTreeMap::new(),
            texts: 0,
        };
        let steps = 15 + run.world.chance.below(45);
        for _ in 0..steps {
            run.step().await;
            if let Some(readings) = &mut run.readings {
                readings.step(&run.world).await;
            }
        }
        let faults = run.settle_and_check().await;
        run.report.tally = run.world.network.tally();
        if faults.is_empty() { Ok(run.report) } else { Err(faults) }
    })
}

impl Run {
    fn text(&mut self) -> String {
        self.texts += 1;
        format!("Nachricht {} – größer als gedacht", self.texts)
    }

    fn some_conversation(&self) -> Option<ConversationId> {
        let known: Vec<_> =
            self.oracle.conversations.iter().filter(|(_, expected)| !expected.discarded).map(|(id, _)| *id).collect();
        (!known.is_empty()).then(|| known[self.pick(known.len())])
    }

    fn some_message(&self) -> Option<MessageId> {
        let known = self.oracle.wanted_messages();
        (!known.is_empty()).then(|| known[self.pick(known.len())])
    }

    fn pick(&self, bound: usize) -> usize {
        self.world.chance.with(|rng| rng.usize(..bound))
    }

    async fn step(&mut self) {
        match self.world.chance.below(100) {
            0..8 => self.open().await,
            8..27 => self.send().await,
            27..32 => self.send_files().await,
            32..38 => self.edit().await,
            38..42 => self.retract().await,
            42..45 => self.decide().await,
            45..48 => self.close_or_reopen().await,
            48..50 => self.mark_read().await,
            50..58 => self.agent_acts().await,
            58..66 => self.weather(),
            66..80 => {
                let seconds = match self.world.chance.below(4) {
                    0 => 1,
                    1 => 30,
                    2 => 400,
                    _ => 4_000,
                };
                tokio::time::sleep(Duration::from_millis(self.world.chance.below(seconds * 1000))).await;
            }
            80..85 => {
                self.timeline = None;
                let ending = if self.world.chance.happens(0.5) { Ending::Killed } else { Ending::PowerLost };
                self.world.break_phone(ending).await;
                self.report.phone_ends += 1;
            }
            85..88 => {
                let ending = if self.world.chance.happens(0.5) { Ending::Killed } else { Ending::PowerLost };
                self.world.break_server(ending);
                self.report.server_ends += 1;
                tokio::time::sleep(Duration::from_millis(self.world.chance.below(90_000))).await;
                self.world.start_server().await;
            }
            88..90 => self.world.take_backup().await,
            90..92 => {
                if self.world.restore_backup().await {
                    self.report.restores += 1;
                    self.forget_lost_answers().await;
                }
            }
            92..94 => {
                let hours = i64::try_from(self.world.chance.below(49)).unwrap_or(0) - 24;
                self.world.phone_clock.jump(hours * 3_600_000);
            }
            94..96 => {
                let _ = self.world.client().pause().await;
                if self.world.chance.happens(0.5) {
                    self.send().await;
                }
                let _ = self.world.client().resume().await;
            }
            96..98 => self.fill_the_disk().await,
            _ => {
                if let Some(id) = self.some_conversation() {
                    self.timeline = self.world.client().conversations().timeline(id).await.ok();
                } else {
                    let _ = self.world.client().sync().await;
                }
            }
        }
    }

    async fn open(&mut self) {
        let text = self.text();
        let draft = TicketDraft { subject: "Paket verspätet".into(), text: text.clone(), ..TicketDraft::default() };
        match self.world.client().conversations().open(draft).await {
            Ok(opened) => {
                self.oracle.of(opened.conversation).messages.push((opened.message, Wanted::There(text)));
            }
            Err(_) => self.oracle.uncertain.push(text),
        }
    }

    async fn send(&mut self) {
        let Some(conversation) = self.some_conversation() else { return self.open().await };
        let text = self.text();
        match self.world.client().conversations().send(conversation, &text).await {
            Ok(message) => self.oracle.of(conversation).messages.push((message, Wanted::There(text))),
            Err(_) => self.oracle.uncertain.push(text),
        }
    }

    /// A message with files of 1 byte to some pieces, or a ticket that begins with one.
    async fn send_files(&mut self) {
        let text = self.text();
        let mut files = Vec::new();
        for n in 0..1 + self.world.chance.below(3) {
            let size = 1 + self.world.chance.below(if self.world.chance.happens(0.2) { 200_000 } else { 3000 });
            files.push(format!("{text} {n} ").repeat(1 + size as usize / 40).into_bytes());
        }
        let source = |bytes: &Vec<u8>| AttachmentSource::reader("a.txt", Cursor::new(bytes.clone()));
        let attachments = files.iter().map(source).collect();
        let conversations = self.world.client().conversations();
        let sent = match self.some_conversation() {
            Some(conversation) => {
                let draft = MessageDraft { text: text.clone(), attachments };
                conversations.send(conversation, draft).await.map(|message| (conversation, message))
            }
            None => {
                let draft =
                    TicketDraft { subject: "Fotos".into(), text: text.clone(), attachments, ..TicketDraft::default() };
                conversations.open(draft).await.map(|opened| (opened.conversation, opened.message))
            }
        };
        match sent {
            Ok((conversation, message)) => {
                self.files.insert(message, files);
                self.oracle.of(conversation).messages.push((message, Wanted::There(text)));
            }
            Err(_) => self.oracle.uncertain.push(text),
        }
    }

    /// The files of a message are at the agents' side, whole and in order.
    async fn check_files(&self, desk: &Desk, message: &Message) -> Vec<String> {
        let (Some(expected), Some(_)) = (self.files.get(&message.id), message.content.as_text()) else {
            return Vec::new();
        };
        let files = message.content.attachments();
        if files.len() != expected.len() {
            return vec![format!("{}: {} files of {}", message.id, files.len(), expected.len())];
        }
        let mut faults = Vec::new();
        for (file, expected) in files.iter().zip(expected) {
            match desk.download(file.id).await {
                Ok(bytes) if bytes == *expected => {}
                Ok(_) => faults.push(format!("{}: other bytes", file.id)),
                Err(problem) => faults.push(format!("{}: {}", file.id, problem.code)),
            }
        }
        faults
    }

    async fn edit(&mut self) {
        let Some(message) = self.some_message() else { return };
        let text = self.text();
        if self.world.client().conversations().edit(message, &text).await.is_ok() {
            *self.oracle.wanted(message).expect("it is known") = Wanted::There(text);
        }
    }

    async fn retract(&mut self) {
        let Some(message) = self.some_message() else { return };
        if self.world.client().conversations().retract(message).await.is_ok() {
            self.gone(message).await;
        }
    }

    /// A message was taken back; with the first one of an unconfirmed conversation goes the conversation.
    async fn gone(&mut self, message: MessageId) {
        if let Some(wanted) = self.oracle.wanted(message) {
            *wanted = Wanted::Gone;
        }
        let ids: Vec<_> = self.oracle.conversations.iter().map(|(id, _)| *id).collect();
        for id in ids {
            let missing = self.world.client().conversations().get(id).await;
            if missing.is_err_and(|error| error.kind == ErrorKind::NotFound)
                && self.oracle.of(id).messages.first().is_some_and(|(first, _)| *first == message)
            {
                self.oracle.of(id).discarded = true;
            }
        }
    }

    /// The person decides about something in the outbox.
    async fn decide(&mut self) {
        let Ok(items) = self.world.client().outbox().items().await else { return };
        if items.is_empty() {
            return;
        }
        let item = items[self.pick(items.len())].clone();
        if self.world.chance.happens(0.5) {
            let _ = self.world.client().outbox().retry(item.id).await;
        } else {
            self.discard(&item).await;
        }
    }

    async fn discard(&mut self, item: &OutboxItem) {
        // Giving up a retraction would ask the oracle what the server has: covered by a test of its own.
        if matches!(item.kind, OperationKind::Retract | OperationKind::Withdraw) {
            return;
        }
        if self.world.client().outbox().discard(item.id).await.is_err() {
            return;
        }
        match (item.kind, item.message_id) {
            (OperationKind::Open | OperationKind::Send, Some(message)) => self.gone(message).await,
            (OperationKind::Edit, Some(message)) => {
                // What the person sees now is what they want.
                if let Ok(shown) = self.world.client().conversations().message(message).await
                    && let Some(text) = shown.text()
                {
                    *self.oracle.wanted(message).expect("it is known") = Wanted::There(text.to_owned());
                }
            }
            _ => {}
        }
    }

    async fn close_or_reopen(&mut self) {
        let Some(conversation) = self.some_conversation() else { return };
        let conversations = self.world.client().conversations();
        let _ = if self.world.chance.happens(0.5) {
            conversations.close(conversation).await
        } else {
            conversations.reopen(conversation).await
        };
    }

    async fn mark_read(&mut self) {
        if let Some(conversation) = self.some_conversation() {
            let _ = self.world.client().conversations().mark_read(conversation, None).await;
        }
    }

    async fn agent_acts(&mut self) {
        let desk = self.world.desk().await;
        let Ok(open) = desk.conversations().await else { return };
        let open: Vec<_> = open.into_iter().filter(|conversation| conversation.withdrawn_at.is_none()).collect();
        if open.is_empty() {
            return;
        }
        let conversation = open[self.pick(open.len())].clone();
        let text = self.text();
        match self.world.chance.below(5) {
            0 => {
                if let Ok(note) = desk.write(conversation.id, &text, true).await {
                    self.oracle.of(conversation.id).notes.push(note.id);
                }
            }
            1 => {
                let _ = desk.set_status(conversation.id, Status::Solved).await;
            }
            2 => {
                let _ = desk.mark_read(conversation.id, conversation.last_seq).await;
            }
            _ => {
                if let Ok(answer) = desk.write(conversation.id, &text, false).await {
                    self.oracle.of(conversation.id).answers.push(answer.id);
                }
            }
        }
    }

    fn weather(&self) {
        let weather = match self.world.chance.below(10) {
            0..5 => Weather::STORM,
            5..7 => Weather::OFFLINE,
            _ => Weather::CALM,
        };
        self.world.network.set_weather(weather);
    }

    async fn fill_the_disk(&mut self) {
        self.world.phone_disk.set_capacity(Some(self.world.phone_disk.used()));
        for _ in 0..self.world.chance.below(4) {
            self.send().await;
        }
        self.world.phone_disk.set_capacity(None);
    }

    /// What agents wrote after the backup is lost with the server that was thrown away: no outbox of ours holds it.
    async fn forget_lost_answers(&mut self) {
        let desk = self.world.desk().await;
        for (id, expected) in &mut self.oracle.conversations {
            let stored = desk.messages(*id).await.unwrap_or_default();
            let there = |id: &MessageId| stored.iter().any(|message| message.id == *id);
            expected.answers.retain(there);
            expected.notes.retain(there);
        }
    }

    async fn settle_and_check(&mut self) -> Vec<String> {
        self.timeline = None;
        self.world.network.set_weather(Weather::CALM);
        let _ = self.world.client().resume().await;
        // A restored server is noticed with a look at the latest.
        if let Err(error) = self.world.client().sync().await {
            return vec![format!("the last sync fails: {error}")];
        }
        for _ in 0..200 {
            let flushed = self.world.client().outbox().flush(Duration::from_secs(3600)).await;
            match flushed {
                Ok(FlushOutcome::Empty) => {
                    if let Some(readings) = &mut self.readings
                        && readings.close(&mut self.world).await
                    {
                        continue;
                    }
                    // Copies that still wander arrive, and must change nothing.
                    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
                    if let Err(error) = self.world.client().sync().await {
                        return vec![format!("the last sync fails: {error}")];
                    }
                    return self.check().await;
                }
                Ok(FlushOutcome::Wedged { .. }) => {
                    let items = self.world.client().outbox().items().await.unwrap_or_default();
                    for item in items {
                        if let OutboxState::Wedged { code, .. } = &item.state {
                            if code.is_empty() {
                                return vec![format!("{}: wedged without a code", item.id)];
                            }
                            self.report.wedges += 1;
                            if self.world.chance.happens(0.7) {
                                let _ = self.world.client().outbox().retry(item.id).await;
                            } else {
                                self.discard(&item).await;
                                let _ = self.world.client().outbox().retry(item.id).await;
                            }
                        }
                    }
                }
                Ok(FlushOutcome::TimedOut { waiting }) => {
                    let items = self.world.client().outbox().items().await.unwrap_or_default();
                    return vec![format!("{waiting} rows never leave: {items:?}")];
                }
                Err(error) => return vec![format!("flush fails: {error}")],
            }
        }
        vec!["the outbox never gets empty".to_owned()]
    }

    async fn check(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        let desk = self.world.desk().await;
        if let Some(readings) = &self.readings {
            match desk.faq_counts().await {
                Ok(counts) => {
                    faults.extend(readings.check(&counts));
                    self.report.ratings = counts.articles.iter().map(|one| one.helpful + one.not_helpful).sum();
                    self.report.counted = counts.articles.iter().map(|one| one.views).sum();
                }
                Err(problem) => faults.push(format!("the counts of the FAQ: {}", problem.code)),
            }
        }
        self.report.messages = self.oracle.wanted_messages().len() as u64;
        let shown = self.world.client().conversations().list().await.unwrap_or_default();
        for (id, expected) in &self.oracle.conversations {
            let conversation = match desk.conversation(*id).await {
                Ok(conversation) => conversation,
                Err(_) if expected.discarded => continue,
                Err(problem) => {
                    faults.push(format!("{id}: the server does not have it: {}", problem.code));
                    continue;
                }
            };
            let stored = desk.messages(*id).await.unwrap_or_default();
            faults.extend(self.oracle.check_server(*id, &stored));
            for message in &stored {
                faults.extend(self.check_files(&desk, message).await);
                self.report.files += message.content.attachments().len() as u64;
            }
            let is_shown = shown.iter().any(|shown| shown.id == *id);
            if expected.discarded {
                if conversation.withdrawn_at.is_none() || is_shown {
                    faults.push(format!("{id}: taken back and still there"));
                }
                continue;
            }
            if !is_shown {
                faults.push(format!("{id}: the phone does not show it"));
                continue;
            }
            match self.whole_timeline(*id).await {
                Ok(phone) => faults.extend(Oracle::check_phone(&stored, &phone)),
                Err(error) => faults.push(format!("{id}: no timeline: {error}")),
            }
        }
        faults
    }

    async fn whole_timeline(&self, id: ConversationId) -> beistand_core::Result<Vec<beistand_core::Message>> {
        let mut timeline = self.world.client().conversations().timeline(id).await?;
        while timeline.has_earlier() {
            timeline.load_earlier(50).await?;
        }
        Ok(timeline.messages().to_vec())
    }
}
