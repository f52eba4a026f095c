//! Articles and the collections that hold them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{limits, problem::Violation, text, time::UnixMillis};

/// A text that is no id of an article or collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an id is 1 to 100 of a-z, A-Z, 0-9, dot, hyphen and underscore, and does not begin with a dot")]
pub struct NotAnId;

macro_rules! named {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                let fits = (1..=100).contains(&text.len())
                    && !text.starts_with('.')
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
                if fits { Ok(Self(text)) } else { Err(NotAnId) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

named! {
    /// What an editor calls an article: the same in every language, and for ever. It stands in links and file names.
    ArticleId
}
named! {
    /// What an editor calls a collection.
    CollectionId
}

/// A group of articles, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// What a person reads.
    pub title: String,
    /// One line below the title; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its place among the collections, lowest first; equal places go by title.
    #[serde(default)]
    pub position: u32,
}

/// A published article in one language.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// Where it stands; none for one that is found by search and links only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// Its place in the collection, lowest first; equal places go by title.
    #[serde(default)]
    pub position: u32,
    /// The question, in plain text.
    pub title: String,
    /// The answer, in Markdown (CommonMark with tables). Links to other articles are `article:<id>`, images are names of
    /// `images`; raw HTML is shown by nobody.
    pub body: String,
    /// How people also ask this; found as if it stood in the title.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_asked_as: Vec<String>,
    /// Words to sort by; not searched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The pictures that the body shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ArticleImage>,
    /// Counts the publications of this article in this language, from 1.
    pub version: u64,
    /// When this version was written.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: UnixMillis,
}

/// A picture of an article. Its bytes are at `GET /v1/faq/images/{sha256}`, for ever the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArticleImage {
    /// What the body calls it.
    pub name: String,
    /// SHA-256 of the bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// What is wrong with an article or a collection. No code of an endpoint: articles come from editors' files, and whoever
/// reads those says which file it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct ArticleFault {
    /// The member at fault.
    pub field: &'static str,
    /// Why, in one sentence without words of the text.
    pub detail: String,
}

/// A text of an article held against the rules that all texts have in common.
fn fits(field: &'static str, checked: Result<(), Violation>) -> Result<(), ArticleFault> {
    checked.map_err(|violation| ArticleFault { field, detail: violation.detail })
}

fn few(field: &'static str, have: usize, most: usize) -> Result<(), ArticleFault> {
    if have <= most { Ok(()) } else { Err(ArticleFault { field, detail: format!("at most {most} are allowed") }) }
}

impl Article {
    /// Holds an article against the limits of `limits`.
    pub fn check(&self) -> Result<(), ArticleFault> {
        fits("title", text::check(&self.title, limits::FAQ_TITLE_CHARS, "title"))?;
        fits("body", text::check_characters(&self.body, limits::FAQ_BODY_CHARS, "body"))?;
        few("also_asked_as", self.also_asked_as.len(), limits::FAQ_PHRASES)?;
        few("tags", self.tags.len(), limits::FAQ_TAGS)?;
        few("images", self.images.len(), limits::FAQ_ARTICLE_IMAGES)?;
        for phrase in &self.also_asked_as {
            fits("also_asked_as", text::check(phrase, limits::FAQ_TITLE_CHARS, "also_asked_as"))?;
        }
        for tag in &self.tags {
            fits("tags", text::check(tag, limits::FAQ_TAG_CHARS, "tags"))?;
        }
        Ok(())
    }
}

impl Collection {
    /// Holds a collection against the limits of `limits`.
    pub fn check(&self) -> Result<(), ArticleFault> {
        fits("title", text::check(&self.title, limits::FAQ_TITLE_CHARS, "title"))?;
        fits("description", text::check_characters(&self.description, limits::FAQ_TITLE_CHARS, "description"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_fit_for_links_and_file_names() {
        for good in ["0", "returns", "Rueckgabe_2.1", &"a".repeat(100)] {
            assert_eq!(good.parse::<ArticleId>().unwrap().as_str(), good);
        }
        for bad in ["", ".hidden", "..", "a/b", "ä", "a b", "a\u{0}", &"a".repeat(101)] {
            assert_eq!(bad.parse::<ArticleId>(), Err(NotAnId), "{bad}");
        }
    }

    #[test]
    fn what_is_too_long_is_named() {
        let good = Article {
            id: "a".parse().unwrap(),
            collection: None,
            position: 0,
            title: "Wie?".into(),
            body: "So.".into(),
            also_asked_as: vec![],
            tags: vec![],
            images: vec![],
            version: 1,
            updated_at: UnixMillis(1),
        };
        assert_eq!(good.check(), Ok(()));
        let title = Article { title: " ".into(), ..good.clone() };
        assert_eq!(title.check().unwrap_err().field, "title");
        let body = Article { body: "a".repeat(limits::FAQ_BODY_CHARS as usize + 1), ..good.clone() };
        assert_eq!(body.check().unwrap_err().field, "body");
        let phrases = Article { also_asked_as: vec!["x".into(); limits::FAQ_PHRASES + 1], ..good };
        assert_eq!(phrases.check().unwrap_err().field, "also_asked_as");
    }
}
