//! How far a person has read. In a lane of its own, so that it never holds up a message.

use axum::extract::State;
use beistand_protocol::{ConversationId, Lane, ReadMarks, Receipts};

use super::{
    State as Shared,
    conversations::Writing,
    devices::unexpected,
    extract::{ConversationPath, Json, Operations, Visitor, marks},
    openapi::{OperationHeaders, VisitorWriteProblems},
    problem::Answer,
};
use crate::{
    desk::digest,
    store::{Outcome, command::PersonWrite},
};

/// Moves the person's marks; they only grow.
#[utoipa::path(
    put,
    path = "/v1/conversations/{id}/read",
    tag = "visitor",
    params(("id" = ConversationId, Path, description = "Which conversation"), OperationHeaders),
    request_body = ReadMarks,
    responses((status = 200, description = "The marks of both sides", body = Receipts), VisitorWriteProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn mark(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    operations: Operations,
    Json(body): Json<ReadMarks>,
) -> Answer<axum::Json<Receipts>> {
    let marks = marks(body)?;
    let writing = Writing { shared, visitor, operations, lane: Lane::Read(id) };
    let applied = writing.apply(digest::read(id, marks), Ok(()), PersonWrite::Read(marks)).await?;
    match applied.outcome {
        Outcome::Receipts(receipts) => Ok(axum::Json(receipts)),
        _ => Err(unexpected()),
    }
}
