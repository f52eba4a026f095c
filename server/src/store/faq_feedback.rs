//! What readers of the FAQ say, as data for the store.

use beistand_protocol::{
    Epoch, FaqReportId, PersonId, UnixMillis, Violation,
    faq::{ArticleFeedback, ArticleId, FaqReport},
};

use super::{AppId, Operation};
use crate::desk::digest::Digest;

/// A person says something about the FAQ, or their app tells what it counted there. Answers with
/// [`Outcome::Done`](super::Outcome::Done).
#[derive(Clone, Debug)]
pub struct FaqFeedbackCommand {
    /// Where.
    pub app: AppId,
    /// Who.
    pub person: PersonId,
    /// Which operation.
    pub operation: Operation,
    /// The history that the phone believes in.
    pub epoch: Option<Epoch>,
    /// The digest of the request's named fields.
    pub digest: Digest,
    /// What checking the body has found. Carried along, because a replay of what was accepted yesterday stays accepted.
    pub check: Result<(), Violation>,
    /// When.
    pub at: UnixMillis,
    /// What.
    pub write: FaqFeedbackWrite,
}

/// What readers may say.
#[derive(Clone, Debug)]
pub enum FaqFeedbackWrite {
    /// What a person thinks of an article, which need not exist any more: it was read in a cache.
    Rate(ArticleId, ArticleFeedback),
    /// What an app counted. Nothing of it is stored with its person.
    Report(FaqReportId, FaqReport),
}
