//! The changes of the app's conversations, notes included, in order.

use axum::extract::State;
use beistand_protocol::{SyncPage, limits::SYNC_PAGE};

use crate::{
    api::{
        State as Shared,
        extract::{ForAgent, Query, limit},
        openapi::AgentProblems,
        problem::Answer,
        sync::StreamQuery,
    },
    store::{Stream, SyncQuery},
};

/// A page of the agents' changes.
#[utoipa::path(
    get,
    path = "/v1/agent/sync",
    tag = "agent",
    params(StreamQuery),
    responses((status = 200, description = "The page", body = SyncPage), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn sync(
    State(shared): State<Shared>,
    agent: ForAgent,
    Query(query): Query<StreamQuery>,
) -> Answer<axum::Json<SyncPage>> {
    let limit = limit(query.limit, SYNC_PAGE)?;
    let query = SyncQuery { cursor: query.cursor, limit, device: None };
    Ok(axum::Json(shared.store.sync(agent.app.id, Stream::Agents, query).await?))
}
