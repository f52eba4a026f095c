//! Metrics in the text form that Prometheus reads.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use beistand_protocol::Code;

use super::{
    State as Shared,
    openapi::OpenProblems,
    problem::{Answer, Refusal},
};

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses(
        (status = 200, description = "Metrics in OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
        OpenProblems
    )
)]
pub(crate) async fn metrics(State(shared): State<Shared>) -> Answer<Response> {
    match shared.metrics.render() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response()),
        Err(_) => Err(Refusal::new(Code::Internal, "the metrics could not be written")),
    }
}
