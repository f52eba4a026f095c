//! What readers of the FAQ say: ratings, and what their apps count. In a lane of its own, so that it never holds up a
//! message.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use beistand_protocol::{
    FaqReportId, Lane, Violation,
    faq::{ArticleFeedback, ArticleId, FaqReport, FeedbackStored, ReportStored},
};

use super::{
    State as Shared,
    extract::{Json, Operations, ReportPath, Visitor},
    openapi::{FaqFeedbackProblems, OperationHeaders},
    problem::{Answer, Refusal},
};
use crate::{
    desk::digest::{self, Digest},
    server::Shared as Inner,
    store::{Command, FaqFeedbackCommand, FaqFeedbackWrite},
};

/// `{article_id}`.
pub(crate) struct ArticlePath(ArticleId);

impl FromRequestParts<Shared> for ArticlePath {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let bad = || Refusal::parameter("article_id", "the path needs the id of an article here");
        let params = RawPathParams::from_request_parts(parts, shared).await.map_err(|_| bad())?;
        let found = params.iter().find(|(key, _)| *key == "article_id").and_then(|(_, value)| value.parse().ok());
        found.map(Self).ok_or_else(bad)
    }
}

/// Tells whether an article helped. Of several ratings of one person the last counts; an article that is gone by now may
/// be rated as well.
#[utoipa::path(
    put,
    path = "/v1/faq/articles/{article_id}/feedback",
    tag = "visitor",
    params(("article_id" = ArticleId, Path, description = "Which article"), OperationHeaders),
    request_body = ArticleFeedback,
    responses((status = 200, description = "It is stored", body = FeedbackStored), FaqFeedbackProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn rate(
    State(shared): State<Shared>,
    visitor: Visitor,
    ArticlePath(article): ArticlePath,
    operations: Operations,
    Json(body): Json<ArticleFeedback>,
) -> Answer<axum::Json<FeedbackStored>> {
    let stored = FeedbackStored { article: article.clone(), locale: body.locale.clone() };
    let (digest, check) = (digest::feedback(&article, &body), body.check());
    apply(&shared, &visitor, &operations, digest, check, FaqFeedbackWrite::Rate(article, body)).await?;
    Ok(axum::Json(stored))
}

/// Tells what an app has counted since its report before: only with its consent, at most once a day.
#[utoipa::path(
    put,
    path = "/v1/faq/reports/{report_id}",
    tag = "visitor",
    params(("report_id" = FaqReportId, Path, description = "Minted by the phone"), OperationHeaders),
    request_body = FaqReport,
    responses((status = 200, description = "It is added up", body = ReportStored), FaqFeedbackProblems),
    security(("app_key" = [], "device" = []))
)]
pub(crate) async fn report(
    State(shared): State<Shared>,
    visitor: Visitor,
    ReportPath(id): ReportPath,
    operations: Operations,
    Json(body): Json<FaqReport>,
) -> Answer<axum::Json<ReportStored>> {
    let (digest, check) = (digest::report(id, &body), body.check());
    apply(&shared, &visitor, &operations, digest, check, FaqFeedbackWrite::Report(id, body)).await?;
    Ok(axum::Json(ReportStored { id }))
}

async fn apply(
    shared: &Arc<Inner>,
    visitor: &Visitor,
    operations: &Operations,
    digest: Digest,
    check: Result<(), Violation>,
    write: FaqFeedbackWrite,
) -> Answer<()> {
    let operation = operations.fitting(visitor.device, Lane::Faq)?;
    shared.limits.write(visitor.app.id, visitor.person)?;
    let command = FaqFeedbackCommand {
        app: visitor.app.id,
        person: visitor.person,
        operation,
        epoch: operations.epoch(),
        digest,
        check,
        at: shared.clock.now(),
        write,
    };
    shared.store.apply(Command::FaqFeedback(Box::new(command))).await?;
    Ok(())
}
