//! Who answers.

use axum::extract::State;
use beistand_protocol::agent::AgentList;

use crate::api::{State as Shared, extract::ForAgent, openapi::AgentProblems, problem::Answer};

/// All agents of the app.
#[utoipa::path(
    get,
    path = "/v1/agent/agents",
    tag = "agent",
    responses((status = 200, description = "The agents", body = AgentList), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn list(State(shared): State<Shared>, agent: ForAgent) -> Answer<axum::Json<AgentList>> {
    Ok(axum::Json(shared.store.agents(agent.app.id).await?))
}
