//! Brings the files of a message to the server before the message itself leaves: tus 1.0.0, from the copy in the folder,
//! a piece a request.
//!
//! The creation is repeatable and tells how far the server is, so an attempt begins there, whatever became of the last
//! one. A piece carries its checksum: it is stored whole or not at all. What a broken line costs is therefore one piece,
//! and [`Pace`] keeps that below a thirty-second part of what got through since the line last broke.

use std::sync::Arc;

use beistand_protocol::upload::{
    Checksum, Metadata, OFFSET_OCTET_STREAM, TUS_RESUMABLE, TUS_VERSION, UPLOAD_CHECKSUM, UPLOAD_LENGTH,
    UPLOAD_METADATA, UPLOAD_OFFSET,
};
use beistand_protocol::{AttachmentId, Code, Credential, OperationId};
use sha2::{Digest, Sha256};

use super::files::{self, Variant, blocking};
use super::intake::Taken;
use super::transfers::Moving;
use crate::api::transport::{Body, Request, Response, TransportError};
use crate::client::Inner;
use crate::error::StoreError;
use crate::observe::StoreChange;
use crate::outbox::outcome::{self, Outcome};
use crate::outbox::payload::Method;
use crate::outbox::policy::Policy;
use crate::store::{files as stored, identity, outbox};

/// The file of a message is gone from this phone, or is not what it was.
pub(crate) const LOST: &str = "attachment-lost";

/// How an upload ended that did not bring everything over.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum End {
    /// The row is gone, wedged, or not the head of its lane: whoever sends it finds out what it is.
    NotNow,
    /// The row's state could not be read or written.
    Store,
    /// An attempt ended like this.
    Outcome(Outcome),
}

impl From<StoreError> for End {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

/// The next piece's size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Bytes that got through since the line last broke.
    through: u64,
}

impl Pace {
    /// The smallest piece: below this the headers of a request weigh more than what a break costs.
    const LEAST: u64 = 64 * 1024;
    /// The largest piece: it is held in memory, and shares the line with words.
    const MOST: u64 = 1024 * 1024;
    /// A break costs at most one piece: with a thirty-second part of what got through before, at most 3 % are sent twice
    /// however often the line breaks.
    const PART: u64 = 32;

    /// How many bytes may leave at once.
    pub(crate) fn piece(self) -> u64 {
        (self.through / Self::PART).clamp(Self::LEAST, Self::MOST)
    }

    /// So many bytes got through.
    pub(crate) fn passed(&mut self, bytes: u64) {
        self.through += bytes;
    }
}

/// Answers in a row that bring an upload no further before the attempt is given up: a server that forgets what it was told
/// must not be asked in a tight loop.
const STANDSTILLS: u32 = 3;

/// What all requests of one attempt need.
struct Attempt<'a> {
    inner: &'a Arc<Inner>,
    operation: OperationId,
    credential: Credential,
    /// Whether anything arrived.
    moved: bool,
}

/// Brings over what of a row's files the server does not have. `true` if there was anything to do.
pub(crate) async fn bring_files(inner: &Arc<Inner>, operation: OperationId) -> Result<bool, End> {
    let prepared = inner
        .database
        .write(move |connection| {
            let Some(row) = outbox::get(connection, operation)? else { return Ok(None) };
            if row.row.wedged || !outbox::is_head(connection, &row.row)? {
                return Ok(None);
            }
            let mut files = Vec::new();
            for id in row.payload.attachments() {
                files.push((*id, stored::get(connection, *id, Variant::Whole)?));
            }
            let identity = identity::by_id(connection, row.row.identity)?.ok_or(StoreError::Value("an identity"))?;
            let (credential, seen) = (identity.credential, identity.current);
            if files.iter().any(|(_, file)| file.as_ref().is_none_or(|file| !file.uploaded)) {
                outbox::begin_upload(connection, operation)?;
            }
            Ok(Some((files, credential, seen, row.payload.conversation())))
        })
        .await?;
    let Some((files, credential, seen, conversation)) = prepared else { return Err(End::NotNow) };
    let mut attempt = Attempt { inner, operation, credential, moved: false };
    let mut any = false;
    for (id, file) in files {
        let Some(file) = file else { return Err(lost()) };
        if file.uploaded {
            continue;
        }
        if !std::mem::replace(&mut any, true) {
            inner.changes.announce(StoreChange::of(conversation));
        }
        let progress = match seen {
            true => inner.transfers.begin(id, file.taken.size),
            false => inner.transfers.begin_unseen(),
        };
        let brought = attempt.bring(&file.taken, &progress).await;
        drop(progress);
        if let Err(End::Outcome(Outcome::Transient { .. })) = brought
            && attempt.moved
        {
            return Err(End::Outcome(Outcome::Interrupted));
        }
        brought?;
        inner.database.write(move |connection| stored::set_uploaded(connection, id, true)).await?;
        inner.changes.announce(StoreChange::of(conversation));
    }
    Ok(any)
}

fn lost() -> End {
    End::Outcome(Outcome::Unsendable { code: LOST })
}

fn transient() -> End {
    End::Outcome(Outcome::transient())
}

impl Attempt<'_> {
    async fn bring(&mut self, file: &Taken, progress: &Moving) -> Result<(), End> {
        let mut offset = self.create(file).await?;
        let (mut pace, mut standstills) = (Pace::default(), 0);
        while offset < file.size {
            progress.at(offset);
            let piece = self.read(file, offset, pace.piece().min(file.size - offset)).await?;
            match self.send_piece(file.id, offset, piece).await {
                Ok(now) if now > offset && now <= file.size => {
                    pace.passed(now - offset);
                    (offset, standstills) = (now, 0);
                    self.moved = true;
                    self.still_wanted().await?;
                    continue;
                }
                Ok(_) => {}
                Err(End::Outcome(Outcome::Refused { code: Code::AttachmentHash, .. })) => {
                    // Either the way or this phone's disk has changed a byte.
                    self.check_copy(file).await?;
                }
                Err(End::Outcome(Outcome::Refused {
                    code: Code::UploadOffset | Code::UploadExpired | Code::NotFound,
                    ..
                })) => {}
                Err(end) => return Err(end),
            }
            standstills += 1;
            if standstills > STANDSTILLS {
                return Err(transient());
            }
            offset = self.create(file).await?;
        }
        progress.at(file.size);
        Ok(())
    }

    /// Creates the upload, or finds the one that is there. Returns how far the server is.
    async fn create(&self, file: &Taken) -> Result<u64, End> {
        let metadata = Metadata {
            id: file.id,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            sha256: file.sha256.clone(),
        };
        let headers = vec![
            (TUS_RESUMABLE, TUS_VERSION.to_owned()),
            (UPLOAD_LENGTH, file.size.to_string()),
            (UPLOAD_METADATA, metadata.to_header()),
        ];
        let response = self.call(Method::Post, "v1/uploads".into(), headers, None).await.map_err(|end| match end {
            // A server without uploads is a deployment that somebody will mend.
            End::Outcome(Outcome::Refused { code: Code::NotFound | Code::MethodNotAllowed, .. }) => transient(),
            // Our ids are our own: what stands under this one was made from another copy of the file.
            End::Outcome(Outcome::Refused { code: Code::IdReused, .. }) => lost(),
            end => end,
        })?;
        match offset_of(&response) {
            Some(offset) if offset <= file.size => Ok(offset),
            Some(_) => Err(transient()),
            // A server of another make tells it only when asked (tus 1.0.0, creation).
            None => {
                let headers = vec![(TUS_RESUMABLE, TUS_VERSION.to_owned())];
                let response = self.call(Method::Head, format!("v1/uploads/{}", file.id), headers, None).await?;
                offset_of(&response).filter(|offset| *offset <= file.size).ok_or_else(transient)
            }
        }
    }

    async fn send_piece(&self, id: AttachmentId, offset: u64, piece: Vec<u8>) -> Result<u64, End> {
        let checksum = Checksum::Sha256(Sha256::digest(&piece).into());
        let headers = vec![
            (TUS_RESUMABLE, TUS_VERSION.to_owned()),
            (UPLOAD_OFFSET, offset.to_string()),
            (UPLOAD_CHECKSUM, checksum.to_header()),
        ];
        let body = Body::Bytes { media_type: OFFSET_OCTET_STREAM, bytes: piece.into() };
        let response = self.call(Method::Patch, format!("v1/uploads/{id}"), headers, Some(body)).await?;
        offset_of(&response).ok_or_else(transient)
    }

    async fn call(
        &self,
        method: Method,
        path: String,
        headers: Vec<(&'static str, String)>,
        body: Option<Body>,
    ) -> Result<Response, End> {
        let request = Request { method, path, headers, credential: Some(self.credential), body };
        let answer = self.inner.transport.send(request).await;
        if let Ok(response) = &answer
            && is_tus(response)
        {
            self.inner.server_told_time(response);
        }
        let now = self.inner.known_time().unwrap_or_else(|| self.inner.clock.wall());
        match outcome::classify(&answer, is_tus, now, &Policy::default()) {
            Outcome::Stored => answer.map_err(|_| transient()),
            outcome => Err(End::Outcome(outcome)),
        }
    }

    async fn read(&self, file: &Taken, offset: u64, most: u64) -> Result<Vec<u8>, End> {
        let (store, name) = (self.inner.files.clone(), files::kept(file.id, Variant::Whole));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let piece =
            blocking(self.inner.inline(), move || store.read_at(&name, offset, most).map_err(files::store_error)).await;
        match piece {
            Ok(piece) if piece.len() == most => Ok(piece),
            Ok(_) | Err(StoreError::Folder(std::io::ErrorKind::NotFound)) => Err(lost()),
            Err(_) => Err(End::Store),
        }
    }

    /// Between two pieces: the person may have taken the message back, or another process the file.
    async fn still_wanted(&self) -> Result<(), End> {
        let operation = self.operation;
        let row = self.inner.database.read(move |connection| outbox::get(connection, operation)).await?;
        if row.is_some_and(|row| !row.row.wedged) { Ok(()) } else { Err(End::NotNow) }
    }

    /// Holds the copy in the folder against its digest.
    async fn check_copy(&self, file: &Taken) -> Result<(), End> {
        let (store, file) = (self.inner.files.clone(), file.clone());
        let whole = blocking(self.inner.inline(), move || {
            files::digest(&*store, &files::kept(file.id, Variant::Whole)).map(|found| found == (file.size, file.sha256))
        });
        if whole.await? { Ok(()) } else { Err(lost()) }
    }
}

/// Only a server that speaks tus names its version; a portal that says *yes* to everything does not.
fn is_tus(response: &Response) -> bool {
    response.header(TUS_RESUMABLE) == Some(TUS_VERSION)
}

fn offset_of(response: &Response) -> Option<u64> {
    response.header(UPLOAD_OFFSET)?.parse().ok()
}

/// Tells the server that a file is not wanted any more. It forgets it by itself after a while; this only makes it sooner.
pub(crate) async fn give_up(inner: &Inner, id: AttachmentId, credential: Credential) {
    let request = Request {
        method: Method::Delete,
        path: format!("v1/uploads/{id}"),
        headers: vec![(TUS_RESUMABLE, TUS_VERSION.to_owned())],
        credential: Some(credential),
        body: None,
    };
    let _: Result<Response, TransportError> = inner.transport.send(request).await;
}

/// Whether a problem of a message says that the server lacks its files.
pub(crate) fn lacks_files(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { code: Code::UnknownAttachment, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `size` bytes over a line that breaks after each `every` bytes; returns the bytes that left.
    fn sent(size: u64, every: u64) -> u64 {
        let (mut offset, mut left, mut until_break) = (0, 0, every);
        let mut pace = Pace::default();
        while offset < size {
            let piece = pace.piece().min(size - offset);
            if piece > until_break {
                left += until_break;
                (pace, until_break) = (Pace::default(), every);
                continue;
            }
            left += piece;
            until_break -= piece;
            offset += piece;
            pace.passed(piece);
        }
        left
    }

    #[test]
    fn a_line_that_breaks_often_sends_little_twice() {
        let size = 50_000_000;
        for every in [2_400_000, 1_000_000, 5_000_000, 333_333] {
            let twice = sent(size, every) - size;
            // Below two megabytes between breaks the smallest piece weighs more than the rule.
            let most = if every < 2_000_000 { size * Pace::LEAST / every } else { size / 20 };
            assert!(twice <= most, "{every}: {twice} bytes twice");
        }
    }

    #[test]
    fn pieces_grow_on_a_line_that_holds() {
        let mut pace = Pace::default();
        assert_eq!(pace.piece(), Pace::LEAST);
        pace.passed(1 << 40);
        assert_eq!(pace.piece(), Pace::MOST);
    }
}
