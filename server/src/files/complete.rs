//! What happens when the last byte of an upload is here.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use beistand_protocol::{AttachmentId, Code, media_type};
use sha2::{Digest as _, Sha256};

use super::{Fault, Files, inspect, off, part, sync_folder, thumbnail};
use crate::{
    server::Shared,
    store::{AppId, AttachmentCommand, AttachmentRow, Command, Stage},
};

/// Makes an upload whole whose bytes are all here. Whoever calls has the turn. Refused files leave nothing behind.
pub(crate) async fn complete(shared: &Shared, app: AppId, row: &AttachmentRow) -> Result<(), Fault> {
    match attempt(shared, app, row).await {
        Err(Fault::Refused(violation)) if violation.code == Code::AttachmentHash => {
            // It may be sent again: only the bytes go.
            let path = shared.files.part(app, row.id);
            off(move || part::remove(&path)).await?;
            shared.metrics.upload("refused");
            Err(violation.into())
        }
        Err(Fault::Refused(violation)) => {
            forget(shared, app, row.id).await?;
            Err(violation.into())
        }
        other => other,
    }
}

/// Removes what has arrived of an upload that breaks a rule, and every trace of it.
pub(super) async fn forget(shared: &Shared, app: AppId, id: AttachmentId) -> Result<(), Fault> {
    let path = shared.files.part(app, id);
    off(move || part::remove(&path)).await?;
    shared.store.apply(Command::Attachment(AttachmentCommand::Forget { app, id })).await?;
    shared.metrics.upload("refused");
    Ok(())
}

async fn attempt(shared: &Shared, app: AppId, row: &AttachmentRow) -> Result<(), Fault> {
    let files = &shared.files;
    let path = files.part(app, row.id);
    let (declared, expected) = (row.announced.media_type.clone(), row.announced.sha256);
    let most_pixels = shared.config.limits.image_pixels;
    let checking = path.clone();
    let mut dimensions = tokio::task::spawn_blocking(move || {
        if hash(&checking)? != expected {
            let detail = "the whole file has another SHA-256 than was declared: send it again";
            return Err(Fault::refused(Code::AttachmentHash, "sha256", detail));
        }
        inspect::head(&checking, &declared, most_pixels)?;
        inspect::whole(&checking, &declared, most_pixels)
    })
    .await
    .map_err(io::Error::other)??;
    let small = path.with_extension("thumbnail");
    let mut thumbnail = None;
    if media_type::is_photo(&row.announced.media_type) {
        // Closed only with the server itself.
        let _one_at_a_time = files.decoding.acquire().await;
        let (photo, to) = (path.clone(), small.clone());
        // A decoder that panics has made none.
        let look = tokio::task::spawn_blocking(move || thumbnail::make(&photo, &to)).await.unwrap_or_default();
        dimensions = look.shown.or(dimensions);
        thumbnail = look.thumbnail;
    }
    let _until_committed = files.moving.read().await;
    let to =
        Destination { blob: files.blob(&expected), thumbnail: files.thumbnail(&expected), root: files.root.clone() };
    let (from, small, has_thumbnail, size) = (path.clone(), small, thumbnail.is_some(), row.announced.size);
    let moved = off(move || {
        let moved = to.take(&from, has_thumbnail.then_some(small.as_path()), size)?;
        Ok((moved, to))
    });
    let (moved, to) = moved.await?;
    let scan = shared.config.scan.clamd.is_some();
    let at = shared.clock.now();
    let complete = AttachmentCommand::Complete { app, id: row.id, dimensions, thumbnail, scan, at };
    if let Err(error) = shared.store.apply(Command::Attachment(complete)).await {
        // The next request finds the part again and completes it then.
        if moved {
            off(move || std::fs::rename(&to.blob, &path)).await?;
        }
        return Err(error.into());
    }
    if !moved {
        // The same bytes were there already.
        off(move || part::remove(&path)).await?;
    }
    shared.metrics.upload("completed");
    if scan {
        files.to_scan.notify_one();
    }
    Ok(())
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    // On the disk before anything says that it is whole.
    file.sync_all()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(&buffer[..read]);
    }
}

struct Destination {
    blob: PathBuf,
    thumbnail: PathBuf,
    root: PathBuf,
}

impl Destination {
    /// Moves a part, and its thumbnail, to where whole files lie; `false` if the same bytes lie there already.
    fn take(&self, part: &Path, thumbnail: Option<&Path>, size: u64) -> io::Result<bool> {
        let folder = self.blob.parent().unwrap_or(&self.root);
        if !folder.exists() {
            std::fs::create_dir_all(folder)?;
            folder.parent().map_or(Ok(()), sync_folder)?;
            sync_folder(&self.root)?;
        }
        if let Some(thumbnail) = thumbnail {
            std::fs::rename(thumbnail, &self.thumbnail)?;
        }
        let is_there = std::fs::metadata(&self.blob).is_ok_and(|there| there.len() == size);
        if !is_there {
            std::fs::rename(part, &self.blob)?;
        }
        sync_folder(folder)?;
        Ok(!is_there)
    }
}

/// Where an upload stands. One whose bytes are all here, but whose completion was cut off, is completed first: whoever
/// asks would otherwise believe it whole.
pub(crate) async fn offset(shared: &Arc<Shared>, app: AppId, row: &AttachmentRow) -> Result<u64, Fault> {
    if row.stage != Stage::Uploading {
        return Ok(row.announced.size);
    }
    if let Some(settled) = shared.files.turns.settled(app, row.id) {
        return Ok(settled);
    }
    let length = shared.files.part_length(app, row.id).await?;
    if length < row.announced.size {
        return Ok(length);
    }
    // A task of its own: an asker that goes away must not stop it between the disk and the database.
    let (shared, id) = (shared.clone(), row.id);
    let tasks = shared.files.tasks.clone();
    let completed = tasks.spawn(async move { complete_left(&shared, app, id).await });
    completed.await.map_err(io::Error::other)?
}

async fn complete_left(shared: &Shared, app: AppId, id: AttachmentId) -> Result<u64, Fault> {
    let Some(_turn) = shared.files.turns.wait_for(app, id).await else {
        return Err(Fault::refused(Code::UploadLocked, "", "another request is completing the upload"));
    };
    match shared.store.attachment(app, id).await? {
        Some(now) if now.stage == Stage::Uploading => {
            let length = shared.files.part_length(app, id).await?;
            if length < now.announced.size {
                return Ok(length);
            }
            match complete(shared, app, &now).await {
                Ok(()) => Ok(now.announced.size),
                Err(Fault::Refused(violation)) if violation.code == Code::AttachmentHash => Ok(0),
                Err(fault) => Err(fault),
            }
        }
        Some(now) if now.is_whole() => Ok(now.announced.size),
        _ => Err(Fault::refused(Code::UploadExpired, "", "the upload is gone")),
    }
}

impl Files {
    /// Removes what an upload of the same id has left that was given up before.
    pub(crate) async fn begin_anew(&self, app: AppId, id: AttachmentId) -> io::Result<()> {
        let path = self.part(app, id);
        let _turn = self.turns.take(app, id).await;
        off(move || part::remove(&path)).await
    }

    async fn part_length(&self, app: AppId, id: AttachmentId) -> io::Result<u64> {
        let path = self.part(app, id);
        off(move || part::length(&path)).await
    }
}
