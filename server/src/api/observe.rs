//! Around every request: the gate (is the server stopping, is the client too old), the server's time in every answer,
//! and what is counted and logged. Logs and metrics name the route's template, never the path, which holds ids.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use beistand_protocol::{Code, Problem, UnixMillis};
use time::{OffsetDateTime, macros::format_description};

use super::{
    State as Shared, extract,
    problem::{Refusal, RefusedWith},
};
use crate::config::Version;

/// The server's time in every answer, to the millisecond; `Date` has whole seconds only.
const TIME_HEADER: HeaderName = HeaderName::from_static("beistand-time");

/// A time in the form of HTTP's dates.
pub(crate) fn http_date(now: UnixMillis) -> Option<String> {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    OffsetDateTime::from_unix_timestamp(now.0.div_euclid(1000)).ok()?.format(&format).ok()
}

/// Refuses what must not go on.
pub(crate) async fn gate(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if *shared.stopping.borrow() {
        let mut problem = Problem::new(Code::Unavailable, "the server stops");
        problem.retry_after = Some(5);
        return Refusal::from(problem).into_response();
    }
    if let Some(minimum) = shared.minimum_version
        && request.uri().path().starts_with("/v1/")
        && let Some(agent) = extract::header(request.headers(), header::USER_AGENT.as_str())
        && Version::of_user_agent(agent).is_some_and(|version| version < minimum)
    {
        let needed = shared.config.minimum_version.as_deref().unwrap_or_default();
        return Refusal::new(Code::UpdateRequired, &format!("version {needed} or later is needed")).into_response();
    }
    next.run(request).await
}

/// Counts, logs, and tells the time.
pub(crate) async fn observe(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let took = started.elapsed();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    let code = response.extensions_mut().remove::<RefusedWith>();
    // A made-up method must not make a new series.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    shared.metrics.answered(method, route, status, took);
    if let Some(RefusedWith(code)) = &code {
        shared.metrics.refused(code);
    }
    let code = code.as_ref().map_or("", |code| code.0.as_str());
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status >= 500 {
        tracing::error!(method, route, status, code, micros, "answered");
    } else {
        tracing::debug!(method, route, status, code, micros, "answered");
    }
    let now = shared.clock.now();
    let headers = response.headers_mut();
    if let Some(value) = now.to_rfc3339().and_then(|time| HeaderValue::try_from(time).ok()) {
        headers.insert(TIME_HEADER, value);
    }
    if let Some(value) = http_date(now).and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert(header::DATE, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
