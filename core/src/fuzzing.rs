//! What fuzzing and simulations reach inside the crate. No part of the API.

use beistand_protocol::{
    UnixMillis,
    faq::{ArticleId, Contents, Locale, ParcelHeader},
};

use crate::api::transport::Response;
use crate::client::Client;
use crate::error::Result;
use crate::faq::{FaqError, feedback, verify};
use crate::outbox::outcome::{self, Outcome};
use crate::outbox::policy::Policy;

/// Judges an answer as the worker does for a body that it expects to be empty.
pub fn classify(response: Response, wall: UnixMillis, policy: &Policy) -> Outcome {
    outcome::classify(&Ok(response), |response| response.body.is_empty(), wall, policy)
}

/// Rates an article that need not be on this phone.
pub async fn rate(client: &Client, article: ArticleId, locale: Locale, helpful: bool, comment: &str) -> Result<()> {
    feedback::rate(&client.inner, article, locale, 1, helpful, Some(comment)).await
}

/// Counts that an article was opened that need not be on this phone.
pub async fn viewed(client: &Client, article: ArticleId, locale: Locale) -> Result<()> {
    feedback::viewed(&client.inner, article, locale).await
}

/// Counts a search that found nothing.
pub async fn found_nothing(client: &Client, locale: Locale, query: &str) -> Result<()> {
    feedback::found_nothing(&client.inner, locale, query).await
}

/// Reads a publication as one of a server, a mirror or a seed is read, for an app that pins a key or does not.
pub fn publication(
    bytes: &[u8],
    app: &str,
    key: Option<&[u8; 32]>,
) -> std::result::Result<(ParcelHeader, Contents), FaqError> {
    verify::read(bytes, app, key).map(|trusted| (trusted.header, trusted.contents))
}

/// What a publication says of itself before anything is checked.
pub fn peek(bytes: &[u8]) -> std::result::Result<ParcelHeader, FaqError> {
    verify::peek(bytes)
}
