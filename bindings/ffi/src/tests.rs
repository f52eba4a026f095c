//! What the wrapper itself promises: that waiting is safe to give up, that nothing starts early, that nothing is left over.
//! What it wraps is tested in the core. The runtime of these tests stands for a foreign executor.

use std::fs;
use std::future::Future;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use beistand_test_support::process::ServerProcess;
use tempfile::TempDir;

use crate::*;

/// Long enough for a busy machine; nothing waits as long if it works.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(folder: &TempDir) -> FfiConfig {
    FfiConfig {
        // Nobody answers there.
        server: "http://127.0.0.1:1".into(),
        app_key: "demo".into(),
        folder: folder.path().join("data").to_string_lossy().into_owned(),
        platform: None,
        locale: None,
        trusted_roots_pem: None,
        request_timeout: None,
        token_timeout: None,
        outbox_items: None,
        outbox_bytes: None,
        outbox_file_bytes: None,
        attachment_cache_bytes: None,
        faq_seeds: Vec::new(),
        faq_key: None,
        faq_max_age: None,
        faq_cache_bytes: None,
        faq_image_bytes: None,
        faq_prefetch_images: false,
        faq_report: false,
    }
}

fn client(folder: &TempDir) -> Arc<FfiClient> {
    FfiClient::new(config(folder)).unwrap()
}

fn draft(text: &str, attachments: Vec<FfiAttachmentSource>) -> FfiTicketDraft {
    FfiTicketDraft {
        subject: "Parcel".into(),
        text: text.into(),
        category: None,
        priority: FfiPriority::Normal,
        fields: Default::default(),
        attachments,
    }
}

fn words(text: &str) -> FfiMessageDraft {
    FfiMessageDraft { text: text.into(), attachments: Vec::new() }
}

/// Waits on a foreign thread, as an executor does that knows nothing of this library.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let foreign = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    foreign.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("it takes too long") })
}

/// Polls once and drops, as a cancelled coroutine does; what was there already is given.
fn give_up<T>(future: impl Future<Output = T>) -> Option<T> {
    match Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The names of the threads of this process.
fn threads() -> Vec<String> {
    let all = fs::read_dir("/proc/self/task").unwrap();
    all.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

/// Runs the named test again in a process of its own, where nothing else has started anything. Whether this is that process.
fn alone(test: &str) -> bool {
    const MARK: &str = "BEISTAND_FFI_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let out = again.args([&format!("tests::{test}"), "--exact", "--nocapture"]).env(MARK, "1").output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
    false
}

fn own_threads() -> usize {
    threads().iter().filter(|name| name.starts_with("beistand")).count()
}

#[test]
fn the_constructor_opens_nothing_and_starts_no_thread() {
    if !alone("the_constructor_opens_nothing_and_starts_no_thread") {
        return;
    }
    let (folder, before) = (TempDir::new().unwrap(), threads().len());
    let client = client(&folder);
    let services = (client.conversations(), client.outbox(), client.attachments(), client.faq(), client.events());
    client.wake();
    let _ = client.conversations().set_typing("01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f".into(), true);
    assert_eq!(threads().len(), before);
    assert!(!folder.path().join("data").exists());
    wait(services.0.list()).unwrap();
    assert!(own_threads() > 0, "{:?}", threads());
}

#[test]
fn what_is_let_go_leaves_no_handle() {
    if !alone("what_is_let_go_leaves_no_handle") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let client = client(&folder);
    let conversations = client.conversations();
    let opened = wait(conversations.open(draft("It never came", Vec::new()))).unwrap();
    let before = live_handles();
    for _ in 0..1_000 {
        let timeline = wait(conversations.timeline(opened.conversation.clone())).unwrap();
        assert!(wait(timeline.next()).is_some());
        let _ = give_up(timeline.next());
        timeline.cancel();
        let _ = give_up(client.watch_connection().next());
        let _ = give_up(wait(conversations.watch_list()).unwrap().next());
    }
    assert_eq!(live_handles(), before);
    wait(client.shutdown());
    drop((conversations, client));
    assert_eq!(live_handles(), 0);
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_done_all_the_same() {
    let folder = TempDir::new().unwrap();
    let conversations = client(&folder).conversations();
    let _ = give_up(conversations.open(draft("It never came", Vec::new())));
    let list = wait(conversations.watch_list()).unwrap();
    let found = wait(async {
        loop {
            let now = list.next().await.unwrap();
            if !now.is_empty() {
                return now;
            }
        }
    });
    assert_eq!(found.len(), 1);
}

#[test]
fn a_dropped_next_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let conversations = client(&folder).conversations();
    let opened = wait(conversations.open(draft("one", Vec::new()))).unwrap();
    let timeline = wait(conversations.timeline(opened.conversation.clone())).unwrap();
    let mut shown: Vec<FfiMessage> = Vec::new();
    for text in ["two", "three", "four"] {
        let early = give_up(timeline.next()).flatten();
        wait(conversations.send(opened.conversation.clone(), words(text))).unwrap();
        let late = give_up(timeline.next()).flatten();
        early.into_iter().chain(late).for_each(|batch| apply(&mut shown, batch));
        let text = FfiMessageBody::Text { text: text.into() };
        while !shown.iter().any(|message| message.body == text) {
            apply(&mut shown, wait(timeline.next()).unwrap());
        }
    }
    assert_eq!(shown.len(), 4);
}

fn apply(shown: &mut Vec<FfiMessage>, batch: FfiTimelineBatch) {
    for difference in batch.differences {
        match difference {
            FfiDifference::Reset { messages } => *shown = messages,
            FfiDifference::Insert { index, message } => shown.insert(index as usize, message),
            FfiDifference::Update { index, message } => shown[index as usize] = message,
            FfiDifference::Remove { index, id } => assert_eq!(shown.remove(index as usize).id, id),
        }
    }
}

/// A conversation of this many messages that a real server has taken: what still waits is in every window.
fn long(folder: &TempDir, messages: usize) -> (ServerProcess, Arc<FfiConversations>, String) {
    let server = ServerProcess::start(&folder.path().join("server"), 0, &[]);
    let client = FfiClient::new(FfiConfig { server: server.url.clone(), ..config(folder) }).unwrap();
    let conversations = client.conversations();
    let opened = wait(conversations.open(draft("1", Vec::new()))).unwrap();
    for number in 2..=messages {
        wait(conversations.send(opened.conversation.clone(), words(&number.to_string()))).unwrap();
    }
    assert_eq!(wait(client.outbox().flush(PATIENCE, None)).unwrap(), FfiFlushOutcome::Empty);
    (server, conversations, opened.conversation)
}

#[test]
fn a_window_is_widened_while_somebody_waits_for_what_is_next() {
    let folder = TempDir::new().unwrap();
    let (_server, conversations, id) = long(&folder, 70);
    let timeline = wait(conversations.timeline(id)).unwrap();
    let mut shown = Vec::new();
    apply(&mut shown, wait(timeline.next()).unwrap());
    assert_eq!(shown.len(), 50);
    // Whoever waits has been waiting for a while, and is told by the same call.
    let waiting = std::thread::spawn({
        let timeline = timeline.clone();
        move || {
            let mut batches = Vec::new();
            wait(async {
                loop {
                    let batch = timeline.next().await.unwrap();
                    let last = !batch.has_earlier;
                    batches.push(batch);
                    if last {
                        return;
                    }
                }
            });
            batches
        }
    });
    wait(timeline.load_earlier(15, None)).unwrap();
    wait(timeline.load_earlier(15, None)).unwrap();
    waiting.join().unwrap().into_iter().for_each(|batch| apply(&mut shown, batch));
    let texts: Vec<FfiMessageBody> = shown.into_iter().map(|message| message.body).collect();
    let all: Vec<_> = (1..=70).map(|number| FfiMessageBody::Text { text: number.to_string() }).collect();
    assert_eq!(texts, all);
}

#[test]
fn a_window_that_is_widened_before_it_was_told_is_told_first() {
    let folder = TempDir::new().unwrap();
    let (_server, conversations, id) = long(&folder, 60);
    let timeline = wait(conversations.timeline(id)).unwrap();
    wait(timeline.load_earlier(20, None)).unwrap();
    let mut shown = Vec::new();
    let first = wait(timeline.next()).unwrap();
    assert!(matches!(&first.differences[..], [FfiDifference::Reset { messages }] if messages.len() == 50));
    apply(&mut shown, first);
    apply(&mut shown, wait(timeline.next()).unwrap());
    assert_eq!(shown.len(), 60);
}

#[test]
fn whoever_waits_is_let_go_by_cancel() {
    let folder = TempDir::new().unwrap();
    let client = client(&folder);
    let conversations = client.conversations();
    let opened = wait(conversations.open(draft("one", Vec::new()))).unwrap();
    let timeline = wait(conversations.timeline(opened.conversation)).unwrap();
    assert!(wait(timeline.next()).is_some());
    let waiting = std::thread::spawn({
        let timeline = timeline.clone();
        move || wait(async { while timeline.next().await.is_some() {} })
    });
    timeline.cancel();
    waiting.join().unwrap();
    assert_eq!(wait(timeline.next()), None);
    let cancel = FfiCancel::new();
    let flushing = std::thread::spawn({
        let (outbox, cancel) = (client.outbox(), cancel.clone());
        move || wait(outbox.flush(PATIENCE * 10, Some(cancel)))
    });
    cancel.cancel();
    let FfiError::Failed { kind, .. } = flushing.join().unwrap().unwrap_err();
    assert_eq!(kind, FfiErrorKind::Cancelled);
}

#[test]
fn a_watch_ends_with_its_client() {
    let folder = TempDir::new().unwrap();
    let client = client(&folder);
    let list = wait(client.conversations().watch_list()).unwrap();
    assert_eq!(wait(list.next()), Some(Vec::new()));
    wait(client.shutdown());
    assert_eq!(wait(list.next()), None);
    let FfiError::Failed { kind, code, .. } = wait(client.conversations().list()).unwrap_err();
    assert_eq!((kind, code.as_str()), (FfiErrorKind::ShutDown, "shut-down"));
}

#[test]
fn a_panic_is_an_error_that_tells_nothing_of_what_was_written() {
    let failed = wait(runtime::run(async {
        if true {
            panic!("the person's words");
        }
        Ok::<_, FfiError>(())
    }));
    let FfiError::Failed { kind, detail, .. } = failed.unwrap_err();
    assert_eq!(kind, FfiErrorKind::Internal);
    assert!(!detail.contains("words"));
}

#[test]
fn an_id_that_is_none_is_an_error_and_not_a_question_to_the_database() {
    let folder = TempDir::new().unwrap();
    let FfiError::Failed { kind, code, .. } = wait(client(&folder).conversations().get("1".into())).unwrap_err();
    assert_eq!((kind, code.as_str()), (FfiErrorKind::InvalidInput, "bad-parameter"));
    assert!(!folder.path().join("data").exists());
}

fn attach(conversations: &FfiConversations, stream: &Arc<FfiByteStream>) -> Result<FfiOpened, FfiError> {
    let source =
        FfiAttachmentSource::Stream { stream: stream.clone(), name: "report.txt".into(), keep_location: false };
    wait(conversations.open(draft("see the file", vec![source])))
}

#[test]
fn a_file_comes_in_pieces_while_the_call_waits() {
    let folder = TempDir::new().unwrap();
    let conversations = client(&folder).conversations();
    let stream = FfiByteStream::new();
    let writing = std::thread::spawn({
        let stream = stream.clone();
        move || {
            for _ in 0..40 {
                assert!(wait(stream.write(b"0123456789".repeat(1_000))));
            }
            wait(stream.finish());
        }
    });
    let opened = attach(&conversations, &stream).unwrap();
    writing.join().unwrap();
    let message = wait(conversations.message(opened.message)).unwrap();
    assert_eq!(message.attachments[0].size, 400_000);
}

#[test]
fn a_file_that_breaks_off_is_not_sent() {
    let folder = TempDir::new().unwrap();
    let conversations = client(&folder).conversations();
    let stream = FfiByteStream::new();
    assert!(wait(stream.write(b"half of it".to_vec())));
    stream.abandon();
    let FfiError::Failed { kind, .. } = attach(&conversations, &stream).unwrap_err();
    assert_eq!(kind, FfiErrorKind::Unreadable);
    assert!(!wait(stream.write(Vec::new())));
    assert_eq!(wait(conversations.list()).unwrap(), Vec::new());
}

/// Hands lines on, fails each time, and calls back into a client.
struct Hostile {
    lines: Mutex<Sender<(String, String)>>,
    client: Arc<FfiClient>,
}

impl FfiLogSink for Hostile {
    fn log(&self, _: FfiLogLevel, target: String, text: String) -> Result<(), FfiLogError> {
        self.client.wake();
        tracing::error!(target: "beistand::test", "what a sink causes is not told to it");
        set_log_sink(None, FfiLogLevel::Error);
        let _ = self.lines.lock().unwrap().send((target, text));
        Err(FfiLogError::Failed)
    }
}

fn hostile(folder: &TempDir) -> (Arc<Hostile>, Receiver<(String, String)>) {
    let (lines, told) = mpsc::channel();
    (Arc::new(Hostile { lines: Mutex::new(lines), client: client(folder) }), told)
}

#[test]
fn a_hostile_sink_hurts_nothing_and_hears_only_our_own_lines() {
    if !alone("a_hostile_sink_hurts_nothing_and_hears_only_our_own_lines") {
        return;
    }
    let folder = TempDir::new().unwrap();
    tracing::error!(target: "beistand::test", "nobody listens");
    let (sink, told) = hostile(&folder);
    set_log_sink(Some(sink.clone()), FfiLogLevel::Info);
    tracing::error!(target: "hyper", "a header");
    tracing::debug!(target: "beistand::test", "too quiet");
    tracing::warn!(target: "beistand::test", code = 7, "odd");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), ("beistand::test".into(), "odd code=7".into()));
    // It has taken itself away: a new one hears the next line.
    set_log_sink(Some(sink), FfiLogLevel::Error);
    tracing::error!(target: "beistand::test", "broken");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, "broken");
    assert!(told.try_recv().is_err());
}

/// Fails in every way that a foreign function can.
struct Provider;

#[async_trait::async_trait]
impl FfiTokenProvider for Provider {
    async fn token(&self, _: FfiTokenReason) -> Result<String, FfiTokenError> {
        Err(FfiTokenError::Failed)
    }
}

#[test]
fn a_provider_that_fails_is_a_login_that_fails() {
    let folder = TempDir::new().unwrap();
    let client = client(&folder);
    let FfiError::Failed { kind, code, .. } = wait(client.login(Arc::new(Provider), None)).unwrap_err();
    assert_eq!((kind, code.as_str()), (FfiErrorKind::LoginFailed, "login-provider-failed"));
    assert_eq!(client.identity(), FfiIdentity { subject: None, confirmed: false });
    assert_eq!(wait(client.watch_identity().next()).unwrap().subject, None);
    let out = wait(client.logout(FfiLogout::Discard, None)).unwrap();
    assert_eq!(out, FfiLoggedOut { sent: 0, kept: 0, discarded: 0 });
}
