//! Publications as phones get them: packed, signed, and kept in memory, so that a thousand phones which ask for the same
//! one make one query, one signature and one compression.

use std::{
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Bytes;
use beistand_protocol::faq::{Contents, Locale, Parcel};
use flate2::{Compression, write::GzEncoder};
use tokio::sync::OnceCell;

use super::signing::SigningKey;
use crate::{
    server::App,
    store::{AppId, Store, StoreError},
};

/// The key of an app that has published.
pub(super) async fn key(store: &dyn Store, app: AppId) -> Result<SigningKey, StoreError> {
    let seed = store.faq_signing_seed(app).await?;
    let key = seed.and_then(|seed| SigningKey::from_seed(&seed));
    key.ok_or_else(|| StoreError::Failed("the app has no signing key".into()))
}

async fn pack(
    store: &dyn Store,
    app: AppId,
    app_key: &str,
    locale: &Locale,
    version: u64,
    contents: &Contents,
) -> Result<Parcel, StoreError> {
    let mut parcel = Parcel::pack(app_key, locale.clone(), version, contents)
        .map_err(|error| StoreError::Failed(error.to_string()))?;
    key(store, app).await?.sign(&mut parcel);
    Ok(parcel)
}

/// The publication of a language, whole.
pub(super) async fn bundle(
    store: &dyn Store,
    app: AppId,
    app_key: &str,
    locale: &Locale,
) -> Result<Option<Parcel>, StoreError> {
    let Some((version, bundle)) = store.faq_bundle(app, locale.clone()).await? else { return Ok(None) };
    pack(store, app, app_key, locale, version, &Contents::Bundle(bundle)).await.map(Some)
}

/// What the publication of a language changed since an earlier one, if that is known.
pub(super) async fn delta(
    store: &dyn Store,
    app: AppId,
    app_key: &str,
    locale: &Locale,
    since: u64,
) -> Result<Option<Parcel>, StoreError> {
    let Some((version, delta)) = store.faq_delta(app, locale.clone(), since).await? else { return Ok(None) };
    pack(store, app, app_key, locale, version, &Contents::Delta { from: since, delta }).await.map(Some)
}

/// Parcels in memory at most: a handful of languages, and the deltas of the last publications.
const KEPT: usize = 64;

/// Bytes of them at most, plain and compressed.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// A parcel ready to go out.
pub(crate) struct Ready {
    /// Its publication.
    pub(crate) version: u64,
    /// Its bytes.
    pub(crate) plain: Bytes,
    /// The same, compressed with gzip.
    pub(crate) gzip: Bytes,
}

impl Ready {
    fn new(parcel: &Parcel) -> Result<Self, StoreError> {
        let failed = |error: String| StoreError::Failed(error);
        let plain = parcel.to_bytes().map_err(|error| failed(error.to_string()))?;
        let gzip = gzip(&plain).map_err(|error| failed(error.to_string()))?;
        Ok(Self { version: parcel.header.version, plain: plain.into(), gzip: gzip.into() })
    }

    fn size(&self) -> usize {
        self.plain.len() + self.gzip.len()
    }
}

/// Compresses with gzip.
pub fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// A publication of an app, whole or since another; no other publication of the app ever has its number.
type Name = (AppId, u64, Option<u64>);

/// `None` if the publication that a delta is to begin at is not known.
type Slot = Arc<OnceCell<Option<Arc<Ready>>>>;

/// The parcels in memory, the one asked for last at the end.
#[derive(Default)]
pub(crate) struct Parcels {
    kept: Mutex<Vec<(Name, Slot)>>,
}

impl Parcels {
    fn slot(&self, name: Name) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match kept.iter().position(|(other, _)| *other == name) {
            Some(at) => kept.remove(at).1,
            None => Slot::default(),
        };
        kept.push((name, slot.clone()));
        let size = |slot: &Slot| slot.get().and_then(Option::as_ref).map_or(0, |ready| ready.size());
        let mut bytes: usize = kept.iter().map(|(_, slot)| size(slot)).sum();
        while kept.len() > KEPT || (bytes > KEPT_BYTES && kept.len() > 1) {
            bytes -= size(&kept.remove(0).1);
        }
        slot
    }

    /// The publication `version` of a language: what changed `since` an earlier one if that is known and smaller, else
    /// the whole. What has been published meanwhile is given instead.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        app: &App,
        locale: &Locale,
        version: u64,
        since: Option<u64>,
    ) -> Result<Option<Arc<Ready>>, StoreError> {
        let whole = self
            .slot((app.id, version, None))
            .get_or_try_init(|| async {
                let parcel = bundle(store, app.id, &app.key, locale).await?;
                parcel.as_ref().map(Ready::new).transpose().map(|ready| ready.map(Arc::new))
            })
            .await?
            .clone();
        let (Some(whole), Some(since)) = (whole.clone(), since) else { return Ok(whole) };
        let delta = self
            .slot((app.id, version, Some(since)))
            .get_or_try_init(|| async {
                let parcel = delta(store, app.id, &app.key, locale, since).await?;
                parcel.as_ref().map(Ready::new).transpose().map(|ready| ready.map(Arc::new))
            })
            .await?
            .clone();
        Ok(Some(delta.filter(|delta| delta.gzip.len() <= whole.gzip.len()).unwrap_or(whole)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_last_asked_for_stays() {
        let parcels = Parcels::default();
        let name = |number: u64| (AppId(1), number, None);
        let first = parcels.slot(name(0));
        for number in 1..=200 {
            parcels.slot(name(number));
            assert!(Arc::ptr_eq(&parcels.slot(name(0)), &first), "what is asked for all the time stays");
        }
        assert_eq!(parcels.kept.lock().unwrap().len(), KEPT);
        let large = || Ready { version: 1, plain: vec![0; KEPT_BYTES / 3].into(), gzip: Bytes::new() };
        for number in 1_000..1_010 {
            let _ = parcels.slot(name(number)).set(Some(Arc::new(large())));
        }
        parcels.slot(name(2_000));
        let kept = parcels.kept.lock().unwrap();
        let bytes: usize = kept.iter().filter_map(|(_, slot)| slot.get()?.as_ref()).map(|ready| ready.size()).sum();
        assert!(bytes <= KEPT_BYTES, "{bytes}");
    }
}
