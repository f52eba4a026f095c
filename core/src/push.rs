//! Where this installation is to be woken. The app says it once, offline too; what was said is kept as the state that is
//! desired, beside what the server was told last. While they differ and the device is registered, the server is told,
//! again and again until it confirms. Nothing is queued: only the last word counts. A device is not registered for this
//! alone: whoever never writes to the desk is unknown to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use beistand_protocol::{Code, Credential, PushToken};
use rusqlite::Connection;

use crate::api::calls::{self, CallError};
use crate::client::{Client, Inner};
use crate::error::{Error, ErrorKind, Result, StoreError};
use crate::outbox::policy::Policy;
use crate::store::{identity, meta};

/// The token that the app has said; empty after it has taken it back.
const DESIRED: &str = "push_token";

/// What the server was told last: by which device, in which history, which token.
pub(crate) const TOLD: &str = "push_told";

impl Client {
    /// Says where this installation is to be woken, or that it is not to be any more. Returns when it is stored; the server
    /// is told as soon as it knows this device and can be reached.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the token has not the form that every server asks for; nothing is stored then.
    pub async fn set_push_token(&self, token: Option<PushToken>) -> Result<()> {
        let desired = match token {
            None => String::new(),
            Some(token) => {
                token.check().map_err(|broken| Error::new(ErrorKind::Refused(broken.code), broken.detail))?;
                serde_json::to_string(&token).map_err(|_| StoreError::Value("the push token"))?
            }
        };
        self.inner.started().await?;
        self.inner.database.write(move |connection| meta::set(connection, DESIRED, &desired)).await?;
        self.inner.push_due.notify_one();
        Ok(())
    }
}

/// What the server has to be told.
struct Word {
    credential: Credential,
    /// The JSON of the token; empty to take it back.
    token: String,
    /// What to remember once it is told.
    stamp: String,
}

fn missing_word(connection: &Connection) -> std::result::Result<Option<Word>, StoreError> {
    let Some(identity) = identity::current(connection)?.filter(|identity| identity.registered) else { return Ok(None) };
    let Some(token) = meta::get(connection, DESIRED)? else { return Ok(None) };
    let told = meta::get(connection, TOLD)?.unwrap_or_default();
    let device = identity.credential.device;
    if token.is_empty() {
        // Never told, or told by a device that this one has followed: nothing to take back.
        let to_do = told.starts_with(&device.to_string());
        return Ok(to_do.then(|| Word { credential: identity.credential, token, stamp: String::new() }));
    }
    // A server that was restored from a backup has another epoch, and may have lost the token.
    let epoch = identity::sync_state(connection, identity.id)?.epoch.map(|epoch| epoch.0).unwrap_or_default();
    let stamp = format!("{device} {epoch} {token}");
    Ok((told != stamp).then_some(Word { credential: identity.credential, token, stamp }))
}

/// Runs until the client is paused or gone.
pub(crate) async fn run(inner: Arc<Inner>) {
    let mut seed = [0; 8];
    inner.entropy.fill(&mut seed);
    let (mut chance, mut failures) = (fastrand::Rng::with_seed(u64::from_le_bytes(seed)), 0_u32);
    loop {
        let word = inner.database.read(missing_word).await;
        let done = match word {
            Ok(None) => {
                failures = 0;
                inner.push_due.notified().await;
                continue;
            }
            Ok(Some(word)) => tell(&inner, word).await,
            Err(_) => false,
        };
        if done {
            failures = 0;
            continue;
        }
        failures = failures.saturating_add(1);
        // A new word, or anything that makes everything due, ends the wait.
        let wait = Policy::default().wait(failures, chance.f64());
        inner.push_missing.store(true, Ordering::SeqCst);
        let _ = tokio::time::timeout(wait, inner.push_due.notified()).await;
        inner.push_missing.store(false, Ordering::SeqCst);
    }
}

/// Tells the server; whether there is nothing to repeat.
async fn tell(inner: &Inner, word: Word) -> bool {
    let Word { credential, token, stamp } = word;
    match calls::push_token(&*inner.transport, credential, &token).await {
        Ok(()) => inner.database.write(move |connection| meta::set(connection, TOLD, &stamp)).await.is_ok(),
        Err(CallError::Refused(Code::PushTokenInvalid)) => {
            tracing::warn!("the server does not take the push token; it is dropped");
            let dropped = inner.database.write(move |connection| {
                // Unless the app has said another one meanwhile.
                if meta::get(connection, DESIRED)?.as_deref() == Some(&*token) {
                    meta::set(connection, DESIRED, "")?;
                }
                Ok(())
            });
            dropped.await.is_ok()
        }
        Err(_) => false,
    }
}
