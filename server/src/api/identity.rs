//! A person is no longer anonymous: the device brings a token of the app's own backend. The token is looked at here and
//! nowhere else; it is neither stored nor logged.

use axum::extract::State;
use beistand_protocol::{Identity, LogIn};

use super::{
    State as Shared,
    devices::unexpected,
    extract::{Json, Visitor},
    openapi::IdentityProblems,
    problem::{Answer, Refusal},
};
use crate::{
    identity,
    store::{Command, IdentityCommand, Outcome},
};

/// Says who the person of the device is.
#[utoipa::path(
    put,
    path = "/v1/identity",
    tag = "visitor",
    request_body = LogIn,
    responses((status = 200, description = "Whom the device speaks for from now on", body = Identity), IdentityProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn log_in(
    State(shared): State<Shared>,
    visitor: Visitor,
    Json(body): Json<LogIn>,
) -> Answer<axum::Json<Identity>> {
    let Visitor { app, device, .. } = visitor;
    shared.limits.login(app.id, device)?;
    let kid = identity::key_id(&body.token)?;
    // Asked for each time: an operator adds and revokes keys in another process, and logins are rare.
    let key = shared.store.identity_key(app.id, &kid).await?;
    let key = key.ok_or_else(|| Refusal::from(identity::unknown_key()))?;
    let login = identity::judge(&body.token, &key, &app.key, shared.clock.now())?;
    let command = IdentityCommand::LogIn { app: app.id, device, login };
    match shared.store.apply(Command::Identity(command)).await?.outcome {
        Outcome::Identity(identity) => Ok(axum::Json(identity)),
        _ => Err(unexpected()),
    }
}
