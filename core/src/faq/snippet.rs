//! The piece of an article that shows why it was found.

use beistand_protocol::faq::Locale;
use serde::Serialize;

/// A range of a text, its end not included: in Unicode scalar values, and in UTF-16 units for Kotlin and Swift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Highlight {
    /// Where it begins, in scalar values.
    pub start: u32,
    /// Where it ends, in scalar values.
    pub end: u32,
    /// Where it begins, in UTF-16 units.
    pub utf16_start: u32,
    /// Where it ends, in UTF-16 units.
    pub utf16_end: u32,
}

/// A piece of a text, and what of it fits the query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Snippet {
    /// The piece.
    pub text: String,
    /// What fits, in order.
    pub highlights: Vec<Highlight>,
}

/// Scalar values of a snippet: two lines of a phone.
const LENGTH: usize = 140;

pub(crate) fn snippet(text: &str, _query: &str, _locale: &Locale) -> Snippet {
    Snippet { text: text.chars().take(LENGTH).collect(), highlights: Vec::new() }
}

pub(crate) fn highlight(_title: &str, _query: &str, _locale: &Locale) -> Vec<Highlight> {
    Vec::new()
}
