//! Files of messages.

use std::path::PathBuf;
use std::sync::Arc;

use beistand_core::Attachments;
use beistand_core::protocol::AttachmentId;

use crate::error::FfiError;
use crate::input::id;
use crate::runtime::{Alive, FfiCancel, run_until};
use crate::watches::FfiTransferWatch;

/// The files of a client's messages.
#[derive(uniffi::Object)]
pub struct FfiAttachments {
    core: Attachments,
    _alive: Alive,
}

impl FfiAttachments {
    pub(crate) fn new(core: Attachments) -> Arc<Self> {
        Arc::new(Self { core, _alive: Alive::new() })
    }
}

#[uniffi::export]
impl FfiAttachments {
    /// Where the file lies on this phone; fetched first if it does not. What has arrived when the call is given up stays for
    /// the next try.
    pub async fn fetch(&self, attachment: String, cancel: Option<Arc<FfiCancel>>) -> Result<String, FfiError> {
        let (core, attachment) = (self.core.clone(), attachment_id(&attachment)?);
        Ok(text(run_until(cancel, async move { core.fetch(attachment).await }).await?))
    }

    /// Where the small picture of a photo lies, likewise.
    pub async fn thumbnail(&self, attachment: String, cancel: Option<Arc<FfiCancel>>) -> Result<String, FfiError> {
        let (core, attachment) = (self.core.clone(), attachment_id(&attachment)?);
        Ok(text(run_until(cancel, async move { core.thumbnail(attachment).await }).await?))
    }

    /// How far a file has got on its way, in either direction.
    pub fn progress(&self, attachment: String) -> Result<Arc<FfiTransferWatch>, FfiError> {
        Ok(FfiTransferWatch::new(self.core.progress(attachment_id(&attachment)?).subscribe()))
    }
}

/// A path below the folder that the app has named as text.
pub(crate) fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

fn attachment_id(text: &str) -> Result<AttachmentId, FfiError> {
    id(text, "the id of an attachment")
}
