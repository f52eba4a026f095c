//! The client: what an app holds. Building one costs nothing and starts nothing; the first call opens the database and
//! starts the worker and the socket loop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use beistand_protocol::{AppConfig, AttachmentId, Credential, DeviceId, DeviceSecret, UnixMillis};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

use crate::api::http::HttpTransport;
use crate::api::transport::{Response, Transport};
use crate::attachments::Attachments;
use crate::attachments::files::{DiskFiles, Files};
use crate::attachments::transfers::Transfers;
use crate::clock::{Clock, Entropy, KnownTime, Now, SystemClock, SystemEntropy};
use crate::config::{PAUSE_WITHIN, Settings};
use crate::conversations::Conversations;
use crate::error::{Error, ErrorKind, Result};
use crate::faq::{self, Faq, FaqState, feedback};
use crate::folder::FolderClaim;
use crate::login::{self, Logins, Who};
use crate::model::{ClientEvent, Connection, Typing};
use crate::observe::{Changes, Observable, StoreChange, Watchers};
use crate::outbox::Outbox;
use crate::outbox::actions::Acting;
use crate::outbox::machine::{Event, IdentityId};
use crate::outbox::worker::{self, WorkerMessage};
use crate::push;
use crate::realtime::{self, RealtimeMessage};
use crate::store::identity;
use crate::store::{Database, Execution, StorageOptions, meta};
use crate::sync::puller;

/// Puts a client together.
pub struct ClientBuilder {
    settings: Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    transport: Option<Arc<dyn Transport>>,
    storage: StorageOptions,
}

impl ClientBuilder {
    /// Another clock than the system's; for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of random bytes than the system's; for tests.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Another way to the server than HTTP; for tests.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How the database is opened; for tests.
    #[must_use]
    pub fn storage(mut self, storage: StorageOptions) -> Self {
        self.storage = storage;
        self
    }

    /// Builds the client. Opens nothing and starts nothing; fails if another client of this process has the folder.
    pub fn build(self) -> Result<Client> {
        let folder = FolderClaim::claim(self.settings.folder.clone(), self.storage.vfs.as_deref())?;
        let transport = self.transport.unwrap_or_else(|| Arc::new(HttpTransport::new(&self.settings)));
        let attachments = self.settings.folder.join("attachments");
        let files =
            self.storage.files.clone().map_or_else(|| Arc::new(DiskFiles::new(attachments)) as Files, |files| files.0);
        let database = Database::new(self.settings.folder.join("beistand.sqlite3"), self.storage.clone());
        let faq = FaqState::new(&self.settings, &self.storage);
        let inner = Arc::new(Inner {
            faq,
            settings: self.settings,
            storage: self.storage,
            clock: self.clock,
            entropy: self.entropy,
            database,
            transport,
            changes: Changes::new(),
            events: broadcast::Sender::new(64),
            connection: Observable::new(Connection::Idle),
            typing: Observable::new(Vec::new()),
            watchers: Watchers::default(),
            files,
            transfers: Transfers::default(),
            fetching: Mutex::new(HashMap::new()),
            registering: tokio::sync::Mutex::new(()),
            pulling: tokio::sync::Mutex::new(()),
            push_due: tokio::sync::Notify::new(),
            shown: Mutex::new(IdentityId::default()),
            who: Observable::new(Who::default()),
            logins: Logins::default(),
            push_missing: AtomicBool::new(false),
            starting: tokio::sync::Mutex::new(()),
            state: AtomicU8::new(FRESH),
            known: Mutex::new(KnownTime::default()),
            config: Mutex::new((AppConfig::default(), false, None)),
            tasks: Mutex::new(None),
            folder: Mutex::new(Some(folder)),
        });
        Ok(Client { guard: Arc::new(Guard(inner.clone())), inner })
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every value under these locks is whole at any time: a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const FRESH: u8 = 0;
const RUNNING: u8 = 1;
const PAUSED: u8 = 2;
const SHUT_DOWN: u8 = 3;

struct Tasks {
    worker: mpsc::UnboundedSender<WorkerMessage>,
    realtime: mpsc::UnboundedSender<RealtimeMessage>,
    /// The tasks, and those that see to their end.
    handles: [(AbortHandle, JoinHandle<()>); 4],
}

impl Tasks {
    /// Ends all and waits until they are gone: nothing of them touches the database any more.
    async fn end(mut self) {
        for (task, end) in &mut self.handles {
            task.abort();
            let _ = end.await;
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.handles.iter().for_each(|(task, _)| task.abort());
    }
}

/// What the services share.
pub(crate) struct Inner {
    pub settings: Settings,
    pub storage: StorageOptions,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub database: Database,
    pub faq: FaqState,
    pub transport: Arc<dyn Transport>,
    pub changes: Changes,
    events: broadcast::Sender<ClientEvent>,
    pub connection: Observable<Connection>,
    pub typing: Observable<Vec<Typing>>,
    pub watchers: Watchers,
    /// The folder of attachments.
    pub files: Files,
    pub transfers: Transfers,
    /// Who fetches which file: a second one waits for the first.
    fetching: Mutex<HashMap<AttachmentId, Weak<tokio::sync::Mutex<()>>>>,
    pub registering: tokio::sync::Mutex<()>,
    pub pulling: tokio::sync::Mutex<()>,
    /// Whose content is shown.
    pub shown: Mutex<IdentityId>,
    pub who: Observable<Who>,
    /// Logins that are under way, or wait for the server.
    pub logins: Logins,
    /// The push token, the device's registration or the network may have changed.
    pub push_due: tokio::sync::Notify,
    /// Whether the server could not be told of the push token yet.
    pub push_missing: AtomicBool,
    starting: tokio::sync::Mutex<()>,
    state: AtomicU8,
    known: Mutex<KnownTime>,
    /// The last configuration, whether it came from a server, and when that was last asked.
    config: Mutex<(AppConfig, bool, Option<Duration>)>,
    tasks: Mutex<Option<Tasks>>,
    folder: Mutex<Option<FolderClaim>>,
}

impl Inner {
    /// Makes sure that the database is open and, unless the app is paused, that the tasks run.
    pub async fn started(self: &Arc<Self>) -> Result<()> {
        match self.state.load(Ordering::SeqCst) {
            RUNNING | PAUSED => Ok(()),
            SHUT_DOWN => Err(Error::new(ErrorKind::ShutDown, "the client was shut down")),
            _ => self.start().await,
        }
    }

    async fn start(self: &Arc<Self>) -> Result<()> {
        let _one_at_a_time = self.starting.lock().await;
        if self.state.load(Ordering::SeqCst) != FRESH {
            return Ok(());
        }
        self.restore().await?;
        self.spawn();
        self.state.store(RUNNING, Ordering::SeqCst);
        Ok(())
    }

    async fn restore(&self) -> Result<()> {
        let (now, fresh) = (self.clock.wall(), self.fresh_credential());
        let (acting, agreed) = (self.acting_as(IdentityId::default()), self.settings.faq_report);
        let (current, known, config) = self
            .database
            .write(move |connection| {
                let current = identity::ensure(connection, fresh, now.0)?;
                // The worker reads all rows when it starts: it need not be told of a report.
                feedback::begin(connection, &Acting { identity: current.id, ..acting }, agreed)?;
                Ok((current, meta::told_time(connection)?, meta::app_config(connection)?))
            })
            .await?;
        self.show(&current);
        *lock(&self.known) = KnownTime::restored(known, self.clock.monotonic());
        if let Some((config, _)) = config {
            let mut slot = lock(&self.config);
            (slot.0, slot.1) = (config, true);
        }
        self.report_recoveries();
        Ok(())
    }

    pub fn fresh_credential(&self) -> Credential {
        let (mut random, mut secret) = ([0; 10], [0; 32]);
        self.entropy.fill(&mut random);
        self.entropy.fill(&mut secret);
        Credential { device: DeviceId::mint(self.clock.wall(), random), secret: DeviceSecret(secret) }
    }

    fn spawn(self: &Arc<Self>) {
        let (worker, worker_messages) = mpsc::unbounded_channel();
        let (realtime, realtime_messages) = mpsc::unbounded_channel();
        let handles = [
            supervise(self, "outbox", worker::run(self.clone(), worker_messages)),
            supervise(self, "realtime", realtime::run(self.clone(), realtime_messages)),
            supervise(self, "push", push::run(self.clone())),
            supervise(self, "identities", login::run(self.clone())),
        ];
        *lock(&self.tasks) = Some(Tasks { worker, realtime, handles });
    }

    /// Tells of damaged databases that were rebuilt since the last look; whether there was one.
    pub fn report_recoveries(&self) -> bool {
        let recovered = self.database.take_recovered();
        let any = !recovered.is_empty();
        for recovered in recovered {
            self.emit(ClientEvent::DatabaseRecovered {
                moved_to: recovered.moved_to,
                outbox_rows: recovered.outbox_rows,
                messages: recovered.messages,
            });
            self.reload_worker();
            self.changes.announce(StoreChange::Everything);
        }
        any
    }

    /// Whether tasks work; while the app is paused, they do not.
    pub fn is_running(&self) -> bool {
        self.state.load(Ordering::SeqCst) == RUNNING
    }

    pub fn is_shut_down(&self) -> bool {
        self.state.load(Ordering::SeqCst) == SHUT_DOWN
    }

    /// Whether blocking work runs on the caller's thread, as in simulations.
    pub fn inline(&self) -> bool {
        self.storage.execution == Execution::Inline
    }

    /// The turn of whoever fetches this file.
    pub fn fetching(&self, id: AttachmentId) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = lock(&self.fetching);
        fetching.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = fetching.get(&id).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        fetching.insert(id, Arc::downgrade(&turn));
        turn
    }

    pub fn tell_worker(&self, events: Vec<Event>) {
        if let Some(tasks) = lock(&self.tasks).as_ref() {
            let _ = tasks.worker.send(WorkerMessage::Tell(events));
        }
    }

    pub fn reload_worker(&self) {
        if let Some(tasks) = lock(&self.tasks).as_ref() {
            let _ = tasks.worker.send(WorkerMessage::Reload);
        }
    }

    pub fn tell_realtime(&self, message: RealtimeMessage) {
        if let Some(tasks) = lock(&self.tasks).as_ref() {
            let _ = tasks.realtime.send(message);
        }
    }

    pub fn everything_due(&self) {
        if self.push_missing.load(Ordering::SeqCst) {
            self.push_due.notify_one();
        }
        self.logins.look();
        self.tell_worker(vec![Event::EverythingDue]);
    }

    pub fn emit(&self, event: ClientEvent) {
        let _ = self.events.send(event);
    }

    pub fn known_time(&self) -> Option<UnixMillis> {
        lock(&self.known).at(self.clock.monotonic())
    }

    /// The server's time that something written now is dated with: rather too late than too early.
    pub fn birth_time(&self) -> Option<UnixMillis> {
        lock(&self.known).at_most(Now::read(&*self.clock))
    }

    /// The last word of the server on its time, to be stored.
    pub fn told_time(&self) -> Option<(UnixMillis, UnixMillis)> {
        lock(&self.known).told_at_wall()
    }

    pub fn server_told_time(&self, response: &Response) {
        if let Some(time) = response.server_time() {
            lock(&self.known).told(time, Now::read(&*self.clock));
        }
    }

    /// The last configuration and whether it came from a server.
    pub fn app_config(&self) -> (AppConfig, bool) {
        let config = lock(&self.config);
        (config.0.clone(), config.1)
    }

    pub fn set_app_config(&self, config: AppConfig, checked: Duration) {
        *lock(&self.config) = (config, true, Some(checked));
    }

    pub fn config_is_fresh(&self, checked: Duration) {
        lock(&self.config).2 = Some(checked);
    }

    pub fn config_checked(&self) -> Option<Duration> {
        lock(&self.config).2
    }
}

/// How long a dead task stays dead: long enough that one that dies at once does not keep the processor busy.
const RESPAWN_AFTER: Duration = Duration::from_secs(1);

/// Spawns a long task by name; if it panics, its death is reported and all tasks are started anew.
fn supervise(
    inner: &Arc<Inner>,
    task: &'static str,
    future: impl Future<Output = ()> + Send + 'static,
) -> (AbortHandle, JoinHandle<()>) {
    let inner = Arc::downgrade(inner);
    let handle = tokio::spawn(future);
    let abort = handle.abort_handle();
    let end = tokio::spawn(async move {
        if let Err(error) = handle.await
            && error.is_panic()
        {
            tracing::error!(task, "a task of the client died");
            if let Some(inner) = inner.upgrade() {
                inner.emit(ClientEvent::TaskFailed { task });
                tokio::time::sleep(RESPAWN_AFTER).await;
                if inner.state.load(Ordering::SeqCst) == RUNNING {
                    inner.spawn();
                }
            }
        }
    });
    (abort, end)
}

/// A client of one app, for one data folder. Clones share it.
///
/// Calls need a tokio runtime; they may come from any thread and in any order, before and after the network is there.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    guard: Arc<Guard>,
}

/// Stops the tasks and frees the folder with the last handle of a client that nobody shut down. What is queued is safe.
pub(crate) struct Guard(Arc<Inner>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.state.store(SHUT_DOWN, Ordering::SeqCst);
        self.0.changes.close();
        self.0.faq.stop();
        lock(&self.0.tasks).take();
        lock(&self.0.folder).take();
    }
}

impl Client {
    /// Begins to build a client.
    pub fn builder(settings: Settings) -> ClientBuilder {
        ClientBuilder {
            settings,
            clock: Arc::new(SystemClock::default()),
            entropy: Arc::new(SystemEntropy),
            transport: None,
            storage: StorageOptions::default(),
        }
    }

    /// Tickets and chat.
    pub fn conversations(&self) -> Conversations {
        Conversations { inner: self.inner.clone(), guard: self.guard.clone() }
    }

    /// Files of messages.
    pub fn attachments(&self) -> Attachments {
        Attachments { inner: self.inner.clone(), _guard: self.guard.clone() }
    }

    /// What waits to be sent.
    pub fn outbox(&self) -> Outbox {
        Outbox { inner: self.inner.clone(), _guard: self.guard.clone() }
    }

    /// Answers without a network.
    pub fn faq(&self) -> Faq {
        Faq { inner: self.inner.clone(), _guard: self.guard.clone() }
    }

    /// What the client reports besides the changes of its data. Events before the call are not repeated.
    pub fn events(&self) -> broadcast::Receiver<ClientEvent> {
        self.inner.events.subscribe()
    }

    /// How the client stands to its server.
    pub fn connection(&self) -> Observable<Connection> {
        self.inner.connection.clone()
    }

    /// Who types right now, in any conversation that somebody looks at.
    pub fn typing(&self) -> Observable<Vec<Typing>> {
        self.inner.typing.clone()
    }

    /// What the server last announced: categories, fields, limits. Before the first contact: the defaults, and `false`.
    pub async fn app_config(&self) -> Result<(AppConfig, bool)> {
        self.inner.started().await?;
        Ok(self.inner.app_config())
    }

    /// Fetches everything that is new, now. Needs the network; nothing else does.
    pub async fn sync(&self) -> Result<()> {
        self.inner.started().await?;
        puller::pull(&self.inner).await
    }

    /// The network, the foreground or a push came: everything that waits is due now.
    pub fn wake(&self) {
        self.inner.everything_due();
        self.inner.tell_realtime(RealtimeMessage::Now);
        faq::wake(&self.inner);
    }

    /// The app goes to the background: nothing new starts, requests under way are given up, the file is closed. Returns
    /// within two seconds, whatever the network does. Calls still work; each opens the file for as long as it lasts.
    pub async fn pause(&self) -> Result<()> {
        let _one_at_a_time = self.inner.starting.lock().await;
        match self.inner.state.load(Ordering::SeqCst) {
            SHUT_DOWN => return Err(Error::new(ErrorKind::ShutDown, "the client was shut down")),
            PAUSED => return Ok(()),
            // Only the FAQ may be in use.
            FRESH => {
                let _ = tokio::time::timeout(PAUSE_WITHIN, self.inner.faq.pause()).await;
                return Ok(());
            }
            _ => {}
        }
        self.inner.state.store(PAUSED, Ordering::SeqCst);
        let rest = async {
            let conversations = async {
                self.stop_tasks().await;
                self.inner.database.rest().await;
            };
            tokio::join!(conversations, self.inner.faq.pause());
        };
        // A task or a disk that is stuck behind a call of the system must not keep the caller past the limit.
        let _ = tokio::time::timeout(PAUSE_WITHIN, rest).await;
        Ok(())
    }

    async fn stop_tasks(&self) {
        let Some(tasks) = lock(&self.inner.tasks).take() else { return };
        let (done, wait) = oneshot::channel();
        let _ = tasks.worker.send(WorkerMessage::Pause(done));
        // Dropping the tasks aborts both, also if nobody waits any longer.
        let _ = wait.await;
        tasks.end().await;
        self.inner.typing.set(Vec::new());
    }

    /// The app is in front again: the file is opened, what waits is due.
    pub async fn resume(&self) -> Result<()> {
        let _one_at_a_time = self.inner.starting.lock().await;
        match self.inner.state.load(Ordering::SeqCst) {
            SHUT_DOWN => return Err(Error::new(ErrorKind::ShutDown, "the client was shut down")),
            PAUSED => {}
            _ => {
                faq::resume(&self.inner);
                return Ok(());
            }
        }
        faq::resume(&self.inner);
        self.inner.database.wake();
        self.inner.spawn();
        self.inner.state.store(RUNNING, Ordering::SeqCst);
        self.inner.everything_due();
        Ok(())
    }

    /// Ends the client for good: tasks, file, threads. Later calls are an error; the folder is free for another client.
    pub async fn shutdown(&self) {
        let _one_at_a_time = self.inner.starting.lock().await;
        if self.inner.state.swap(SHUT_DOWN, Ordering::SeqCst) == SHUT_DOWN {
            return;
        }
        self.inner.changes.close();
        let _ = tokio::time::timeout(PAUSE_WITHIN, self.stop_tasks()).await;
        self.inner.faq.close().await;
        self.inner.database.close().await;
        lock(&self.inner.folder).take();
    }
}
