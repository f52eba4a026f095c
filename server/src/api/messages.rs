//! A person's messages: send, edit, take back, page through.

use axum::{extract::State, http::StatusCode};
use beistand_protocol::{
    Code, ConversationId, EditMessage, Lane, Message, MessageId, MessagePage, Retraction, SendMessage,
    limits::HISTORY_PAGE,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    State as Shared,
    conversations::Writing,
    devices::{created, unexpected},
    extract::{ConversationPath, Json, MessagePath, Operations, Query, Visitor, limit},
    openapi::{OperationHeaders, VisitorProblems, VisitorWriteProblems},
    problem::{Answer, Refusal},
};
use crate::{
    desk::{digest, rules},
    store::{Outcome, Reader, command::PersonWrite},
};

/// Which page of history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Only messages before this seq; without it, the newest.
    #[param(minimum = 1)]
    pub(crate) before: Option<u64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    pub(crate) limit: Option<u32>,
}

impl HistoryQuery {
    /// `before` and `limit`, within their bounds.
    pub(crate) fn bounds(&self) -> Answer<(Option<u64>, u32)> {
        if self.before.is_some_and(|before| !(1..=i64::MAX as u64).contains(&before)) {
            return Err(Refusal::parameter("before", "must lie between 1 and 2^63 - 1"));
        }
        Ok((self.before, limit(self.limit, HISTORY_PAGE)?))
    }
}

/// A page of a conversation's history, oldest first.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}/messages",
    tag = "visitor",
    params(("id" = ConversationId, Path, description = "Which conversation"), HistoryQuery),
    responses((status = 200, description = "The page", body = MessagePage), VisitorProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn history(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    Query(query): Query<HistoryQuery>,
) -> Answer<axum::Json<MessagePage>> {
    let (before, limit) = query.bounds()?;
    let reader = Reader::Person(visitor.person);
    let found = shared.store.history(visitor.app.id, reader, id, before, limit).await?;
    found.map(axum::Json).ok_or_else(|| Refusal::new(Code::NotFound, "there is no such conversation for this person"))
}

/// Sends a message; a solved or closed conversation opens again.
#[utoipa::path(
    put,
    path = "/v1/conversations/{id}/messages/{message_id}",
    tag = "visitor",
    params(
        ("id" = ConversationId, Path, description = "Which conversation"),
        ("message_id" = MessageId, Path, description = "Minted by the phone"),
        OperationHeaders
    ),
    request_body = SendMessage,
    responses(
        (status = 201, description = "The message is new", body = Message),
        (status = 200, description = "It was sent with the same content before; this is what it is today", body = Message),
        VisitorWriteProblems
    ),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn send(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    MessagePath(message): MessagePath,
    operations: Operations,
    Json(body): Json<SendMessage>,
) -> Answer<(StatusCode, axum::Json<Message>)> {
    let check = visitor
        .app
        .config
        .check_send(&body)
        .and_then(|()| rules::check_sent_at(body.sent_at, shared.clock.now(), "sent_at"));
    let digest = digest::send(id, message, &body);
    let writing = Writing { shared, visitor, operations, lane: Lane::Conversation(id) };
    let applied = writing.apply(digest, check, PersonWrite::Send(message, body)).await?;
    match applied.outcome {
        Outcome::Message(message) => Ok((created(applied.created), axum::Json(*message))),
        _ => Err(unexpected()),
    }
}

/// Edits an own message.
#[utoipa::path(
    patch,
    path = "/v1/conversations/{id}/messages/{message_id}",
    tag = "visitor",
    params(
        ("id" = ConversationId, Path, description = "Which conversation"),
        ("message_id" = MessageId, Path, description = "Which message"),
        OperationHeaders
    ),
    request_body = EditMessage,
    responses((status = 200, description = "The message as it is now", body = Message), VisitorWriteProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn edit(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    MessagePath(message): MessagePath,
    operations: Operations,
    Json(body): Json<EditMessage>,
) -> Answer<axum::Json<Message>> {
    let check = visitor.app.config.check_text(&body.text, "text");
    let digest = digest::edit(id, message, &body);
    let writing = Writing { shared, visitor, operations, lane: Lane::Conversation(id) };
    let applied = writing.apply(digest, check, PersonWrite::Edit(message, body)).await?;
    match applied.outcome {
        Outcome::Message(message) => Ok(axum::Json(*message)),
        _ => Err(unexpected()),
    }
}

/// Takes an own message back, also one that has not arrived yet.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}/messages/{message_id}",
    tag = "visitor",
    params(
        ("id" = ConversationId, Path, description = "Which conversation"),
        ("message_id" = MessageId, Path, description = "Which message"),
        OperationHeaders
    ),
    responses((status = 200, description = "It is taken back", body = Retraction), VisitorWriteProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn retract(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    MessagePath(message): MessagePath,
    operations: Operations,
) -> Answer<axum::Json<Retraction>> {
    let writing = Writing { shared, visitor, operations, lane: Lane::Conversation(id) };
    let shared = writing.shared.clone();
    let applied = writing.apply(digest::retract(id, message), Ok(()), PersonWrite::Retract(message)).await?;
    shared.files.loosened.notify_one();
    match applied.outcome {
        Outcome::Retraction(retraction) => Ok(axum::Json(*retraction)),
        _ => Err(unexpected()),
    }
}
