//! A person's conversations: open, look at, take back.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use beistand_protocol::{Code, Conversation, ConversationId, Lane, OpenConversation, Opened, Violation, Withdrawn};

use super::{
    State as Shared,
    devices::{created, unexpected},
    extract::{ConversationPath, Json, Operations, Visitor},
    openapi::{OperationHeaders, VisitorProblems, VisitorWriteProblems},
    problem::{Answer, Refusal},
};
use crate::{
    desk::{
        digest::{self, Digest},
        rules,
    },
    server::Shared as Inner,
    store::{
        Applied, Command, Outcome, Reader,
        command::{PersonCommand, PersonWrite},
    },
};

/// What the handlers of all writes in conversations have in common.
pub(crate) struct Writing {
    pub(crate) shared: Arc<Inner>,
    pub(crate) visitor: Visitor,
    pub(crate) operations: Operations,
    /// The lane of a conversation.
    pub(crate) lane: Lane,
}

impl Writing {
    /// Spends from the person's allowance and carries the write out.
    pub(crate) async fn apply(
        self,
        digest: Digest,
        check: Result<(), Violation>,
        write: PersonWrite,
    ) -> Answer<Applied> {
        let Self { shared, visitor, operations, lane } = self;
        let operation = operations.fitting(visitor.device, lane)?;
        let conversation = lane.conversation().ok_or_else(unexpected)?;
        shared.limits.write(visitor.app.id, visitor.person)?;
        let command = PersonCommand {
            app: visitor.app.id,
            person: visitor.person,
            operation,
            epoch: operations.epoch(),
            digest,
            check,
            at: shared.clock.now(),
            conversation,
            write,
        };
        Ok(shared.store.apply(Command::Person(Box::new(command))).await?)
    }
}

/// Opens a conversation together with its first message.
#[utoipa::path(
    put,
    path = "/v1/conversations/{id}",
    tag = "visitor",
    params(("id" = ConversationId, Path, description = "Minted by the phone"), OperationHeaders),
    request_body = OpenConversation,
    responses(
        (status = 201, description = "The conversation is new", body = Opened),
        (status = 200, description = "It was opened with the same content before; this is what it is today", body = Opened),
        VisitorWriteProblems
    ),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn open(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    operations: Operations,
    Json(body): Json<OpenConversation>,
) -> Answer<(StatusCode, axum::Json<Opened>)> {
    let check = visitor
        .app
        .config
        .check_open(&body)
        .and_then(|()| rules::check_sent_at(body.message.sent_at, shared.clock.now(), "message.sent_at"));
    let digest = digest::open(id, &body);
    let writing = Writing { shared, visitor, operations, lane: Lane::Conversation(id) };
    let applied = writing.apply(digest, check, PersonWrite::Open(body)).await?;
    match applied.outcome {
        Outcome::Opened(opened) => Ok((created(applied.created), axum::Json(*opened))),
        _ => Err(unexpected()),
    }
}

/// One of the person's conversations.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}",
    tag = "visitor",
    params(("id" = ConversationId, Path, description = "Which conversation")),
    responses((status = 200, description = "The conversation", body = Conversation), VisitorProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn get(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
) -> Answer<axum::Json<Conversation>> {
    let found = shared.store.conversation(visitor.app.id, Reader::Person(visitor.person), id).await?;
    found.map(axum::Json).ok_or_else(|| Refusal::new(Code::NotFound, "there is no such conversation for this person"))
}

/// Takes a conversation back, also one whose opening has not arrived yet.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}",
    tag = "visitor",
    params(("id" = ConversationId, Path, description = "Which conversation"), OperationHeaders),
    responses((status = 200, description = "It is taken back", body = Withdrawn), VisitorWriteProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn withdraw(
    State(shared): State<Shared>,
    visitor: Visitor,
    ConversationPath(id): ConversationPath,
    operations: Operations,
) -> Answer<axum::Json<Withdrawn>> {
    let writing = Writing { shared, visitor, operations, lane: Lane::Conversation(id) };
    let shared = writing.shared.clone();
    let applied = writing.apply(digest::withdraw(id), Ok(()), PersonWrite::Withdraw).await?;
    shared.files.loosened.notify_one();
    match applied.outcome {
        Outcome::Withdrawn(withdrawn) => Ok(axum::Json(withdrawn)),
        _ => Err(unexpected()),
    }
}
