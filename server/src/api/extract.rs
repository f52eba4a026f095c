//! What handlers take out of a request: who asks, for what, with which body. Each extractor refuses with a problem of
//! its own; handlers name the one that authenticates first, so that nothing else is looked at before.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use beistand_protocol::{
    AttachmentId, Code, ConversationId, Credential, DeviceId, Epoch, FaqReportId, Lane, MessageId, OperationId,
    OperationOrder, PersonId, Problem, ReadMarks, Violation,
    agent::{Agent, Role, SESSION_COOKIE},
    device::APP_KEY_HEADER,
    limits::BODY_BYTES,
    operation::{EPOCH_HEADER, OPERATION_ID_HEADER, OPERATION_ORDER_HEADER},
};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{State, problem::Refusal};
use crate::{
    desk::digest,
    listener::Arrival,
    server::{App, Shared},
    store::{Authenticated, DeviceRow, command::Operation},
};

/// The text of a header; `None` if it is absent or not text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What stands behind `Bearer ` in `Authorization`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The app that a request speaks for.
pub(crate) struct ForApp(pub(crate) Arc<App>);

impl FromRequestParts<State> for ForApp {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
        let Some(key) = header(&parts.headers, APP_KEY_HEADER) else {
            return Err(Refusal::new(Code::Unauthorized, "the header X-App-Key is missing"));
        };
        Ok(Self(shared.app(key).await?))
    }
}

/// A person's device.
pub(crate) struct Visitor {
    pub(crate) app: Arc<App>,
    pub(crate) device: DeviceId,
    pub(crate) person: PersonId,
}

impl FromRequestParts<State> for Visitor {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
        let ForApp(app) = ForApp::from_request_parts(parts, shared).await?;
        let credential = bearer(&parts.headers).and_then(Credential::from_token);
        let Some(credential) = credential else {
            return Err(Refusal::new(Code::Unauthorized, "the credential is missing or malformed"));
        };
        let device = check_device(shared, &app, &credential).await?;
        Ok(Self { app, device: credential.device, person: device.person })
    }
}

/// Holds a credential against what is stored.
pub(crate) async fn check_device(shared: &Shared, app: &App, credential: &Credential) -> Result<DeviceRow, Problem> {
    let device = known_device(shared, app, credential).await?;
    if device.signed_off {
        return Err(Problem::new(Code::Unauthorized, "the device was signed off: register a new one"));
    }
    Ok(device)
}

/// The same, but for a device that may have left.
pub(crate) async fn known_device(shared: &Shared, app: &App, credential: &Credential) -> Result<DeviceRow, Problem> {
    let Some(device) = shared.store.device(app.id, credential.device).await? else {
        return Err(Problem::new(Code::UnknownDevice, "this app does not know the device"));
    };
    let hash = digest::secret(&credential.secret.0);
    if bool::from(hash.ct_eq(&device.secret_hash)) {
        Ok(device)
    } else {
        Err(Problem::new(Code::Unauthorized, "the credential is not accepted"))
    }
}

/// An agent with a session or an API key.
pub(crate) struct ForAgent {
    pub(crate) app: Arc<App>,
    pub(crate) agent: Agent,
    pub(crate) session: Authenticated,
    /// SHA-256 of the session's token; an API key has none.
    pub(crate) token_hash: Option<[u8; 32]>,
}

impl FromRequestParts<State> for ForAgent {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
        let token = bearer(&parts.headers).or_else(|| cookie(&parts.headers));
        let Some(token) = token else {
            return Err(Refusal::new(Code::Unauthorized, "neither a session nor an API key"));
        };
        Ok(check_agent(shared, token).await?)
    }
}

impl ForAgent {
    /// Refuses everybody but admins.
    pub(crate) fn admin(&self) -> Result<(), Refusal> {
        match self.agent.role {
            Role::Admin => Ok(()),
            Role::Agent => Err(Refusal::new(Code::Forbidden, "only an admin's session may do this")),
        }
    }
}

/// What API keys begin with, so that a leaked one is found by a search.
pub(crate) const API_KEY_PREFIX: &str = "bk_";

/// Holds a session token or an API key against what is stored.
pub(crate) async fn check_agent(shared: &Shared, token: &str) -> Result<ForAgent, Problem> {
    let hash = digest::secret(token.as_bytes());
    let is_key = token.starts_with(API_KEY_PREFIX);
    let found =
        if is_key { shared.store.api_key(hash).await? } else { shared.store.session(hash, shared.clock.now()).await? };
    let Some(session) = found else {
        return Err(Problem::new(Code::Unauthorized, "the session or the API key is not accepted"));
    };
    let app = shared.app_by_id(session.app).await?;
    Ok(ForAgent { app, agent: session.agent.clone(), token_hash: (!is_key).then_some(hash), session })
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='))
}

/// A UUID in its usual form and no other, so that one id has one text.
fn strict<T: FromStr>(text: &str) -> Option<T> {
    if text.len() != 36 { None } else { text.parse().ok() }
}

async fn path_value<T: FromStr>(parts: &mut Parts, shared: &State, name: &'static str) -> Result<T, Refusal> {
    let params = RawPathParams::from_request_parts(parts, shared)
        .await
        .map_err(|_| Refusal::parameter(name, "the path is not UTF-8"))?;
    params
        .iter()
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| strict(value))
        .ok_or_else(|| Refusal::parameter(name, "the path needs a UUID here"))
}

macro_rules! path {
    ($(#[$doc:meta])* $name:ident($inner:ty) = $key:literal) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) $inner);

        impl FromRequestParts<State> for $name {
            type Rejection = Refusal;
            async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
                path_value(parts, shared, $key).await.map(Self)
            }
        }
    };
}

path!(/** `{device_id}`. */ DevicePath(DeviceId) = "device_id");
path!(/** `{id}`. */ ConversationPath(ConversationId) = "id");
path!(/** `{attachment_id}`. */ AttachmentPath(AttachmentId) = "attachment_id");
path!(/** `{message_id}`. */ MessagePath(MessageId) = "message_id");
path!(/** `{report_id}`. */ ReportPath(FaqReportId) = "report_id");

/// A query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
        match axum::extract::Query::<T>::from_request_parts(parts, shared).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(_) => Err(Refusal::new(Code::BadParameter, "the query is not of the documented form")),
        }
    }
}

/// A number of items within its bounds.
pub(crate) fn limit(asked: Option<u32>, most: u32) -> Result<u32, Refusal> {
    match asked {
        None => Ok(most),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Refusal::parameter("limit", &format!("must lie between 1 and {most}"))),
    }
}

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Json<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, _: &State) -> Result<Self, Refusal> {
        let is_json = header(request.headers(), header::CONTENT_TYPE.as_str())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let body = whole_body(request.into_body()).await?;
        if !is_json {
            return Err(Refusal::new(Code::UnsupportedMediaType, "Content-Type must be application/json"));
        }
        // serde's own words may quote the body: only the place of the error goes out.
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let what = if error.is_data() { "a member is missing or of another form" } else { "the body is not JSON" };
            let detail = format!("{what}, at line {} column {}", error.line(), error.column());
            Refusal::new(Code::BadJson, &detail)
        })
    }
}

/// What is read of a body that is too large before it is refused: a client that is still sending would otherwise see a
/// reset connection instead of the answer.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

async fn whole_body(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut discarded = 0;
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        // Not the request's fault but its way's: a code that a phone may try again after.
        let chunk = chunk.map_err(|_| Refusal::new(Code::Unavailable, "the body ended early"))?;
        if bytes.len() + chunk.len() <= BODY_BYTES && discarded == 0 {
            bytes.extend_from_slice(&chunk);
            continue;
        }
        discarded += chunk.len();
        if discarded > DISCARDED_BYTES {
            break;
        }
    }
    if discarded > 0 {
        let detail = format!("a body has at most {BODY_BYTES} bytes");
        return Err(Refusal::new(Code::BodyTooLarge, &detail));
    }
    Ok(bytes)
}

/// Marks that fit the 63 bits of a seq.
pub(crate) fn marks(marks: ReadMarks) -> Result<ReadMarks, Refusal> {
    if marks.delivered_seq.max(marks.read_seq) > i64::MAX as u64 {
        return Err(Refusal::new(Code::BadJson, "a seq has 63 bits"));
    }
    Ok(marks)
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// The client's address, if the listener gives it; behind a trusted proxy, the one that the proxy names.
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl FromRequestParts<State> for Address {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
        Ok(Self(peer(parts).map(|peer| shared.proxies.client(peer, parts))))
    }
}

/// Whether the client came over TLS, to this server or to a trusted proxy before it.
pub(crate) struct Encrypted(pub(crate) bool);

impl FromRequestParts<State> for Encrypted {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &State) -> Result<Self, Refusal> {
        let to_us = parts.extensions.get::<Arrival>().is_some_and(|arrival| arrival.encrypted);
        Ok(Self(to_us || peer(parts).is_some_and(|peer| shared.proxies.say_encrypted(peer, parts))))
    }
}

/// The operation headers of a person's write, as they came.
pub(crate) struct Operations(HeaderMap);

impl FromRequestParts<State> for Operations {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Refusal> {
        Ok(Self(parts.headers.clone()))
    }
}

impl Operations {
    /// The operation, if it fits the device and the lane that the path stands for.
    pub(crate) fn fitting(&self, device: DeviceId, lane: Lane) -> Result<Operation, Refusal> {
        let bad = |name: &str, detail: &str| Refusal::from(Violation::new(Code::BadOperation, name, detail));
        let id = header(&self.0, OPERATION_ID_HEADER)
            .and_then(strict::<Uuid>)
            .map(OperationId)
            .ok_or_else(|| bad("Operation-Id", "the header is missing or no UUID"))?;
        let order: OperationOrder = header(&self.0, OPERATION_ORDER_HEADER)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| bad("Operation-Order", "the header is missing or not <device>/<lane>/<lane_seq>"))?;
        if order.device != device {
            return Err(bad("Operation-Order", "the header names another device"));
        }
        if order.lane != lane {
            return Err(bad("Operation-Order", "the header names another lane than the path"));
        }
        Ok(Operation { id, device, lane, lane_seq: order.lane_seq })
    }

    /// The history that the phone believes in.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.0.get(EPOCH_HEADER).map(|value| Epoch(String::from_utf8_lossy(value.as_bytes()).into_owned()))
    }
}
