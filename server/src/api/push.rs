//! Where to wake a device. Only the device itself may say it.

use axum::{extract::State, http::StatusCode};
use beistand_protocol::{Code, DeviceId, PushToken};

use super::{
    State as Shared,
    extract::{DevicePath, Json, Visitor},
    openapi::{PushTokenProblems, VisitorProblems},
    problem::{Answer, Refusal},
};
use crate::store::{Command, command::PushCommand};

fn own(visitor: &Visitor, device: DeviceId) -> Answer<()> {
    if visitor.device == device {
        Ok(())
    } else {
        Err(Refusal::new(Code::NotFound, "a device may speak of its own token only"))
    }
}

/// Says where to wake the device. The last one said is the one that counts.
#[utoipa::path(
    put,
    path = "/v1/devices/{device_id}/push-token",
    tag = "visitor",
    params(("device_id" = DeviceId, Path, description = "The device that asks")),
    request_body = PushToken,
    responses((status = 204, description = "The device is woken there from now on"), PushTokenProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn set(
    State(shared): State<Shared>,
    visitor: Visitor,
    DevicePath(device): DevicePath,
    Json(token): Json<PushToken>,
) -> Answer<StatusCode> {
    own(&visitor, device)?;
    token.check()?;
    shared.limits.write(visitor.app.id, visitor.person)?;
    let at = shared.clock.now();
    shared.store.apply(Command::Push(PushCommand::Set { app: visitor.app.id, device, token, at })).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that the device is not to be woken any more.
#[utoipa::path(
    delete,
    path = "/v1/devices/{device_id}/push-token",
    tag = "visitor",
    params(("device_id" = DeviceId, Path, description = "The device that asks")),
    responses((status = 204, description = "The device is not woken any more"), VisitorProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    visitor: Visitor,
    DevicePath(device): DevicePath,
) -> Answer<StatusCode> {
    own(&visitor, device)?;
    shared.store.apply(Command::Push(PushCommand::Remove { app: visitor.app.id, device })).await?;
    Ok(StatusCode::NO_CONTENT)
}
