//! The bytes of a `PATCH`, from the connection to the part file.

use std::{io, sync::Arc, time::Duration};

use axum::body::{Body, BodyDataStream, Bytes};
use beistand_protocol::{AttachmentId, Code, media_type::HEAD_BYTES, upload::Checksum};
use futures_util::StreamExt as _;

use super::{
    Fault,
    complete::{complete, forget},
    inspect, off,
    part::{self, Part},
    turn::Turn,
};
use crate::{
    server::Shared,
    store::{AppId, AttachmentCommand, AttachmentRow, Command, Stage, Uploader},
};

/// So much is collected before it is written.
const CHUNK: usize = 64 * 1024;

/// A connection that brings nothing for so long is given up; what has arrived is kept.
const SILENCE: Duration = Duration::from_secs(60);

/// What is read of a body behind a refusal, and for how long.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;
const DISCARDED_TIME: Duration = Duration::from_secs(30);

/// An upload's expiry is moved at most once in so long: a write for each request would be one too many.
const RENEW_AFTER_MS: i64 = 3_600_000;

/// A request that brings bytes.
pub(crate) struct Delivery {
    pub(crate) app: AppId,
    pub(crate) id: AttachmentId,
    pub(crate) uploader: Uploader,
    pub(crate) offset: u64,
    pub(crate) checksum: Option<Checksum>,
}

/// Where an upload stands after a request.
pub(crate) struct Standing {
    pub(crate) offset: u64,
    pub(crate) row: AttachmentRow,
}

/// How the bytes of a request ended.
enum End {
    Whole,
    TakenOver,
    CutOff,
    Stopping,
    TooMuch,
}

/// The row of an upload of this uploader; another one's does not exist.
pub(crate) async fn row_of(
    shared: &Shared,
    app: AppId,
    id: AttachmentId,
    uploader: Uploader,
) -> Result<AttachmentRow, Fault> {
    let row = shared.store.attachment(app, id).await?.filter(|row| row.uploader == uploader);
    let Some(row) = row else { return Err(Fault::refused(Code::NotFound, "", "there is no such upload")) };
    // What has waited too long is gone, also before the sweep has come by.
    let has_expired = row.message.is_none() && row.expires_at <= shared.clock.now();
    if row.stage == Stage::Gone || has_expired {
        return Err(Fault::refused(Code::UploadExpired, "", "the upload is gone: create it again"));
    }
    Ok(row)
}

fn elsewhere() -> Fault {
    Fault::refused(Code::UploadOffset, "Upload-Offset", "the upload stands elsewhere: ask with HEAD")
}

/// Takes the turn, appends what comes, and completes the upload with its last byte. Answers where it stands now.
///
/// Runs as a task of its own: a broken connection ends the request at once, and what has arrived is to be kept.
pub(crate) async fn receive(shared: Arc<Shared>, delivery: Delivery, body: Body) -> Result<Standing, Fault> {
    let mut stream = body.into_data_stream();
    let received = attempt(&shared, delivery, &mut stream).await;
    if matches!(&received, Err(Fault::Refused(violation)) if violation.code != Code::UploadLocked) {
        discard(&shared, stream);
    }
    received
}

/// Reads on for a while behind a refusal: a client that is still sending would otherwise see a broken connection
/// instead of the answer.
pub(crate) fn discard(shared: &Arc<Shared>, mut stream: BodyDataStream) {
    let mut stopping = shared.stopping.subscribe();
    shared.files.tasks.spawn(async move {
        let mut left = DISCARDED_BYTES;
        let drained = tokio::time::timeout(DISCARDED_TIME, async {
            while left > 0
                && let Some(Ok(bytes)) = stream.next().await
            {
                left = left.saturating_sub(bytes.len());
            }
        });
        tokio::select! {
            _ = drained => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    });
}

async fn attempt(shared: &Arc<Shared>, delivery: Delivery, stream: &mut BodyDataStream) -> Result<Standing, Fault> {
    let Delivery { app, id, uploader, offset, checksum } = delivery;
    row_of(shared, app, id, uploader).await?;
    let Some(mut turn) = shared.files.turns.take(app, id).await else {
        return Err(Fault::refused(Code::UploadLocked, "", "another request does not let go of the upload"));
    };
    // What was true before the turn may not be any more.
    let row = row_of(shared, app, id, uploader).await?;
    if row.is_whole() {
        return if offset == row.announced.size { Ok(Standing { offset, row }) } else { Err(elsewhere()) };
    }
    let at = shared.clock.now();
    if row.expires_at.0 < at.plus(beistand_protocol::limits::UPLOAD_EXPIRES_MS - RENEW_AFTER_MS).0 {
        shared.store.apply(Command::Attachment(AttachmentCommand::GoOn { app, id, at })).await?;
    }
    let path = shared.files.part(app, id);
    let is_proven = checksum.is_none();
    let opening = path.clone();
    let part = off(
        move || if part::length(&opening)? == offset { Part::open(&opening, checksum).map(Some) } else { Ok(None) },
    );
    let Some(part) = part.await? else { return Err(elsewhere()) };
    if !is_proven {
        turn.settle(Some(offset));
    }
    let mut receiving = Receiving { shared, app, row: &row, part: Some(part), is_proven, is_inspected: false };
    let end = receiving.take_in(stream, &mut turn).await?;
    let len = receiving.settle(&end).await?;
    drop(receiving);
    shared.metrics.uploaded(len.saturating_sub(offset));
    turn.settle(None);
    if len == row.announced.size {
        complete(shared, app, &row).await?;
        let row = row_of(shared, app, id, uploader).await?;
        return Ok(Standing { offset: len, row });
    }
    match end {
        End::Whole => Ok(Standing { offset: len, row }),
        End::TakenOver => {
            shared.metrics.upload("taken_over");
            Err(Fault::refused(Code::UploadLocked, "", "a newer request goes on with the upload"))
        }
        End::Stopping => Err(Fault::Store(crate::store::StoreError::Closed)),
        // No fault of the message: whoever still listens asks where the upload stands, and goes on.
        End::CutOff | End::TooMuch => {
            Err(Fault::refused(Code::UploadOffset, "", "the body ended early: ask with HEAD and go on"))
        }
    }
}

struct Receiving<'a> {
    shared: &'a Arc<Shared>,
    app: AppId,
    row: &'a AttachmentRow,
    /// Away while it is written to.
    part: Option<Part>,
    /// Whether what has arrived is kept whatever comes.
    is_proven: bool,
    is_inspected: bool,
}

impl Receiving<'_> {
    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Part) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let mut part = self.part.take().ok_or_else(|| io::Error::other("the part is away"))?;
        let (part, outcome) = off(move || {
            let outcome = work(&mut part);
            Ok((part, outcome))
        })
        .await?;
        self.part = Some(part);
        outcome
    }

    fn len(&self) -> u64 {
        self.part.as_ref().map_or(0, |part| part.len)
    }

    async fn take_in(&mut self, stream: &mut BodyDataStream, turn: &mut Turn) -> Result<End, Fault> {
        let mut stopping = self.shared.stopping.subscribe();
        let room = self.row.announced.size - self.len();
        let (mut arrived, mut waiting) = (0_u64, Vec::<Bytes>::new());
        let mut collected = 0;
        let end = loop {
            let next = tokio::select! {
                biased;
                () = turn.passes() => break End::TakenOver,
                _ = stopping.wait_for(|stopping| *stopping) => break End::Stopping,
                next = tokio::time::timeout(SILENCE, stream.next()) => next,
            };
            match next {
                Ok(Some(Ok(bytes))) => {
                    arrived += bytes.len() as u64;
                    if arrived > room {
                        break End::TooMuch;
                    }
                    collected += bytes.len();
                    waiting.push(bytes);
                }
                Ok(None) => break End::Whole,
                Ok(Some(Err(_))) | Err(_) => break End::CutOff,
            }
            if collected >= CHUNK {
                collected = 0;
                self.write(std::mem::take(&mut waiting)).await?;
            }
        };
        if !matches!(end, End::TooMuch) {
            self.write(waiting).await?;
        }
        Ok(end)
    }

    async fn write(&mut self, bytes: Vec<Bytes>) -> Result<(), Fault> {
        if !bytes.is_empty() {
            let written = self.with(move |part| bytes.iter().try_for_each(|bytes| part.append(bytes))).await;
            if let Err(error) = written {
                if !self.is_proven {
                    self.with(Part::take_back).await?;
                }
                return Err(error.into());
            }
        }
        self.inspect().await
    }

    /// Looks at the first bytes as soon as they are here.
    async fn inspect(&mut self) -> Result<(), Fault> {
        let enough = self.len() >= HEAD_BYTES as u64 && self.len() < self.row.announced.size;
        // A whole file is inspected when it is completed.
        if self.is_inspected || !enough {
            return Ok(());
        }
        self.is_inspected = true;
        let path = self.shared.files.part(self.app, self.row.id);
        let (declared, most) = (self.row.announced.media_type.clone(), self.shared.config.limits.image_pixels);
        let looked = tokio::task::spawn_blocking(move || inspect::head(&path, &declared, most)).await;
        match looked.map_err(io::Error::other)? {
            Err(Fault::Refused(violation)) => {
                forget(self.shared, self.app, self.row.id).await?;
                Err(violation.into())
            }
            other => other,
        }
    }

    /// Decides what of the bytes stays, and answers the length of the part.
    async fn settle(&mut self, end: &End) -> Result<u64, Fault> {
        if matches!(end, End::TooMuch) {
            self.with(Part::take_back).await?;
            return Err(Fault::refused(Code::AttachmentTooLarge, "body", "more bytes than the upload announced"));
        }
        if !self.is_proven {
            let fits = self.with(|part| Ok(part.fits())).await?;
            if !matches!(end, End::Whole) || !fits {
                self.with(Part::take_back).await?;
            }
            if matches!(end, End::Whole) && !fits {
                return Err(Fault::refused(
                    Code::UploadChecksum,
                    "Upload-Checksum",
                    "the bytes do not fit the checksum",
                ));
            }
        }
        Ok(self.len())
    }
}
