//! Answers without a network.

use std::sync::Arc;

use beistand_core::Faq;
use beistand_core::faq::{
    ArticleEntry, CollectionView, FaqStatus, Highlight, Hit, SearchOptions, SearchResults, Snippet,
};
use beistand_core::protocol::faq::{ArticleId, CollectionId, Locale};

use crate::article::FfiArticle;
use crate::attachments::text;
use crate::error::FfiError;
use crate::input::id;
use crate::runtime::{self, Alive, FfiCancel, run, run_until};
use crate::watches::FfiFaqStatusWatch;

/// A part of a text to highlight, in UTF-16 code units from its beginning, the end exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiHighlight {
    /// First code unit.
    pub start: u32,
    /// Behind the last code unit.
    pub end: u32,
}

impl From<Highlight> for FfiHighlight {
    fn from(highlight: Highlight) -> Self {
        Self { start: highlight.utf16_start, end: highlight.utf16_end }
    }
}

/// A part of an article's text.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiSnippet {
    /// The words, on one line.
    pub text: String,
    /// What of it was looked for.
    pub highlights: Vec<FfiHighlight>,
}

impl From<Snippet> for FfiSnippet {
    fn from(snippet: Snippet) -> Self {
        Self { text: snippet.text, highlights: snippet.highlights.into_iter().map(Into::into).collect() }
    }
}

/// An article that was found.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiHit {
    /// The article.
    pub article: String,
    /// Its language.
    pub locale: String,
    /// Where it stands.
    pub collection: Option<String>,
    /// Its title.
    pub title: String,
    /// What of the title fits the query.
    pub title_highlights: Vec<FfiHighlight>,
    /// A piece of the article around what fits.
    pub snippet: FfiSnippet,
    /// Higher is better; comparable within one answer only.
    pub score: f64,
}

impl From<Hit> for FfiHit {
    fn from(hit: Hit) -> Self {
        Self {
            article: hit.article.as_str().to_owned(),
            locale: hit.locale.as_str().to_owned(),
            collection: hit.collection.map(|collection| collection.as_str().to_owned()),
            title: hit.title,
            title_highlights: hit.title_highlights.into_iter().map(Into::into).collect(),
            snippet: hit.snippet.into(),
            score: hit.score,
        }
    }
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiSearchResults {
    /// The articles, best first.
    pub hits: Vec<FfiHit>,
    /// The language that was searched; none if nothing is cached.
    pub locale_used: Option<String>,
}

impl From<SearchResults> for FfiSearchResults {
    fn from(results: SearchResults) -> Self {
        Self {
            hits: results.hits.into_iter().map(Into::into).collect(),
            locale_used: results.locale_used.map(|locale| locale.as_str().to_owned()),
        }
    }
}

/// How a search is done.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiSearchOptions {
    /// The most hits, at most 200.
    pub limit: u32,
    /// Search in this language; none for the person's own, or the one that the query is written in.
    pub locale: Option<String>,
    /// The person is still typing: the last word may be the beginning of one.
    pub typing: bool,
}

/// A collection, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiCollection {
    /// Its id.
    pub id: String,
    /// What a person reads.
    pub title: String,
    /// One line below the title; may be empty.
    pub description: String,
    /// How many articles it holds.
    pub articles: u32,
}

impl From<CollectionView> for FfiCollection {
    fn from(collection: CollectionView) -> Self {
        Self {
            id: collection.id.as_str().to_owned(),
            title: collection.title,
            description: collection.description,
            articles: collection.articles,
        }
    }
}

/// An article, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiArticleEntry {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub collection: Option<String>,
    /// The question.
    pub title: String,
}

impl From<ArticleEntry> for FfiArticleEntry {
    fn from(entry: ArticleEntry) -> Self {
        Self {
            id: entry.id.as_str().to_owned(),
            collection: entry.collection.map(|collection| collection.as_str().to_owned()),
            title: entry.title,
        }
    }
}

/// How the cache stands.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiFaqStatus {
    /// The language that this person reads; none if nothing is cached.
    pub locale: Option<String>,
    /// Its publication.
    pub version: Option<u64>,
    /// How many articles it has.
    pub articles: u32,
    /// When the server last said that this is the newest, in milliseconds since 1970; none if it never did.
    pub checked_at: Option<i64>,
    /// Whether the server is being asked right now.
    pub refreshing: bool,
    /// All languages that are cached, the one used last first.
    pub cached: Vec<String>,
}

impl From<FaqStatus> for FfiFaqStatus {
    fn from(status: FaqStatus) -> Self {
        Self {
            locale: status.locale.map(|locale| locale.as_str().to_owned()),
            version: status.version,
            articles: status.articles,
            checked_at: status.checked_at.map(|at| at.0),
            refreshing: status.refreshing,
            cached: status.cached.into_iter().map(|locale| locale.as_str().to_owned()).collect(),
        }
    }
}

/// The FAQ of a client.
#[derive(uniffi::Object)]
pub struct FfiFaq {
    core: Faq,
    _alive: Alive,
}

impl FfiFaq {
    pub(crate) fn new(core: Faq) -> Arc<Self> {
        Arc::new(Self { core, _alive: Alive::new() })
    }
}

#[uniffi::export]
impl FfiFaq {
    /// Searches. Every text is a legal query.
    pub async fn search(&self, query: String, options: FfiSearchOptions) -> Result<FfiSearchResults, FfiError> {
        let core = self.core.clone();
        let locale = options.locale.as_deref().map(locale).transpose()?;
        let options = SearchOptions { limit: options.limit as usize, locale, typing: options.typing };
        Ok(run(async move { core.search(&query, options).await }).await?.into())
    }

    /// Articles that may answer what is being written, at most three; none if nothing is near.
    pub async fn suggest(&self, draft: String) -> Result<Vec<FfiHit>, FfiError> {
        let core = self.core.clone();
        Ok(run(async move { core.suggest(&draft).await }).await?.into_iter().map(Into::into).collect())
    }

    /// An article in the person's language or the nearest that has it. None if no cached language has it.
    pub async fn article(&self, article: String) -> Result<Option<FfiArticle>, FfiError> {
        let (core, article) = (self.core.clone(), article_id(&article)?);
        Ok(run(async move { core.article(&article).await }).await?.map(Into::into))
    }

    /// Tells the editors whether an article helped; offline too. `locale` and `version` are those of the article.
    pub async fn rate(
        &self,
        article: String,
        locale: String,
        version: u64,
        helpful: bool,
        comment: Option<String>,
    ) -> Result<(), FfiError> {
        let (core, article, locale) = (self.core.clone(), article_id(&article)?, self::locale(&locale)?);
        run(async move { core.rate_version(article, locale, version, helpful, comment.as_deref()).await }).await
    }

    /// The collections in the editors' order.
    pub async fn collections(&self) -> Result<Vec<FfiCollection>, FfiError> {
        let core = self.core.clone();
        Ok(run(async move { core.collections().await }).await?.into_iter().map(Into::into).collect())
    }

    /// The articles of a collection, or all, in the editors' order.
    pub async fn articles(&self, collection: Option<String>) -> Result<Vec<FfiArticleEntry>, FfiError> {
        let core = self.core.clone();
        let collection: Option<CollectionId> =
            collection.as_deref().map(|text| id(text, "the id of a collection")).transpose()?;
        let found = run(async move { core.articles(collection.as_ref()).await }).await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Where a picture lies on this phone; fetched and checked first if it does not.
    pub async fn image(&self, sha256: String, cancel: Option<Arc<FfiCancel>>) -> Result<String, FfiError> {
        let core = self.core.clone();
        Ok(text(run_until(cancel, async move { core.image(&sha256).await }).await?))
    }

    /// How the cache stands, read from it.
    pub async fn status(&self) -> Result<FfiFaqStatus, FfiError> {
        let core = self.core.clone();
        Ok(run(async move { core.status().await }).await?.into())
    }

    /// How the cache stands, to be watched. Empty before the first call.
    pub fn watch_status(&self) -> Arc<FfiFaqStatusWatch> {
        FfiFaqStatusWatch::new(self.core.observe().subscribe())
    }

    /// Asks the server now, and returns when what is newer is applied.
    pub async fn refresh(&self, cancel: Option<Arc<FfiCancel>>) -> Result<(), FfiError> {
        let core = self.core.clone();
        run_until(cancel, async move { core.refresh().await }).await
    }

    /// The language that the person reads from now on.
    pub async fn set_locale(&self, tag: String) -> Result<(), FfiError> {
        let (core, locale) = (self.core.clone(), locale(&tag)?);
        run(async move { core.set_locale(locale).await }).await
    }

    /// Stops the build of an index that is under way.
    pub fn cancel_build(&self) {
        runtime::enter(|| self.core.cancel_build());
    }
}

fn article_id(text: &str) -> Result<ArticleId, FfiError> {
    id(text, "the id of an article")
}

fn locale(tag: &str) -> Result<Locale, FfiError> {
    id(tag, "a language tag")
}
