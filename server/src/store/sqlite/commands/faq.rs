//! Imports and publications of the FAQ.

use std::collections::BTreeMap;

use beistand_protocol::{
    Code, UnixMillis, Violation,
    faq::{Article, ArticleId, Bundle, Collection, Locale},
    limits::FAQ_BUNDLE_BYTES,
};
use rusqlite::params;

use super::{Context, Done, done};
use crate::store::{
    AppId, Applied, Outcome,
    faq::{FaqCommand, FaqImage, FaqImport, FaqPublication, LocaleChanges, LocaleImport},
    sqlite::{faq, rows},
    sqlite::{rows::to_json, writer::Fault},
};

/// A picture that no article shows is kept for so long (milliseconds): phones that were off for a month still show it.
const UNUSED_IMAGE_MS: i64 = 30 * 24 * 3600 * 1000;

/// Room for the lines of a parcel before its contents.
const HEADER_BYTES: usize = 1024;

pub(super) fn apply(context: &Context<'_>, command: FaqCommand) -> Done<Applied> {
    match command {
        FaqCommand::Import { app, import, prune, at } => context.import(app, &import, prune, at),
        FaqCommand::Publish { app, locale, seed, at } => context.publish(app, locale, seed, at),
        FaqCommand::MakeKey { app, seed } => {
            context.make_key(app, seed)?;
            done(false, Outcome::Done)
        }
    }
}

/// An article as published, and when it changed.
struct Shown {
    version: u64,
    article: Option<Article>,
}

impl Context<'_> {
    fn make_key(&self, app: AppId, seed: [u8; 32]) -> Done<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO faq_apps (app_id, signing_seed) VALUES (?1, ?2) ON CONFLICT (app_id) DO UPDATE SET \
                 signing_seed = coalesce(signing_seed, excluded.signing_seed)",
            )?
            .execute(params![app.0, seed])?;
        Ok(())
    }

    fn import(&self, app: AppId, import: &FaqImport, prune: bool, at: UnixMillis) -> Done<Applied> {
        if let Some(locale) = &import.default_locale {
            self.conn
                .prepare_cached(
                    "INSERT INTO faq_apps (app_id, default_locale) VALUES (?1, ?2) \
                     ON CONFLICT (app_id) DO UPDATE SET default_locale = excluded.default_locale",
                )?
                .execute(params![app.0, locale.as_str()])?;
        }
        for image in &import.images {
            self.keep_image(app, image, at)?;
        }
        let mut all = Vec::new();
        for (locale, brought) in &import.locales {
            let drafts = faq::locale_drafts(self.conn, app, locale)?;
            let changes = LocaleChanges::between(&drafts, brought, prune);
            self.import_locale(app, locale, brought, &changes, prune, at)?;
            all.push((locale.clone(), changes));
        }
        done(false, Outcome::FaqChanges(all))
    }

    fn import_locale(
        &self,
        app: AppId,
        locale: &Locale,
        brought: &LocaleImport,
        changes: &LocaleChanges,
        prune: bool,
        at: UnixMillis,
    ) -> Done<()> {
        let mut write = self.conn.prepare_cached(
            "INSERT INTO faq_drafts (app_id, locale, id, revision, updated_at, document) VALUES (?1, ?2, ?3, 1, ?4, ?5) \
             ON CONFLICT (app_id, locale, id) DO UPDATE SET revision = revision + 1, \
             updated_at = excluded.updated_at, document = excluded.document WHERE document <> excluded.document",
        )?;
        for article in &brought.articles {
            write.execute(params![app.0, locale.as_str(), article.id.as_str(), at.0, to_json(article)?])?;
        }
        for id in &changes.removed {
            self.conn
                .prepare_cached("DELETE FROM faq_drafts WHERE app_id = ?1 AND locale = ?2 AND id = ?3")?
                .execute(params![app.0, locale.as_str(), id.as_str()])?;
        }
        if prune {
            self.conn
                .prepare_cached("DELETE FROM faq_draft_collections WHERE app_id = ?1 AND locale = ?2")?
                .execute(params![app.0, locale.as_str()])?;
        }
        for collection in &brought.collections {
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO faq_draft_collections (app_id, locale, id, document) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![app.0, locale.as_str(), collection.id.as_str(), to_json(collection)?])?;
        }
        Ok(())
    }

    fn keep_image(&self, app: AppId, image: &FaqImage, at: UnixMillis) -> Done<()> {
        // Unused until a draft or an article names it: the next publication looks.
        self.conn
            .prepare_cached(
                "INSERT INTO faq_images (app_id, sha256, media_type, unused_since, bytes) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (app_id, sha256) DO UPDATE SET unused_since = excluded.unused_since",
            )?
            .execute(params![app.0, image.sha256, image.media_type, at.0, image.bytes])?;
        Ok(())
    }

    fn publish(&self, app: AppId, only: Option<Locale>, seed: [u8; 32], at: UnixMillis) -> Done<Applied> {
        self.make_key(app, seed)?;
        let known = faq::locales(self.conn, app)?;
        let locales = match only {
            Some(locale) if known.contains(&locale) => vec![locale],
            Some(_) => return super::refuse(Code::NotFound, "there are no articles in this language"),
            None => known,
        };
        let mut publications = Vec::new();
        for locale in locales {
            publications.extend(self.publish_locale(app, &locale, at)?);
        }
        self.sweep_images(app, at)?;
        done(!publications.is_empty(), Outcome::FaqPublished(publications))
    }

    fn publish_locale(&self, app: AppId, locale: &Locale, at: UnixMillis) -> Done<Option<FaqPublication>> {
        let default_locale = faq::default_locale(self.conn, app)?;
        let drafts = faq::locale_drafts(self.conn, app, locale)?;
        let before = faq::published(self.conn, app, locale)?;
        let mut standing = self.shown_articles(app, locale)?;
        let (mut changed, mut removed, mut articles) = (Vec::new(), Vec::new(), Vec::new());
        for row in drafts.articles.iter().filter(|row| !row.draft.withheld) {
            let was = standing.remove(&row.draft.id);
            let version = was.as_ref().map_or(0, |was| was.version);
            let same = was.and_then(|was| was.article).filter(|was| row.draft.article(version, was.updated_at) == *was);
            articles.push(same.unwrap_or_else(|| {
                let article = row.draft.article(version + 1, row.updated_at);
                changed.push(article.clone());
                article
            }));
        }
        for (id, was) in standing {
            if was.article.is_some() {
                removed.push(id);
            }
        }
        // A collection without an article would be an empty page.
        let has_article = |collection: &Collection| {
            articles.iter().any(|article| article.collection.as_ref() == Some(&collection.id))
        };
        let collections: Vec<_> = drafts.collections.into_iter().filter(has_article).collect();
        let same_frame = match &before {
            Some(before) => before.default_locale == default_locale && before.collections == collections,
            None => articles.is_empty(),
        };
        if same_frame && changed.is_empty() && removed.is_empty() {
            return Ok(None);
        }
        let (count, changes) = (articles.len(), changed.len());
        let bundle = Bundle { default_locale, collections, articles };
        check_size(locale, &bundle)?;
        let version = faq::next_version(self.conn, app, at)?;
        faq::note_publication(self.conn, app, locale, version, at)?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO faq_published (app_id, locale, version, default_locale, collections, articles) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                app.0,
                locale.as_str(),
                version,
                bundle.default_locale.as_ref().map(Locale::as_str),
                to_json(&bundle.collections)?,
                count
            ])?;
        for article in &changed {
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO faq_articles (app_id, locale, id, version, changed, document) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    app.0,
                    locale.as_str(),
                    article.id.as_str(),
                    article.version,
                    version,
                    to_json(article)?
                ])?;
        }
        for id in &removed {
            self.conn
                .prepare_cached(
                    "UPDATE faq_articles SET document = NULL, changed = ?4 \
                     WHERE app_id = ?1 AND locale = ?2 AND id = ?3",
                )?
                .execute(params![app.0, locale.as_str(), id.as_str(), version])?;
        }
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Some(FaqPublication {
            locale: locale.clone(),
            version,
            articles: small(count),
            changed: small(changes),
            removed: small(removed.len()),
        }))
    }

    fn shown_articles(&self, app: AppId, locale: &Locale) -> Done<BTreeMap<ArticleId, Shown>> {
        let mut standing = BTreeMap::new();
        let mut statement = self.conn.prepare_cached(
            "SELECT id, version, document IS NULL, document FROM faq_articles WHERE app_id = ?1 AND locale = ?2",
        )?;
        let mut all = statement.query(params![app.0, locale.as_str()])?;
        while let Some(row) = all.next()? {
            let article = if row.get(2)? { None } else { Some(rows::json(row, 3)?) };
            standing.insert(faq::parsed(row, 0)?, Shown { version: row.get(1)?, article });
        }
        Ok(standing)
    }

    /// Notes which pictures nobody shows any more, and drops those that nobody has shown for long.
    fn sweep_images(&self, app: AppId, at: UnixMillis) -> Done<()> {
        let shown = |documents: &str| {
            format!(
                "SELECT json_extract(i.value, '$.sha256') FROM {documents} d, json_each(d.document, '$.images') i \
                 WHERE d.app_id = ?1 AND d.document IS NOT NULL"
            )
        };
        let (drafts, articles) = (shown("faq_drafts"), shown("faq_articles"));
        self.conn.execute(
            &format!(
                "UPDATE faq_images SET unused_since = CASE WHEN lower(hex(sha256)) IN ({drafts} UNION {articles}) \
                 THEN NULL ELSE coalesce(unused_since, ?2) END WHERE app_id = ?1"
            ),
            params![app.0, at.0],
        )?;
        self.conn.execute(
            "DELETE FROM faq_images WHERE app_id = ?1 AND unused_since < ?2",
            params![app.0, at.plus(-UNUSED_IMAGE_MS).0],
        )?;
        Ok(())
    }
}

fn check_size(locale: &Locale, bundle: &Bundle) -> Done<()> {
    let bytes = to_json(bundle)?.len() + HEADER_BYTES;
    if bytes <= FAQ_BUNDLE_BYTES {
        return Ok(());
    }
    let detail = format!(
        "the publication in {locale} would have {bytes} bytes, {FAQ_BUNDLE_BYTES} are allowed: shorten or remove articles"
    );
    Err(Fault::Refused(Violation::new(Code::BodyTooLarge, "", detail)))
}
