//! Takes out of the folder what the database has forgotten, and what never came to be known to it: copies that a killed
//! process left behind.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::{AttachmentId, MessageId};

use super::files::{self, Variant, blocking};
use super::upload;
use crate::client::Inner;
use crate::error::StoreError;
use crate::store::{files as stored, outbox};

/// Another process may be copying a file in, or may be about to commit one: what is younger stays.
const STRAY_AFTER: Duration = Duration::from_secs(3600);

/// A file that was being fetched is worth keeping for as long as somebody may want the rest of it.
const PART_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes what was forgotten. A failure leaves it for the next time.
pub(crate) async fn removed(inner: &Arc<Inner>) {
    let swept = async {
        let gone = inner.database.read(stored::to_remove).await?;
        if gone.is_empty() {
            return Ok(());
        }
        let (store, names) = (inner.files.clone(), gone.clone());
        let gone = blocking(inner.inline(), move || {
            Ok(names
                .into_iter()
                .filter(|(id, variant)| {
                    store.remove(&files::kept(*id, *variant)).is_ok()
                        && store.remove(&files::partial(*id, *variant)).is_ok()
                })
                .collect::<Vec<_>>())
        })
        .await?;
        inner.database.write(move |connection| stored::removed(connection, &gone)).await
    };
    let swept: Result<(), StoreError> = swept.await;
    if let Err(error) = swept {
        tracing::warn!(%error, "forgotten files could not be removed");
    }
}

/// At the start: forgets what is not needed any more, then removes it and all strays.
pub(crate) async fn everything(inner: &Arc<Inner>) {
    let most = inner.settings.attachment_cache_bytes;
    let swept = async {
        let store = inner.files.clone();
        let listed = blocking(inner.inline(), move || store.list().map_err(files::store_error)).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let known = inner
            .database
            .write(move |connection| {
                stored::forget(connection, most)?;
                let mut known: HashSet<_> = stored::known(connection)?.into_iter().collect();
                // A row of the outbox may have survived a rescue that its file's entry did not.
                known.extend(outbox::wanted_files(connection)?.into_iter().map(|id| (id, Variant::Whole)));
                Ok(known)
            })
            .await?;
        let store = inner.files.clone();
        blocking(inner.inline(), move || {
            for file in listed {
                let stray = match files::parse(&file.name) {
                    Some((id, variant, true)) => !known.contains(&(id, variant)) && file.age >= STRAY_AFTER,
                    Some((.., false)) if file.name.ends_with(".part") => file.age >= PART_AFTER,
                    Some((.., false)) => file.age >= STRAY_AFTER,
                    // Not ours.
                    None => false,
                };
                if stray {
                    store.remove(&file.name).map_err(files::store_error)?;
                }
            }
            Ok(())
        })
        .await
    };
    let swept: Result<(), StoreError> = swept.await;
    if let Err(error) = swept {
        tracing::warn!(%error, "the folder of attachments could not be swept");
    }
    removed(inner).await;
}

impl Inner {
    /// The files of a message that lie in the folder.
    pub(crate) async fn files_of(self: &Arc<Self>, message: MessageId) -> Result<Vec<AttachmentId>, crate::Error> {
        self.started().await?;
        let found = self.database.read(move |connection| stored::of_message(connection, message)).await?;
        Ok(found.into_iter().map(|file| file.taken.id).collect())
    }

    /// The person gave up a message: its files go from this phone, and the server need not wait for the rest of them.
    pub(crate) async fn after_giving_up(self: &Arc<Self>, files: Vec<AttachmentId>) {
        if files.is_empty() {
            return;
        }
        let most = self.settings.attachment_cache_bytes;
        if let Err(error) = self.database.write(move |connection| stored::forget(connection, most)).await {
            tracing::warn!(%error, "files of a message that was given up stay for now");
            return;
        }
        removed(self).await;
        let inner = self.clone();
        tokio::spawn(async move {
            let Ok(identity) = inner.identity().await else { return };
            for id in files {
                let gone = inner.database.read(move |connection| stored::get(connection, id, Variant::Whole)).await;
                if identity.registered && matches!(gone, Ok(None)) {
                    upload::give_up(&inner, id, identity.credential).await;
                }
            }
        });
    }
}
