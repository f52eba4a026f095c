//! The changes of a person, in order.

use axum::extract::State;
use beistand_protocol::{SyncPage, limits::SYNC_PAGE};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    State as Shared,
    extract::{Query, Visitor, limit},
    openapi::VisitorProblems,
    problem::Answer,
};
use crate::store::{Stream, SyncQuery};

/// Which page of the stream.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Where to go on: the `cursor` of the page before. Without one, or with one of another epoch, a snapshot begins.
    pub(crate) cursor: Option<String>,
    /// At most so many changes; a page of a snapshot holds whole conversations and may have some more.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// A page of the person's changes.
#[utoipa::path(
    get,
    path = "/v1/sync",
    tag = "visitor",
    params(StreamQuery),
    responses((status = 200, description = "The page", body = SyncPage), VisitorProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn sync(
    State(shared): State<Shared>,
    visitor: Visitor,
    Query(query): Query<StreamQuery>,
) -> Answer<axum::Json<SyncPage>> {
    let limit = limit(query.limit, SYNC_PAGE)?;
    let query = SyncQuery { cursor: query.cursor, limit, device: Some(visitor.device) };
    let newest = shared.push.newest();
    let page = shared.store.sync(visitor.app.id, Stream::Person(visitor.person), query).await?;
    shared.push.synced(visitor.app.id, visitor.person, newest);
    Ok(axum::Json(page))
}
