//! Keeps the folder and the database of one mind: gives up uploads that have waited too long, and removes files that no
//! row has any more. Everything is looked at once at the start; later only what has changed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use beistand_protocol::{AttachmentId, hex};

use super::{Fault, off, part};
use crate::{
    server::Shared,
    store::{AppId, AttachmentCommand, Command, Stage},
};

/// How often somebody looks for what has expired.
const EVERY: Duration = Duration::from_secs(600);

/// Files removed in one go.
const BATCH: u32 = 100;

/// Sweeps now, whenever a file was let go of, and from time to time; ends with the server.
pub(crate) fn start(shared: &Arc<Shared>) {
    // Weak: a server that is simply dropped must not live on in its own sweep.
    let server = Arc::downgrade(shared);
    let mut stopping = shared.stopping.subscribe();
    let loosened = shared.files.loosened.clone();
    tokio::spawn(async move {
        let mut is_first = true;
        loop {
            let Some(shared) = server.upgrade() else { return };
            if let Err(fault) = sweep(&shared, is_first).await {
                tracing::warn!(?fault, "the sweep of files failed; it is tried again later");
            }
            is_first = false;
            drop(shared);
            tokio::select! {
                () = loosened.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    });
}

/// One sweep; a thorough one looks at every file.
pub(crate) async fn sweep(shared: &Arc<Shared>, is_thorough: bool) -> Result<(), Fault> {
    let at = shared.clock.now();
    if shared.store.has_expired(at).await? {
        shared.store.apply(Command::Attachment(AttachmentCommand::Expire { at })).await?;
    }
    if !shared.files.root.exists() {
        return Ok(());
    }
    remove_parts(shared).await?;
    if is_thorough {
        remove_unknown(shared).await?;
    }
    loop {
        let files = shared.store.loose_files(BATCH).await?;
        if files.is_empty() {
            return Ok(());
        }
        for file in &files {
            remove_unless_kept(shared, *file).await?;
        }
        shared.store.apply(Command::Attachment(AttachmentCommand::Removed { files })).await?;
    }
}

/// Removes what arrived of uploads that are not under way any more.
async fn remove_parts(shared: &Arc<Shared>) -> Result<(), Fault> {
    let folder = shared.files.uploads();
    for path in off(move || list(&folder)).await? {
        let Some((app, id)) = path.file_stem().and_then(|name| name.to_str()).and_then(upload_of) else {
            remove(shared, path).await?;
            continue;
        };
        if is_under_way(shared, app, id).await? {
            continue;
        }
        // With the turn, since the upload may begin anew at this moment.
        if let Some(_turn) = shared.files.turns.wait_for(app, id).await
            && !is_under_way(shared, app, id).await?
        {
            remove(shared, path).await?;
        }
    }
    Ok(())
}

async fn is_under_way(shared: &Arc<Shared>, app: AppId, id: AttachmentId) -> Result<bool, Fault> {
    Ok(shared.store.attachment(app, id).await?.is_some_and(|row| row.stage == Stage::Uploading))
}

/// Removes whole files that no row has: a crash came between the rename and the commit.
async fn remove_unknown(shared: &Arc<Shared>) -> Result<(), Fault> {
    let folder = shared.files.blobs();
    for folder in off(move || list(&folder)).await? {
        for path in off(move || list(&folder)).await? {
            match path.file_stem().and_then(|name| name.to_str()).and_then(hex::decode) {
                Some(hash) => remove_unless_kept(shared, hash).await?,
                None => remove(shared, path).await?,
            }
        }
    }
    Ok(())
}

async fn remove_unless_kept(shared: &Arc<Shared>, sha256: [u8; 32]) -> Result<(), Fault> {
    let _nobody_moves = shared.files.moving.write().await;
    if !shared.store.is_kept(sha256).await? {
        for path in [shared.files.blob(&sha256), shared.files.thumbnail(&sha256)] {
            remove(shared, path).await?;
        }
    }
    Ok(())
}

async fn remove(shared: &Arc<Shared>, path: PathBuf) -> io::Result<()> {
    if off(move || if path.exists() { part::remove(&path).map(|()| true) } else { Ok(false) }).await? {
        shared.metrics.file_removed();
    }
    Ok(())
}

/// What a folder holds; nothing if it is not there.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn upload_of(name: &str) -> Option<(AppId, AttachmentId)> {
    let (app, id) = name.split_once('-')?;
    Some((AppId(app.parse().ok()?), id.parse().ok()?))
}
