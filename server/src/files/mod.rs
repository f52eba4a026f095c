//! The files that messages carry, on the disk beside the database and outside of any web root.
//!
//! ```text
//! uploads/<app>-<id>.part         what has arrived of an upload; its length is the upload's offset
//! blobs/<ab>/<sha256>             whole files by their hash: the same photo sent twice lies there once
//! blobs/<ab>/<sha256>.thumbnail   a small JPEG of a photo
//! ```
//!
//! A file becomes whole in this order: its bytes are written and synced, it is renamed, the folder is synced, and only
//! then the database says so. A crash before the last step leaves a file without a row, which is swept; it never leaves
//! a row without its file. Nothing here holds a whole file in memory, and no work on files runs on an async thread.

pub(crate) mod complete;
mod inspect;
mod part;
pub(crate) mod receive;
pub(crate) mod scan;
pub(crate) mod sweep;
mod thumbnail;
mod turn;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use beistand_protocol::{AttachmentId, Code, Problem, Violation, hex};
use tokio::sync::{Notify, RwLock, Semaphore};
use tokio_util::task::TaskTracker;

use crate::{
    config::ServerConfig,
    store::{AppId, StoreError, StoreOptions},
};

pub(crate) use turn::Turns;

/// The folder, and who works in it at this moment.
pub(crate) struct Files {
    root: PathBuf,
    /// Ends with the server.
    is_temporary: bool,
    /// Who writes to which upload.
    pub(crate) turns: Turns,
    /// One photo is decoded at a time: it may take some hundred megabytes.
    decoding: Semaphore,
    /// Held for reading from a file's rename until its row is committed, and for writing while a file without a row is
    /// removed: otherwise the sweep could take the bytes that a new row has just found there.
    moving: RwLock<()>,
    /// Uploads that are being received: they go on when their connection has gone, to keep what has arrived.
    pub(crate) tasks: TaskTracker,
    /// Wakes the sweep.
    pub(crate) loosened: Arc<Notify>,
    /// Wakes the scan.
    to_scan: Arc<Notify>,
}

/// Why a file was not taken.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A rule says no.
    Refused(Violation),
    /// The disk says no.
    Disk(io::Error),
    /// The store says no.
    Store(StoreError),
}

impl Fault {
    pub(crate) fn refused(code: Code, field: &'static str, detail: &'static str) -> Self {
        Self::Refused(Violation::new(code, field, detail))
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Refused(violation)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(violation) => StoreError::Refused(violation).into(),
            Fault::Store(error) => error.into(),
            Fault::Disk(error) => {
                // The kind alone: a path would name an upload.
                tracing::error!(kind = %error.kind(), "the folder of files cannot be used");
                StoreError::Full(error.kind().to_string()).into()
            }
        }
    }
}

/// Runs work on files where it may wait.
pub(crate) async fn off<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

impl Files {
    /// Makes nothing yet: a server that never sees a file has no folder for them.
    pub(crate) fn new(config: &ServerConfig, options: &StoreOptions) -> Self {
        let is_temporary = config.files.is_none() && options.vfs.is_some();
        let root = match &config.files {
            Some(folder) => folder.clone(),
            // From the machine's own chance: simulations of one seed may run side by side.
            None if is_temporary => {
                std::env::temp_dir().join(format!("beistand-files-{}", uuid::Uuid::now_v7().simple()))
            }
            None => options.path.parent().unwrap_or(Path::new("")).join("files"),
        };
        Self {
            root,
            is_temporary,
            turns: Turns::default(),
            decoding: Semaphore::new(1),
            moving: RwLock::new(()),
            tasks: TaskTracker::new(),
            loosened: Arc::default(),
            to_scan: Arc::default(),
        }
    }

    fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// What has arrived of an upload.
    fn part(&self, app: AppId, id: AttachmentId) -> PathBuf {
        self.uploads().join(format!("{}-{id}.part", app.0))
    }

    /// A whole file.
    pub(crate) fn blob(&self, sha256: &[u8; 32]) -> PathBuf {
        let name = hex::encode(sha256);
        self.blobs().join(&name[..2]).join(name)
    }

    /// A photo's thumbnail.
    pub(crate) fn thumbnail(&self, sha256: &[u8; 32]) -> PathBuf {
        self.blob(sha256).with_extension("thumbnail")
    }

    /// Waits until the uploads in progress have kept what they have.
    pub(crate) async fn all_done(&self, most: Duration) {
        self.tasks.close();
        let _ = tokio::time::timeout(most, self.tasks.wait()).await;
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.is_temporary && self.root.exists() {
            // Whatever stays lies in the system's folder for such things.
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}

/// Makes renames in a folder last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
