//! Fetches a file: in ranges, so that a broken line goes on where it stopped, also after a restart of the app; held
//! against its digest before anybody sees it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use beistand_protocol::{Attachment as Wire, AttachmentId, AttachmentState, MessageId, hex};

use sha2::{Digest, Sha256};

use super::files::{self, Variant, blocking};
use super::intake::Taken;
use super::transfers::Moving;
use super::upload::Pace;
use crate::api::calls::CallError;
use crate::api::transport::{Request, Response};
use crate::client::Inner;
use crate::error::{Error, ErrorKind, Result, StoreError};
use crate::observe::StoreChange;
use crate::outbox::payload::Method;
use crate::store::{files as stored, messages};

/// Requests in a row that bring nothing before the person is told that the server cannot be reached. What has arrived
/// stays for the next try.
const FRUITLESS: u32 = 3;

/// The largest thumbnail that is believed: 640 pixels a side, hardly compressed.
const THUMBNAIL_BYTES: usize = 2 * 1024 * 1024;

/// The file's place in the folder, fetched if it is not there.
pub(crate) async fn fetch(inner: &Arc<Inner>, id: AttachmentId, variant: Variant) -> Result<PathBuf> {
    let (now, whom) = (inner.clock.wall(), inner.shown());
    // Two that want the same file at the same time share one way.
    let turn = inner.fetching(id);
    let _one_at_a_time = turn.lock().await;
    let here = inner
        .database
        .write(move |connection| {
            let here = stored::get_shown(connection, id, variant)?;
            if here.is_some() {
                stored::use_now(connection, id, variant, now)?;
            }
            Ok(here)
        })
        .await?;
    if let Some(here) = here {
        let name = files::kept(id, variant);
        if size(inner, &name).await? == Some(here.taken.size) {
            return Ok(inner.files.path(&name));
        }
        // Somebody cleaned up behind our back; the server may still have it.
    }
    let told = inner.database.read(move |connection| messages::wire_attachment(connection, id)).await?;
    let Some((message, wire)) = told else {
        return Err(not_here());
    };
    if wire.state == AttachmentState::Blocked {
        let code = beistand_protocol::Code::AttachmentBlocked;
        return Err(Error::new(ErrorKind::Refused(code), code.title()));
    }
    let fetched = match variant {
        Variant::Whole => whole(inner, message, &wire).await,
        Variant::Thumbnail => thumbnail(inner, message, &wire).await,
    };
    if inner.shown() != whom {
        // The person has logged out meanwhile: nothing of the file stays.
        for name in [files::partial(id, variant), files::kept(id, variant)] {
            let _ = remove(inner, &name).await;
        }
        return Err(not_here());
    }
    fetched
}

fn not_here() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such attachment on this phone")
}

async fn size(inner: &Inner, name: &str) -> Result<Option<u64>> {
    let (store, name) = (inner.files.clone(), name.to_owned());
    Ok(blocking(inner.inline(), move || store.size(&name).map_err(files::store_error)).await?)
}

async fn whole(inner: &Arc<Inner>, message: MessageId, wire: &Wire) -> Result<PathBuf> {
    let limit = inner.app_config().0.limits.attachment_bytes.max(inner.settings.attachment_cache_bytes);
    if wire.size == 0 || wire.size > limit {
        return Err(Error::new(ErrorKind::Unreachable, "the server announces a file of an impossible size"));
    }
    let moving = inner.transfers.begin(wire.id, wire.size);
    let part = files::partial(wire.id, Variant::Whole);
    let mut have = size(inner, &part).await?.unwrap_or(0);
    let mut begun_anew = false;
    loop {
        if have > wire.size {
            remove(inner, &part).await?;
            have = 0;
        }
        ranges(inner, wire, &part, have, &moving).await?;
        let taken = Taken {
            id: wire.id,
            name: beistand_protocol::file_name::clean(&wire.name),
            media_type: wire.media_type.clone(),
            size: wire.size,
            sha256: wire.sha256.clone(),
            dimensions: wire.dimensions,
        };
        if let Some(path) = keep(inner, message, Variant::Whole, part.clone(), taken).await? {
            return Ok(path);
        }
        // An earlier try may have left something else behind; a second time it is the server's copy.
        remove(inner, &part).await?;
        if std::mem::replace(&mut begun_anew, true) {
            return Err(Error::new(
                ErrorKind::Unreachable,
                "the file that the server sends is not the one it announced",
            ));
        }
        have = 0;
    }
}

/// Appends to the part file what is missing.
async fn ranges(inner: &Arc<Inner>, wire: &Wire, part: &str, mut have: u64, moving: &Moving) -> Result<()> {
    let (mut pace, mut fruitless) = (Pace::default(), 0);
    while have < wire.size {
        moving.at(have);
        let most = pace.piece().min(wire.size - have);
        match range(inner, wire.id, have, most).await {
            Ok(bytes) => {
                let arrived = bytes.len() as u64;
                append(inner, part, bytes).await?;
                have += arrived;
                pace.passed(arrived);
                fruitless = 0;
            }
            Err(error) if error.kind == ErrorKind::Unreachable && fruitless + 1 < FRUITLESS => {
                fruitless += 1;
                pace = Pace::default();
            }
            Err(error) => return Err(error),
        }
    }
    moving.at(have);
    Ok(())
}

async fn range(inner: &Inner, id: AttachmentId, from: u64, most: u64) -> Result<Vec<u8>> {
    let last = from + most - 1;
    let headers = vec![("range", format!("bytes={from}-{last}"))];
    let response = call(inner, format!("v1/attachments/{id}"), headers).await?;
    let expected = format!("bytes {from}-{last}/");
    let fits = response.status == 206
        && response.header("content-range").is_some_and(|range| range.starts_with(&expected))
        && response.body.len() as u64 == most;
    // A server without ranges sends everything; that is of use only from the front.
    let everything = response.status == 200 && from == 0 && !response.body.is_empty() && is_download(&response);
    if fits || everything { Ok(response.body) } else { Err(foreign()) }
}

/// A portal's page has no such header.
fn is_download(response: &Response) -> bool {
    response.header("content-disposition").is_some_and(|value| value.starts_with("attachment"))
}

async fn thumbnail(inner: &Arc<Inner>, message: MessageId, wire: &Wire) -> Result<PathBuf> {
    if wire.thumbnail.is_none() {
        return Err(Error::new(ErrorKind::NotFound, "this file has no thumbnail"));
    }
    let response = call(inner, format!("v1/attachments/{}/thumbnail", wire.id), Vec::new()).await?;
    let jpeg = beistand_protocol::media_type::sniff(&response.body) == Some("image/jpeg");
    if response.status != 200 || !jpeg || response.body.len() > THUMBNAIL_BYTES {
        return Err(foreign());
    }
    let part = files::partial(wire.id, Variant::Thumbnail);
    remove(inner, &part).await?;
    let taken = Taken {
        id: wire.id,
        name: beistand_protocol::file_name::clean(&wire.name),
        media_type: "image/jpeg".into(),
        size: response.body.len() as u64,
        sha256: hex::encode(&Sha256::digest(&response.body)),
        dimensions: wire.thumbnail,
    };
    append(inner, &part, response.body).await?;
    let kept = keep(inner, message, Variant::Thumbnail, part, taken).await?;
    kept.ok_or_else(|| Error::new(ErrorKind::Storage, "the thumbnail could not be stored"))
}

fn foreign() -> Error {
    CallError::Unreachable.into()
}

async fn call(inner: &Inner, path: String, headers: Vec<(&'static str, String)>) -> Result<Response> {
    let credential = Some(inner.identity().await?.credential);
    let request = Request { method: Method::Get, path, headers, credential, body: None };
    let response = inner.transport.send(request).await.map_err(|_| foreign())?;
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    Err(match CallError::of(&response) {
        // The server is ours, but not now.
        CallError::Refused(code) if code.status() >= 429 => foreign(),
        error => error.into(),
    })
}

async fn append(inner: &Inner, part: &str, bytes: Vec<u8>) -> Result<()> {
    let (store, part) = (inner.files.clone(), part.to_owned());
    let appended = blocking(inner.inline(), move || {
        let mut writer = store.append(&part).map_err(files::store_error)?;
        writer.write_all(&bytes).map_err(files::store_error)
    });
    Ok(appended.await?)
}

async fn remove(inner: &Inner, name: &str) -> Result<()> {
    let (store, name) = (inner.files.clone(), name.to_owned());
    Ok(blocking(inner.inline(), move || store.remove(&name).map_err(files::store_error)).await?)
}

/// Puts a fetched file in its place, if it is what was announced: sync, name, sync, commit, as with an own one.
async fn keep(
    inner: &Arc<Inner>,
    message: MessageId,
    variant: Variant,
    part: String,
    taken: Taken,
) -> Result<Option<PathBuf>> {
    let (store, expected, name) = (inner.files.clone(), taken.clone(), files::kept(taken.id, variant));
    let name_in_folder = name.clone();
    let whole = blocking(inner.inline(), move || {
        if files::digest(&*store, &part)? != (expected.size, expected.sha256) {
            return Ok(false);
        }
        let place = || -> std::io::Result<()> {
            store.append(&part)?.sync()?;
            store.rename(&part, &name_in_folder)?;
            store.sync_folder()
        };
        place().map_err(files::store_error)?;
        Ok(true)
    });
    if !whole.await? {
        return Ok(None);
    }
    let (now, most) = (inner.clock.wall(), inner.settings.attachment_cache_bytes);
    inner
        .database
        .write(move |connection| {
            if !messages::file_is_shown(connection, message)? {
                return Err(not_here().into());
            }
            stored::insert_fetched(connection, message, variant, &taken, now)?;
            stored::forget(connection, most)
        })
        .await
        .map_err(|error: StoreError| Error::from(error))?;
    super::sweep::removed(inner).await;
    inner.changes.announce(StoreChange::Everything);
    Ok(Some(inner.files.path(&name)))
}
