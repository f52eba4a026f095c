//! A set of articles and questions, as `faq-eval` files and `beistand-server faq export` have it.

use std::{collections::HashSet, path::Path};

use beistand_core::protocol::{
    UnixMillis,
    faq::{Article, ArticleId, Bundle, Contents, Locale, Parcel},
};
use htmd::HtmlToMarkdown;
use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// The app that the articles are published for; it has no server.
pub const APP: &str = "eval";

/// Articles, and questions whose answers are known.
#[derive(Deserialize)]
pub struct Set {
    pub name: String,
    pub lang: Locale,
    #[serde(default)]
    pub docs: Vec<Doc>,
    pub queries: Vec<Question>,
}

/// An article of a set.
#[derive(Deserialize)]
pub struct Doc {
    pub id: String,
    pub title: String,
    pub body: String,
    #[serde(default)]
    pub also_asked_as: Vec<String>,
}

/// A question, and the articles that answer it.
#[derive(Deserialize)]
pub struct Question {
    pub text: String,
    #[serde(default)]
    pub relevant: HashSet<String>,
}

#[derive(Deserialize)]
struct Questions {
    queries: Vec<Question>,
}

/// Reads a set that can be measured.
pub fn read(path: &Path) -> Result<Set, Failure> {
    let set: Set = parse(path)?;
    let ids: HashSet<&str> = set.docs.iter().map(|doc| doc.id.as_str()).collect();
    let fault = if set.docs.is_empty() {
        Some("it has no articles")
    } else if set.queries.is_empty() {
        Some("it has no questions")
    } else if ids.len() < set.docs.len() {
        Some("two articles have the same id")
    } else if set.queries.iter().any(|query| query.relevant.is_empty()) {
        Some("a question has no article that answers it")
    } else if set.queries.iter().flat_map(|query| &query.relevant).any(|id| !ids.contains(id.as_str())) {
        Some("a question names an article that is not there")
    } else {
        None
    };
    fault.map_or(Ok(set), |fault| Err(unfit(path, fault)))
}

/// Reads the questions alone.
pub fn read_questions(path: &Path) -> Result<Vec<String>, Failure> {
    Ok(parse::<Questions>(path)?.queries.into_iter().map(|question| question.text).collect())
}

fn parse<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, Failure> {
    let bytes = std::fs::read(path).map_err(|_| unfit(path, "it cannot be read"))?;
    serde_json::from_slice(&bytes).map_err(|error| unfit(path, &format!("line {}: {}", error.line(), kind(&error))))
}

fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "a member is missing or of the wrong kind" } else { "it is no JSON" }
}

fn unfit(path: &Path, fault: &str) -> Failure {
    Failure::new(Exit::Usage, "faq-set", format!("{} is no set to measure: {fault}.", path.display()))
}

impl Set {
    /// The articles as a publication, as an app would carry it.
    pub fn parcel(&self) -> Result<Vec<u8>, Failure> {
        let article = |(at, doc): (usize, &Doc)| Article {
            id: self.id(at),
            collection: None,
            position: 0,
            title: doc.title.clone(),
            body: markdown(&doc.body),
            also_asked_as: doc.also_asked_as.clone(),
            tags: Vec::new(),
            images: Vec::new(),
            version: 1,
            updated_at: UnixMillis(0),
        };
        let articles = self.docs.iter().enumerate().map(article).collect();
        let bundle = Bundle { default_locale: Some(self.lang.clone()), collections: Vec::new(), articles };
        Parcel::pack(APP, self.lang.clone(), 1, &Contents::Bundle(bundle))
            .and_then(|parcel| parcel.to_bytes())
            .map_err(|_| Failure::new(Exit::Failed, "faq-set", "The articles cannot be published."))
    }

    /// What an article is called here: sets have ids that are none in a FAQ.
    #[expect(clippy::unwrap_used, reason = "a number is an id")]
    fn id(&self, at: usize) -> ArticleId {
        at.to_string().parse().unwrap()
    }

    /// Which article of the set was found.
    pub fn doc(&self, id: &ArticleId) -> Option<&str> {
        self.docs.get(id.as_str().parse::<usize>().ok()?).map(|doc| doc.id.as_str())
    }
}

/// HTML becomes Markdown, as in an import; everything else is Markdown.
fn markdown(body: &str) -> String {
    if !["</", "<br", "<p>"].iter().any(|tag| body.contains(tag)) {
        return body.to_owned();
    }
    let converter = HtmlToMarkdown::builder().skip_tags(vec!["script", "style"]).build();
    converter.convert(body).unwrap_or_else(|_| body.to_owned())
}
