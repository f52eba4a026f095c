//! Shows the server a token: this device speaks for this user. Whatever is not accepted is tried once more with another
//! token for each reason that the server can give, and then no more.

use std::sync::Arc;

use beistand_protocol::Code;
use futures_util::future::BoxFuture;

use super::LoginError;
use super::logins::Slot;
use super::provider::TokenReason;
use crate::api::calls::{self, CallError};
use crate::client::Inner;
use crate::outbox::machine::IdentityId;
use crate::registration;
use crate::store::identity;

/// How a proof ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    /// The server knows the user.
    Confirmed,
    /// Not now: no network, or nobody to ask. The login stands, and waits.
    NotNow,
    /// It is not accepted, or nothing can be shown.
    Failed(LoginError),
}

/// Proves the user of an identity; at once if there is nothing to prove.
pub(super) async fn prove(inner: &Arc<Inner>, id: IdentityId) -> Proof {
    let stored = inner.database.read(move |connection| identity::by_id(connection, id)).await;
    let Ok(Some(identity)) = stored else { return Proof::NotNow };
    let Some(subject) = identity.subject.filter(|_| !identity.confirmed) else { return Proof::Confirmed };
    let Some(slot) = inner.logins.of(&subject) else { return Proof::NotNow };
    if let Some(error) = slot.refused() {
        return Proof::Failed(error);
    }
    let (flying, with) = (inner.clone(), slot.clone());
    slot.flight(id, || Box::pin(async move { show(&flying, &with, id).await })).await
}

fn reason_of(code: Code) -> Option<TokenReason> {
    match code {
        Code::TokenExpired => Some(TokenReason::Expired),
        Code::TokenRefused => Some(TokenReason::Refused),
        Code::TokenNotYetValid => Some(TokenReason::ClockSkew),
        _ => None,
    }
}

async fn show(inner: &Arc<Inner>, slot: &Slot, id: IdentityId) -> Proof {
    let mut tried = Vec::new();
    let mut introduced = false;
    loop {
        let stored = inner.database.read(move |connection| identity::by_id(connection, id)).await;
        let Ok(Some(identity)) = stored else { return Proof::NotNow };
        if identity.subject.as_deref() != Some(&slot.subject) {
            // Another login has taken the identity over, or the server has said whose it is.
            return Proof::NotNow;
        }
        if identity.confirmed {
            return Proof::Confirmed;
        }
        if !identity.registered {
            if std::mem::replace(&mut introduced, true) || registration::register(inner, id).await.is_err() {
                return Proof::NotNow;
            }
            continue;
        }
        let token = match slot.token() {
            Some(token) => token,
            None => match slot.another_token(inner, TokenReason::First).await {
                Ok(token) => token,
                Err(error) => return failed(slot, error),
            },
        };
        // From here on the server may have accepted it, whatever comes back.
        if inner.database.write(move |connection| identity::set_told(connection, id, true)).await.is_err() {
            return Proof::NotNow;
        }
        let (told_before, subject) = (identity.told, slot.subject.clone());
        let code = match calls::log_in(&*inner.transport, identity.credential, &token).await {
            Ok(answered) if answered.value.subject == slot.subject => {
                inner.server_told_time(&answered.response);
                let stored = inner.database.write(move |connection| {
                    identity::set_confirmed(connection, id, &subject, true)?;
                    identity::by_id(connection, id)
                });
                let Ok(Some(identity)) = stored.await else { return Proof::NotNow };
                inner.accepted(&identity);
                return Proof::Confirmed;
            }
            // Somebody else's answer: nobody knows what has become of the question.
            Ok(_) | Err(CallError::Unreachable) => return Proof::NotNow,
            Err(CallError::Refused(code)) => code,
        };
        // The server has said no: this proof has not been accepted.
        let undone = inner.database.write(move |connection| identity::set_told(connection, id, told_before)).await;
        if undone.is_err() {
            return Proof::NotNow;
        }
        if code == Code::UnknownDevice {
            if std::mem::replace(&mut introduced, true) || registration::register(inner, id).await.is_err() {
                return Proof::NotNow;
            }
            continue;
        }
        if code == Code::OtherUser {
            return other_user(inner.clone(), id).await;
        }
        let Some(reason) = reason_of(code) else {
            tracing::warn!(code = code.as_str(), "the server cannot take a login now");
            return Proof::NotNow;
        };
        slot.token_is_spent();
        if tried.contains(&reason) {
            return failed(slot, LoginError::Refused(code));
        }
        tried.push(reason);
        match slot.another_token(inner, reason).await {
            Ok(_) => {}
            Err(error) => return failed(slot, error),
        }
    }
}

/// What can change without another login is not held against it.
fn failed(slot: &Slot, error: LoginError) -> Proof {
    match error {
        LoginError::Superseded => return Proof::NotNow,
        LoginError::ProviderFailed | LoginError::ProviderTimeout => {}
        _ => slot.refuse(error),
    }
    Proof::Failed(error)
}

/// The device is another user's, as on a phone whose folder was copied: the new user goes over to a new device.
fn other_user(inner: Arc<Inner>, id: IdentityId) -> BoxFuture<'static, Proof> {
    Box::pin(async move {
        match registration::part(&inner, id).await {
            Ok(Some(to)) => prove(&inner, to).await,
            _ => Proof::NotNow,
        }
    })
}
