//! Makes an identity acceptable to the server: the device introduces itself with the secret that it minted and stored
//! before. Single flight; what it brings (time, configuration, the name of the history) is stored with it.

use beistand_protocol::Code;

use crate::api::calls::{self, CallError};
use crate::client::Inner;
use crate::model::{ClientEvent, Connection};
use crate::outbox::machine::IdentityId;
use crate::store::identity;
use crate::sync::puller;

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
                CallError::Refused(Code::NotFound) => inner.emit(ClientEvent::CredentialRefused),
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
    let epoch = answered.value.epoch;
    let stored = inner
        .database
        .write(move |connection| {
            identity::set_registered(connection, id)?;
            // Without a first sync, the history begins here: every write names it. Otherwise sync compares.
            let state = identity::sync_state(connection, id)?;
            if state.epoch.is_none() {
                identity::set_sync_state(connection, id, &identity::SyncState { epoch: Some(epoch), ..state })?;
            }
            Ok(())
        })
        .await;
    inner.push_due.notify_one();
    stored.map_err(|_| CallError::Unreachable)
}
