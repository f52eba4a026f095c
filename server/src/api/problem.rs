//! Every error leaves as a problem document, also those that the framework makes: unknown routes and methods, panics,
//! and whatever else is not a success and has no document yet.

use std::any::Any;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use beistand_protocol::{Code, Problem, Violation, problem::PROBLEM_JSON};

use super::State as Shared;
use crate::store::StoreError;

/// An error that becomes an answer; boxed, since the usual answer is no error.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Problem>);

/// What a handler returns.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(code: Code, detail: &str) -> Self {
        Problem::new(code, detail).into()
    }

    pub(crate) fn parameter(name: &str, detail: &str) -> Self {
        Violation::new(Code::BadParameter, name, detail).into()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Problem::from(violation).into()
    }
}

/// Put beside an answer so that the metrics can count it by code.
#[derive(Clone)]
pub(crate) struct RefusedWith(pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"beistand\""));
        }
        response.extensions_mut().insert(RefusedWith(problem.code));
        response
    }
}

pub(crate) async fn not_found() -> Refusal {
    Refusal::new(Code::NotFound, "there is no such path")
}

pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal::new(Code::MethodNotAllowed, "the path does not take this method; Allow lists those that it takes")
}

/// A panic in a handler: the connection lives on, and the log has the place of it, not the words of a person.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Refusal::new(Code::Internal, "the server failed").into_response()
}

/// Gives every error that has no document one.
pub(crate) async fn complete(State(_): State<Shared>, request: Request, next: Next) -> Response<Body> {
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error())
        || response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON)
    {
        return response;
    }
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        status if status.is_client_error() => Code::BadParameter,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::Internal,
    };
    let mut completed = Refusal::new(code, code.title()).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        completed.headers_mut().insert(header::ALLOW, allow.clone());
    }
    completed
}
