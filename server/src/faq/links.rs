//! Where a Markdown text points: its pictures, and its links to other articles, which stand in files as paths and in
//! articles as `article:<id>`.

use std::ops::Range;

use percent_encoding::percent_decode_str;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

/// The scheme of links between articles.
pub(super) const ARTICLE: &str = "article:";

/// A place in the text that points somewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pointer {
    /// Where to, as a reader of Markdown understands it.
    pub(super) target: String,
    /// Where the target stands in the text; `None` if it cannot be exchanged there (as in `<https://…>`).
    pub(super) place: Option<Range<usize>>,
    /// The line, counted from 0.
    pub(super) line: usize,
    /// Whether it is a picture.
    pub(super) is_image: bool,
}

/// All pictures and links of a text. A link by reference is found where it is defined.
pub(super) fn pointers(text: &str) -> Vec<Pointer> {
    let line = |at: usize| text[..at].matches('\n').count();
    let mut found = Vec::new();
    // Links and pictures that are open, with the end of what they have shown so far.
    let mut open: Vec<(LinkType, String, usize, bool)> = Vec::new();
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES);
    let definitions: Vec<_> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| (definition.dest.to_string(), definition.span.clone()))
        .collect();
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                open.push((link_type, dest_url.into_string(), range.start + 1, false));
            }
            Event::Start(Tag::Image { link_type, dest_url, .. }) => {
                open.push((link_type, dest_url.into_string(), range.start + 2, true));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let Some((kind, target, shown, is_image)) = open.pop() else { continue };
                if kind == LinkType::Inline {
                    let place = text.get(shown..range.end).and_then(inline_target);
                    let place = place.map(|place| place.start + shown..place.end + shown);
                    found.push(Pointer { target, place, line: line(range.start), is_image });
                } else if is_image {
                    // Its name is what its definition says.
                    found.push(Pointer { target, place: None, line: line(range.start), is_image });
                }
                if let Some(outer) = open.last_mut() {
                    outer.2 = range.end;
                }
            }
            _ => {
                if let Some(outer) = open.last_mut() {
                    outer.2 = outer.2.max(range.end);
                }
            }
        }
    }
    for (target, span) in definitions {
        let place = text.get(span.clone()).and_then(defined_target);
        let place = place.map(|place| place.start + span.start..place.end + span.start);
        found.push(Pointer { target, place, line: line(span.start), is_image: false });
    }
    found
}

/// Of `](target "title")` the range of the target.
fn inline_target(rest: &str) -> Option<Range<usize>> {
    let start = rest.find("](")? + 2;
    bare_target(rest, start)
}

/// Of `[label]: target "title"` the range of the target.
fn defined_target(definition: &str) -> Option<Range<usize>> {
    let start = definition.find("]:")? + 2;
    bare_target(definition, start)
}

fn bare_target(text: &str, from: usize) -> Option<Range<usize>> {
    let start = from + text[from..].find(|c: char| !c.is_whitespace())?;
    if text[start..].starts_with('<') {
        let end = start + text[start..].find('>')?;
        return Some(start + 1..end);
    }
    let mut depth = 0;
    for (at, c) in text[start..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(start..start + at),
            ')' => depth -= 1,
            c if c.is_whitespace() => return Some(start..start + at),
            _ => {}
        }
    }
    Some(start..text.len())
}

/// The path that a target means, without what follows `#` or `?`; `None` if it is no relative path.
pub(super) fn relative_path(target: &str) -> Option<String> {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    let has_scheme = path.split('/').next().is_some_and(|first| first.contains(':'));
    if path.is_empty() || path.starts_with('/') || has_scheme {
        return None;
    }
    percent_decode_str(path).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The text with other targets at some places; the places do not overlap.
pub(super) fn exchange(text: &str, mut exchanges: Vec<(Range<usize>, String)>) -> String {
    exchanges.sort_by_key(|(place, _)| place.start);
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for (place, target) in exchanges {
        let Some(kept) = text.get(from..place.start) else { continue };
        out.push_str(kept);
        out.push_str(&target);
        from = place.end;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_link_is_exchanged_in_its_place() {
        let text = "[a](x.md) und [`b` *c*](<y z.md> \"Titel\") und [![bild](p.png)](x.md#teil) und [d][r], [](x.md).\n\n\
                    `[kein](x.md)` <https://example.org>\n\n    [kein](x.md)\n\n[r]: x.md 'so'\n";
        let found = pointers(text);
        let exchanges = found
            .iter()
            .filter(|pointer| !pointer.is_image && relative_path(&pointer.target).is_some())
            .map(|pointer| (pointer.place.clone().unwrap(), "article:x".to_owned()))
            .collect();
        assert_eq!(
            exchange(text, exchanges),
            "[a](article:x) und [`b` *c*](<article:x> \"Titel\") und [![bild](p.png)](article:x) und [d][r], \
             [](article:x).\n\n`[kein](x.md)` <https://example.org>\n\n    [kein](x.md)\n\n[r]: article:x 'so'\n"
        );
        let images: Vec<_> = found.iter().filter(|pointer| pointer.is_image).collect();
        assert_eq!((images.len(), &*images[0].target, images[0].line), (1, "p.png", 0));
    }

    #[test]
    fn a_picture_by_reference_has_its_definitions_name() {
        let found = pointers("Hier:\n\n![bild][b]\n\n[b]: ../p.png\n");
        let image = found.iter().find(|pointer| pointer.is_image).unwrap();
        assert_eq!((&*image.target, image.line), ("../p.png", 2));
    }

    #[test]
    fn only_relative_paths_are_paths() {
        assert_eq!(relative_path("../a%20b.md#x").as_deref(), Some("../a b.md"));
        for other in ["https://example.org/a.md", "article:a", "mailto:a@b", "/a.md", "#teil", "", "//a/b.md"] {
            assert_eq!(relative_path(other), None, "{other}");
        }
    }
}
