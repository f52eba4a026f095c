//! What an editor does to the FAQ of an app: import, publish, and take a publication along as a file. For the binary's
//! commands, for the demo, and for tests; all of it works on the store, also while a server does.

use beistand_protocol::faq::{Locale, Parcel};

use super::{parcels, signing::SigningKey};
use crate::{
    clock::{self, Clock},
    store::{
        AppId, AppRow, Command, FaqCommand, FaqDrafts, Outcome, Store, StoreError,
        faq::{FaqImport, FaqPublication, LocaleChanges},
    },
};

fn unexpected() -> StoreError {
    StoreError::Failed("the store answered something else".into())
}

/// Writes an import over the drafts.
pub async fn import(
    store: &dyn Store,
    clock: &dyn Clock,
    app: AppId,
    import: FaqImport,
    prune: bool,
) -> Result<Vec<(Locale, LocaleChanges)>, StoreError> {
    let command = FaqCommand::Import { app, import: Box::new(import), prune, at: clock.now() };
    match store.apply(Command::Faq(command)).await?.outcome {
        Outcome::FaqChanges(changes) => Ok(changes),
        _ => Err(unexpected()),
    }
}

/// What an import would change.
pub fn would_change(drafts: &FaqDrafts, import: &FaqImport, prune: bool) -> Vec<(Locale, LocaleChanges)> {
    let none = Default::default();
    let changes = import.locales.iter().map(|(locale, brought)| {
        let stored = drafts.locales.get(locale).unwrap_or(&none);
        (locale.clone(), LocaleChanges::between(stored, brought, prune))
    });
    changes.collect()
}

/// Publishes the drafts of one language, or of all.
pub async fn publish(
    store: &dyn Store,
    clock: &dyn Clock,
    app: AppId,
    locale: Option<Locale>,
) -> Result<Vec<FaqPublication>, StoreError> {
    let command = FaqCommand::Publish { app, locale, seed: clock::random(clock), at: clock.now() };
    match store.apply(Command::Faq(command)).await?.outcome {
        Outcome::FaqPublished(publications) => Ok(publications),
        _ => Err(unexpected()),
    }
}

/// The app's signing key, made if there is none yet.
pub async fn key(store: &dyn Store, clock: &dyn Clock, app: AppId) -> Result<SigningKey, StoreError> {
    store.apply(Command::Faq(FaqCommand::MakeKey { app, seed: clock::random(clock) })).await?;
    parcels::key(store, app).await
}

/// The publication of a language as a signed parcel: what changed since an earlier one if that is known and smaller,
/// else the whole; `None` if nothing is published in it.
pub async fn parcel(
    store: &dyn Store,
    app: &AppRow,
    locale: &Locale,
    since: Option<u64>,
) -> Result<Option<Parcel>, StoreError> {
    let Some(whole) = parcels::bundle(store, app.id, &app.key, locale).await? else { return Ok(None) };
    if let Some(since) = since
        && let Some(delta) = parcels::delta(store, app.id, &app.key, locale, since).await?
        && delta.payload.len() <= whole.payload.len()
    {
        return Ok(Some(delta));
    }
    Ok(Some(whole))
}
