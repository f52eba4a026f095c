//! Requests that are not writes of the outbox: registration, configuration, sync, history.

use beistand_protocol::{
    AppConfig, Code, ConversationId, Credential, Device, Identity, LogIn, MessagePage, RegisterDevice, SyncPage,
};
use serde::de::DeserializeOwned;

use super::transport::{Body, Request, Response, Transport, TransportError};
use crate::config::Settings;
use crate::error::{Error, ErrorKind};
use crate::outbox::outcome::known_problem;
use crate::outbox::payload::Method;

/// Why a call brought nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CallError {
    /// No answer, or a foreign one.
    Unreachable,
    /// Our server said no.
    Refused(Code),
}

impl CallError {
    /// What an answer says that is no success.
    pub(crate) fn of(response: &Response) -> Self {
        known_problem(response).map_or(Self::Unreachable, |(code, _)| Self::Refused(code))
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable => {
                Self::new(ErrorKind::Unreachable, "the server could not be reached, or did not answer like one of ours")
            }
            CallError::Refused(code) => Self::new(ErrorKind::Refused(code), code.title()),
        }
    }
}

/// A good answer: what it says, and the rest of it.
pub(crate) struct Answered<T> {
    pub value: T,
    pub response: Response,
}

fn get(path: String, credential: Option<Credential>) -> Request {
    Request { method: Method::Get, path, headers: Vec::new(), credential, body: None }
}

fn judge<T: DeserializeOwned>(answer: Result<Response, TransportError>) -> Result<Answered<T>, CallError> {
    let response = answer.map_err(|_| CallError::Unreachable)?;
    if (200..300).contains(&response.status) {
        let value = serde_json::from_slice(&response.body).map_err(|_| CallError::Unreachable)?;
        return Ok(Answered { value, response });
    }
    Err(CallError::of(&response))
}

pub(crate) async fn register(
    transport: &dyn Transport,
    settings: &Settings,
    credential: Credential,
) -> Result<Answered<Device>, CallError> {
    let body = RegisterDevice {
        secret: credential.secret.to_hex(),
        platform: Some(settings.platform.clone()),
        locale: settings.locale.clone(),
    };
    let body = serde_json::to_string(&body).map_err(|_| CallError::Unreachable)?;
    let path = format!("v1/devices/{}", credential.device);
    let request =
        Request { method: Method::Put, path, headers: Vec::new(), credential: None, body: Some(Body::Json(body)) };
    let answered = judge::<Device>(transport.send(request).await)?;
    if answered.value.id == credential.device { Ok(answered) } else { Err(CallError::Unreachable) }
}

/// The configuration, or `None` if the copy with that entity tag is still the newest.
pub(crate) async fn app_config(
    transport: &dyn Transport,
    etag: Option<&str>,
) -> Result<Option<Answered<AppConfig>>, CallError> {
    let mut request = get("v1/config".into(), None);
    if let Some(etag) = etag.filter(|etag| !etag.is_empty()) {
        request.headers.push(("if-none-match", etag.to_owned()));
    }
    let answer = transport.send(request).await;
    if answer.as_ref().is_ok_and(|response| response.status == 304) {
        return Ok(None);
    }
    judge(answer).map(Some)
}

/// Says where the device is to be woken; an empty token takes it back.
pub(crate) async fn push_token(
    transport: &dyn Transport,
    credential: Credential,
    token: &str,
) -> Result<(), CallError> {
    let (method, body) =
        if token.is_empty() { (Method::Delete, None) } else { (Method::Put, Some(Body::Json(token.to_owned()))) };
    let path = format!("v1/devices/{}/push-token", credential.device);
    let request = Request { method, path, headers: Vec::new(), credential: Some(credential), body };
    let response = transport.send(request).await.map_err(|_| CallError::Unreachable)?;
    if response.status == 204 {
        return Ok(());
    }
    Err(CallError::of(&response))
}

/// Says for whom the device speaks.
pub(crate) async fn log_in(
    transport: &dyn Transport,
    credential: Credential,
    token: &str,
) -> Result<Answered<Identity>, CallError> {
    let body = serde_json::to_string(&LogIn { token: token.to_owned() }).map_err(|_| CallError::Unreachable)?;
    let request = Request {
        method: Method::Put,
        path: "v1/identity".into(),
        headers: Vec::new(),
        credential: Some(credential),
        body: Some(Body::Json(body)),
    };
    judge(transport.send(request).await)
}

/// Ends a device: its credential is good for nothing from then on, and nobody wakes it.
pub(crate) async fn sign_off(transport: &dyn Transport, credential: Credential) -> Result<(), CallError> {
    let path = format!("v1/devices/{}", credential.device);
    let request =
        Request { method: Method::Delete, path, headers: Vec::new(), credential: Some(credential), body: None };
    let response = transport.send(request).await.map_err(|_| CallError::Unreachable)?;
    if response.status == 204 { Ok(()) } else { Err(CallError::of(&response)) }
}

pub(crate) async fn sync(
    transport: &dyn Transport,
    credential: Credential,
    cursor: Option<&str>,
) -> Result<Answered<SyncPage>, CallError> {
    let path = match cursor {
        Some(cursor) => {
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("cursor", cursor).finish();
            format!("v1/sync?{query}")
        }
        None => "v1/sync".into(),
    };
    judge(transport.send(get(path, Some(credential))).await)
}

pub(crate) async fn history(
    transport: &dyn Transport,
    credential: Credential,
    conversation: ConversationId,
    before: u64,
    limit: u32,
) -> Result<Answered<MessagePage>, CallError> {
    let path = format!("v1/conversations/{conversation}/messages?before={before}&limit={limit}");
    judge(transport.send(get(path, Some(credential))).await)
}
