//! A damaged database is moved aside, what can be read is kept, and no start after that repairs it again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use beistand_core::protocol::{ConversationId, MessageId};
use beistand_core::{Client, ClientEvent, ErrorKind};

use crate::app::{NOWHERE, client, draft, runtime};

const CONVERSATIONS: usize = 6;
const MESSAGES: usize = 40;

struct Damaged {
    folder: tempfile::TempDir,
    /// What was promised before the damage.
    written: BTreeSet<MessageId>,
}

impl Damaged {
    /// A phone that wrote a good deal and was closed in order; or was killed, so that its log lies beside the file.
    fn new(killed: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let written = runtime().block_on(async {
            let phone = folder.path().join("phone");
            let client = client(NOWHERE, &phone);
            let mut written = BTreeSet::new();
            for _ in 0..CONVERSATIONS {
                let opened = client.conversations().open(draft("Wo bleibt mein Paket?")).await.unwrap();
                written.insert(opened.message);
                for number in 1..MESSAGES {
                    let text = format!("Nachricht {number}: {}", "größer als gedacht ".repeat(10));
                    written.insert(client.conversations().send(opened.conversation, &text).await.unwrap());
                }
            }
            // A copy taken now is what a killed process leaves behind: nothing is under way between two calls.
            fs::create_dir(folder.path().join("killed")).unwrap();
            for file in ["beistand.sqlite3", "beistand.sqlite3-wal"] {
                fs::copy(phone.join(file), folder.path().join("killed").join(file)).unwrap();
            }
            client.shutdown().await;
            written
        });
        // Whatever closing left in the log goes into the file.
        let closed = rusqlite::Connection::open(folder.path().join("phone/beistand.sqlite3")).unwrap();
        closed.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
        drop(closed);
        if killed {
            fs::remove_dir_all(folder.path().join("phone")).unwrap();
            fs::rename(folder.path().join("killed"), folder.path().join("phone")).unwrap();
        }
        Self { folder, written }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("phone")
    }

    fn file(&self) -> PathBuf {
        self.data().join("beistand.sqlite3")
    }

    fn log(&self) -> PathBuf {
        self.data().join("beistand.sqlite3-wal")
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.file()).unwrap();
        change(&mut bytes);
        fs::write(self.file(), bytes).unwrap();
    }

    fn moved_aside(&self) -> Vec<String> {
        let names = fs::read_dir(self.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.contains("damaged") && !name.ends_with("wal")).collect();
        names.retain(|name| !name.ends_with("-shm"));
        names.sort();
        names
    }
}

/// What one start of the app has seen.
struct Start {
    recovered: usize,
    kept: BTreeSet<MessageId>,
}

/// Starts the app, uses all of it, and ends it. A call that meets the damage says so, and works when it is repeated.
fn start(data: &Path) -> Start {
    runtime().block_on(async {
        let client = client(NOWHERE, data);
        let mut events = client.events();
        let mut tries = 0;
        let kept = loop {
            match use_everything(&client).await {
                Ok(kept) => break kept,
                Err(error) => assert_eq!(error.kind, ErrorKind::StorageDamaged, "{error}"),
            }
            tries += 1;
            assert!(tries < 3, "the next calls do not work either");
        };
        client.shutdown().await;
        let mut recovered = 0;
        while let Ok(event) = events.try_recv() {
            match event {
                ClientEvent::DatabaseRecovered { moved_to, outbox_rows, messages } => {
                    recovered += 1;
                    assert!(moved_to.exists(), "{}", moved_to.display());
                    println!("{outbox_rows} rows and {messages} messages were kept");
                }
                ClientEvent::TaskFailed { task } => assert_eq!(task, "outbox", "it may have met the damage first"),
                other => panic!("{other:?}"),
            }
        }
        Start { recovered, kept }
    })
}

async fn use_everything(client: &Client) -> beistand_core::Result<BTreeSet<MessageId>> {
    let talks = client.conversations();
    let opened = talks.open(draft("Und noch etwas")).await?;
    let known: Vec<ConversationId> = talks.list().await?.iter().map(|conversation| conversation.id).collect();
    let mut kept = BTreeSet::new();
    for id in known {
        let mut timeline = talks.timeline(id).await?;
        while timeline.has_earlier_here() {
            timeline.load_earlier(50).await?;
        }
        kept.extend(timeline.messages().iter().map(|message| message.id));
    }
    client.outbox().items().await?;
    talks.retract(opened.message).await?;
    kept.remove(&opened.message);
    Ok(kept)
}

/// Starts on a damaged file: it is repaired once, at least so many messages are kept, and nothing is repaired again.
fn is_repaired_once(damaged: &Damaged, at_least: usize) {
    let first = start(&damaged.data());
    if first.recovered == 0 && first.kept == damaged.written {
        // The log had a newer copy of what was destroyed.
        return assert!(damaged.moved_aside().is_empty());
    }
    assert_eq!(first.recovered, 1, "recoveries");
    assert_eq!(damaged.moved_aside(), ["beistand.sqlite3.damaged-1"]);
    let kept = first.kept.intersection(&damaged.written).count();
    println!("{kept} of {} messages are left", damaged.written.len());
    assert!(kept >= at_least, "{kept} of {} messages are left", damaged.written.len());
    for _ in 0..2 {
        let next = start(&damaged.data());
        assert_eq!(next.recovered, 0, "it is repaired again");
        assert!(next.kept.is_superset(&first.kept), "a later start loses what was kept");
    }
    assert_eq!(damaged.moved_aside(), ["beistand.sqlite3.damaged-1"]);
}

const ALL: usize = CONVERSATIONS * MESSAGES;

#[test]
fn bytes_scribbled_in_the_middle_cost_only_what_stood_there() {
    for killed in [false, true] {
        let damaged = Damaged::new(killed);
        damaged.change(|bytes| {
            let middle = bytes.len() / 2 / 4096 * 4096;
            let end = (middle + 3 * 4096).min(bytes.len());
            bytes[middle..end].fill(0xA5);
        });
        is_repaired_once(&damaged, ALL * 3 / 4);
    }
}

/// Messages that wait without a row of the outbox, which would show as queued for ever; and rows that send words which the
/// person no longer sees.
fn halves(damaged: &Damaged) -> (u32, u32) {
    let connection = rusqlite::Connection::open(damaged.file()).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let rows = "SELECT message_id FROM outbox WHERE kind IN ('open', 'send')";
    (
        count(&format!("SELECT count(*) FROM messages WHERE mine = 1 AND seq IS NULL AND id NOT IN ({rows})")),
        count(
            "SELECT count(*) FROM outbox WHERE kind IN ('open', 'send') AND message_id NOT IN (SELECT id FROM messages)",
        ),
    )
}

#[test]
fn what_was_kept_is_whole_an_echo_has_its_row_and_a_row_its_echo() {
    // Wherever the damage strikes: rows, echoes, or what leads to them.
    for part in (1..12).step_by(2) {
        let damaged = Damaged::new(false);
        damaged.change(|bytes| {
            let from = bytes.len() / 12 * part / 4096 * 4096;
            bytes[from..from + 2 * 4096].fill(0xA5);
        });
        let first = start(&damaged.data());
        println!("part {part}: {} recoveries, {} messages are left", first.recovered, first.kept.len());
        assert_eq!(halves(&damaged), (0, 0), "echoes without a row, and rows without an echo; part {part}");
    }
}

#[test]
fn a_destroyed_header_is_no_reason_to_crash() {
    for killed in [false, true] {
        let damaged = Damaged::new(killed);
        damaged.change(|bytes| bytes[..100].fill(0));
        is_repaired_once(&damaged, 0);
    }
}

#[test]
fn a_file_cut_in_half_keeps_what_it_still_has() {
    let damaged = Damaged::new(false);
    damaged.change(|bytes| bytes.truncate(bytes.len() / 2));
    is_repaired_once(&damaged, 0);
}

#[test]
fn a_file_of_noise_is_no_reason_to_crash() {
    let damaged = Damaged::new(false);
    let mut noise = fastrand::Rng::with_seed(7);
    damaged.change(|bytes| bytes.iter_mut().for_each(|byte| *byte = noise.u8(..)));
    is_repaired_once(&damaged, 0);
}

#[test]
fn noise_in_the_log_costs_at_most_what_was_in_it() {
    // Beside a file that was closed in order: the log was empty, so nothing is lost and nothing has to be repaired.
    let closed = Damaged::new(false);
    let mut noise = fastrand::Rng::with_seed(7);
    fs::write(closed.log(), std::iter::repeat_with(|| noise.u8(..)).take(50_000).collect::<Vec<_>>()).unwrap();
    let first = start(&closed.data());
    assert_eq!((first.recovered, first.kept.len()), (0, ALL));
    assert!(first.kept == closed.written, "other messages than those that were written");
    assert!(start(&closed.data()).kept.is_superset(&closed.written));

    // Half of a real log: what stands before the noise counts.
    let killed = Damaged::new(true);
    let mut log = fs::read(killed.log()).unwrap();
    let half = log.len() / 2;
    log[half..].iter_mut().for_each(|byte| *byte = noise.u8(..));
    fs::write(killed.log(), log).unwrap();
    let first = start(&killed.data());
    println!("{} of {ALL} messages are left, {} recoveries", first.kept.len(), first.recovered);
    let next = start(&killed.data());
    assert_eq!((next.recovered, next.kept.len()), (0, first.kept.len()));
}

#[test]
fn a_database_of_a_newer_app_is_left_untouched() {
    let newer = Damaged::new(false);
    let connection = rusqlite::Connection::open(newer.file()).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let before = fs::read(newer.file()).unwrap();
    runtime().block_on(async {
        let client = client(NOWHERE, &newer.data());
        for _ in 0..2 {
            let error = client.conversations().list().await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Storage);
            assert!(error.detail.contains("newer") && error.detail.contains("999"), "{error}");
            assert!(client.conversations().open(draft("zu früh")).await.is_err());
        }
        client.shutdown().await;
    });
    assert!(fs::read(newer.file()).unwrap() == before, "the file was changed");
    assert!(newer.moved_aside().is_empty(), "it was taken for damaged");
}
