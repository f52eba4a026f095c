//! Asks for changes and applies them, a page a transaction, until there are no more. One pull at a time; a hint that
//! comes while one is under way is covered by it or by the next.

use std::time::Duration;

use beistand_protocol::{Code, ConversationId};

use super::apply;
use crate::api::calls::{self, CallError};
use crate::client::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ClientEvent, Connection};
use crate::observe::StoreChange;
use crate::outbox::machine::IdentityId;
use crate::registration;
use crate::store::{identity, leaving, messages, meta};

/// The configuration changes a few times a year; a phone that is in use all day sees it within this time.
const CONFIG_EVERY: Duration = Duration::from_secs(600);

/// So many pages of a snapshot may be overtaken by acknowledgements before one is taken all the same: what it lacks comes
/// with the changes behind it.
const OUTDATED_PAGES: u32 = 5;

/// Why a pull ended early.
#[derive(Debug)]
pub(crate) enum PullError {
    Call(CallError),
    Store(Error),
}

impl From<CallError> for PullError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<crate::error::StoreError> for PullError {
    fn from(error: crate::error::StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl From<PullError> for Error {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Call(error) => error.into(),
            PullError::Store(error) => error,
        }
    }
}

/// Everything that is new at the server, now.
pub(crate) async fn pull(inner: &Inner) -> Result<()> {
    pull_as(inner, inner.identity().await?.id).await
}

/// After a change of history: what the server lacks of those who have left but still have something to send is queued
/// again as well. What cannot be asked for them is not worth stopping the rest: their writes name no history then.
pub(crate) async fn pull_everybody(inner: &Inner) -> Result<()> {
    for gone in inner.database.read(identity::leaving).await? {
        let id = gone.id;
        if !inner.database.read(move |connection| leaving::has_rows(connection, id)).await? {
            continue;
        }
        match pull_as(inner, id).await {
            Err(error) if error.kind == ErrorKind::Unreachable => return Err(error),
            Err(_) => {
                let nothing = identity::SyncState::default();
                inner.database.write(move |connection| identity::set_sync_state(connection, id, &nothing)).await?;
            }
            Ok(()) => {}
        }
    }
    pull(inner).await
}

async fn pull_as(inner: &Inner, id: IdentityId) -> Result<()> {
    let registered = inner.database.read(move |connection| identity::by_id(connection, id)).await?;
    if !registered.is_some_and(|identity| identity.registered) {
        registration::register(inner, id).await?;
    }
    let mut pulled = pull_registered(inner, id).await;
    if matches!(pulled, Err(PullError::Call(CallError::Refused(Code::UnknownDevice)))) {
        // A server that has lost its memory: this phone introduces itself again.
        registration::register(inner, id).await?;
        pulled = pull_registered(inner, id).await;
    }
    let reachable = !matches!(pulled, Err(PullError::Call(CallError::Unreachable)));
    inner.connection.set(if reachable { Connection::Online } else { Connection::Offline });
    let named = registered_identity_has_user(inner, id).await?;
    if pulled? && named {
        // Another history may know less of this device: whether it still knows the user is asked before anything else is
        // sent.
        registration::register(inner, id).await?;
    }
    Ok(())
}

async fn registered_identity_has_user(inner: &Inner, id: IdentityId) -> Result<bool> {
    let identity = inner.database.read(move |connection| identity::by_id(connection, id)).await?;
    Ok(identity.is_some_and(|identity| identity.subject.is_some()))
}

/// The pull itself, for an identity that the server knows. Whether the history was another one.
async fn pull_registered(inner: &Inner, id: IdentityId) -> std::result::Result<bool, PullError> {
    let _one_at_a_time = inner.pulling.lock().await;
    refresh_config(inner).await?;
    let acting = inner.acting_as(id);
    let (mut outdated, mut other_history) = (0, false);
    loop {
        let asked_as = inner.database.read(move |connection| identity::by_id(connection, id)).await?;
        // Gone meanwhile: there is nothing left to ask for.
        let Some(asked_as) = asked_as else { return Ok(false) };
        let state = inner.database.read(move |connection| identity::sync_state(connection, id)).await?;
        let answered = match calls::sync(&*inner.transport, asked_as.credential, state.cursor.as_deref()).await {
            Err(CallError::Refused(Code::BadParameter)) if state.cursor.is_some() => {
                // A cursor that the server cannot read: without one it begins anew.
                let forgotten = identity::SyncState { cursor: None, ..state };
                inner.database.write(move |connection| identity::set_sync_state(connection, id, &forgotten)).await?;
                continue;
            }
            answered => answered?,
        };
        inner.server_told_time(&answered.response);
        let (page, known, asked) = (answered.value, inner.known_time(), state.clone());
        let (acting, tell) = (acting.clone(), outdated >= OUTDATED_PAGES);
        let applied = inner
            .database
            .write(move |connection| {
                // The person has logged out while the page was on its way, and nothing of theirs is left: none of it is
                // stored.
                if !identity::is_current(connection, id)? && !leaving::has_rows(connection, id)? {
                    return Ok(None);
                }
                let now = identity::sync_state(connection, id)?;
                // Another process may have pulled meanwhile: what it stored is as new as this page. A page of a snapshot
                // knows nothing of what was acknowledged after it was made; but a long flush must not keep it away.
                let acknowledged = page.snapshot.is_some() && now.acks != asked.acks && !tell;
                if acknowledged
                    || (&now.cursor, &now.epoch, now.snapshot) != (&asked.cursor, &asked.epoch, asked.snapshot)
                {
                    return Ok(Some(apply::Applied { has_more: true, outdated: true, ..apply::Applied::default() }));
                }
                apply::page(connection, &acting, id, &page, known).map(Some)
            })
            .await?;
        let Some(applied) = applied else { return Ok(false) };
        let shown = inner.shown() == id;
        inner.report_recoveries();
        outdated += u32::from(applied.outdated);
        inner.tell_worker(applied.events);
        if let Some(requeued) = applied.history_changed {
            other_history = true;
            inner.push_due.notify_one();
            if shown {
                inner.emit(ClientEvent::HistoryChanged { requeued });
            }
            inner.reload_worker();
        }
        if !applied.touched.is_empty() || applied.history_changed.is_some() || applied.outdated {
            inner.changes.announce(StoreChange::Everything);
        }
        if !applied.has_more && !applied.in_snapshot {
            if let (Some(known), Some(told)) = (known, inner.told_time()) {
                inner
                    .database
                    .write(move |connection| {
                        meta::set_told_time(connection, told)?;
                        crate::store::journal::prune(connection, known)
                    })
                    .await?;
            }
            return Ok(other_history);
        }
    }
}

/// The configuration, if the last look is long enough ago.
pub(crate) async fn refresh_config(inner: &Inner) -> std::result::Result<(), PullError> {
    let now = inner.clock.monotonic();
    if inner.config_checked().is_some_and(|checked| now.saturating_sub(checked) < CONFIG_EVERY) {
        return Ok(());
    }
    let stored = inner.database.read(meta::app_config).await?;
    let etag = stored.and_then(|(_, etag)| etag);
    match calls::app_config(&*inner.transport, etag.as_deref()).await {
        Ok(Some(answered)) => {
            inner.server_told_time(&answered.response);
            let etag = answered.response.header("etag").map(str::to_owned);
            let config = answered.value;
            let stored = config.clone();
            inner.database.write(move |connection| meta::set_app_config(connection, &stored, etag.as_deref())).await?;
            inner.set_app_config(config, now);
        }
        Ok(None) => inner.config_is_fresh(now),
        // The stored copy serves; messages must not wait for a configuration.
        Err(_) => {}
    }
    Ok(())
}

/// Older messages of a conversation, below `before`.
pub(crate) async fn history(inner: &Inner, conversation: ConversationId, before: u64, limit: u32) -> Result<()> {
    let identity = inner.identity().await?;
    let answered = calls::history(&*inner.transport, identity.credential, conversation, before, limit).await?;
    let page = answered.value;
    if page.messages.iter().any(|message| message.seq >= before) {
        return Err(Error::new(ErrorKind::Unreachable, "the server answered with another page of history"));
    }
    inner.database.write(move |connection| apply::history(connection, conversation, before, &page)).await?;
    inner.changes.announce(StoreChange::Conversation(conversation));
    Ok(())
}

/// A message as it stands here.
pub(crate) async fn message(inner: &Inner, id: beistand_protocol::MessageId) -> Result<Option<crate::model::Message>> {
    Ok(inner.database.read(move |connection| messages::get(connection, id)).await?)
}
