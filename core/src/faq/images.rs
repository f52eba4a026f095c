//! Pictures of articles, in files named by their SHA-256: fetched when one is asked for, held against the name, and kept
//! until others need the room. A picture that is missing is its alternative text.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use beistand_protocol::hex;
use beistand_protocol::limits::FAQ_IMAGE_BYTES;
use sha2::{Digest, Sha256};

use super::markdown::is_sha256;
use super::state::Turns;
use super::verify::FaqError;
use crate::api::calls::CallError;
use crate::api::transport::Request;
use crate::attachments::files::{DiskFiles, FileStore, Files, blocking, store_error};
use crate::client::Inner;
use crate::error::{Error, ErrorKind, Result, StoreError};
use crate::outbox::payload::Method;

/// The folder's name beside the file.
const FOLDER: &str = "faq-images";

/// What is on its way has this ending.
const PART: &str = ".part";

/// The folder of pictures.
pub(crate) struct Folder {
    files: Files,
    turns: Turns<String>,
}

impl Folder {
    /// Remembers where it is; makes nothing.
    pub fn new(folder: &Path) -> Self {
        Self { files: Arc::new(DiskFiles::new(folder.join(FOLDER))), turns: Turns::new() }
    }
}

/// Where a picture lies; fetched first if it is not there.
pub(crate) async fn fetch(inner: &Arc<Inner>, sha256: &str) -> Result<PathBuf> {
    if !is_sha256(sha256) {
        return Err(Error::new(ErrorKind::NotFound, "a picture is named by 64 lower-case hexadecimal digits"));
    }
    if inner.is_shut_down() {
        return Err(StoreError::Closed.into());
    }
    let folder = &inner.faq.images;
    // Two that want the same picture at the same time share one way.
    let turn = folder.turns.of(&sha256.to_owned());
    let _one_at_a_time = turn.lock().await;
    let (files, name) = (folder.files.clone(), sha256.to_owned());
    let here = blocking(inner.inline(), move || {
        let here = files.size(&name).map_err(store_error)?.is_some();
        if here {
            // Its age is the time since somebody looked at it. It is shown even if that cannot be written down.
            let _ = files.touch(&name);
        }
        Ok(here)
    });
    if !here.await? {
        let bytes = ask(inner, sha256).await?;
        let (files, name, most) = (folder.files.clone(), sha256.to_owned(), inner.settings.faq_image_bytes);
        blocking(inner.inline(), move || keep(&*files, &name, &bytes, most)).await?;
    }
    Ok(folder.files.path(sha256))
}

async fn ask(inner: &Inner, sha256: &str) -> Result<Vec<u8>> {
    let path = format!("v1/faq/images/{sha256}");
    let request = Request { method: Method::Get, path, headers: Vec::new(), credential: None, body: None };
    let response = inner.transport.send(request).await.map_err(|_| Error::from(CallError::Unreachable))?;
    if response.status != 200 {
        return Err(CallError::of(&response).into());
    }
    if response.body.len() as u64 > FAQ_IMAGE_BYTES {
        return Err(FaqError::TooLarge.into());
    }
    if hex::encode(&Sha256::digest(&response.body)) != sha256 {
        return Err(FaqError::OtherPicture.into());
    }
    Ok(response.body)
}

/// Write, sync, name, sync: after a loss of power a name has its whole picture, or is not there.
fn keep(files: &dyn FileStore, name: &str, bytes: &[u8], most: u64) -> std::result::Result<(), StoreError> {
    let part = format!("{name}{PART}");
    let place = || -> std::io::Result<()> {
        let mut writer = files.create(&part)?;
        writer.write_all(bytes)?;
        writer.sync()?;
        drop(writer);
        files.rename(&part, name)?;
        files.sync_folder()
    };
    if let Err(error) = place() {
        let _ = files.remove(&part);
        return Err(store_error(error));
    }
    sweep(files, name, most).map_err(store_error)
}

/// Removes what was not looked at for longest until the folder fits. What was fetched just now stays.
fn sweep(files: &dyn FileStore, keep: &str, most: u64) -> std::io::Result<()> {
    let mut listed = files.list()?;
    listed.sort_by_key(|file| std::cmp::Reverse(file.age));
    let mut bytes: u64 = listed.iter().map(|file| file.size).sum();
    for file in listed {
        if bytes <= most {
            break;
        }
        // What another process is fetching is its business; what a dead one left is as old as it looks.
        if file.name == keep || !is_sha256(file.name.trim_end_matches(PART)) {
            continue;
        }
        files.remove(&file.name)?;
        bytes -= file.size;
    }
    Ok(())
}

/// Fetches pictures one after the other, until one does not come.
pub(crate) async fn prefetch(inner: Arc<Inner>, pictures: Vec<String>) {
    for sha256 in pictures {
        if fetch(&inner, &sha256).await.is_err() {
            return;
        }
    }
}
