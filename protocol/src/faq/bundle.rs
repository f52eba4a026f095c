//! A publication of one language: whole, or what changed since an earlier one.

use serde::{Deserialize, Serialize};

use super::{Article, ArticleId, Collection, Locale};

/// Everything that is published in one language.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bundle {
    /// The language that stands in where a person's own is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_locale: Option<Locale>,
    /// All collections.
    #[serde(default)]
    pub collections: Vec<Collection>,
    /// All articles.
    pub articles: Vec<Article>,
}

/// What changed between two publications of one language.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delta {
    /// The language that stands in where a person's own is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_locale: Option<Locale>,
    /// All collections as they are now: there are few.
    #[serde(default)]
    pub collections: Vec<Collection>,
    /// Articles that are new or changed, whole.
    #[serde(default)]
    pub upserts: Vec<Article>,
    /// Articles that are gone.
    #[serde(default)]
    pub tombstones: Vec<ArticleId>,
}

/// What a parcel holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contents {
    /// Everything.
    Bundle(Bundle),
    /// What changed since the publication `from`.
    Delta {
        /// The version that it changes.
        from: u64,
        /// The changes.
        delta: Delta,
    },
}

/// The answer of `GET /v1/faq`: what is published.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FaqIndex {
    /// The language that stands in where a person's own is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_locale: Option<Locale>,
    /// The languages.
    pub locales: Vec<FaqLocale>,
}

/// One published language.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FaqLocale {
    /// The language.
    pub locale: Locale,
    /// Its publication.
    pub version: u64,
    /// How many articles it has.
    pub articles: u32,
}
