//! A person closes and reopens.

use axum::extract::State;
use beistand_protocol::{Conversation, ConversationId, Lane, StatusChange};

use super::{
    State as Shared,
    conversations::Writing,
    devices::unexpected,
    extract::{ConversationPath, Json, Operations, Visitor},
    openapi::{OperationHeaders, VisitorWriteProblems},
    problem::Answer,
};
use crate::{
    desk::digest,
    store::{Outcome, command::PersonWrite},
};

/// Sets the status to `open` or `closed`.
#[utoipa::path(
    put,
    path = "/v1/conversations/{id}/status",
    tag = "visitor",
    params(("id" = ConversationId, Path, description = "Which conversation"), OperationHeaders),
    request_body = StatusChange,
    responses((status = 200, description = "The conversation as it is now", body = Conversation), VisitorWriteProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn set(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    operations: Operations,
    Json(body): Json<StatusChange>,
) -> Answer<axum::Json<Conversation>> {
    let writing = Writing { shared, visitor, operations, lane: Lane::Conversation(id) };
    let digest = digest::status(id, body.status);
    let applied = writing.apply(digest, Ok(()), PersonWrite::SetStatus(body.status)).await?;
    match applied.outcome {
        Outcome::Conversation(conversation) => Ok(axum::Json(*conversation)),
        _ => Err(unexpected()),
    }
}
