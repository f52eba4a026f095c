//! Registration: the phone mints id and secret, stores them, then sends them. Sent again, it is answered again: a lost
//! answer strands nobody. And its end: a device that signs off is never accepted again.

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use beistand_protocol::{Code, Credential, Device, DeviceId, DeviceSecret, PersonId, RegisterDevice, Violation};

use super::{
    State as Shared,
    extract::{Address, DevicePath, ForApp, Json, bearer, known_device},
    openapi::{AppWriteProblems, VisitorProblems},
    problem::{Answer, Refusal},
};
use crate::{
    clock,
    desk::digest,
    store::{AppId, Command, IdentityCommand, Outcome, command},
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

/// A device that knows its secret, also one that has left: a lost answer is asked for again.
pub(crate) struct Leaving {
    app: AppId,
    device: DeviceId,
}

impl FromRequestParts<Shared> for Leaving {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let ForApp(app) = ForApp::from_request_parts(parts, shared).await?;
        let credential = bearer(&parts.headers).and_then(Credential::from_token);
        let credential =
            credential.ok_or_else(|| Refusal::new(Code::Unauthorized, "the credential is missing or malformed"))?;
        known_device(shared, &app, &credential).await?;
        Ok(Self { app: app.id, device: credential.device })
    }
}

/// Signs an installation off: it is not woken any more, and its secret is never accepted again. What its person wrote
/// stays.
#[utoipa::path(
    delete,
    path = "/v1/devices/{device_id}",
    tag = "visitor",
    params(("device_id" = DeviceId, Path, description = "The device that asks")),
    responses((status = 204, description = "The device is signed off"), VisitorProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn sign_off(
    State(shared): State<Shared>,
    leaving: Leaving,
    DevicePath(device): DevicePath,
) -> Answer<StatusCode> {
    if leaving.device != device {
        return Err(Refusal::new(Code::NotFound, "a device may sign itself off only"));
    }
    let command = IdentityCommand::SignOff { app: leaving.app, device, at: shared.clock.now() };
    shared.store.apply(Command::Identity(command)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 201 for what came into being, 200 for what was there before.
pub(crate) fn created(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { StatusCode::OK }
}

/// The store answered another kind of thing than its command makes.
pub(crate) fn unexpected() -> Refusal {
    Refusal::new(Code::Internal, "the store answered something else")
}
