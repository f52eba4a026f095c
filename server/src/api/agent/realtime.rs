//! The agent's socket.

use axum::{extract::State, response::Response};

use crate::{
    api::{
        State as Shared,
        extract::ForAgent,
        openapi::AgentProblems,
        problem::Answer,
        realtime::{Maybe, Upgrade},
    },
    realtime::{Peer, Side},
};

/// The agent's socket: hints and typing.
#[utoipa::path(
    get,
    path = "/v1/agent/realtime",
    tag = "agent",
    responses((status = 101, description = "The connection is a WebSocket now"), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn realtime(
    State(shared): State<Shared>,
    agent: Maybe<ForAgent>,
    upgrade: Upgrade,
) -> Answer<Response> {
    let peer = agent.known(&upgrade)?.map(|agent| Peer::agent(agent.app.id, &agent.agent));
    upgrade.run(shared, Side::Agent, peer)
}
