//! Threads and connections. Writes go to one thread, which commits what waits together (group commit); reads go to two
//! others. Nothing of SQLite ever runs on an async thread. The threads start with the first call and end with
//! `Database::close`; while the app is paused the file is closed after each call, so that a suspended app holds no lock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::open::{self, Kind, Purpose};
use super::salvage;
use crate::attachments::files::FileStore;
use crate::error::StoreError;

/// Where the statements of a database run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Execution {
    /// On threads of its own.
    #[default]
    Threads,
    /// At once, on the caller's thread: for simulations that must run the same way twice.
    Inline,
}

/// How a client's database is opened. The default is what an app wants.
#[derive(Clone, Debug, Default)]
pub struct StorageOptions {
    /// Where statements run.
    pub execution: Execution,
    /// The name of a registered SQLite VFS; tests lose power with one.
    pub vfs: Option<String>,
    /// The folder of attachments, in place of one beside the database.
    pub files: Option<FolderOfFiles>,
}

/// A folder that a test puts in the place of the real one.
#[derive(Clone)]
pub struct FolderOfFiles(pub Arc<dyn FileStore>);

impl std::fmt::Debug for FolderOfFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FolderOfFiles")
    }
}

/// What was kept of a damaged database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recovered {
    pub moved_to: PathBuf,
    pub outbox_rows: u64,
    pub messages: u64,
}

type WriteJob = Box<dyn WriteTask>;
type ReadJob = Box<dyn FnOnce(&mut Reader) + Send>;

/// A write, in two halves: what it does inside the transaction, and whom it tells once the transaction has ended.
trait WriteTask: Send {
    /// Runs inside the transaction.
    fn run(&mut self, transaction: &Connection) -> Ran;
    /// Tells the caller. `failure` is set if the transaction itself failed.
    fn finish(self: Box<Self>, failure: Option<StoreError>);
}

/// How a write went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ran {
    Well,
    /// It is to be rolled back alone.
    Failed,
    /// The file is damaged: nothing of this transaction can be trusted.
    Damaged,
}

struct Write<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    /// Told of the result in the order of commits, whether or not the caller still waits.
    committed: Option<Committed<T>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

type Committed<T> = Box<dyn FnOnce(&T) + Send>;

impl<T: Send, F: FnOnce(&Connection) -> Result<T, StoreError> + Send> WriteTask for Write<T, F> {
    fn run(&mut self, transaction: &Connection) -> Ran {
        let Some(work) = self.work.take() else { return Ran::Failed };
        let result = work(transaction);
        let ran = match &result {
            Ok(_) => Ran::Well,
            Err(StoreError::Damaged) => Ran::Damaged,
            Err(_) => Ran::Failed,
        };
        self.result = Some(result);
        ran
    }

    fn finish(mut self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.result.take()) {
            (Some(failure), _) => Err(failure),
            (None, Some(result)) => result,
            (None, None) => Err(StoreError::Closed),
        };
        if let (Ok(value), Some(committed)) = (&result, self.committed.take()) {
            committed(value);
        }
        // A caller that no longer waits has lost nothing: the transaction stands.
        let _ = self.reply.send(result);
    }
}

enum WriterMessage {
    Job(WriteJob),
    Version(oneshot::Sender<Result<i64, StoreError>>),
    /// Close the connection; the next job opens it again.
    Rest(oneshot::Sender<()>),
}

struct Shared {
    path: PathBuf,
    kind: &'static Kind,
    options: StorageOptions,
    paused: AtomicBool,
    /// Counts recoveries: a reader whose connection is of an earlier file opens the new one.
    generation: AtomicU64,
    recovered: Mutex<Vec<Recovered>>,
    /// Held for writing while the file is rebuilt, for reading while it is read: nobody meets a file that is half there.
    rebuilding: RwLock<()>,
}

enum Backend {
    Threads {
        writer: mpsc::Sender<WriterMessage>,
        readers: Vec<mpsc::Sender<ReadJob>>,
        next: usize,
        joins: Vec<std::thread::JoinHandle<()>>,
    },
    Inline(Box<Writer>),
}

/// The database of one client.
pub(crate) struct Database {
    shared: Arc<Shared>,
    backend: Mutex<Option<Backend>>,
    closed: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held leaves nothing half-done here: all state is in SQLite.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Database {
    /// Remembers where the database is; opens nothing.
    pub fn new(path: PathBuf, options: StorageOptions) -> Self {
        Self::of_kind(path, options, &open::CLIENT)
    }

    /// The same for a file of another kind.
    pub fn of_kind(path: PathBuf, options: StorageOptions, kind: &'static Kind) -> Self {
        let shared = Shared {
            path,
            kind,
            options,
            paused: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            recovered: Mutex::new(Vec::new()),
            rebuilding: RwLock::new(()),
        };
        Self { shared: Arc::new(shared), backend: Mutex::new(None), closed: AtomicBool::new(false) }
    }

    /// Runs `work` in an immediate transaction; returns after COMMIT, or with nothing changed.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_and_tell(work, None).await
    }

    /// Like [`Database::write`]; `committed` is called after COMMIT in the order of commits, even if the caller's future
    /// was dropped meanwhile. It must be quick and must not call the database.
    pub async fn write_and_tell<T, F>(&self, work: F, committed: Option<Committed<T>>) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { work: Some(work), result: None, committed, reply });
        self.with_backend(|backend| match backend {
            Backend::Threads { writer, .. } => writer.send(WriterMessage::Job(job)).map_err(|_| StoreError::Closed),
            Backend::Inline(writer) => {
                writer.commit(vec![job]);
                Ok(())
            }
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `work` on a reader.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.with_backend(|backend| match backend {
            Backend::Threads { readers, next, .. } => {
                let job: ReadJob = Box::new(move |reader: &mut Reader| {
                    let _ = reply.send(reader.run(work));
                });
                *next = next.wrapping_add(1);
                let index = *next % readers.len().max(1);
                let reader = readers.get(index).ok_or(StoreError::Closed)?;
                reader.send(job).map_err(|_| StoreError::Closed)
            }
            Backend::Inline(writer) => {
                let result = writer.connection().and_then(|connection| work(connection));
                if let Err(error) = &result {
                    writer.look_at(error);
                }
                let _ = reply.send(result);
                Ok(())
            }
        })?;
        let result = answer.await.unwrap_or(Err(StoreError::Closed));
        if matches!(result, Err(StoreError::Damaged)) {
            // The writer finds the damage as well, and rebuilds.
            let _ = self.write(open::check).await;
        }
        result
    }

    /// A number that differs once another process has committed (`PRAGMA data_version` of the writing connection).
    pub async fn data_version(&self) -> Result<i64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.with_backend(|backend| match backend {
            Backend::Threads { writer, .. } => {
                writer.send(WriterMessage::Version(reply)).map_err(|_| StoreError::Closed)
            }
            Backend::Inline(writer) => {
                let _ = reply.send(writer.data_version());
                Ok(())
            }
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Ends the current transaction, checkpoints and closes the file. Later calls open it again for as long as they last.
    pub async fn rest(&self) {
        self.shared.paused.store(true, Ordering::SeqCst);
        let mut waits = Vec::new();
        let mut last = None;
        if let Some(backend) = lock(&self.backend).as_mut() {
            match backend {
                Backend::Threads { writer, readers, .. } => {
                    last = Some(writer.clone());
                    for reader in readers.iter() {
                        let (done, wait) = oneshot::channel();
                        let _ = reader.send(Box::new(move |reader: &mut Reader| {
                            reader.connection = None;
                            let _ = done.send(());
                        }));
                        waits.push(wait);
                    }
                }
                Backend::Inline(writer) => writer.connection = None,
            }
        }
        for wait in waits {
            let _ = wait.await;
        }
        // The last connection to close checkpoints the log; two that close at once would each leave it to the other.
        if let Some(writer) = last {
            let (done, wait) = oneshot::channel();
            let _ = writer.send(WriterMessage::Rest(done));
            let _ = wait.await;
        }
    }

    /// Keeps the file open again.
    pub fn wake(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
    }

    /// Closes for good and ends the threads.
    pub async fn close(&self) {
        self.rest().await;
        self.closed.store(true, Ordering::SeqCst);
        let backend = lock(&self.backend).take();
        if let Some(Backend::Threads { writer, readers, joins, .. }) = backend {
            drop((writer, readers));
            // The threads have nothing left to do: joining them takes no noticeable time.
            let _ = tokio::task::spawn_blocking(move || joins.into_iter().for_each(|join| drop(join.join()))).await;
        }
    }

    /// Deletes what was moved aside as damaged: it holds words of somebody who has left.
    pub async fn forget_damaged_copies(&self) {
        if self.shared.options.vfs.is_some() {
            return;
        }
        let path = self.shared.path.clone();
        let forget = move || salvage::forget_copies(&path);
        match self.shared.options.execution {
            Execution::Inline => forget(),
            Execution::Threads => drop(tokio::task::spawn_blocking(forget).await),
        }
    }

    /// Recoveries since the last call.
    pub fn take_recovered(&self) -> Vec<Recovered> {
        std::mem::take(&mut *lock(&self.shared.recovered))
    }

    fn with_backend<T>(&self, call: impl FnOnce(&mut Backend) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        let mut backend = lock(&self.backend);
        if backend.is_none() {
            *backend = Some(self.start()?);
        }
        match backend.as_mut() {
            Some(backend) => call(backend),
            None => Err(StoreError::Closed),
        }
    }

    fn start(&self) -> Result<Backend, StoreError> {
        let mut writer = Writer { shared: self.shared.clone(), connection: None };
        if self.shared.options.execution == Execution::Inline {
            return Ok(Backend::Inline(Box::new(writer)));
        }
        let no_thread = |_| StoreError::Value("no thread could be started");
        let (sender, receiver) = mpsc::channel();
        let mut joins = vec![
            std::thread::Builder::new()
                .name("beistand-write".into())
                .spawn(move || writer.serve(&receiver))
                .map_err(no_thread)?,
        ];
        let mut readers = Vec::new();
        for _ in 0..self.shared.kind.readers {
            let (sender, receiver) = mpsc::channel::<ReadJob>();
            let mut reader = Reader { shared: self.shared.clone(), connection: None, generation: 0 };
            let join = std::thread::Builder::new().name("beistand-read".into()).spawn(move || {
                while let Ok(job) = receiver.recv() {
                    job(&mut reader);
                    if reader.shared.paused.load(Ordering::SeqCst) {
                        reader.connection = None;
                    }
                }
            });
            joins.push(join.map_err(no_thread)?);
            readers.push(sender);
        }
        Ok(Backend::Threads { writer: sender, readers, next: 0, joins })
    }
}

struct Writer {
    shared: Arc<Shared>,
    connection: Option<Connection>,
}

/// Jobs that one commit takes along at most: a commit costs one sync of the disk, however many there are, but the first
/// caller should not wait for hundreds of others.
const GROUP: usize = 64;

impl Writer {
    fn serve(&mut self, receiver: &mpsc::Receiver<WriterMessage>) {
        let mut put_back = None;
        while let Some(message) = put_back.take().or_else(|| receiver.recv().ok()) {
            match message {
                WriterMessage::Job(job) => {
                    let mut group = vec![job];
                    while group.len() < GROUP {
                        match receiver.try_recv() {
                            Ok(WriterMessage::Job(job)) => group.push(job),
                            Ok(other) => {
                                put_back = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(group);
                }
                WriterMessage::Version(reply) => {
                    let _ = reply.send(self.data_version());
                }
                WriterMessage::Rest(done) => {
                    self.connection = None;
                    let _ = done.send(());
                }
            }
            if self.shared.paused.load(Ordering::SeqCst) {
                // Dropping the last connection checkpoints the log into the file.
                self.connection = None;
            }
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.connection.is_none() {
            let opened = self.open();
            match opened {
                Err(StoreError::Damaged) => self.recover()?,
                Err(StoreError::TooNew(_)) if self.shared.kind.cache => self.recover()?,
                other => self.connection = Some(other?),
            }
            if self.connection.is_none() {
                self.connection = Some(self.open()?);
            }
        }
        self.connection.as_mut().ok_or(StoreError::Closed)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        if self.shared.options.vfs.is_none()
            && let Some(folder) = self.shared.path.parent()
        {
            std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
                std::io::ErrorKind::StorageFull => StoreError::Full,
                _ => StoreError::Folder(error.kind()),
            })?;
        }
        open::open(&self.shared.path, self.shared.options.vfs.as_deref(), self.shared.kind, Purpose::Write)
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        self.connection = None;
        if self.shared.kind.cache {
            return self.begin_anew();
        }
        if self.shared.options.vfs.is_some() {
            return Err(StoreError::Damaged);
        }
        let rebuilding = self.shared.rebuilding.write().unwrap_or_else(PoisonError::into_inner);
        let recovered = salvage::rebuild(&self.shared.path)?;
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        drop(rebuilding);
        tracing::warn!(rows = recovered.outbox_rows, "the local database was damaged; what could be read was kept");
        lock(&self.shared.recovered).push(recovered);
        Ok(())
    }

    /// The file of a cache goes, and a new one takes its place at once: readers make none.
    fn begin_anew(&mut self) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        let rebuilding = shared.rebuilding.write().unwrap_or_else(PoisonError::into_inner);
        match shared.options.vfs.as_deref() {
            None => salvage::delete(&shared.path)?,
            Some(vfs) => open::empty(&shared.path, vfs)?,
        }
        self.connection = Some(self.open()?);
        shared.generation.fetch_add(1, Ordering::SeqCst);
        drop(rebuilding);
        let file = shared.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        tracing::warn!(file, "a local cache was damaged or of a newer version; it is begun anew");
        lock(&shared.recovered).push(Recovered { moved_to: shared.path.clone(), outbox_rows: 0, messages: 0 });
        Ok(())
    }

    /// A failure that shows a damaged file: close it, so that the next call rebuilds it.
    fn look_at(&mut self, error: &StoreError) {
        if matches!(error, StoreError::Damaged)
            && let Err(error) = self.recover()
        {
            tracing::error!(%error, "the damaged local database could not be rebuilt");
        }
    }

    fn data_version(&mut self) -> Result<i64, StoreError> {
        let connection = self.connection()?;
        Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// One transaction for all jobs; a job that fails is rolled back alone, by its savepoint.
    fn commit(&mut self, mut group: Vec<WriteJob>) {
        let failure = self.try_commit(&mut group).err();
        if let Some(failure) = &failure {
            self.look_at(failure);
        }
        for job in group {
            job.finish(failure.as_ref().map(copy));
        }
    }

    fn try_commit(&mut self, group: &mut [WriteJob]) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let [only] = group {
            // Alone, it needs no savepoint.
            return match only.run(&transaction) {
                Ran::Well => Ok(transaction.commit()?),
                Ran::Failed => Ok(()),
                Ran::Damaged => Err(StoreError::Damaged),
            };
        }
        for job in group {
            // Dropped without a commit, a savepoint rolls back.
            let savepoint = transaction.savepoint()?;
            match job.run(&savepoint) {
                Ran::Well => savepoint.commit()?,
                // A full disk may have rolled back the whole transaction already: what follows would commit alone.
                Ran::Failed if savepoint.is_autocommit() => return Err(StoreError::Full),
                Ran::Failed => {}
                Ran::Damaged => return Err(StoreError::Damaged),
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Damaged => StoreError::Damaged,
        StoreError::Closed => StoreError::Closed,
        StoreError::TooNew(version) => StoreError::TooNew(*version),
        StoreError::Value(what) => StoreError::Value(what),
        StoreError::Folder(kind) => StoreError::Folder(*kind),
        StoreError::Rule(error) => StoreError::Rule(error.clone()),
        StoreError::Faq(error) => StoreError::Faq(*error),
        StoreError::Sqlite(_) => StoreError::Value("the transaction failed"),
    }
}

struct Reader {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    generation: u64,
}

impl Reader {
    fn run<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let _whole = shared.rebuilding.read().unwrap_or_else(PoisonError::into_inner);
        let generation = self.shared.generation.load(Ordering::SeqCst);
        if self.generation != generation {
            self.connection = None;
            self.generation = generation;
        }
        if self.connection.is_none() {
            self.connection = Some(open_reader(&self.shared)?);
        }
        let Some(connection) = &self.connection else { return Err(StoreError::Closed) };
        work(connection)
    }
}

fn open_reader(shared: &Shared) -> Result<Connection, StoreError> {
    open::open(&shared.path, shared.options.vfs.as_deref(), shared.kind, Purpose::Read)
}
