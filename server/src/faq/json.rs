//! One language as one file of JSON, the form that retrieval sets have: `{name, lang, docs: [{id, title, body,
//! also_asked_as?}], queries: […]}`. Bodies may hold HTML, which becomes Markdown. Queries are not read, and none are
//! written.

use std::{collections::BTreeSet, rc::Rc};

use beistand_protocol::{
    UnixMillis,
    faq::{ArticleId, Locale},
};
use htmd::{HtmlToMarkdown, Node};
use pulldown_cmark::{Event, Options, Parser};
use serde::{Deserialize, Serialize};

use super::fault::{Fault, Faults};
use crate::store::faq::{ArticleDraft, FaqImport, LocaleDrafts, LocaleImport};

/// Bytes of a file: four times the largest publication, for its HTML.
pub const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Elements within each other; what is deeper was not written by hand, and walking it takes a stack as deep.
const DEPTH: usize = 200;

#[derive(Serialize, Deserialize)]
struct Set {
    #[serde(default)]
    name: String,
    #[serde(default)]
    lang: Option<String>,
    docs: Vec<Doc>,
    #[serde(default, skip_deserializing)]
    queries: [(); 0],
}

#[derive(Serialize, Deserialize)]
struct Doc {
    id: String,
    title: String,
    body: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also_asked_as: Vec<String>,
}

/// Reads a file. `locale` wins over the language that it names; `path` is what faults call it.
pub fn read(path: &str, bytes: &[u8], locale: Option<Locale>) -> Result<FaqImport, Faults> {
    let set: Set = serde_json::from_slice(bytes).map_err(|error| Fault::at(path, error.line(), error.to_string()))?;
    let locale = match (locale, set.lang) {
        (Some(locale), _) => locale,
        (None, Some(lang)) => lang.parse().map_err(|error| Fault::new(path, format!("lang: {error}")))?,
        (None, None) => return Err(Fault::new(path, "lang: missing; --locale says which language it is").into()),
    };
    let (mut faults, mut articles, mut ids) = (Faults::default(), Vec::new(), BTreeSet::new());
    for (number, doc) in set.docs.into_iter().enumerate() {
        match article(doc) {
            Ok(draft) if !ids.insert(draft.id.clone()) => {
                faults.push(Fault::new(path, format!("docs[{number}]: id: {} is there twice", draft.id)));
            }
            Ok(draft) => articles.push(draft),
            Err(reason) => faults.push(Fault::new(path, format!("docs[{number}]: {reason}"))),
        }
    }
    articles.sort_by(|one, other| one.id.cmp(&other.id));
    let import = LocaleImport { collections: Vec::new(), articles };
    faults.unless_any(FaqImport { locales: [(locale, import)].into(), ..Default::default() })
}

fn article(doc: Doc) -> Result<ArticleDraft, String> {
    let id: ArticleId = doc.id.parse().map_err(|error| format!("id: {error}"))?;
    let body =
        if holds_html(&doc.body) { markdown(&doc.body).map_err(|error| format!("body: {error}"))? } else { doc.body };
    let draft = ArticleDraft {
        id,
        collection: None,
        position: 0,
        title: doc.title,
        body: body.trim().to_owned(),
        also_asked_as: doc.also_asked_as,
        tags: Vec::new(),
        images: Vec::new(),
        withheld: false,
    };
    draft.article(1, UnixMillis(0)).check().map_err(|fault| fault.to_string())?;
    Ok(draft)
}

/// Whether a text read as Markdown has HTML in it; what stands in code is none.
fn holds_html(text: &str) -> bool {
    Parser::new_ext(text, Options::ENABLE_TABLES).any(|event| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// Elements that stand within each other by their tags alone. Parsing takes time with the square of it, so it is looked
/// at before; those that end by themselves are left out.
fn looks_deep(html: &str) -> bool {
    let mut depth = 0_usize;
    html.match_indices('<').any(|(at, _)| {
        let tag = &html[at + 1..];
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name: String = tag.chars().take(11).take_while(char::is_ascii_alphanumeric).collect();
        match name.to_ascii_lowercase().as_str() {
            "" | "br" | "hr" | "img" | "input" | "wbr" | "p" | "li" | "td" | "th" | "tr" | "dd" | "dt" | "option" => {}
            _ if closes => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
        depth > DEPTH
    })
}

fn markdown(html: &str) -> Result<String, &'static str> {
    const TOO_DEEP: &str = "the HTML has too many elements within each other";
    if looks_deep(html) {
        return Err(TOO_DEEP);
    }
    let converter = HtmlToMarkdown::builder().skip_tags(vec!["script", "style", "iframe"]).build();
    let tree = converter.html_to_tree(html).map_err(|_| "the HTML cannot be read")?;
    if depth(&tree) > DEPTH {
        return Err(TOO_DEEP);
    }
    Ok(converter.tree_to_markdown(&tree))
}

fn depth(tree: &Rc<Node>) -> usize {
    let (mut deepest, mut waiting) = (0, vec![(tree.clone(), 1)]);
    while let Some((node, depth)) = waiting.pop() {
        deepest = deepest.max(depth);
        waiting.extend(node.children.borrow().iter().map(|child| (child.clone(), depth + 1)));
    }
    deepest
}

/// Writes the articles of a language that are not withheld.
pub fn write(name: &str, locale: &Locale, drafts: &LocaleDrafts) -> Result<String, serde_json::Error> {
    let docs = drafts.articles.iter().map(|row| &row.draft).filter(|draft| !draft.withheld);
    let docs = docs.map(|draft| Doc {
        id: draft.id.to_string(),
        title: draft.title.clone(),
        body: draft.body.clone(),
        also_asked_as: draft.also_asked_as.clone(),
    });
    let set = Set { name: name.to_owned(), lang: Some(locale.to_string()), docs: docs.collect(), queries: [] };
    serde_json::to_string_pretty(&set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_docs(docs: serde_json::Value) -> Result<FaqImport, Faults> {
        let file = serde_json::json!({ "name": "n", "lang": "de", "docs": docs, "queries": [{ "text": "?" }] });
        read("set.json", file.to_string().as_bytes(), None)
    }

    fn body_of(body: &str) -> Result<String, String> {
        let doc = serde_json::json!([{ "id": "1", "title": "Frage", "body": body }]);
        read_docs(doc)
            .map(|mut import| import.locales.pop_first().unwrap().1.articles.remove(0).body)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn html_becomes_markdown_and_markdown_stays() {
        assert_eq!(
            body_of("<p>Ja, <b>sofort</b>.</p><script>x</script><ul><li>eins</li></ul>").unwrap(),
            "Ja, **sofort**.\n\n*   eins"
        );
        for markdown in ["**Ja**, 1 < 2.\n\n- eins", "`<b>` macht fett:\n\n    <b>x</b>", "<https://example.org>"] {
            assert_eq!(body_of(markdown).unwrap(), markdown);
        }
        assert!(body_of(&("<div>".repeat(50_000) + "x")).unwrap_err().contains("set.json: docs[0]: body:"));
    }

    #[test]
    fn every_fault_names_its_document() {
        let docs = serde_json::json!([
            { "id": "a/b", "title": "x", "body": "" },
            { "id": "a", "title": " ", "body": "" },
            { "id": "b", "title": "x", "body": "" },
            { "id": "b", "title": "y", "body": "" }
        ]);
        let faults = read_docs(docs).unwrap_err().to_string();
        for named in ["docs[0]: id", "docs[1]: title", "docs[3]: id: b is there twice", "3 faults"] {
            assert!(faults.contains(named), "{named}: {faults}");
        }
        assert!(read("s.json", b"{\n\"docs\": 1}", None).unwrap_err().to_string().contains("s.json:2:"));
        assert!(read("s.json", b"{\"docs\": []}", None).unwrap_err().to_string().contains("--locale"));
    }
}
