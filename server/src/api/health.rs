//! Whether the server can work: what a load balancer asks.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{State as Shared, openapi::OpenProblems, problem::Answer};

/// The server works.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(examples("ok"))]
    status: &'static str,
}

/// 200 if the store answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "The server works", body = Health), OpenProblems)
)]
pub(crate) async fn health(State(shared): State<Shared>) -> Answer<axum::Json<Health>> {
    match shared.store.ping().await {
        Ok(()) => Ok(axum::Json(Health { status: "ok" })),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            Err(crate::store::StoreError::Closed.into())
        }
    }
}
