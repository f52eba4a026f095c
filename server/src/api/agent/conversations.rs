//! The desk's conversations: list, look at, assign, set the status, mark read.

use axum::extract::State;
use beistand_protocol::{
    Code, Conversation, ConversationId, ReadMarks, Receipts, Status, StatusChange, UnixMillis,
    agent::{Assign, ConversationPage},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::{
        State as Shared,
        devices::unexpected,
        extract::{ConversationPath, ForAgent, Json, Query, limit, marks},
        openapi::{AgentProblems, AgentWriteProblems},
        problem::{Answer, Refusal},
    },
    store::{
        ActingAgent, Applied, Command, ConversationQuery, Outcome, Reader,
        command::{AgentCommand, AgentWrite},
        sqlite::decode_cursor,
    },
};

/// The most conversations in a page.
const LIST_PAGE: u32 = 100;

/// Which page of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those with this status.
    #[param(inline)]
    status: Option<Status>,
    /// The `next` of the page before.
    next: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn place(next: &str) -> Option<(UnixMillis, ConversationId)> {
    let plain = decode_cursor(next)?;
    let (time, id) = plain.split_once(':')?;
    Some((UnixMillis(time.parse().ok()?), id.parse().ok()?))
}

/// The conversations of the app, newest change first.
#[utoipa::path(
    get,
    path = "/v1/agent/conversations",
    tag = "agent",
    params(ListQuery),
    responses((status = 200, description = "The page", body = ConversationPage), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn list(
    State(shared): State<Shared>,
    agent: ForAgent,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<ConversationPage>> {
    let limit = limit(query.limit, LIST_PAGE)?;
    let after = match query.next.as_deref() {
        None => None,
        Some(next) => {
            Some(place(next).ok_or_else(|| Refusal::parameter("next", "the value is not one of this server's"))?)
        }
    };
    let query = ConversationQuery { status: query.status, after, limit };
    Ok(axum::Json(shared.store.conversations(agent.app.id, query).await?))
}

/// One conversation.
#[utoipa::path(
    get,
    path = "/v1/agent/conversations/{id}",
    tag = "agent",
    params(("id" = ConversationId, Path, description = "Which conversation")),
    responses((status = 200, description = "The conversation", body = Conversation), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn get(
    State(shared): State<Shared>,
    agent: ForAgent,
    ConversationPath(id): ConversationPath,
) -> Answer<axum::Json<Conversation>> {
    let found = shared.store.conversation(agent.app.id, Reader::Agent, id).await?;
    found.map(axum::Json).ok_or_else(|| Refusal::new(Code::NotFound, "there is no such conversation in this app"))
}

/// Carries an agent's write out.
pub(super) async fn apply(
    shared: &Shared,
    agent: ForAgent,
    conversation: ConversationId,
    write: AgentWrite,
) -> Answer<Applied> {
    let command = AgentCommand {
        app: agent.app.id,
        agent: ActingAgent { id: agent.agent.id, name: agent.agent.name },
        at: shared.clock.now(),
        conversation,
        write,
    };
    Ok(shared.store.apply(Command::Agent(Box::new(command))).await?)
}

fn conversation(applied: Applied) -> Answer<axum::Json<Conversation>> {
    match applied.outcome {
        Outcome::Conversation(conversation) => Ok(axum::Json(*conversation)),
        _ => Err(unexpected()),
    }
}

/// Gives the conversation to an agent, or back.
#[utoipa::path(
    put,
    path = "/v1/agent/conversations/{id}/assignee",
    tag = "agent",
    params(("id" = ConversationId, Path, description = "Which conversation")),
    request_body = Assign,
    responses((status = 200, description = "The conversation as it is now", body = Conversation), AgentWriteProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn assign(
    State(shared): State<Shared>,
    agent: ForAgent,
    ConversationPath(id): ConversationPath,
    Json(body): Json<Assign>,
) -> Answer<axum::Json<Conversation>> {
    conversation(apply(&shared, agent, id, AgentWrite::Assign(body.agent_id)).await?)
}

/// Sets the status.
#[utoipa::path(
    put,
    path = "/v1/agent/conversations/{id}/status",
    tag = "agent",
    params(("id" = ConversationId, Path, description = "Which conversation")),
    request_body = StatusChange,
    responses((status = 200, description = "The conversation as it is now", body = Conversation), AgentWriteProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn set_status(
    State(shared): State<Shared>,
    agent: ForAgent,
    ConversationPath(id): ConversationPath,
    Json(body): Json<StatusChange>,
) -> Answer<axum::Json<Conversation>> {
    conversation(apply(&shared, agent, id, AgentWrite::SetStatus(body.status)).await?)
}

/// Moves the agents' marks; they only grow.
#[utoipa::path(
    put,
    path = "/v1/agent/conversations/{id}/read",
    tag = "agent",
    params(("id" = ConversationId, Path, description = "Which conversation")),
    request_body = ReadMarks,
    responses((status = 200, description = "The marks of both sides", body = Receipts), AgentWriteProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn mark_read(
    State(shared): State<Shared>,
    agent: ForAgent,
    ConversationPath(id): ConversationPath,
    Json(body): Json<ReadMarks>,
) -> Answer<axum::Json<Receipts>> {
    let marks = marks(body)?;
    match apply(&shared, agent, id, AgentWrite::Read(marks)).await?.outcome {
        Outcome::Receipts(receipts) => Ok(axum::Json(receipts)),
        _ => Err(unexpected()),
    }
}
