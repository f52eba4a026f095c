//! Sees to it that logins are confirmed and that those who have left are gone: one task, which looks whenever something
//! may be due, and again after a wait while the server cannot be reached.

use std::sync::Arc;

use beistand_protocol::Code;

use super::LoginError;
use super::proof::{self, Proof};
use crate::api::calls::{self, CallError};
use crate::attachments::sweep;
use crate::client::Inner;
use crate::config::CANDIDATE_MS;
use crate::error::StoreError;
use crate::model::ClientEvent;
use crate::outbox::machine::IdentityId;
use crate::outbox::policy::Policy;
use crate::registration;
use crate::store::identity::{self, Identity};
use crate::store::leaving as left;
use crate::sync::puller;

/// Runs until the client is paused or gone.
pub(crate) async fn run(inner: Arc<Inner>) {
    let (mut chance, mut failures) = (None, 0_u32);
    let mut reported = None;
    loop {
        if round(&inner, &mut reported).await {
            failures = 0;
            inner.logins.due().await;
            continue;
        }
        failures = failures.saturating_add(1);
        // Most phones never fail here, and need no chance.
        let chance = chance.get_or_insert_with(|| {
            let mut seed = [0; 8];
            inner.entropy.fill(&mut seed);
            fastrand::Rng::with_seed(u64::from_le_bytes(seed))
        });
        let wait = Policy::default().wait(failures, chance.f64());
        let _ = tokio::time::timeout(wait, inner.logins.due()).await;
    }
}

/// Does what is due; whether nothing is to be tried again.
async fn round(inner: &Arc<Inner>, reported: &mut Option<LoginError>) -> bool {
    let found = inner.database.read(|connection| {
        Ok((identity::current(connection)?, identity::leaving(connection)?, left::has_ownerless(connection)?))
    });
    let Ok((current, gone, ownerless)) = found.await else { return false };
    let mut done = true;
    if ownerless {
        match inner.database.write(left::drop_ownerless).await {
            Ok(0) => {}
            Ok(discarded) => inner.emit(ClientEvent::LeftUnsent { discarded }),
            Err(_) => done = false,
        }
        inner.reload_worker();
    }
    for identity in gone {
        done &= see_off(inner, identity).await.unwrap_or(false);
    }
    if let Some(current) = current {
        done &= confirm(inner, &current, reported).await;
    }
    if inner.logins.take_pull() && puller::pull(inner).await.is_err() {
        // Whatever the history is by now: the next look at the server brings it.
        inner.logins.pull_later();
        done = false;
    }
    done
}

async fn confirm(inner: &Arc<Inner>, current: &Identity, reported: &mut Option<LoginError>) -> bool {
    let Some(subject) = current.subject.as_deref().filter(|_| !current.confirmed) else {
        *reported = None;
        return true;
    };
    if !inner.logins.of(subject).is_some_and(|slot| slot.is_usable()) {
        return true;
    }
    match proof::prove(inner, current.id).await {
        Proof::Confirmed => {
            inner.emit(ClientEvent::LoginConfirmed);
            true
        }
        Proof::NotNow => false,
        Proof::Failed(error) => {
            if reported.replace(error) != Some(error) {
                inner.emit(ClientEvent::LoginRefused { code: error.code().to_owned() });
            }
            // What the app's backend could not do now it may do later; what the server has refused it refuses again.
            !matches!(error, LoginError::ProviderFailed | LoginError::ProviderTimeout)
        }
    }
}

/// Brings one that has left a step nearer to its end; whether nothing is to be tried again before something happens.
async fn see_off(inner: &Arc<Inner>, identity: Identity) -> Result<bool, StoreError> {
    let id = identity.id;
    if let Some(since) = identity.candidate
        && inner.clock.wall().0.abs_diff(since) < CANDIDATE_MS.unsigned_abs()
    {
        // A login is trying it, here or in another process.
        return Ok(false);
    }
    let (dropped, wiped) = inner
        .database
        .write(move |connection| Ok((left::drop_undecided(connection, id)?, left::finish(connection, id)?)))
        .await?;
    if dropped > 0 {
        inner.logins.count_dropped(id, dropped);
        inner.emit(ClientEvent::LeftUnsent { discarded: dropped });
        inner.reload_worker();
    }
    if !wiped {
        return Ok(!identity.push_ends || end_push(inner, &identity).await?);
    }
    sweep::removed(inner).await;
    inner.database.forget_damaged_copies().await;
    if !identity.registered && !identity.told {
        inner.database.write(move |connection| identity::delete(connection, id)).await?;
        return Ok(true);
    }
    if !sign_off(inner, &identity).await {
        return Ok(false);
    }
    inner.database.write(move |connection| identity::delete(connection, id)).await?;
    Ok(true)
}

/// Its rows still leave, but nobody wakes this phone for it any more.
async fn end_push(inner: &Arc<Inner>, identity: &Identity) -> Result<bool, StoreError> {
    if calls::push_token(&*inner.transport, identity.credential, "").await == Err(CallError::Unreachable) {
        return Ok(false);
    }
    let id = identity.id;
    inner.database.write(move |connection| identity::set_push_ends(connection, id, false)).await?;
    Ok(true)
}

/// Whether the server knows that the device is gone, or does not know the device.
async fn sign_off(inner: &Arc<Inner>, identity: &Identity) -> bool {
    match calls::sign_off(&*inner.transport, identity.credential).await {
        Ok(()) => true,
        Err(CallError::Refused(Code::Unauthorized | Code::UnknownDevice | Code::NotFound)) => true,
        // A server that cannot do it yet: at least it wakes nobody.
        Err(CallError::Refused(Code::MethodNotAllowed)) => {
            calls::push_token(&*inner.transport, identity.credential, "").await != Err(CallError::Unreachable)
        }
        Err(_) => false,
    }
}

/// Makes an identity ready to send: the server knows its device, and its user if there is a way to prove it. A proof that
/// is not to be had does not hold up what was written: nobody but this user can ever be shown as its author.
pub(crate) async fn prepare(inner: &Arc<Inner>, id: IdentityId) -> Result<(), CallError> {
    if let Err(error) = registration::register(inner, id).await {
        if matches!(error, CallError::Refused(Code::Unauthorized | Code::NotFound)) {
            give_up(inner, id).await;
        }
        return Err(error);
    }
    proof::prove(inner, id).await;
    Ok(())
}

/// The server does not accept the credential of one who has left, and nobody can mend it: what waits never leaves.
async fn give_up(inner: &Arc<Inner>, id: IdentityId) {
    let given_up = inner.database.write(move |connection| {
        if identity::by_id(connection, id)?.is_none_or(|identity| identity.current) {
            return Ok(0);
        }
        left::drop_all(connection, id)
    });
    if let Ok(discarded) = given_up.await
        && discarded > 0
    {
        inner.logins.count_dropped(id, discarded);
        inner.emit(ClientEvent::LeftUnsent { discarded });
        inner.reload_worker();
        inner.logins.look();
    }
}
