//! Registration: the phone mints id and secret, stores them, then sends them. Sent again, it is answered again: a lost
//! answer strands nobody.

use axum::{extract::State, http::StatusCode};
use beistand_protocol::{Code, Device, DeviceId, DeviceSecret, PersonId, RegisterDevice, Violation};

use super::{
    State as Shared,
    extract::{Address, DevicePath, ForApp, Json},
    openapi::AppWriteProblems,
    problem::{Answer, Refusal},
};
use crate::{
    clock,
    desk::digest,
    store::{Command, Outcome, command},
};

/// The longest platform name or language tag.
const TAG_CHARS: usize = 40;

fn check_tag(value: Option<&str>, field: &'static str) -> Result<(), Violation> {
    match value {
        Some(tag) if tag.chars().count() > TAG_CHARS => {
            Err(Violation::new(Code::TextTooLong, field, "at most 40 characters are allowed"))
        }
        Some(tag) if tag.chars().any(char::is_control) => {
            Err(Violation::new(Code::TextInvalid, field, "control characters are not allowed"))
        }
        _ => Ok(()),
    }
}

/// Registers an installation.
#[utoipa::path(
    put,
    path = "/v1/devices/{device_id}",
    tag = "visitor",
    params(("device_id" = DeviceId, Path, description = "Minted by the phone")),
    request_body = RegisterDevice,
    responses(
        (status = 201, description = "The device is new", body = Device),
        (status = 200, description = "The device was registered with this secret before", body = Device),
        AppWriteProblems
    ),
    security(("app_key" = []))
)]
pub(crate) async fn register(
    State(shared): State<Shared>,
    ForApp(app): ForApp,
    DevicePath(device): DevicePath,
    Address(address): Address,
    Json(body): Json<RegisterDevice>,
) -> Answer<(StatusCode, axum::Json<Device>)> {
    let secret = DeviceSecret::from_hex(&body.secret)
        .ok_or_else(|| Refusal::new(Code::BadJson, "the secret is not 64 lower-case hexadecimal digits"))?;
    check_tag(body.platform.as_deref(), "platform")?;
    check_tag(body.locale.as_deref(), "locale")?;
    shared.limits.registration(address)?;
    let at = shared.clock.now();
    let command = Command::RegisterDevice(command::RegisterDevice {
        app: app.id,
        device,
        person: PersonId::mint(at, clock::random(&*shared.clock)),
        name: None,
        secret_hash: digest::secret(&secret.0),
        platform: body.platform,
        locale: body.locale,
        at,
    });
    let applied = shared.store.apply(command).await?;
    match applied.outcome {
        Outcome::Device(device) => Ok((created(applied.created), axum::Json(device))),
        _ => Err(unexpected()),
    }
}

/// 201 for what came into being, 200 for what was there before.
pub(crate) fn created(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { StatusCode::OK }
}

/// The store answered another kind of thing than its command makes.
pub(crate) fn unexpected() -> Refusal {
    Refusal::new(Code::Internal, "the store answered something else")
}
