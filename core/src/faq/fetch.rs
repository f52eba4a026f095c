//! Keeps the cache fresh behind the reader's back. Whoever reads is answered from the cache; if that was not held against
//! the server for a while, a task asks for what has changed, and goes on until it has an answer.

use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::Code;
use beistand_protocol::faq::Locale;

use super::cache::{self, Cached, Shelf, Source};
use super::state;
use super::verify::FaqError;
use crate::api::calls::CallError;
use crate::api::transport::{Request, Response};
use crate::client::Inner;
use crate::clock::Now;
use crate::error::{Error, ErrorKind};
use crate::outbox::outcome;
use crate::outbox::payload::Method;
use crate::outbox::policy::Policy;

/// Whether the server is to be asked whether there is something newer for this person.
pub(crate) fn is_due(inner: &Inner, shelf: &Shelf) -> bool {
    let (wanted, now, most) = (inner.faq.wanted(), Now::read(&*inner.clock), inner.settings.faq_max_age);
    // A clock that was set back makes an answer neither younger nor older than it is known to be: it is asked again.
    let wall_age = |at| u64::try_from(now.wall.since(at)).ok().map(Duration::from_millis);
    if shelf.checked_at(&wanted).and_then(wall_age).is_some_and(|age| age < most) {
        return false;
    }
    // What the server refused, or does not have, is not asked for all the time either.
    let answered = inner.faq.answered_at(&wanted);
    answered.is_none_or(|at| {
        let age = now.mono.saturating_sub(at.mono).max(wall_age(at.wall).unwrap_or_default());
        age >= most
    })
}

/// Applies the seeds that can wait, then asks the server until it has answered. Ends when there is nothing to do.
pub(crate) async fn look_after(inner: Arc<Inner>) {
    state::apply_waiting_seeds(&inner).await;
    let mut seed = [0; 8];
    inner.entropy.fill(&mut seed);
    let (mut chance, mut failures) = (fastrand::Rng::with_seed(u64::from_le_bytes(seed)), 0_u32);
    loop {
        match inner.faq.database.read(Shelf::read).await {
            Ok(shelf) if is_due(&inner, &shelf) => {}
            // Whoever reads next sees what is wrong.
            _ => return,
        }
        let missed = match refresh(&inner).await {
            Ok(()) => continue,
            Err(missed) if matches!(missed.error.kind, ErrorKind::Faq(_) | ErrorKind::ShutDown) => return,
            Err(missed) => missed,
        };
        failures = failures.saturating_add(1);
        let policy = Policy::default();
        let wait = missed.retry_after.map(|asked| policy.clamp_retry_after(asked));
        let wait = wait.unwrap_or_else(|| policy.wait(failures, chance.f64()));
        // The network, the foreground or a push end the wait.
        if tokio::time::timeout(wait, inner.faq.due.notified()).await.is_ok() {
            failures = 0;
        }
    }
}

/// Why nothing came.
pub(crate) struct Missed {
    pub error: Error,
    retry_after: Option<Duration>,
}

impl<E: Into<Error>> From<E> for Missed {
    fn from(error: E) -> Self {
        Self { error: error.into(), retry_after: None }
    }
}

/// Shows that the server is being asked, for as long as it lives.
struct Refreshing<'a>(&'a Inner);

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        self.0.faq.status.update(|status| status.refreshing = false);
    }
}

/// Asks the server once for what this person wants, and applies it.
pub(crate) async fn refresh(inner: &Arc<Inner>) -> std::result::Result<(), Missed> {
    let wanted = inner.faq.wanted();
    let turn = inner.faq.asking.of(&wanted);
    let _one_at_a_time = turn.lock().await;
    inner.faq.status.update(|status| status.refreshing = true);
    let _refreshing = Refreshing(inner);
    let shelf = inner.faq.database.read(Shelf::read).await?;
    let have = shelf.resolve(&wanted);
    let first = ask(inner, &wanted, have).await;
    match first {
        // Whatever is wrong with the changes, the whole may be right.
        Err(Missed { error: Error { kind: ErrorKind::Faq(error), .. }, .. })
            if have.is_some() && error != FaqError::Cancelled =>
        {
            tracing::info!(code = error.code(), "changes of the FAQ were not taken; the whole is asked for");
            ask(inner, &wanted, None).await
        }
        asked => asked,
    }
    .inspect_err(|missed| {
        if let ErrorKind::Faq(error) = missed.error.kind
            && error != FaqError::Cancelled
        {
            inner.faq.set_answered_at(&wanted, Now::read(&*inner.clock));
            state::refused(inner, error);
        }
    })
}

/// The request for what has changed since `have`, or for everything.
fn request(wanted: &Locale, have: Option<&Cached>) -> Request {
    let mut path = format!("v1/faq/{wanted}");
    let mut headers = Vec::new();
    if let Some(have) = have {
        path.push_str(&format!("?since={}", have.version));
        headers.extend(have.etag.clone().map(|etag| ("if-none-match", etag)));
    }
    Request { method: Method::Get, path, headers, credential: None, body: None }
}

async fn ask(inner: &Arc<Inner>, wanted: &Locale, have: Option<&Cached>) -> std::result::Result<(), Missed> {
    let response = inner.transport.send(request(wanted, have)).await.map_err(|_| CallError::Unreachable)?;
    inner.server_told_time(&response);
    match response.status {
        200 if is_parcel(&response) => {
            let etag = response.header("etag").map(str::to_owned);
            state::apply(inner, response.body, Source::Server { wanted: wanted.clone(), etag }).await?;
        }
        304 if have.is_some() => {
            let (now, asked) = (inner.clock.wall(), wanted.clone());
            let shelf = inner.faq.database.write(move |connection| {
                cache::checked(connection, &asked, now)?;
                Shelf::read(connection)
            });
            state::publish_status(inner, &shelf.await?);
        }
        _ => match CallError::of(&response) {
            // Nothing is published: what the app carries stays.
            CallError::Refused(Code::NotFound) => {}
            error => {
                let retry_after =
                    response.header("retry-after").and_then(|text| outcome::retry_after(text, inner.clock.wall()));
                return Err(Missed { error: error.into(), retry_after });
            }
        },
    }
    inner.faq.set_answered_at(wanted, Now::read(&*inner.clock));
    Ok(())
}

/// A portal's page is no broken publication.
fn is_parcel(response: &Response) -> bool {
    response.body.starts_with(b"beistand-faq ") || response.body.starts_with(&[0x1f, 0x8b])
}
