//! What agents write: answers, and notes that no person ever sees.

use axum::{extract::State, http::StatusCode};
use beistand_protocol::{Code, ConversationId, Message, MessageId, MessagePage, Visibility, agent::AgentMessage};

use super::conversations::apply;
use crate::{
    api::{
        State as Shared,
        devices::{created, unexpected},
        extract::{ConversationPath, ForAgent, Json, MessagePath, Query},
        messages::HistoryQuery,
        openapi::{AgentProblems, AgentWriteProblems},
        problem::{Answer, Refusal},
    },
    desk::digest,
    store::{Outcome, Reader, command::AgentWrite},
};

/// A page of a conversation's history with its notes, oldest first.
#[utoipa::path(
    get,
    path = "/v1/agent/conversations/{id}/messages",
    tag = "agent",
    params(("id" = ConversationId, Path, description = "Which conversation"), HistoryQuery),
    responses((status = 200, description = "The page", body = MessagePage), AgentProblems),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn history(
    State(shared): State<Shared>,
    agent: ForAgent,
    ConversationPath(id): ConversationPath,
    Query(query): Query<HistoryQuery>,
) -> Answer<axum::Json<MessagePage>> {
    let (before, limit) = query.bounds()?;
    let found = shared.store.history(agent.app.id, Reader::Agent, id, before, limit).await?;
    found.map(axum::Json).ok_or_else(|| Refusal::new(Code::NotFound, "there is no such conversation in this app"))
}

/// Answers, or writes a note. An answer makes an open conversation pending and takes it if nobody has.
#[utoipa::path(
    put,
    path = "/v1/agent/conversations/{id}/messages/{message_id}",
    tag = "agent",
    params(
        ("id" = ConversationId, Path, description = "Which conversation"),
        ("message_id" = MessageId, Path, description = "Minted by the console")
    ),
    request_body = AgentMessage,
    responses(
        (status = 201, description = "The message is new", body = Message),
        (status = 200, description = "It was sent with the same content before", body = Message),
        AgentWriteProblems
    ),
    security(("agent_session" = []), ("agent_api_key" = []))
)]
pub(crate) async fn send(
    State(shared): State<Shared>,
    agent: ForAgent,
    ConversationPath(conversation): ConversationPath,
    MessagePath(id): MessagePath,
    Json(body): Json<AgentMessage>,
) -> Answer<(StatusCode, axum::Json<Message>)> {
    let check = agent.app.config.check_words(&body.text, body.attachments.len(), "text");
    let digest = digest::agent_message(conversation, id, &body);
    let (app, visible) = (agent.app.id, body.visibility == Visibility::All);
    let applied = apply(&shared, agent, conversation, AgentWrite::Send { id, body, digest, check }).await?;
    if applied.created && visible {
        shared.push.stored(app, conversation);
    }
    match applied.outcome {
        Outcome::Message(message) => Ok((created(applied.created), axum::Json(*message))),
        _ => Err(unexpected()),
    }
}
