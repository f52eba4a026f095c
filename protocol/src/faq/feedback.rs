//! What comes back from readers: whether an article helped, and what an app has counted, if its person agreed. Both are
//! writes of the lane [`Faq`](crate::Lane::Faq); the rules about what may be counted hold on both sides.

use serde::{Deserialize, Serialize};

use super::{ArticleId, Locale};
use crate::{
    ids::FaqReportId,
    limits,
    problem::{Code, Violation},
    text,
    time::UnixMillis,
};

/// Body of `PUT /v1/faq/articles/{article_id}/feedback`: what a person thinks of an article today. The last one counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArticleFeedback {
    /// Whether it helped.
    pub helpful: bool,
    /// What is missing or wrong, in the person's words; at most 1,000 Unicode scalar values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The language that was read.
    pub locale: Locale,
    /// The [version](super::Article::version) of the article that was read.
    #[cfg_attr(feature = "openapi", schema(maximum = 9223372036854775807_i64))]
    pub version: u64,
}

/// Answer to [`ArticleFeedback`]: it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedbackStored {
    /// About which article.
    pub article: ArticleId,
    /// In which language.
    pub locale: Locale,
}

/// Body of `PUT /v1/faq/reports/{report_id}`: what an app has counted since its report before. An article and language,
/// or a language and search, stands there once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FaqReport {
    /// Articles that were opened; at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ArticleViews>,
    /// Searches that found nothing; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<SearchCount>,
}

/// How often an article was opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArticleViews {
    /// Which.
    pub article: ArticleId,
    /// In which language.
    pub locale: Locale,
    /// How often; 1 to 10,000.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10000))]
    pub count: u32,
}

/// How often a search found nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchCount {
    /// In which language.
    pub locale: Locale,
    /// The words; nothing that [may be personal](may_be_personal).
    pub query: String,
    /// How often; 1 to 10,000 in a report.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub count: u32,
}

/// Answer to [`FaqReport`]: it is counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportStored {
    /// Which report.
    pub id: FaqReportId,
}

/// Answer to `GET /v1/agent/faq/counts`: what editors learn. It names no person.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FaqCounts {
    /// Each article and language that was opened or rated, those with most views and ratings first.
    pub articles: Vec<ArticleCounts>,
    /// Searches without a result, the most frequent first.
    pub searches: Vec<SearchCount>,
}

/// What is known of an article in one language.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArticleCounts {
    /// Which; it need not exist any more.
    pub article: ArticleId,
    /// In which language.
    pub locale: Locale,
    /// How often it was opened, as far as apps report that.
    pub views: u64,
    /// Persons whom it helped.
    pub helpful: u64,
    /// Persons whom it did not help.
    pub not_helpful: u64,
    /// The latest comments, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
}

/// What a person has said about an article.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comment {
    /// The words.
    pub text: String,
    /// Whether it helped.
    pub helpful: bool,
    /// The version that was read.
    pub version: u64,
    /// When the server heard it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: UnixMillis,
}

impl ArticleFeedback {
    /// Holds it against the limits.
    ///
    /// # Errors
    /// `text-empty`, `text-too-long` or `text-invalid` of the comment, `report-invalid` of a version that no server counts.
    pub fn check(&self) -> Result<(), Violation> {
        if i64::try_from(self.version).is_err() {
            return Err(Violation::new(Code::ReportInvalid, "version", "a version has 63 bits"));
        }
        self.comment.as_deref().map_or(Ok(()), |comment| text::check(comment, limits::FAQ_COMMENT_CHARS, "comment"))
    }
}

impl FaqReport {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty() && self.searches.is_empty()
    }

    /// Holds it against the limits and the rules of privacy.
    ///
    /// # Errors
    /// `report-invalid`.
    pub fn check(&self) -> Result<(), Violation> {
        let invalid = |field, detail: &str| Err(Violation::new(Code::ReportInvalid, field, detail));
        if self.views.len() > limits::FAQ_REPORT_VIEWS {
            return invalid("views", "a report counts fewer articles");
        }
        if self.searches.len() > limits::FAQ_REPORT_SEARCHES {
            return invalid("searches", "a report counts fewer searches");
        }
        let counts = |count: u32| (1..=limits::FAQ_REPORT_COUNT).contains(&count);
        if !self.views.iter().all(|views| counts(views.count)) {
            return invalid("views", "a count is zero or too high");
        }
        if !self.searches.iter().all(|search| counts(search.count)) {
            return invalid("searches", "a count is zero or too high");
        }
        let fits = |query: &str| text::check(query, u32::MAX, "searches").is_ok() && !may_be_personal(query);
        if !self.searches.iter().all(|search| fits(&search.query)) {
            return invalid("searches", "a search is empty, or may hold what is personal");
        }
        Ok(())
    }
}

/// Whether the words of a search may tell who searched: an address (`@`), a number of an order, a phone or an account
/// (four digits in a row, of any script, with nothing but blanks, dots, slashes and hyphens in between), or so much text
/// that it tells a story (more than 100 characters or 12 words). Such a search is never counted with its words.
pub fn may_be_personal(query: &str) -> bool {
    query.contains(['@', '＠'])
        || query.chars().count() > limits::FAQ_QUERY_CHARS
        || query.split_whitespace().count() > limits::FAQ_QUERY_WORDS
        || has_long_number(query)
}

/// Four digits make a number that somebody wrote down; `0151 23 45` is one as well.
fn has_long_number(query: &str) -> bool {
    let mut digits = 0;
    for c in query.chars() {
        if c.is_numeric() {
            digits += 1;
        } else if !c.is_whitespace() && !matches!(c, '.' | '-' | '/' | '(' | ')' | '+' | '–' | '\u{ad}') {
            digits = 0;
        }
        if digits == 4 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(comment: Option<&str>) -> ArticleFeedback {
        ArticleFeedback {
            helpful: true,
            comment: comment.map(str::to_owned),
            locale: "de-AT".parse().unwrap(),
            version: 3,
        }
    }

    fn searches(queries: &[&str]) -> FaqReport {
        let search = |query: &&str| SearchCount { locale: "de".parse().unwrap(), query: (*query).to_owned(), count: 1 };
        FaqReport { views: Vec::new(), searches: queries.iter().map(search).collect() }
    }

    fn views(count: u32) -> ArticleViews {
        ArticleViews { article: "returns".parse().unwrap(), locale: "de".parse().unwrap(), count }
    }

    #[test]
    fn a_rating_needs_no_words_and_words_need_to_be_words() {
        assert_eq!(feedback(None).check(), Ok(()));
        assert_eq!(feedback(Some(&"ä".repeat(1_000))).check(), Ok(()));
        for (comment, code) in
            [(" \n", Code::TextEmpty), (&*"ä".repeat(1_001), Code::TextTooLong), ("a\u{0}", Code::TextInvalid)]
        {
            assert_eq!(feedback(Some(comment)).check().unwrap_err().code, code);
        }
        let version = ArticleFeedback { version: u64::MAX, ..feedback(None) };
        assert_eq!(version.check().unwrap_err().code, Code::ReportInvalid);
        let json = serde_json::to_value(feedback(None)).unwrap();
        assert_eq!(json, serde_json::json!({ "helpful": true, "locale": "de-AT", "version": 3 }));
    }

    #[test]
    fn a_search_that_may_be_personal_is_known() {
        for personal in [
            "jana@example.com",
            "wo ist meine bestellung 4711",
            "0151 23 45 67",
            "paket nr. 12/34-5",
            "٤٧١١",
            "a b c d e f g h i j k l m",
            &"a".repeat(101),
        ] {
            assert!(may_be_personal(personal), "{personal}");
        }
        for harmless in ["größe 42", "365 tage", "retoure nach 14 tagen statt 30", "a b c d e f g h i j k l", "", "🙈"]
        {
            assert!(!may_be_personal(harmless), "{harmless}");
        }
    }

    #[test]
    fn a_report_is_bounded_in_every_direction() {
        let whole = FaqReport {
            views: vec![views(limits::FAQ_REPORT_COUNT); limits::FAQ_REPORT_VIEWS],
            ..searches(&["rücksendung"; limits::FAQ_REPORT_SEARCHES])
        };
        assert_eq!(whole.check(), Ok(()));
        assert!(!whole.is_empty() && FaqReport::default().is_empty());
        let mut broken = vec![
            FaqReport { views: vec![views(1); limits::FAQ_REPORT_VIEWS + 1], searches: Vec::new() },
            FaqReport { views: vec![views(0)], searches: Vec::new() },
            FaqReport { views: vec![views(limits::FAQ_REPORT_COUNT + 1)], searches: Vec::new() },
            searches(&["x"; limits::FAQ_REPORT_SEARCHES + 1]),
            searches(&[" "]),
            searches(&["a\u{0}"]),
            searches(&["gut", "meine nummer ist 0151234567"]),
        ];
        let mut zero = searches(&["x"]);
        zero.searches[0].count = 0;
        broken.push(zero);
        for report in broken {
            assert_eq!(report.check().unwrap_err().code, Code::ReportInvalid);
        }
    }
}
