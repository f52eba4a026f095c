//! What editors of the FAQ learn from its readers.

use axum::extract::State;
use beistand_protocol::{faq::FaqCounts, limits::FAQ_COUNTS_PAGE};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::{
    State as Shared,
    extract::{ForAgent, Query, limit},
    openapi::AgentProblems,
    problem::Answer,
};

/// How much.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CountsQuery {
    /// The most articles, and the most searches; 1 to 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// What readers have said, and what was counted: sums, and comments without names.
#[utoipa::path(
    get,
    path = "/v1/agent/faq/counts",
    tag = "agent",
    params(CountsQuery),
    responses((status = 200, description = "The counts", body = FaqCounts), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn counts(
    State(shared): State<Shared>,
    agent: ForAgent,
    Query(query): Query<CountsQuery>,
) -> Answer<axum::Json<FaqCounts>> {
    let limit = limit(query.limit, FAQ_COUNTS_PAGE)?;
    Ok(axum::Json(shared.store.faq_counts(agent.app.id, limit).await?))
}
