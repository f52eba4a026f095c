//! Articles of the FAQ as a store keeps them: what editors work on (drafts), and what is published. An import writes
//! drafts; a publication makes them what phones get, all of a language at once.

use std::collections::{BTreeMap, BTreeSet};

use beistand_protocol::{
    UnixMillis,
    faq::{Article, ArticleId, ArticleImage, Collection, CollectionId, Locale},
};
use serde::{Deserialize, Serialize};

use super::AppId;

/// A write that concerns the FAQ.
#[derive(Clone, Debug)]
pub enum FaqCommand {
    /// Drafts of some languages, whole. Answers with [`super::Outcome::FaqChanges`].
    Import {
        /// Where.
        app: AppId,
        /// What.
        import: Box<FaqImport>,
        /// Whether articles and collections of these languages that are not in it are removed.
        prune: bool,
        /// When.
        at: UnixMillis,
    },
    /// Makes the drafts what phones get. Refused if a bundle would be larger than [`FAQ_BUNDLE_BYTES`]; what has not
    /// changed makes no publication. Answers with [`super::Outcome::FaqPublished`].
    ///
    /// [`FAQ_BUNDLE_BYTES`]: beistand_protocol::limits::FAQ_BUNDLE_BYTES
    Publish {
        /// Where.
        app: AppId,
        /// Only this language.
        locale: Option<Locale>,
        /// The seed of the app's signing key if it has none yet.
        seed: [u8; 32],
        /// When.
        at: UnixMillis,
    },
    /// Gives the app a signing key if it has none.
    MakeKey {
        /// Where.
        app: AppId,
        /// Its seed.
        seed: [u8; 32],
    },
}

/// An article as its editors left it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ArticleDraft {
    /// Its id.
    pub id: ArticleId,
    /// Where it stands.
    pub collection: Option<CollectionId>,
    /// Its place in the collection.
    pub position: u32,
    /// The question.
    pub title: String,
    /// The answer, in Markdown.
    pub body: String,
    /// How people also ask this.
    pub also_asked_as: Vec<String>,
    /// Words to sort by.
    pub tags: Vec<String>,
    /// The pictures that the body shows.
    pub images: Vec<ArticleImage>,
    /// Not to be published yet; one that is published is taken back by the next publication.
    pub withheld: bool,
}

impl ArticleDraft {
    /// The article that a publication makes of it.
    pub fn article(&self, version: u64, updated_at: UnixMillis) -> Article {
        Article {
            id: self.id.clone(),
            collection: self.collection.clone(),
            position: self.position,
            title: self.title.clone(),
            body: self.body.clone(),
            also_asked_as: self.also_asked_as.clone(),
            tags: self.tags.clone(),
            images: self.images.clone(),
            version,
            updated_at,
        }
    }
}

/// A draft as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DraftRow {
    /// What it says.
    pub draft: ArticleDraft,
    /// Counts its edits, from 1.
    pub revision: u64,
    /// When the last edit was.
    pub updated_at: UnixMillis,
}

/// The drafts of one language.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocaleDrafts {
    /// Its collections.
    pub collections: Vec<Collection>,
    /// Its articles, by id.
    pub articles: Vec<DraftRow>,
}

/// All drafts of an app.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaqDrafts {
    /// The language that stands in where a person's own is missing.
    pub default_locale: Option<Locale>,
    /// The languages.
    pub locales: BTreeMap<Locale, LocaleDrafts>,
}

/// What an import brings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaqImport {
    /// The language that stands in; `None` leaves it as it is.
    pub default_locale: Option<Locale>,
    /// Articles and collections, by language.
    pub locales: BTreeMap<Locale, LocaleImport>,
    /// The pictures of the articles.
    pub images: Vec<FaqImage>,
}

/// What an import brings in one language.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocaleImport {
    /// Collections; no id twice.
    pub collections: Vec<Collection>,
    /// Articles; no id twice.
    pub articles: Vec<ArticleDraft>,
}

/// A picture with its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct FaqImage {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// What it is.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for FaqImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaqImage({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// What an import changes in one language.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocaleChanges {
    /// Articles that are new.
    pub added: Vec<ArticleId>,
    /// Articles that differ from what is stored.
    pub changed: Vec<ArticleId>,
    /// Articles that go.
    pub removed: Vec<ArticleId>,
    /// How many articles stay as they are.
    pub unchanged: usize,
    /// Whether a collection is new, differs or goes.
    pub collections: bool,
}

impl LocaleChanges {
    /// What writing an import over drafts changes: the one rule, for the store and for a dry run.
    pub fn between(drafts: &LocaleDrafts, import: &LocaleImport, prune: bool) -> Self {
        let mut changes = Self::default();
        let stored: BTreeMap<_, _> = drafts.articles.iter().map(|row| (&row.draft.id, &row.draft)).collect();
        for article in &import.articles {
            match stored.get(&article.id) {
                None => changes.added.push(article.id.clone()),
                Some(same) if *same == article => changes.unchanged += 1,
                Some(_) => changes.changed.push(article.id.clone()),
            }
        }
        let brought: BTreeSet<_> = import.articles.iter().map(|article| &article.id).collect();
        for id in stored.into_keys().filter(|id| !brought.contains(id)) {
            if prune {
                changes.removed.push(id.clone());
            } else {
                changes.unchanged += 1;
            }
        }
        let is_stored = |collection: &Collection| drafts.collections.contains(collection);
        let is_brought = |collection: &Collection| import.collections.iter().any(|other| other.id == collection.id);
        changes.collections =
            !import.collections.iter().all(is_stored) || (prune && !drafts.collections.iter().all(is_brought));
        changes
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty() && !self.collections
    }
}

/// A publication that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaqPublication {
    /// The language.
    pub locale: Locale,
    /// Its number.
    pub version: u64,
    /// How many articles it has.
    pub articles: u32,
    /// How many of them are new or changed.
    pub changed: u32,
    /// How many articles it took away.
    pub removed: u32,
}
