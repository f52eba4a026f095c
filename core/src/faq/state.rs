//! What a client holds of its FAQ: the file, what is observed, and the one task that works behind the reader's back.
//! Nothing of it is open or runs before the first call.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use beistand_protocol::faq::{ArticleImage, Locale};
use rusqlite::{Connection, ErrorCode};
use tokio::task::JoinHandle;

use super::build::{Build, Progress};
use super::cache::{self, Cached, KIND, Room, Shelf, Source};
use super::index::Index;
use super::service::FaqStatus;
use super::verify::{self, FaqError};
use super::{fetch, images};
use crate::attachments::files::blocking;
use crate::client::Inner;
use crate::clock::Now;
use crate::config::Settings;
use crate::error::{ErrorKind, Result, StoreError};
use crate::model::ClientEvent;
use crate::observe::Observable;
use crate::store::{Database, StorageOptions};

/// The file's name in the folder.
const FILE: &str = "faq.sqlite3";

/// What a person reads whose language nobody has told.
const UNTOLD: &str = "en";

/// See the top of this file.
pub(crate) struct FaqState {
    pub database: Database,
    pub status: Observable<FaqStatus>,
    pub progress: Observable<Option<Progress>>,
    pub images: images::Folder,
    /// Counts how often builds were cancelled.
    cancels: Arc<AtomicU64>,
    indexes: Mutex<HashMap<i64, Arc<Index>>>,
    wanted: Mutex<Locale>,
    /// Whether the seeds were looked at since the file was opened or begun anew.
    seeded: tokio::sync::Mutex<bool>,
    /// Seeds that can wait: their places in the settings.
    waiting_seeds: Mutex<Vec<usize>>,
    opened: AtomicBool,
    paused: AtomicBool,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Ends a wait between two tries.
    pub due: tokio::sync::Notify,
    /// Who asks the server for which language.
    pub asking: Turns<Locale>,
    /// When the server last answered in this process, whatever it said.
    answered: Mutex<HashMap<Locale, Now>>,
    /// Fetches the pictures of the article that was opened last.
    pub prefetch: Mutex<Option<JoinHandle<()>>>,
}

/// One at a time for each key: a second one waits for the first.
pub(crate) struct Turns<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

impl<K: Eq + Hash + Clone> Turns<K> {
    pub fn new() -> Self {
        Self(Mutex::default())
    }

    /// The turn of this key, to be locked.
    pub fn of(&self, key: &K) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.0);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        turns.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every value under these locks is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaqState {
    /// Remembers where things are; opens nothing.
    pub fn new(settings: &Settings, storage: &StorageOptions) -> Self {
        let wanted = settings.locale.as_deref().and_then(|tag| tag.parse().ok());
        let wanted = wanted.or_else(|| UNTOLD.parse().ok());
        Self {
            database: Database::of_kind(settings.folder.join(FILE), storage.clone(), &KIND),
            status: Observable::new(FaqStatus::default()),
            progress: Observable::new(None),
            images: images::Folder::new(&settings.folder),
            cancels: Arc::default(),
            indexes: Mutex::default(),
            wanted: Mutex::new(wanted.unwrap_or_else(|| unreachable!("a tag of our own is one"))),
            seeded: tokio::sync::Mutex::new(false),
            waiting_seeds: Mutex::default(),
            opened: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            task: Mutex::default(),
            due: tokio::sync::Notify::new(),
            asking: Turns::new(),
            answered: Mutex::default(),
            prefetch: Mutex::default(),
        }
    }

    /// The language that the person wants.
    pub fn wanted(&self) -> Locale {
        lock(&self.wanted).clone()
    }

    /// The index of a cached language; it is kept, since it remembers what it has read.
    pub fn index(&self, shelf: &Shelf, cached: &Cached) -> Arc<Index> {
        let mut indexes = lock(&self.indexes);
        indexes.retain(|number, _| shelf.cached.iter().any(|cached| cached.number == *number));
        indexes.entry(cached.number).or_insert_with(|| Arc::new(cached.index())).clone()
    }

    pub fn answered_at(&self, locale: &Locale) -> Option<Now> {
        lock(&self.answered).get(locale).copied()
    }

    pub fn set_answered_at(&self, locale: &Locale, now: Now) {
        lock(&self.answered).insert(locale.clone(), now);
    }

    /// Stops the build that is under way.
    pub fn cancel_build(&self) {
        self.cancels.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends what runs behind the reader's back, for good or until somebody reads again.
    pub fn stop(&self) {
        self.cancel_build();
        for task in [&self.task, &self.prefetch] {
            if let Some(task) = lock(task).take() {
                task.abort();
            }
        }
    }

    /// The app goes to the background: the task ends, the file is closed.
    pub async fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
        self.end_task().await;
        self.database.rest().await;
    }

    async fn end_task(&self) {
        self.cancel_build();
        for task in [&self.task, &self.prefetch] {
            let task = lock(task).take();
            if let Some(task) = task {
                task.abort();
                // Afterwards nothing of it touches the file.
                let _ = task.await;
            }
        }
    }

    /// Ends everything, with its threads.
    pub async fn close(&self) {
        self.end_task().await;
        self.database.close().await;
    }
}

/// The app is in front again. Only what was used before is looked after.
pub(crate) fn resume(inner: &Arc<Inner>) {
    inner.faq.paused.store(false, Ordering::SeqCst);
    inner.faq.database.wake();
    wake(inner);
}

/// The network, the foreground or a push came.
pub(crate) fn wake(inner: &Arc<Inner>) {
    if inner.faq.opened.load(Ordering::SeqCst) {
        inner.faq.due.notify_waiters();
        look_after(inner);
    }
}

/// Sees to it that the task runs which applies waiting seeds and asks the server when that is due.
pub(crate) fn look_after(inner: &Arc<Inner>) {
    let faq = &inner.faq;
    if faq.paused.load(Ordering::SeqCst) || inner.is_shut_down() {
        return;
    }
    let mut task = lock(&faq.task);
    if task.as_ref().is_none_or(JoinHandle::is_finished) {
        *task = Some(tokio::spawn(fetch::look_after(inner.clone())));
    }
}

/// Another language is wanted. What was being asked for the last one ends.
pub(crate) async fn set_wanted(inner: &Arc<Inner>, locale: Locale) -> Result<()> {
    let faq = &inner.faq;
    if std::mem::replace(&mut *lock(&faq.wanted), locale.clone()) == locale {
        return ready(inner).await;
    }
    if let Some(task) = lock(&faq.task).take() {
        task.abort();
    }
    // The seeds are looked at anew: one of them may be for this language.
    *faq.seeded.lock().await = false;
    read(inner, |_, _| Ok(())).await
}

/// Fetches the pictures of an article that was opened, if the app wants it.
pub(crate) fn prefetch(inner: &Arc<Inner>, pictures: &[ArticleImage]) {
    if !inner.settings.faq_prefetch_images || pictures.is_empty() || inner.faq.paused.load(Ordering::SeqCst) {
        return;
    }
    let pictures = pictures.iter().map(|picture| picture.sha256.clone()).collect();
    let task = tokio::spawn(images::prefetch(inner.clone(), pictures));
    if let Some(before) = lock(&inner.faq.prefetch).replace(task) {
        before.abort();
    }
}

/// Makes sure that the file is there and that what the app carries for this person is in it.
pub(crate) async fn ready(inner: &Arc<Inner>) -> Result<()> {
    if inner.is_shut_down() {
        return Err(StoreError::Closed.into());
    }
    let faq = &inner.faq;
    let mut seeded = faq.seeded.lock().await;
    if report_rebuilt(inner) {
        *seeded = false;
    }
    if *seeded {
        return Ok(());
    }
    let (now, wanted) = (inner.clock.wall(), faq.wanted());
    let open = || {
        let wanted = wanted.clone();
        faq.database.write(move |connection| {
            cache::used(connection, &wanted, now)?;
            Shelf::read(connection)
        })
    };
    let shelf = match open().await {
        // It has been begun anew.
        Err(StoreError::Damaged) => open().await?,
        opened => opened?,
    };
    report_rebuilt(inner);
    faq.opened.store(true, Ordering::SeqCst);
    let mut waiting = seeds_in_order(inner).await;
    if shelf.resolve(&faq.wanted()).is_none() {
        // Nobody has anything to read yet: this one is worth waiting for.
        while !waiting.is_empty() {
            let seed = waiting.remove(0);
            if apply_seed(inner, seed).await? {
                break;
            }
        }
    }
    *lock(&faq.waiting_seeds) = waiting;
    *seeded = true;
    Ok(())
}

/// The places of the seeds, that for this person first.
async fn seeds_in_order(inner: &Arc<Inner>) -> Vec<usize> {
    let settings = inner.settings.faq_seeds.clone();
    let peeked = blocking(inner.inline(), move || {
        Ok(settings.iter().map(super::FaqSeed::peek).map(std::result::Result::ok).collect::<Vec<_>>())
    });
    let Ok(peeked) = peeked.await else { return Vec::new() };
    let locales: Vec<Locale> = peeked.iter().flatten().map(|header| header.locale.clone()).collect();
    let best = inner.faq.wanted().best_of(&locales, None).cloned();
    let mut order: Vec<usize> = (0..peeked.len()).collect();
    order.sort_by_key(|seed| {
        let locale = peeked[*seed].as_ref().map(|header| &header.locale);
        (best.as_ref() != locale, locale.is_none())
    });
    order
}

/// Applies a seed if it is worth it; whether it is there now. A broken one is told of, and stops nothing.
pub(crate) async fn apply_seed(inner: &Arc<Inner>, place: usize) -> Result<bool> {
    let Some(seed) = inner.settings.faq_seeds.get(place).cloned() else { return Ok(false) };
    let applied = async {
        let peeked = seed.clone();
        let header = blocking(inner.inline(), move || Ok(peeked.peek()?)).await?;
        let wanted = inner.faq.wanted();
        let worth = inner
            .faq
            .database
            .write(move |connection| cache::wants_seed(connection, &header.locale, header.version, &wanted));
        if !worth.await? {
            return Ok(false);
        }
        let bytes = blocking(inner.inline(), move || Ok(seed.read()?)).await?;
        apply(inner, bytes, Source::Seed).await?;
        Ok(true)
    };
    match applied.await {
        Ok(applied) => Ok(applied),
        // Another process was faster.
        Err(StoreError::Faq(FaqError::Older)) => Ok(true),
        Err(StoreError::Faq(FaqError::Cancelled)) => Err(FaqError::Cancelled.into()),
        Err(StoreError::Faq(error)) => {
            refused(inner, error);
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Applies the seeds that could wait, one after the other. What fails waits for the next start.
pub(crate) async fn apply_waiting_seeds(inner: &Arc<Inner>) {
    loop {
        let next = {
            let mut waiting = lock(&inner.faq.waiting_seeds);
            if waiting.is_empty() {
                return;
            }
            waiting.remove(0)
        };
        if let Err(error) = apply_seed(inner, next).await {
            tracing::warn!(%error, "a seed of the FAQ could not be applied");
            if error.kind == ErrorKind::Faq(FaqError::Cancelled) {
                lock(&inner.faq.waiting_seeds).insert(0, next);
                return;
            }
        }
    }
}

/// Tells of a publication that was not taken.
pub(crate) fn refused(inner: &Inner, error: FaqError) {
    tracing::warn!(code = error.code(), "a publication of the FAQ was not taken");
    inner.emit(ClientEvent::FaqRefused { error });
}

/// Verifies a publication and applies it whole, or not at all.
pub(crate) async fn apply(
    inner: &Arc<Inner>,
    bytes: impl AsRef<[u8]> + Send + 'static,
    source: Source,
) -> std::result::Result<(), StoreError> {
    let faq = &inner.faq;
    let build = Build::new(&faq.progress, &faq.cancels);
    let (app, key) = (inner.settings.app_key.clone(), inner.settings.faq_key);
    let trusted = blocking(inner.inline(), move || Ok(verify::read(bytes.as_ref(), &app, key.as_ref())?)).await?;
    let room = Room { most: inner.settings.faq_cache_bytes, wanted: faq.wanted() };
    let now = inner.clock.wall();
    let shelf = faq
        .database
        .write(move |connection| {
            cache::apply(connection, &trusted, &source, now, &room, &build)?;
            Shelf::read(connection)
        })
        .await?;
    publish_status(inner, &shelf);
    Ok(())
}

/// Runs a question on the cache: all it reads is of one moment. A file that turns out to be damaged is begun anew from the
/// seeds, and asked once more.
pub(crate) async fn read<T, F>(inner: &Arc<Inner>, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&Connection, &Shelf) -> std::result::Result<T, StoreError> + Send + Sync + 'static,
{
    let work = Arc::new(work);
    let mut again = true;
    loop {
        ready(inner).await?;
        let job = work.clone();
        let result = inner
            .faq
            .database
            .read(move |connection| {
                let moment = connection.unchecked_transaction()?;
                let shelf = Shelf::read(&moment)?;
                Ok((job(&moment, &shelf)?, shelf))
            })
            .await;
        match result {
            Ok((value, shelf)) => {
                publish_status(inner, &shelf);
                if fetch::is_due(inner, &shelf) || !lock(&inner.faq.waiting_seeds).is_empty() {
                    look_after(inner);
                }
                return Ok(value);
            }
            Err(error) => {
                let gone = is_gone(&error);
                if !(gone || matches!(error, StoreError::Damaged)) || !std::mem::take(&mut again) {
                    return Err(error.into());
                }
                if gone {
                    // Whoever writes makes a new file.
                    inner.faq.database.write(|_| Ok(())).await?;
                    *inner.faq.seeded.lock().await = false;
                }
            }
        }
    }
}

/// Somebody cleaned up behind our back.
fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen))
}

/// Tells of files that were begun anew since the last look; whether there was one.
fn report_rebuilt(inner: &Inner) -> bool {
    let any = !inner.faq.database.take_recovered().is_empty();
    if any {
        lock(&inner.faq.indexes).clear();
        inner.emit(ClientEvent::FaqRebuilt);
    }
    any
}

/// What observers see of the shelf.
pub(crate) fn publish_status(inner: &Inner, shelf: &Shelf) {
    let wanted = inner.faq.wanted();
    let cached = shelf.resolve(&wanted);
    let cached_locales = shelf.locales();
    inner.faq.status.update(|status| {
        status.locale = cached.map(|cached| cached.locale.clone());
        status.version = cached.map(|cached| cached.version);
        status.articles = cached.map_or(0, |cached| cached.articles);
        status.checked_at = cached.and_then(|cached| cached.checked_at);
        status.cached = cached_locales;
    });
}
