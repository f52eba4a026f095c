//! Links of the documentation: every relative link leads to a file that exists, every anchor to a heading, and every
//! page of the book stands in its table of contents. In the demo's FAQ a link by an article's id leads to an article of
//! the same language. Addresses on the web, and places in an app, are not visited.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::{errors_page, process};

/// The book's folder and its table of contents.
const BOOK: &str = "docs";
const CONTENTS: &str = "docs/SUMMARY.md";

/// The folder of the demo's FAQ: a folder each for the languages.
const ARTICLES: &str = "server/demo/faq";

/// What one page offers and what it asks for.
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
}

/// Follows all links and compares the error codes; tells what was looked at.
pub fn check() -> Result<String, String> {
    let root = process::root();
    let mut files = Vec::new();
    markdown_files(&root, Path::new(""), &mut files)?;
    let mut pages = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(root.join(&file)).map_err(|error| format!("{}: {error}", file.display()))?;
        pages.insert(file, read(&text));
    }
    let mut faults = Vec::new();
    let mut followed = 0;
    let mut in_contents = BTreeSet::new();
    let articles: BTreeSet<(String, String)> = pages.keys().filter_map(|file| article_of(file)).collect();
    for (file, page) in &pages {
        for id in page.links.iter().filter_map(|link| link.strip_prefix("article:")) {
            followed += 1;
            let leads = language_of(file).is_some_and(|language| articles.contains(&(language, id.to_owned())));
            if !leads {
                faults.push(format!("{}: article:{id} names no article of its language", file.display()));
            }
        }
        for link in page.links.iter().filter(|link| !is_elsewhere(link)) {
            followed += 1;
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(path, at)| (path, Some(at)));
            let folder = file.parent().unwrap_or(Path::new(""));
            let goal = if path.is_empty() { file.clone() } else { plain(&folder.join(path)) };
            if !root.join(&goal).exists() {
                faults.push(format!("{}: {link} leads nowhere", file.display()));
            } else if let (Some(anchor), Some(page)) = (anchor, pages.get(&goal))
                && !page.anchors.contains(anchor)
            {
                faults.push(format!("{}: {link} names no heading of {}", file.display(), goal.display()));
            }
            if file == Path::new(CONTENTS) {
                in_contents.insert(goal);
            }
        }
    }
    for page in pages.keys().filter(|page| page.starts_with(BOOK) && *page != Path::new(CONTENTS)) {
        if !in_contents.contains(page) {
            faults.push(format!("{} is not in {CONTENTS}", page.display()));
        }
    }
    let codes = errors_page::check().map_err(|fault| faults.push(fault)).unwrap_or_default();
    if faults.is_empty() {
        Ok(format!("{followed} links on {} pages, {codes}", pages.len()))
    } else {
        Err(faults.join("\n"))
    }
}

/// The headings of a page that consist of one piece of code.
pub fn code_headings(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut heading: Option<Vec<String>> = None;
    for event in Parser::new_ext(markdown, options()) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(Vec::new()),
            (Event::End(TagEnd::Heading(_)), Some(parts)) => {
                if let [code] = parts.as_slice()
                    && let Some(code) = code.strip_prefix('`')
                {
                    found.push(code.to_owned());
                }
                heading = None;
            }
            (Event::Code(code), Some(parts)) => parts.push(format!("`{code}")),
            (Event::Text(text), Some(parts)) => parts.push(text.into_string()),
            _ => {}
        }
    }
    found
}

/// What stands as code in the first column of the tables of a page.
pub fn first_column(markdown: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (mut column, mut in_row) = (0, false);
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::TableRow) => (column, in_row) = (0, true),
            Event::End(TagEnd::TableRow) => in_row = false,
            Event::End(TagEnd::TableCell) => column += 1,
            Event::Code(name) if in_row && column == 0 => {
                names.insert(name.into_string());
            }
            _ => {}
        }
    }
    names
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES | Options::ENABLE_FOOTNOTES
}

fn read(markdown: &str) -> Page {
    let mut page = Page { anchors: BTreeSet::new(), links: Vec::new() };
    let mut heading: Option<(Option<String>, String)> = None;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::Heading { id, .. }) => heading = Some((id.map(|id| id.into_string()), String::new())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((id, text)) = heading.take() {
                    let slug = id.unwrap_or_else(|| slug(&text));
                    // A second heading of the same words gets a number, as forges and the book do it.
                    let mut anchor = slug.clone();
                    let mut number = 0;
                    while !page.anchors.insert(anchor.clone()) {
                        number += 1;
                        anchor = format!("{slug}-{number}");
                    }
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, words)) = &mut heading {
                    words.push_str(&text);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            _ => {}
        }
    }
    page
}

/// The anchor of a heading: lower case, spaces become hyphens, signs vanish.
fn slug(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether it leads out of the repository's files: to the web, into an app, or to an article by its id.
fn is_elsewhere(link: &str) -> bool {
    ["https:", "http:", "mailto:", "article:", "beistand:"].iter().any(|scheme| link.starts_with(scheme))
}

/// The language of a page of the demo's FAQ.
fn language_of(file: &Path) -> Option<String> {
    let language = file.strip_prefix(ARTICLES).ok()?.components().next()?;
    Some(language.as_os_str().to_string_lossy().into_owned())
}

/// The language and the id of an article of the demo's FAQ.
fn article_of(file: &Path) -> Option<(String, String)> {
    let id = file.file_stem()?.to_string_lossy().into_owned();
    if id.starts_with('_') { None } else { Some((language_of(file)?, id)) }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    plain
}

fn markdown_files(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let here = root.join(folder);
    let entries = std::fs::read_dir(&here).map_err(|error| format!("{}: {error}", here.display()))?;
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "target" || name == "node_modules" || path == Path::new("docs/book") {
            continue;
        }
        if entry.path().is_dir() {
            markdown_files(root, &path, found)?;
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_made_of_the_words_of_its_heading() {
        assert_eq!(slug("What an attempt's end means"), "what-an-attempts-end-means");
        let page = read("# Two words\n\n## Two words\n\n## Own {#its-own}\n\n[a](b.md#c)\n");
        assert_eq!(page.anchors.into_iter().collect::<Vec<_>>(), ["its-own", "two-words", "two-words-1"]);
        assert_eq!(page.links, ["b.md#c"]);
    }

    #[test]
    fn an_article_is_named_by_its_file_in_its_language() {
        let of = |path: &str| article_of(Path::new(path));
        let article = Some(("de".to_owned(), "how-to-return".to_owned()));
        assert_eq!(of("server/demo/faq/de/returns/how-to-return.md"), article);
        assert_eq!(of("server/demo/faq/de/returns/_collection.md"), None);
        assert_eq!(of("docs/faq.md"), None);
        assert!(is_elsewhere("beistand:new-ticket?category=order") && is_elsewhere("article:stores"));
    }

    #[test]
    fn only_the_first_column_of_a_table_names() {
        let text = "| crate | why |\n|---|---|\n| `a`, `b` | not `c` |\n\n`d`\n";
        assert_eq!(first_column(text), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_heading_of_code_alone_names_a_code() {
        assert_eq!(code_headings("## `bad-json`\n\n## With `code` inside\n\n## Words\n"), ["bad-json"]);
    }
}
