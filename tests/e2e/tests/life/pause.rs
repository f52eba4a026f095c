//! A suspended app that holds a lock is killed by its system: whatever the network does, pausing gives everything back.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use beistand_core::MessageState;
use beistand_test_support::process::{Phone, documents};
use rusqlite::Connection;

use crate::app::{House, SOON, client, draft, runtime, until};

const WITHIN: Duration = Duration::from_secs(2);

/// A server that accepts and then says nothing; each connection is told.
fn silent() -> (u16, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, connections) = mpsc::channel();
    std::thread::spawn(move || {
        // Ends when nobody wants to know any more.
        while let Ok((stream, _)) = listener.accept() {
            if told.send(stream).is_err() {
                return;
            }
        }
    });
    (port, connections)
}

/// Whether somebody else could be the worker, and could have the database for themselves.
fn is_free(folder: &Path) -> bool {
    let lock = File::options().write(true).open(folder.join("worker.lock"));
    let worker = lock.is_ok_and(|lock| lock.try_lock().is_ok());
    let database = Connection::open(folder.join("beistand.sqlite3")).is_ok_and(|connection| {
        let alone = connection.pragma_update(None, "locking_mode", "EXCLUSIVE");
        alone.is_ok() && connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").is_ok()
    });
    worker && database && !is_open(folder)
}

/// Whether this process has a file of the folder open.
#[cfg(target_os = "linux")]
fn is_open(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap();
    let mut links = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.ok()?.path().read_link().ok());
    links.any(|target| target.starts_with(&folder))
}

#[cfg(not(target_os = "linux"))]
fn is_open(_folder: &Path) -> bool {
    false
}

#[test]
fn pausing_returns_at_once_while_a_server_never_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (port, connections) = silent();
    let runtime = runtime();
    let client = client(&format!("http://127.0.0.1:{port}"), folder.path());
    let opened = runtime.block_on(client.conversations().open(draft("Hört mich jemand?"))).unwrap();
    let timeline = runtime.block_on(client.conversations().timeline(opened.conversation)).unwrap();
    let _hangs = connections.recv_timeout(SOON).expect("a request is under way");
    for _ in 0..2 {
        let began = Instant::now();
        runtime.block_on(client.pause()).unwrap();
        let took = began.elapsed();
        println!("paused within {took:?}");
        assert!(took < WITHIN, "{took:?}");
        assert!(is_free(folder.path()), "something is still held");
    }
    drop(timeline);
    runtime.block_on(client.shutdown());
}

#[test]
fn what_is_written_while_paused_is_stored_and_leaves_with_the_next_resume() {
    let house = House::new();
    let opened = house.open("Wo ist mein Paket?");
    house.flush();
    // From now on the server is silent, and a message is under way to it.
    let (port, connections) = silent();
    house.proxy.retarget(port);
    let first = house.send(opened.conversation, "Unterwegs, als die App verschwand");
    let hangs = connections.recv_timeout(SOON).expect("a request is under way");
    let phone = house.folder.path().join("phone");
    let began = Instant::now();
    house.runtime.block_on(house.client.pause()).unwrap();
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    assert!(is_free(&phone));

    let second = house.send(opened.conversation, "In der Pause");
    let shown = house.runtime.block_on(house.client.conversations().message(second)).unwrap();
    assert_eq!((shown.text(), shown.state), (Some("In der Pause"), MessageState::Queued));
    // The writer closes the file a moment after it has answered.
    until("the file is closed again", || !is_open(&phone));
    assert!(is_free(&phone));
    let rows: u32 = Connection::open(phone.join("beistand.sqlite3"))
        .unwrap()
        .query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 2);
    assert!(connections.try_recv().is_err(), "a paused client has called");

    drop(hangs);
    house.proxy.retarget(house.server.port);
    house.runtime.block_on(house.client.resume()).unwrap();
    let arrived = house.runtime.block_on(house.client.outbox().wait_for(second, SOON)).unwrap();
    assert!(arrived.is_some(), "resuming sends it without anybody asking");
    assert!(house.runtime.block_on(house.client.conversations().message(first)).unwrap().seq.is_some());
    assert_eq!(
        house.words(opened.conversation),
        ["Wo ist mein Paket?", "Unterwegs, als die App verschwand", "In der Pause"]
    );
}

#[test]
fn another_process_sends_while_this_one_is_paused() {
    let house = House::new();
    let opened = house.open("Wo ist mein Paket?");
    house.flush();
    house.runtime.block_on(house.client.pause()).unwrap();
    let message = house.send(opened.conversation, "In der Pause");
    let other = Phone { server: house.proxy.url(), data: house.folder.path().join("phone") };
    let flushed = other.run(&["flush", "--timeout", "10"]);
    assert_eq!(flushed.status.code(), Some(0), "{:?}", documents(&flushed));
    assert_eq!(house.words(opened.conversation), ["Wo ist mein Paket?", "In der Pause"]);
    house.runtime.block_on(house.client.resume()).unwrap();
    house.flush();
    assert!(house.runtime.block_on(house.client.conversations().message(message)).unwrap().seq.is_some());
    assert_eq!(house.words(opened.conversation).len(), 2, "it was sent again");
}
