//! Makes an identity acceptable to the server: the device introduces itself with the secret that it minted and stored
//! before. Single flight; what it brings (time, configuration, the name of the history, whom the device speaks for) is
//! stored with it.

use beistand_protocol::Code;

use crate::api::calls::{self, CallError};
use crate::client::Inner;
use crate::error;
use crate::model::{ClientEvent, Connection};
use crate::observe::StoreChange;
use crate::outbox::machine::IdentityId;
use crate::push;
use crate::store::{identity, leaving};
use crate::sync::puller;

/// What the server says of the user of a device, held against what stands here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum User {
    /// The same as here.
    Same,
    /// This phone had not known, or not for sure.
    Learned,
    /// The server has forgotten the login.
    Lost,
    /// Another one than here.
    Other,
}

/// Registers the device with the secret that this phone minted and stored before: a lost answer strands nobody.
pub(crate) async fn register(inner: &Inner, id: IdentityId) -> Result<(), CallError> {
    let _one_at_a_time = inner.registering.lock().await;
    let stored = inner.database.read(move |connection| identity::by_id(connection, id)).await;
    let Ok(Some(identity)) = stored else { return Err(CallError::Unreachable) };
    let registered = calls::register(&*inner.transport, &inner.settings, identity.credential).await;
    let answered = match registered {
        Ok(answered) => answered,
        Err(error) => {
            inner.connection.set(Connection::Offline);
            match error {
                CallError::Refused(Code::UnknownApp) => inner.emit(ClientEvent::UnknownApp),
                CallError::Refused(Code::UpdateRequired) => inner.emit(ClientEvent::UpdateRequired),
                CallError::Refused(Code::NotFound) if identity.current => inner.emit(ClientEvent::CredentialRefused),
                CallError::Refused(_) | CallError::Unreachable => {}
            }
            return Err(error);
        }
    };
    inner.server_told_time(&answered.response);
    inner.connection.set(Connection::Online);
    if !inner.app_config().1 {
        // What was filled in before the first contact is typed by it; without it the server decides.
        let _ = puller::refresh_config(inner).await;
    }
    let (epoch, subject) = (answered.value.epoch, answered.value.subject);
    let stored = inner
        .database
        .write(move |connection| {
            identity::set_registered(connection, id)?;
            // Without a first sync, the history begins here: every write names it. Otherwise sync compares.
            let state = identity::sync_state(connection, id)?;
            if state.epoch.is_none() {
                identity::set_sync_state(connection, id, &identity::SyncState { epoch: Some(epoch), ..state })?;
            }
            let user = hold_against(connection, id, subject.as_deref())?;
            Ok((user, identity::by_id(connection, id)?))
        })
        .await;
    inner.push_due.notify_one();
    let Ok((user, Some(identity))) = stored else { return Err(CallError::Unreachable) };
    match user {
        User::Same => {}
        User::Learned => inner.accepted(&identity),
        User::Lost => {
            if identity.current {
                inner.emit(ClientEvent::LoginLost);
                inner.show(&identity);
            }
        }
        User::Other => {
            part(inner, id).await.map_err(|_| CallError::Unreachable)?;
        }
    }
    Ok(())
}

fn hold_against(
    connection: &rusqlite::Connection,
    id: IdentityId,
    told: Option<&str>,
) -> Result<User, error::StoreError> {
    let Some(here) = identity::by_id(connection, id)? else { return Ok(User::Same) };
    match (told, here.subject.as_deref()) {
        (None, Some(subject)) if here.confirmed => {
            identity::set_confirmed(connection, id, subject, false)?;
            Ok(User::Lost)
        }
        (None, _) => Ok(User::Same),
        (Some(told), Some(here)) if told != here => Ok(User::Other),
        // Whose content it was is not known, and it is shown to nobody who signs in.
        (Some(_), None) if here.owner_lost => Ok(User::Same),
        (Some(told), _) => {
            let changed = identity::set_confirmed(connection, id, told, true)?;
            Ok(if changed { User::Learned } else { User::Same })
        }
    }
}

/// The device is another user's, as where a folder was copied from one phone to another: whoever is signed in here goes
/// over to a device of their own. Returns which.
pub(crate) async fn part(inner: &Inner, id: IdentityId) -> error::Result<Option<IdentityId>> {
    let (now, fresh) = (inner.clock.wall(), inner.fresh_credential());
    let parted = inner
        .database
        .write(move |connection| {
            let Some(from) = identity::by_id(connection, id)?.filter(|from| from.subject.is_some()) else {
                return Ok(None);
            };
            leaving::part(connection, &from, fresh, push::TOLD, now).map(Some)
        })
        .await?;
    let Some((_, current)) = parted else { return Ok(None) };
    inner.show(&current);
    inner.reload_worker();
    inner.changes.announce(StoreChange::Everything);
    Ok(Some(current.id))
}
