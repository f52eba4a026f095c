//! Nothing starts on its own, and a folder belongs to one client of a process.

use std::process::Command;

use beistand_core::ErrorKind;
use beistand_core::protocol::{ConversationId, UnixMillis};

use beistand_test_support::process::{Phone, documents};

use crate::app::{NOWHERE, client, draft, runtime, settings};

/// Set in the process that runs one test alone.
const ALONE: &str = "BEISTAND_TEST_ALONE";

/// Runs a test in a process of its own, where the threads of other tests do not count. `true` there.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let ended = Command::new(std::env::current_exe().expect("a test knows its own path"))
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .status()
        .expect("the test starts");
    assert!(ended.success(), "{test} fails alone");
    false
}

#[cfg(target_os = "linux")]
fn threads() -> Vec<String> {
    std::fs::read_dir("/proc/self/task")
        .expect("the own threads")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

#[cfg(target_os = "linux")]
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the own files").count()
}

#[cfg(target_os = "linux")]
#[test]
fn building_a_client_starts_no_thread_and_touches_no_disk() {
    if !is_alone("beginning::building_a_client_starts_no_thread_and_touches_no_disk") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("phone");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = (threads().len(), open_files());
    let client = client(NOWHERE, &data);
    let services = (client.conversations(), client.outbox(), client.connection(), client.events());
    client.wake();
    client.conversations().set_typing(ConversationId::mint(UnixMillis(1), [1; 10]), true);
    assert_eq!((threads().len(), open_files()), before, "{:?}", threads());
    assert!(!data.exists(), "a folder was made");
    drop(services);

    runtime.block_on(async {
        client.conversations().list().await.unwrap();
        assert!(threads().iter().any(|name| name.starts_with("beistand-")), "{:?}", threads());
        assert!(data.exists());
        client.shutdown().await;
    });
    let left: Vec<_> = threads().into_iter().filter(|name| name.starts_with("beistand-")).collect();
    assert!(left.is_empty(), "threads outlive the client: {left:?}");
}

#[test]
fn a_second_client_on_the_same_folder_is_refused_until_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let first = client(NOWHERE, folder.path());
    // The same folder by another name.
    let detour = folder.path().join("x").join("..");
    std::fs::create_dir(folder.path().join("x")).unwrap();
    for name in [folder.path().to_path_buf(), folder.path().join("."), detour] {
        let error = beistand_core::Client::builder(settings(NOWHERE, &name)).build().err().expect("a refusal");
        assert_eq!(error.kind, ErrorKind::FolderInUse, "{}", name.display());
    }
    runtime.block_on(async {
        let opened = first.conversations().open(draft("vom ersten")).await.unwrap();
        first.shutdown().await;
        let second = client(NOWHERE, folder.path());
        assert_eq!(second.conversations().list().await.unwrap()[0].id, opened.conversation);
        // Without a shutdown, its drop gives the folder back as well.
        let clone = second.clone();
        drop(second);
        assert!(beistand_core::Client::builder(settings(NOWHERE, folder.path())).build().is_err(), "a clone lives");
        drop(clone);
        let third = client(NOWHERE, folder.path());
        assert_eq!(third.conversations().list().await.unwrap().len(), 1);
    });
}

#[test]
fn several_processes_may_begin_a_folder_at_the_same_time() {
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let phone = Phone { server: NOWHERE.to_owned(), data: folder.path().join("phone") };
        let texts: Vec<String> = (0..4).map(|number| format!("Nachricht {number}")).collect();
        let openers: Vec<_> =
            texts.iter().map(|text| phone.start(&["open", "--subject", "Paket", "--text", text])).collect();
        for opener in openers {
            let output = opener.wait();
            assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(documents(&phone.run(&["list"])).len(), texts.len());
    }
}
