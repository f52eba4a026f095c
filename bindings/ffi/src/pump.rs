//! What can be watched, pulled from the foreign side. An item that has come is kept until somebody takes it: a `next()` that
//! is dropped in the middle loses nothing, and the one after it gets the item.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::FfiError;
use crate::runtime;

/// Where items come from. `next` may be dropped at any await and called again without a loss.
pub(crate) trait Source: Send + 'static {
    /// What is told.
    type Item: Send + 'static;

    /// The next item; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Self::Item>> + Send;
}

/// Pulls from a source. Ends when it is cancelled, or dropped with its last watch.
pub(crate) struct Pump<S: Source> {
    /// Empty after the end.
    source: tokio::sync::Mutex<Option<S>>,
    ready: Mutex<VecDeque<S::Item>>,
    ended: AtomicBool,
    cancelled: CancellationToken,
    /// Somebody wants the source for a moment: whoever waits in it steps aside.
    step_aside: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it holds is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Source> Pump<S> {
    pub(crate) fn new(source: S) -> Arc<Self> {
        Arc::new(Self {
            source: tokio::sync::Mutex::new(Some(source)),
            ready: Mutex::default(),
            ended: AtomicBool::new(false),
            cancelled: CancellationToken::new(),
            step_aside: Notify::new(),
        })
    }

    /// The next item; `None` at the end, or once cancelled.
    pub(crate) async fn next(self: &Arc<Self>) -> Option<S::Item> {
        loop {
            if self.cancelled.is_cancelled() {
                return None;
            }
            if let Some(item) = lock(&self.ready).pop_front() {
                return Some(item);
            }
            if self.ended.load(Ordering::SeqCst) {
                return None;
            }
            let pump = self.clone();
            let filled = runtime::run(async move {
                pump.fill().await;
                pump.let_go_if_cancelled();
                Ok::<(), FfiError>(())
            });
            // A source that has panicked gives nothing any more.
            if filled.await.is_err() {
                self.cancel();
            }
        }
    }

    /// Waits until there is something to take, or the end.
    async fn fill(&self) {
        loop {
            let mut source = self.source.lock().await;
            if self.cancelled.is_cancelled() {
                source.take();
            }
            let Some(open) = source.as_mut() else {
                self.ended.store(true, Ordering::SeqCst);
                return;
            };
            if !lock(&self.ready).is_empty() {
                return;
            }
            tokio::select! {
                biased;
                () = self.cancelled.cancelled() => {}
                // The lock goes to those who wait for it in their order: whoever asked for it has it before this does again.
                () = self.step_aside.notified() => {}
                item = open.next() => {
                    match item {
                        Some(item) => lock(&self.ready).push_back(item),
                        None => {
                            source.take();
                        }
                    }
                }
            }
        }
    }

    /// The source between two items, even while somebody waits for the next one. `None` after the end.
    pub(crate) async fn aside(&self) -> Option<Aside<'_, S>> {
        let turn = self.source.lock();
        tokio::pin!(turn);
        // In the line first, then the one inside is asked to step aside: it cannot come back before us.
        let source = tokio::select! {
            biased;
            source = &mut turn => source,
            () = std::future::ready(()) => {
                self.step_aside.notify_one();
                turn.await
            }
        };
        (source.is_some() && !self.cancelled.is_cancelled()).then_some(Aside { pump: self, source })
    }

    /// Ends it at once: whoever waits in `next()` gets `None`, and the source is let go.
    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
        self.let_go_if_cancelled();
    }

    /// Called by whoever has had the lock as well: the end may have come meanwhile.
    fn let_go_if_cancelled(&self) {
        if self.cancelled.is_cancelled()
            && let Ok(mut source) = self.source.try_lock()
        {
            source.take();
        }
    }
}

/// The source, held between two items.
pub(crate) struct Aside<'a, S: Source> {
    pump: &'a Pump<S>,
    source: tokio::sync::MutexGuard<'a, Option<S>>,
}

impl<S: Source> Aside<'_, S> {
    /// The source; there until the end of the watch.
    pub(crate) fn source(&mut self) -> Option<&mut S> {
        self.source.as_mut()
    }

    /// What `next()` is to give, behind what waits already.
    pub(crate) fn tell(&self, item: S::Item) {
        lock(&self.pump.ready).push_back(item);
    }
}
