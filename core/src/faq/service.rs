//! The FAQ as an app calls it. Every answer comes from this phone at once; what is newer at the server comes by itself and
//! is observed.

use std::path::PathBuf;
use std::sync::Arc;

use beistand_protocol::UnixMillis;
use beistand_protocol::faq::{Article, ArticleId, ArticleImage, CollectionId, Locale};
use rusqlite::Connection;
use serde::Serialize;

use super::build::Progress;
use super::cache::{self, Cached, Shelf};
use super::feedback::{self, Counted};
use super::index::{Found, Index};
use super::markdown::{self, Block};
use super::snippet::{Highlight, Snippet};
use super::{images, language, state};
use crate::client::{Guard, Inner};
use crate::error::{Result, StoreError};
use crate::observe::Observable;

/// Hits of a search, unless another number is asked for: what a person looks through on a phone.
const HITS: usize = 20;

/// The most hits that are given, whatever is asked for.
const MOST_HITS: usize = 200;

/// Suggestions beside a draft: more would be read by nobody who writes.
const SUGGESTIONS: usize = 3;

/// How a search is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchOptions {
    /// The most hits; 20 by default, at most 200.
    pub limit: usize,
    /// Search in this language; by default in the person's own, or in the one that the query is written in.
    pub locale: Option<Locale>,
    /// The person is still typing: the last word may be the beginning of one.
    pub typing: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { limit: HITS, locale: None, typing: false }
    }
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct SearchResults {
    /// The articles, best first.
    pub hits: Vec<Hit>,
    /// The language that was searched; none if nothing is cached.
    pub locale_used: Option<Locale>,
}

/// An article that was found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Hit {
    /// The article.
    pub article: ArticleId,
    /// Its language.
    pub locale: Locale,
    /// Where it stands.
    pub collection: Option<CollectionId>,
    /// Its title.
    pub title: String,
    /// What of the title fits the query.
    pub title_highlights: Vec<Highlight>,
    /// A piece of the article around what fits.
    pub snippet: Snippet,
    /// Higher is better; comparable within one answer only.
    pub score: f64,
}

/// An article, ready to be drawn.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ArticleView {
    /// Its id.
    pub id: ArticleId,
    /// The language of this text; another than the person's where it is not translated.
    pub locale: Locale,
    /// Where it stands.
    pub collection: Option<CollectionId>,
    /// The question.
    pub title: String,
    /// The answer.
    pub blocks: Vec<Block>,
    /// The pictures that the answer may show, for [`Faq::image`].
    pub images: Vec<ArticleImage>,
    /// Words to sort by.
    pub tags: Vec<String>,
    /// Counts the publications of this text.
    pub version: u64,
    /// When it was written.
    pub updated_at: UnixMillis,
}

/// A collection, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CollectionView {
    /// Its id.
    pub id: CollectionId,
    /// What a person reads.
    pub title: String,
    /// One line below the title; may be empty.
    pub description: String,
    /// How many articles it holds.
    pub articles: u32,
}

/// An article, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ArticleEntry {
    /// Its id.
    pub id: ArticleId,
    /// Where it stands.
    pub collection: Option<CollectionId>,
    /// The question.
    pub title: String,
}

/// How the cache stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct FaqStatus {
    /// The language that this person reads; none if nothing is cached.
    pub locale: Option<Locale>,
    /// Its publication.
    pub version: Option<u64>,
    /// How many articles it has.
    pub articles: u32,
    /// This phone's clock when the server last said that this is the newest; none if it never did, as with a seed.
    pub checked_at: Option<UnixMillis>,
    /// Whether the server is being asked right now.
    pub refreshing: bool,
    /// All languages that are cached, the one used last first.
    pub cached: Vec<Locale>,
}

/// The FAQ of a client: [`crate::Client::faq`]. Clones share it. Nothing is opened or started before the first call.
#[derive(Clone)]
pub struct Faq {
    pub(crate) inner: Arc<Inner>,
    pub(crate) _guard: Arc<Guard>,
}

impl Faq {
    /// Searches. Every text is a legal query.
    ///
    /// # Errors
    /// `Storage`, `StorageFull`, `ShutDown`. A damaged cache is no error: it is begun anew from what the app carries.
    pub async fn search(&self, query: &str, options: SearchOptions) -> Result<SearchResults> {
        let (inner, query, wanted) = (self.inner.clone(), query.to_owned(), self.inner.faq.wanted());
        let (typing, typed) = (options.typing, query.clone());
        let limit = options.limit.clamp(1, MOST_HITS);
        let results = state::read(&self.inner, move |connection, shelf| {
            let locale = options.locale.clone().or_else(|| language::language_of(&query, &wanted, &shelf.locales()));
            let locale = locale.unwrap_or_else(|| wanted.clone());
            let mut results = SearchResults::default();
            for cached in to_search(shelf, &locale, options.locale.is_some()) {
                let index = inner.faq.index(shelf, cached);
                let found = index.search(connection, &query, options.typing, limit)?;
                results.hits = hits(connection, cached, &index, &query, found)?;
                if !results.hits.is_empty() || results.locale_used.is_none() {
                    results.locale_used = Some(cached.locale.clone());
                }
                if !results.hits.is_empty() {
                    break;
                }
            }
            Ok(results)
        })
        .await?;
        // What is still being typed finds nothing for other reasons; so does a phone that has no article yet.
        if let (true, false, Some(locale)) = (results.hits.is_empty(), typing, &results.locale_used) {
            feedback::count_behind(&self.inner, Counted::Search(locale.clone(), typed));
        }
        Ok(results)
    }

    /// Articles that may answer what is being written, at most three; none if nothing is near.
    ///
    /// # Errors
    /// As [`Faq::search`].
    pub async fn suggest(&self, draft: &str) -> Result<Vec<Hit>> {
        let (inner, draft, wanted) = (self.inner.clone(), draft.to_owned(), self.inner.faq.wanted());
        state::read(&self.inner, move |connection, shelf| {
            let locale = language::language_of(&draft, &wanted, &shelf.locales()).unwrap_or_else(|| wanted.clone());
            let Some(cached) = shelf.resolve(&locale) else { return Ok(Vec::new()) };
            let index = inner.faq.index(shelf, cached);
            let found = index.suggest(connection, &draft, SUGGESTIONS)?;
            hits(connection, cached, &index, &draft, found)
        })
        .await
    }

    /// How near the nearest article is to a draft, as the logarithm of the odds that it answers it, whether
    /// [`Faq::suggest`] would offer it or not. For measuring where the line should be.
    #[doc(hidden)]
    pub async fn nearness(&self, draft: &str) -> Result<Option<f64>> {
        let (inner, draft, wanted) = (self.inner.clone(), draft.to_owned(), self.inner.faq.wanted());
        state::read(&self.inner, move |connection, shelf| {
            let Some(cached) = shelf.resolve(&wanted) else { return Ok(None) };
            Ok(inner.faq.index(shelf, cached).nearness(connection, &draft)?)
        })
        .await
    }

    /// An article in the person's language or, where it is not translated, in the nearest that has it. `None` if no cached
    /// language has it.
    ///
    /// # Errors
    /// As [`Faq::search`].
    pub async fn article(&self, id: &ArticleId) -> Result<Option<ArticleView>> {
        let (id, wanted) = (id.clone(), self.inner.faq.wanted());
        let found = state::read(&self.inner, move |connection, shelf| {
            let Some(cached) = language_of_article(connection, shelf, &wanted, &id)? else { return Ok(None) };
            let article = cache::article(connection, cached.number, &id)?;
            Ok(article.map(|article| view(article, cached.locale.clone())))
        })
        .await?;
        if let Some(article) = &found {
            state::prefetch(&self.inner, &article.images);
            feedback::count_behind(&self.inner, Counted::View(article.id.clone(), article.locale.clone()));
        }
        Ok(found)
    }

    /// Tells the editors whether an article helped; offline too. Of several ratings of one article and language the last
    /// counts. The person is not asked about it again: a rating is in no list of what waits, and one that the server
    /// refuses is dropped.
    ///
    /// # Errors
    /// `InvalidInput` if the comment has more than 1,000 characters, `OutboxFull` if 200 ratings wait, `Storage`,
    /// `StorageFull`, `ShutDown`. Nothing was stored then.
    pub async fn rate(&self, article: &ArticleView, helpful: bool, comment: Option<&str>) -> Result<()> {
        let (id, locale) = (article.id.clone(), article.locale.clone());
        self.rate_version(id, locale, article.version, helpful, comment).await
    }

    /// The same for whoever has only the name of what was read.
    ///
    /// # Errors
    /// As [`Faq::rate`].
    pub async fn rate_version(
        &self,
        id: ArticleId,
        locale: Locale,
        version: u64,
        helpful: bool,
        comment: Option<&str>,
    ) -> Result<()> {
        feedback::rate(&self.inner, id, locale, version, helpful, comment).await
    }

    /// The collections in the editors' order.
    ///
    /// # Errors
    /// As [`Faq::search`].
    pub async fn collections(&self) -> Result<Vec<CollectionView>> {
        let wanted = self.inner.faq.wanted();
        state::read(&self.inner, move |connection, shelf| {
            let Some(cached) = shelf.resolve(&wanted) else { return Ok(Vec::new()) };
            let found = cache::collections(connection, cached.number)?;
            Ok(found
                .into_iter()
                .map(|(collection, articles)| CollectionView {
                    id: collection.id,
                    title: collection.title,
                    description: collection.description,
                    articles,
                })
                .collect())
        })
        .await
    }

    /// The articles of a collection, or all, in the editors' order.
    ///
    /// # Errors
    /// As [`Faq::search`].
    pub async fn articles(&self, collection: Option<&CollectionId>) -> Result<Vec<ArticleEntry>> {
        let (collection, wanted) = (collection.cloned(), self.inner.faq.wanted());
        state::read(&self.inner, move |connection, shelf| {
            let Some(cached) = shelf.resolve(&wanted) else { return Ok(Vec::new()) };
            let found = cache::titles(connection, cached.number, collection.as_ref())?;
            Ok(found.into_iter().map(|(id, collection, title)| ArticleEntry { id, collection, title }).collect())
        })
        .await
    }

    /// Where a picture lies on this phone; fetched and checked first if it does not. The path is good until room is needed
    /// for others: ask again rather than keep it.
    ///
    /// # Errors
    /// `Unreachable` without a network, `Refused` (`not-found`), `NotFound` if this is no SHA-256, `Faq`
    /// (`faq-other-picture`, `faq-too-large`), `StorageFull`. Show the alternative text then.
    pub async fn image(&self, sha256: &str) -> Result<PathBuf> {
        images::fetch(&self.inner, sha256).await
    }

    /// How the cache stands, read from it.
    ///
    /// # Errors
    /// As [`Faq::search`].
    pub async fn status(&self) -> Result<FaqStatus> {
        state::read(&self.inner, |_, _| Ok(())).await?;
        Ok(self.inner.faq.status.get())
    }

    /// How the cache stands, to be observed: a new version shows here. Empty before the first call.
    pub fn observe(&self) -> Observable<FaqStatus> {
        self.inner.faq.status.clone()
    }

    /// How far the build of an index is; `None` while none is under way.
    pub fn build_progress(&self) -> Observable<Option<Progress>> {
        self.inner.faq.progress.clone()
    }

    /// Stops the build that is under way. What was cached before stays; the next refresh begins anew.
    pub fn cancel_build(&self) {
        self.inner.faq.cancel_build();
    }

    /// Asks the server now, and returns when what is newer is applied. Needs the network; nothing else does.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`, `Faq` if what came was not taken, and as [`Faq::search`].
    pub async fn refresh(&self) -> Result<()> {
        state::ready(&self.inner).await?;
        super::fetch::refresh(&self.inner).await.map_err(|missed| missed.error)
    }

    /// The language that the person reads from now on, instead of [`crate::Settings::locale`]. Answers at once from what is
    /// cached; the server is asked by itself if it was not asked for this language lately.
    ///
    /// # Errors
    /// As [`Faq::search`].
    pub async fn set_locale(&self, locale: Locale) -> Result<()> {
        state::set_wanted(&self.inner, locale).await
    }
}

/// The languages to search one after the other until something is found: the person's, then the one that stands in.
fn to_search<'a>(shelf: &'a Shelf, locale: &Locale, only: bool) -> Vec<&'a Cached> {
    let first = shelf.resolve(locale);
    let default = shelf.default_locale().and_then(|default| shelf.find(default)).filter(|_| !only);
    let mut all: Vec<&Cached> = first.into_iter().chain(default).collect();
    all.dedup_by_key(|cached| cached.number);
    all
}

/// In which cached language a person reads an article.
fn language_of_article<'a>(
    connection: &Connection,
    shelf: &'a Shelf,
    wanted: &Locale,
    id: &ArticleId,
) -> std::result::Result<Option<&'a Cached>, StoreError> {
    let there = cache::locales_with(connection, shelf, id)?;
    if let Some(own) = shelf.resolve(wanted).filter(|own| there.contains(&own.locale)) {
        return Ok(Some(own));
    }
    Ok(wanted.best_of(&there, shelf.default_locale()).and_then(|best| shelf.find(best)))
}

fn hits(
    connection: &Connection,
    cached: &Cached,
    index: &Index,
    query: &str,
    found: Vec<Found>,
) -> std::result::Result<Vec<Hit>, StoreError> {
    let sought = index.sought(query);
    let mut hits = Vec::with_capacity(found.len());
    for found in found {
        let Some(article) = cache::by_row(connection, found.row)? else { continue };
        hits.push(Hit {
            title_highlights: sought.highlights(&article.title),
            snippet: sought.snippet(&cache::text_of(&article)),
            article: article.id,
            locale: cached.locale.clone(),
            collection: article.collection,
            title: article.title,
            score: found.score,
        });
    }
    Ok(hits)
}

fn view(article: Article, locale: Locale) -> ArticleView {
    ArticleView {
        blocks: markdown::blocks(&article.body, &article.images),
        id: article.id,
        locale,
        collection: article.collection,
        title: article.title,
        images: article.images,
        tags: article.tags,
        version: article.version,
        updated_at: article.updated_at,
    }
}
