//! Rows of the FAQ: what is published, and what editors work on.

use beistand_protocol::{
    UnixMillis,
    faq::{Article, ArticleId, Bundle, Collection, Delta, FaqIndex, FaqLocale, Locale},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params, types::Type};

use super::rows::json;
use crate::store::{
    AppId,
    faq::{DraftRow, FaqDrafts, FaqImage, LocaleDrafts},
};

/// A column of text that is of a type of its own.
pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let damaged = |_| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "a damaged value".into());
    row.get::<_, String>(column)?.parse().map_err(damaged)
}

pub(super) fn optional_locale(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Locale>> {
    if row.get_ref(column)?.as_str_or_null().is_ok_and(|text| text.is_none()) {
        return Ok(None);
    }
    parsed(row, column).map(Some)
}

/// The newest publication of a language without its articles.
pub(super) struct Published {
    pub(super) version: u64,
    pub(super) default_locale: Option<Locale>,
    pub(super) collections: Vec<Collection>,
}

pub(super) fn published(conn: &Connection, app: AppId, locale: &Locale) -> rusqlite::Result<Option<Published>> {
    conn.prepare_cached(
        "SELECT version, default_locale, collections FROM faq_published WHERE app_id = ?1 AND locale = ?2",
    )?
    .query_row(params![app.0, locale.as_str()], |row| {
        Ok(Published { version: row.get(0)?, default_locale: optional_locale(row, 1)?, collections: json(row, 2)? })
    })
    .optional()
}

pub(super) fn index(conn: &Connection, app: AppId) -> rusqlite::Result<FaqIndex> {
    let mut index = FaqIndex::default();
    // The newest publication says which language stands in.
    let mut statement = conn.prepare_cached(
        "SELECT locale, version, articles, default_locale FROM faq_published WHERE app_id = ?1 ORDER BY version DESC",
    )?;
    let mut rows = statement.query([app.0])?;
    while let Some(row) = rows.next()? {
        if index.locales.is_empty() {
            index.default_locale = optional_locale(row, 3)?;
        }
        index.locales.push(FaqLocale { locale: parsed(row, 0)?, version: row.get(1)?, articles: row.get(2)? });
    }
    index.locales.sort_by(|one, other| one.locale.cmp(&other.locale));
    Ok(index)
}

pub(super) fn bundle(conn: &Connection, app: AppId, locale: &Locale) -> rusqlite::Result<Option<(u64, Bundle)>> {
    let Some(head) = published(conn, app, locale)? else { return Ok(None) };
    let articles = conn
        .prepare_cached(
            "SELECT document FROM faq_articles WHERE app_id = ?1 AND locale = ?2 AND document IS NOT NULL ORDER BY id",
        )?
        .query_map(params![app.0, locale.as_str()], |row| json::<Article>(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    let bundle = Bundle { default_locale: head.default_locale, collections: head.collections, articles };
    Ok(Some((head.version, bundle)))
}

pub(super) fn knows(conn: &Connection, app: AppId, locale: &Locale, version: u64) -> rusqlite::Result<bool> {
    // A number of more than 63 bits is none of ours.
    let Ok(version) = i64::try_from(version) else { return Ok(false) };
    conn.prepare_cached("SELECT 1 FROM faq_publications WHERE app_id = ?1 AND version = ?2 AND locale = ?3")?
        .exists(params![app.0, version, locale.as_str()])
}

pub(super) fn delta(
    conn: &Connection,
    app: AppId,
    locale: &Locale,
    since: u64,
) -> rusqlite::Result<Option<(u64, Delta)>> {
    let Some(head) = published(conn, app, locale)? else { return Ok(None) };
    if !knows(conn, app, locale, since)? {
        return Ok(None);
    }
    let mut delta = Delta { default_locale: head.default_locale, collections: head.collections, ..Default::default() };
    let mut statement = conn.prepare_cached(
        "SELECT id, document IS NULL, document FROM faq_articles \
         WHERE app_id = ?1 AND locale = ?2 AND changed > ?3 ORDER BY id",
    )?;
    let mut rows = statement.query(params![app.0, locale.as_str(), since])?;
    while let Some(row) = rows.next()? {
        if row.get(1)? {
            delta.tombstones.push(parsed::<ArticleId>(row, 0)?);
        } else {
            delta.upserts.push(json(row, 2)?);
        }
    }
    Ok(Some((head.version, delta)))
}

pub(super) fn image(conn: &Connection, app: AppId, sha256: [u8; 32]) -> rusqlite::Result<Option<FaqImage>> {
    conn.prepare_cached("SELECT media_type, bytes FROM faq_images WHERE app_id = ?1 AND sha256 = ?2")?
        .query_row(params![app.0, sha256], |row| Ok(FaqImage { sha256, media_type: row.get(0)?, bytes: row.get(1)? }))
        .optional()
}

pub(super) fn signing_seed(conn: &Connection, app: AppId) -> rusqlite::Result<Option<[u8; 32]>> {
    let seed = conn
        .prepare_cached("SELECT signing_seed FROM faq_apps WHERE app_id = ?1")?
        .query_row([app.0], |row| row.get::<_, Option<[u8; 32]>>(0))
        .optional()?;
    Ok(seed.flatten())
}

pub(super) fn default_locale(conn: &Connection, app: AppId) -> rusqlite::Result<Option<Locale>> {
    let locale = conn
        .prepare_cached("SELECT default_locale FROM faq_apps WHERE app_id = ?1")?
        .query_row([app.0], |row| optional_locale(row, 0))
        .optional()?;
    Ok(locale.flatten())
}

pub(super) fn locale_drafts(conn: &Connection, app: AppId, locale: &Locale) -> rusqlite::Result<LocaleDrafts> {
    let articles = conn
        .prepare_cached(
            "SELECT document, revision, updated_at FROM faq_drafts WHERE app_id = ?1 AND locale = ?2 ORDER BY id",
        )?
        .query_map(params![app.0, locale.as_str()], |row| {
            Ok(DraftRow { draft: json(row, 0)?, revision: row.get(1)?, updated_at: UnixMillis(row.get(2)?) })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let collections = conn
        .prepare_cached("SELECT document FROM faq_draft_collections WHERE app_id = ?1 AND locale = ?2 ORDER BY id")?
        .query_map(params![app.0, locale.as_str()], |row| json(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(LocaleDrafts { collections, articles })
}

/// The languages that have drafts, collections or a publication.
pub(super) fn locales(conn: &Connection, app: AppId) -> rusqlite::Result<Vec<Locale>> {
    conn.prepare_cached(
        "SELECT locale FROM faq_drafts WHERE app_id = ?1 UNION SELECT locale FROM faq_draft_collections \
         WHERE app_id = ?1 UNION SELECT locale FROM faq_published WHERE app_id = ?1",
    )?
    .query_map([app.0], |row| parsed(row, 0))?
    .collect()
}

pub(super) fn drafts(conn: &Connection, app: AppId) -> rusqlite::Result<FaqDrafts> {
    let mut drafts = FaqDrafts { default_locale: default_locale(conn, app)?, ..Default::default() };
    for locale in locales(conn, app)? {
        let of_locale = locale_drafts(conn, app, &locale)?;
        drafts.locales.insert(locale, of_locale);
    }
    Ok(drafts)
}

/// The number of the next publication of an app: higher than the last, and no lower than the time, so that it is also
/// higher than what phones have heard from a database that was lost.
pub(super) fn next_version(conn: &Connection, app: AppId, at: UnixMillis) -> rusqlite::Result<u64> {
    conn.prepare_cached(
        "INSERT INTO faq_apps (app_id, last_version) VALUES (?1, ?2) ON CONFLICT (app_id) DO UPDATE SET \
         last_version = max(last_version + 1, excluded.last_version) RETURNING last_version",
    )?
    .query_row(params![app.0, at.0.max(1)], |row| row.get(0))
}

/// Makes a number known as a publication of a language.
pub(super) fn note_publication(
    conn: &Connection,
    app: AppId,
    locale: &Locale,
    version: u64,
    at: UnixMillis,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO faq_publications (app_id, version, locale, published_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![app.0, version, locale.as_str(), at.0])?;
    Ok(())
}

/// Gives what a restored database has published new numbers: phones may have later publications of the database that was
/// lost, and would refuse anything older.
pub(super) fn publish_again(conn: &Connection, at: UnixMillis) -> rusqlite::Result<()> {
    let published = conn
        .prepare("SELECT app_id, locale FROM faq_published ORDER BY app_id, version")?
        .query_map([], |row| Ok((AppId(row.get(0)?), parsed::<Locale>(row, 1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (app, locale) in published {
        let version = next_version(conn, app, at)?;
        note_publication(conn, app, &locale, version, at)?;
        conn.execute(
            "UPDATE faq_published SET version = ?3 WHERE app_id = ?1 AND locale = ?2",
            params![app.0, locale.as_str(), version],
        )?;
    }
    Ok(())
}
