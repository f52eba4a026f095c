//! Who writes to an upload. A phone whose connection broke comes back while the server still waits for the old one: the
//! newer request takes over, and the older is cut off and keeps what it has. Only if the older does not let go in time
//! (its disk hangs, or it is hashing the whole file) the newer is told to come back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use beistand_protocol::AttachmentId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};

use crate::store::AppId;

/// How long a newer request waits for the older one to let go.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Upload {
    /// Counts the requests that want to write; the highest number has the turn.
    newest: watch::Sender<u64>,
    writing: Arc<AsyncMutex<()>>,
    /// While bytes arrive whose checksum is not known yet: where the upload stands without them.
    settled: Mutex<Option<u64>>,
}

/// The uploads that somebody writes to.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<(AppId, AttachmentId), Weak<Upload>>>);

/// The right to write to an upload.
pub(crate) struct Turn {
    upload: Arc<Upload>,
    newest: watch::Receiver<u64>,
    number: u64,
    _writing: OwnedMutexGuard<()>,
}

/// Above this many entries, those that nobody uses are dropped.
const SWEEP_ABOVE: usize = 256;

impl Turns {
    fn upload(&self, app: AppId, id: AttachmentId) -> Arc<Upload> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uploads.len() > SWEEP_ABOVE {
            uploads.retain(|_, upload| upload.strong_count() > 0);
        }
        let entry = uploads.entry((app, id)).or_default();
        entry.upgrade().unwrap_or_else(|| {
            let upload = Arc::new(Upload::default());
            *entry = Arc::downgrade(&upload);
            upload
        })
    }

    /// Takes the turn from whoever has it; `None` if they do not let go in time.
    pub(crate) async fn take(&self, app: AppId, id: AttachmentId) -> Option<Turn> {
        let upload = self.upload(app, id);
        let mut number = 0;
        upload.newest.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        Self::wait(upload, number).await
    }

    /// Waits for the turn without taking it from anybody.
    pub(crate) async fn wait_for(&self, app: AppId, id: AttachmentId) -> Option<Turn> {
        let upload = self.upload(app, id);
        let number = *upload.newest.borrow();
        Self::wait(upload, number).await
    }

    async fn wait(upload: Arc<Upload>, number: u64) -> Option<Turn> {
        let newest = upload.newest.subscribe();
        let writing = tokio::time::timeout(PATIENCE, upload.writing.clone().lock_owned()).await.ok()?;
        Some(Turn { upload, newest, number, _writing: writing })
    }

    /// Where an upload stands without bytes whose checksum is not known yet.
    pub(crate) fn settled(&self, app: AppId, id: AttachmentId) -> Option<u64> {
        *self.upload(app, id).settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Ends when a newer request wants to write.
    pub(crate) async fn passes(&mut self) {
        let number = self.number;
        // The sender lives in this very turn: it cannot be gone.
        let _ = self.newest.wait_for(|newest| *newest > number).await;
    }

    /// Says where the upload stands for others while unproven bytes arrive.
    pub(crate) fn settle(&self, offset: Option<u64>) {
        *self.upload.settled.lock().unwrap_or_else(PoisonError::into_inner) = offset;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.settle(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_protocol::UnixMillis;

    #[tokio::test(start_paused = true)]
    async fn the_newer_request_takes_over_and_a_stuck_one_is_waited_for_in_vain() {
        let (turns, app, id) = (Turns::default(), AppId(1), AttachmentId::mint(UnixMillis(1), [1; 10]));
        let mut first = turns.take(app, id).await.unwrap();
        let (second, ()) = tokio::join!(turns.take(app, id), async {
            first.passes().await;
            drop(first);
        });
        let mut second = second.unwrap();
        second.settle(Some(7));
        assert_eq!(turns.settled(app, id), Some(7));
        assert!(turns.take(app, id).await.is_none(), "the second one never lets go");
        second.passes().await;
        drop(second);
        assert_eq!(turns.settled(app, id), None);
    }
}
