//! Files of messages, in both directions. What a person attaches is copied into the SDK's own folder before the call
//! returns, and leaves before its message does, a piece at a time, resumed after every break. What others send is
//! fetched when it is asked for, resumed likewise, checked, and kept to be looked at offline.

mod download;
pub mod files;
pub(crate) mod intake;
mod location;
mod source;
pub(crate) mod sweep;
pub(crate) mod transfers;
pub(crate) mod upload;

use std::path::PathBuf;
use std::sync::Arc;

use beistand_protocol::AttachmentId;

use crate::client::{Guard, Inner};
use crate::error::Result;
use crate::model::Transfer;
use crate::observe::Observable;
use files::Variant;

pub use source::AttachmentSource;

/// The files of a client's messages. They are attached with [`crate::Conversations::send`] and
/// [`crate::Conversations::open`]; taking such a message back stops its upload.
#[derive(Clone)]
pub struct Attachments {
    pub(crate) inner: Arc<Inner>,
    pub(crate) _guard: Arc<Guard>,
}

impl Attachments {
    /// Where the file lies on this phone; fetched first if it does not. The path is good until room is needed for others:
    /// ask again rather than keep it. Dropping the future stops the way; what has arrived stays for the next try.
    ///
    /// # Errors
    /// `NotFound`, `Unreachable`, `Refused` (`attachment-scanning`, `attachment-blocked`), `StorageFull`.
    pub async fn fetch(&self, id: AttachmentId) -> Result<PathBuf> {
        self.inner.started().await?;
        download::fetch(&self.inner, id, Variant::Whole).await
    }

    /// Where the small picture of a photo lies, a JPEG; fetched first if it does not.
    ///
    /// # Errors
    /// As [`Attachments::fetch`]; `NotFound` also if it has none.
    pub async fn thumbnail(&self, id: AttachmentId) -> Result<PathBuf> {
        self.inner.started().await?;
        download::fetch(&self.inner, id, Variant::Thumbnail).await
    }

    /// How far a file has got on its way, in either direction.
    pub fn progress(&self, id: AttachmentId) -> Observable<Transfer> {
        self.inner.transfers.of(id)
    }
}
