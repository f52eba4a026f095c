//! The store on SQLite: one file, one writer thread with group commit, a few reader connections. WAL with
//! `synchronous=FULL`: what was answered is on the disk.

mod attachments;
mod commands;
mod faq;
mod faq_counts;
mod open;
mod persons;
mod queries;
mod rows;
mod sync;
mod writer;

use std::{
    future::ready,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use beistand_protocol::{
    AttachmentId, ConversationId, DeviceId, Epoch, Message, MessagePage, PersonId, SyncPage, UnixMillis,
    agent::{AgentList, ApiKeyList, ConversationPage},
    faq::{Bundle, Delta, FaqCounts, FaqIndex, Locale},
};
use rusqlite::Connection;
use tokio::sync::oneshot;

pub use open::{OpenError, backup};
pub(crate) use sync::decode as decode_cursor;

use super::{
    AgentRow, Answer, AppId, AppRow, Applied, AttachmentRow, Authenticated, BoxFuture, Census, Command,
    ConversationQuery, DeviceRow, Execution, FaqDrafts, FaqImage, IdentityKey, PushTargets, Reader, Store, StoreError,
    StoreOptions, Stream, SyncQuery,
};
use crate::{bus::Bus, clock::Clock, identity::KeyMaterial, metrics::Metrics};

/// Reader connections: enough that a long snapshot does not hold up the sign-in check of everybody else.
const READERS: usize = 3;

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

struct Threads {
    writer: tokio::sync::mpsc::Sender<writer::Job>,
    readers: Vec<mpsc::Sender<ReadJob>>,
    handles: Vec<JoinHandle<()>>,
}

enum Mode {
    Thread { threads: Mutex<Option<Threads>>, next: AtomicUsize },
    Inline(Mutex<Option<Connection>>),
}

/// The store on SQLite.
pub struct SqliteStore {
    mode: Mode,
    bus: Arc<dyn Bus>,
    metrics: Arc<Metrics>,
    lock_file: Mutex<Option<std::fs::File>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SqliteStore {
    /// Opens and migrates the database, and mints its epoch if it has none or comes from a backup. `exclusive` takes
    /// the lock that keeps a second server off the folder; the small commands of the binary go without.
    pub fn open(
        options: &StoreOptions,
        max_bytes: u64,
        clock: &dyn Clock,
        bus: Arc<dyn Bus>,
        metrics: Arc<Metrics>,
        exclusive: bool,
    ) -> Result<Self, OpenError> {
        let lock_file = if exclusive { open::lock_folder(options)? } else { None };
        let mut conn = open::open_writer(options, max_bytes)?;
        open::migrate(&mut conn)?;
        open::mint_epoch(&mut conn, clock)?;
        let mode = match options.execution {
            Execution::Inline => Mode::Inline(Mutex::new(Some(conn))),
            Execution::Thread => {
                let (writer, jobs) = tokio::sync::mpsc::channel(writer::QUEUE);
                let mut handles = Vec::new();
                let mut readers = Vec::new();
                for number in 0..READERS {
                    let conn = open::open_reader(options)?;
                    let (sender, receiver) = mpsc::channel::<ReadJob>();
                    let name = format!("store-reader-{number}");
                    handles.push(spawn(name, move || {
                        while let Ok(job) = receiver.recv() {
                            job(&conn);
                        }
                    })?);
                    readers.push(sender);
                }
                let (bus, metrics) = (bus.clone(), metrics.clone());
                handles.push(spawn("store-writer".into(), move || writer::run(conn, jobs, &*bus, &metrics))?);
                let threads = Mutex::new(Some(Threads { writer, readers, handles }));
                Mode::Thread { threads, next: AtomicUsize::new(0) }
            }
        };
        Ok(Self { mode, bus, metrics, lock_file: Mutex::new(lock_file) })
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        // One transaction for all statements of a query: a page is of one moment.
        let run = move |conn: &Connection| {
            let transaction = conn.unchecked_transaction()?;
            let answer = query(&transaction)?;
            transaction.finish()?;
            Ok(answer)
        };
        match &self.mode {
            Mode::Inline(conn) => {
                let answer = match &*lock(conn) {
                    Some(conn) => run(conn).map_err(writer::failure),
                    None => Err(StoreError::Closed),
                };
                Box::pin(ready(answer))
            }
            Mode::Thread { threads, next } => {
                let (sender, receiver) = oneshot::channel();
                if let Some(threads) = &*lock(threads) {
                    let turn = next.fetch_add(1, Ordering::Relaxed) % threads.readers.len();
                    let job: ReadJob = Box::new(move |conn| {
                        // The asker may have gone; then nobody wants the answer.
                        let _ = sender.send(run(conn).map_err(writer::failure));
                    });
                    let _ = threads.readers[turn].send(job);
                }
                Box::pin(async move { receiver.await.unwrap_or(Err(StoreError::Closed)) })
            }
        }
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new().name(name).spawn(work).map_err(OpenError::Thread)
}

impl Store for SqliteStore {
    fn apply(&self, command: Command) -> Answer<'_, Applied> {
        match &self.mode {
            Mode::Inline(conn) => {
                let answer = match &*lock(conn) {
                    Some(conn) => writer::run_one(conn, command, &self.metrics),
                    None => Err(StoreError::Closed),
                };
                // Told after the lock is released: a listener may ask the store at once.
                let answer = answer.map(|(applied, effects)| {
                    writer::tell(&*self.bus, effects);
                    applied
                });
                Box::pin(ready(answer))
            }
            Mode::Thread { threads, .. } => {
                let writer = lock(threads).as_ref().map(|threads| threads.writer.clone());
                Box::pin(async move {
                    let (sender, receiver) = oneshot::channel();
                    let writer = writer.ok_or(StoreError::Closed)?;
                    writer.send(writer::Job { command, reply: sender }).await.map_err(|_| StoreError::Closed)?;
                    // Let go before waiting: the writer ends when the last sender has gone.
                    drop(writer);
                    receiver.await.unwrap_or(Err(StoreError::Closed))
                })
            }
        }
    }

    fn app_by_key<'a>(&'a self, key: &'a str) -> Answer<'a, Option<AppRow>> {
        let key = key.to_owned();
        self.read(move |conn| queries::app(conn, "key", &key))
    }

    fn app_by_name<'a>(&'a self, name: &'a str) -> Answer<'a, Option<AppRow>> {
        let name = name.to_owned();
        self.read(move |conn| queries::app(conn, "name", &name))
    }

    fn apps(&self) -> Answer<'_, Vec<AppRow>> {
        self.read(queries::apps)
    }

    fn device(&self, app: AppId, device: DeviceId) -> Answer<'_, Option<DeviceRow>> {
        self.read(move |conn| queries::device(conn, app, device))
    }

    fn push_targets(&self, app: AppId, person: PersonId) -> Answer<'_, PushTargets> {
        self.read(move |conn| queries::push_targets(conn, app, persons::today(conn, app, person)?))
    }

    fn agent_by_name<'a>(&'a self, app: AppId, name: &'a str) -> Answer<'a, Option<AgentRow>> {
        let name = name.to_owned();
        self.read(move |conn| queries::agent_by_name(conn, app, &name))
    }

    fn agents(&self, app: AppId) -> Answer<'_, AgentList> {
        self.read(move |conn| queries::agents(conn, app))
    }

    fn session(&self, token_hash: [u8; 32], now: UnixMillis) -> Answer<'_, Option<Authenticated>> {
        self.read(move |conn| queries::session(conn, token_hash, now))
    }

    fn api_key(&self, key_hash: [u8; 32]) -> Answer<'_, Option<Authenticated>> {
        self.read(move |conn| queries::api_key(conn, key_hash))
    }

    fn api_keys(&self, app: AppId) -> Answer<'_, ApiKeyList> {
        self.read(move |conn| queries::api_keys(conn, app))
    }

    fn identity_key<'a>(&'a self, app: AppId, kid: &'a str) -> Answer<'a, Option<KeyMaterial>> {
        let kid = kid.to_owned();
        self.read(move |conn| persons::key_material(conn, app, &kid))
    }

    fn identity_keys(&self, app: AppId) -> Answer<'_, Vec<IdentityKey>> {
        self.read(move |conn| persons::keys(conn, app))
    }

    fn conversation(
        &self,
        app: AppId,
        reader: Reader,
        id: ConversationId,
    ) -> Answer<'_, Option<beistand_protocol::Conversation>> {
        self.read(move |conn| {
            let reader = persons::reader_today(conn, app, reader)?;
            rows::load_conversation(conn, app, reader, id, false)
        })
    }

    fn owner(&self, app: AppId, id: ConversationId) -> Answer<'_, Option<PersonId>> {
        self.read(move |conn| queries::owner(conn, app, id))
    }

    fn history(
        &self,
        app: AppId,
        reader: Reader,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'_, Option<MessagePage>> {
        self.read(move |conn| {
            let reader = persons::reader_today(conn, app, reader)?;
            queries::history(conn, app, reader, id, before, limit)
        })
    }

    fn conversations(&self, app: AppId, query: ConversationQuery) -> Answer<'_, ConversationPage> {
        self.read(move |conn| queries::conversations(conn, app, &query))
    }

    fn sync(&self, app: AppId, stream: Stream, query: SyncQuery) -> Answer<'_, SyncPage> {
        let page = self.read(move |conn| sync::page(conn, app, persons::stream_today(conn, app, stream)?, &query));
        Box::pin(async move { page.await?.map_err(StoreError::Refused) })
    }

    fn newest(&self, app: AppId, stream: Stream) -> Answer<'_, (u64, Epoch)> {
        self.read(move |conn| {
            let place = sync::place(conn, app, persons::stream_today(conn, app, stream)?)?;
            Ok((place.seq, place.epoch))
        })
    }

    fn attachment(&self, app: AppId, id: AttachmentId) -> Answer<'_, Option<AttachmentRow>> {
        self.read(move |conn| attachments::load(conn, app, id))
    }

    fn readable_attachment(&self, app: AppId, reader: Reader, id: AttachmentId) -> Answer<'_, Option<AttachmentRow>> {
        self.read(move |conn| attachments::load_for(conn, app, persons::reader_today(conn, app, reader)?, id))
    }

    fn has_expired(&self, at: UnixMillis) -> Answer<'_, bool> {
        self.read(move |conn| attachments::has_expired(conn, at))
    }

    fn is_kept(&self, sha256: [u8; 32]) -> Answer<'_, bool> {
        self.read(move |conn| attachments::is_kept(conn, sha256))
    }

    fn loose_files(&self, limit: u32) -> Answer<'_, Vec<[u8; 32]>> {
        self.read(move |conn| attachments::loose_files(conn, limit))
    }

    fn files_to_scan(&self, limit: u32) -> Answer<'_, Vec<[u8; 32]>> {
        self.read(move |conn| attachments::files_to_scan(conn, limit))
    }

    fn faq_index(&self, app: AppId) -> Answer<'_, FaqIndex> {
        self.read(move |conn| faq::index(conn, app))
    }

    fn faq_bundle(&self, app: AppId, locale: Locale) -> Answer<'_, Option<(u64, Bundle)>> {
        self.read(move |conn| faq::bundle(conn, app, &locale))
    }

    fn faq_delta(&self, app: AppId, locale: Locale, since: u64) -> Answer<'_, Option<(u64, Delta)>> {
        self.read(move |conn| faq::delta(conn, app, &locale, since))
    }

    fn faq_knows(&self, app: AppId, locale: Locale, version: u64) -> Answer<'_, bool> {
        self.read(move |conn| faq::knows(conn, app, &locale, version))
    }

    fn faq_image(&self, app: AppId, sha256: [u8; 32]) -> Answer<'_, Option<FaqImage>> {
        self.read(move |conn| faq::image(conn, app, sha256))
    }

    fn faq_signing_seed(&self, app: AppId) -> Answer<'_, Option<[u8; 32]>> {
        self.read(move |conn| faq::signing_seed(conn, app))
    }

    fn faq_drafts(&self, app: AppId) -> Answer<'_, FaqDrafts> {
        self.read(move |conn| faq::drafts(conn, app))
    }

    fn faq_counts(&self, app: AppId, limit: u32) -> Answer<'_, FaqCounts> {
        self.read(move |conn| faq_counts::counts(conn, app, limit))
    }

    fn all_messages(&self, app: AppId, id: ConversationId) -> Answer<'_, Vec<Message>> {
        self.read(move |conn| queries::all_messages(conn, app, id))
    }

    fn census(&self) -> Answer<'_, Census> {
        self.read(queries::census)
    }

    fn ping(&self) -> Answer<'_, ()> {
        self.read(|conn| conn.query_row("SELECT 1 FROM meta LIMIT 1", [], |_| Ok(())))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        match &self.mode {
            Mode::Inline(conn) => {
                if let Some(conn) = lock(conn).take() {
                    open::close(conn);
                }
                *lock(&self.lock_file) = None;
                Box::pin(ready(()))
            }
            Mode::Thread { threads, .. } => {
                let threads = lock(threads).take();
                Box::pin(async move {
                    if let Some(Threads { writer, readers, handles }) = threads {
                        drop((writer, readers));
                        let joined = tokio::task::spawn_blocking(move || {
                            handles.into_iter().all(|handle| handle.join().is_ok())
                        });
                        if !joined.await.unwrap_or(false) {
                            tracing::error!("a thread of the store has panicked");
                        }
                    }
                    *lock(&self.lock_file) = None;
                })
            }
        }
    }
}
