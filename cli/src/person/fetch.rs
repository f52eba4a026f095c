//! Files of messages: taking them along, fetching them, and how far they have got.

use std::path::{Path, PathBuf};

use beistand_core::AttachmentSource;
use beistand_core::protocol::{AttachmentId, MessageId};
use serde_json::json;

use super::Phone;
use crate::{exit::Failure, human, progress, save::Saving};

/// The files that a command was told to take along.
pub(super) fn sources(paths: &[PathBuf]) -> Vec<AttachmentSource> {
    paths.iter().map(AttachmentSource::path).collect()
}

impl Phone<'_> {
    /// Fetches a file if it is not here, and puts a copy where it was asked for.
    pub(super) async fn fetch(&mut self, id: AttachmentId, place: &Path) -> Result<(), Failure> {
        let files = [(id, id.to_string())];
        let attachments = self.client.attachments();
        let here = tokio::select! {
            here = attachments.fetch(id) => here?,
            never = progress::show(&self.client, &files) => match never {},
        };
        let bytes = Saving::begin(place)?.copy(&here)?;
        if place == Path::new("-") {
            return Ok(());
        }
        self.output.tell(
            || json!({"attachment": id, "file": place.display().to_string(), "bytes": bytes}),
            |_| format!("{}  {}", human::bytes(bytes), place.display()),
        )
    }

    /// Ids and names of the files of a message.
    pub(super) async fn files_of(&self, message: MessageId) -> Vec<(AttachmentId, String)> {
        let found = self.client.conversations().message(message).await;
        let files = found.map(|message| message.attachments).unwrap_or_default();
        files.into_iter().map(|file| (file.id, file.name)).collect()
    }
}
