//! API keys, for scripts: made and ended by admins, seen once, stored as a hash.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use beistand_protocol::{
    agent::{ApiKey, ApiKeyList, CreateApiKey, CreatedApiKey},
    hex, text,
};

use crate::{
    api::{
        State as Shared,
        extract::{API_KEY_PREFIX, ForAgent, Json},
        openapi::{AgentProblems, AgentWriteProblems},
        problem::Answer,
    },
    clock,
    desk::digest,
    store::Command,
};

/// Characters in a label.
const LABEL_CHARS: u32 = 100;

/// The API keys of the app, without the keys themselves.
#[utoipa::path(
    get,
    path = "/v1/agent/api-keys",
    tag = "agent",
    responses((status = 200, description = "The keys", body = ApiKeyList), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn list(State(shared): State<Shared>, agent: ForAgent) -> Answer<axum::Json<ApiKeyList>> {
    agent.admin()?;
    Ok(axum::Json(shared.store.api_keys(agent.app.id).await?))
}

/// Makes an API key. This answer is the only one that holds it.
#[utoipa::path(
    post,
    path = "/v1/agent/api-keys",
    tag = "agent",
    request_body = CreateApiKey,
    responses((status = 201, description = "The key", body = CreatedApiKey), AgentWriteProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn create(
    State(shared): State<Shared>,
    agent: ForAgent,
    Json(body): Json<CreateApiKey>,
) -> Answer<(StatusCode, axum::Json<CreatedApiKey>)> {
    agent.admin()?;
    text::check(&body.label, LABEL_CHARS, "label")?;
    let id = hex::encode(&clock::random::<6>(&*shared.clock));
    let key = format!("{API_KEY_PREFIX}{id}_{}", hex::encode(&clock::random::<32>(&*shared.clock)));
    let entry = ApiKey { id, label: body.label, created_at: shared.clock.now() };
    let key_hash = digest::secret(key.as_bytes());
    let command = Command::AddApiKey { app: agent.app.id, agent: agent.agent.id, entry: entry.clone(), key_hash };
    shared.store.apply(command).await?;
    Ok((StatusCode::CREATED, axum::Json(CreatedApiKey { entry, key })))
}

/// Ends an API key.
#[utoipa::path(
    delete,
    path = "/v1/agent/api-keys/{key_id}",
    tag = "agent",
    params(("key_id" = String, Path, description = "The key's public part")),
    responses((status = 204, description = "The key has ended"), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    agent: ForAgent,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    agent.admin()?;
    shared.store.apply(Command::RemoveApiKey { app: agent.app.id, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
