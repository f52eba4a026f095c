//! Markdown of an article, by whomever it was written: it becomes a tree that is bounded in every direction, with the words
//! of the text, and no raw HTML.

use beistand_core::faq::{Block, Picture, Span, Target, blocks, plain};
use beistand_protocol::{faq::ArticleImage, limits::FAQ_BODY_CHARS};
use pulldown_cmark::{Event, Options, Parser};

/// Blocks inside blocks: the lists and quotes that are allowed, and what stands in the last one.
const DEPTH: usize = 13;
/// Spans inside spans: the marks that are allowed, and the words in the last one.
const MARKS: usize = 7;
/// Blocks, items, cells and spans: a little more than the tree is built to, since what is open at the limit is closed.
const NODES: usize = 100_000;
/// The longest target as written, with every byte of it escaped.
const TARGET_BYTES: usize = 3 * 2_000 + 100;

const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Bytes as the Markdown of an article that has two pictures, one of which cannot be one.
pub fn faq_markdown(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let image = |name: &str, sha256: &str| ArticleImage {
        name: name.to_owned(),
        sha256: sha256.to_owned(),
        media_type: "image/png".to_owned(),
        size: 4,
        width: 2,
        height: 1,
    };
    look_at(&text, &[image("a.png", SHA256), image("b.png", "../b.png")]);
}

/// Builds the tree of a text, and holds it to its bounds.
pub fn look_at(text: &str, images: &[ArticleImage]) {
    let tree = blocks(text, images);
    let mut seen = Seen { images, nodes: 0, words: String::new() };
    seen.blocks(&tree, 1);
    assert!(seen.nodes <= NODES, "{} nodes", seen.nodes);
    let read = plain(&tree);
    assert!(read.len() <= 4 * text.len() + 64, "{} bytes to read of {} bytes of Markdown", read.len(), text.len());
    serde_json::to_vec(&tree).expect("a tree can be handed to a platform");
    // A longer text is cut, and a cut text may read otherwise.
    if text.chars().count() <= FAQ_BODY_CHARS as usize {
        comes_from(&seen.words, text);
    }
}

struct Seen<'a> {
    images: &'a [ArticleImage],
    nodes: usize,
    /// All words of the tree, in their order.
    words: String,
}

impl Seen<'_> {
    fn blocks(&mut self, blocks: &[Block], depth: usize) {
        assert!(depth <= DEPTH, "blocks are {depth} deep");
        for block in blocks {
            self.nodes += 1;
            match block {
                Block::Heading { level, spans } => {
                    assert!((1..=6).contains(level), "a heading of level {level}");
                    self.spans(spans, 1);
                }
                Block::Paragraph { spans } => self.spans(spans, 1),
                Block::List { items, .. } => items.iter().for_each(|item| {
                    self.nodes += 1;
                    self.blocks(item, depth + 1);
                }),
                Block::Quote { blocks } => self.blocks(blocks, depth + 1),
                Block::Code { text, .. } => self.words.push_str(text),
                Block::Table { alignments, header, rows } => {
                    assert!(alignments.len() >= header.len(), "a column without an alignment");
                    for row in std::iter::once(header).chain(rows) {
                        assert_eq!(row.len(), header.len(), "a row of another width");
                        self.nodes += row.len();
                        row.iter().for_each(|cell| self.spans(cell, 1));
                    }
                }
                Block::Image(picture) => self.picture(picture),
                _ => {}
            }
        }
    }

    fn spans(&mut self, spans: &[Span], depth: usize) {
        assert!(depth <= MARKS, "spans are {depth} deep");
        for span in spans {
            self.nodes += 1;
            match span {
                Span::Text { text } | Span::Code { text } => self.words.push_str(text),
                Span::Emphasis { spans } | Span::Strong { spans } | Span::Strike { spans } => {
                    self.spans(spans, depth + 1);
                }
                Span::Link { target, spans } => {
                    leads_somewhere(target);
                    self.spans(spans, depth + 1);
                }
                Span::Image(picture) => self.picture(picture),
                _ => {}
            }
        }
    }

    fn picture(&mut self, picture: &Picture) {
        let is_there = self.images.iter().any(|image| image.sha256 == picture.sha256);
        let is_hash = picture.sha256.len() == 64 && picture.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_there && is_hash, "a picture that the article does not have: {picture:?}");
        self.words.push_str(&picture.alt);
    }
}

fn leads_somewhere(target: &Target) {
    let (to, schemes): (&str, &[&str]) = match target {
        Target::Article(_) => return,
        Target::App(to) => (to, &["beistand:"]),
        Target::Web(to) => (to, &["https://", "http://", "mailto:", "tel:"]),
    };
    assert!(schemes.iter().any(|scheme| to.starts_with(scheme)), "a link to {to}");
    assert!(to.len() <= TARGET_BYTES && !to.contains(char::is_control), "a link to {to:?}");
}

/// The words of a tree are words of the text, in the same order; what the parser calls HTML is not among them.
fn comes_from(words: &str, text: &str) {
    let mut written = String::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) | Event::Code(text) => written.push_str(&text),
            _ => {}
        }
    }
    let mut written = written.chars().filter(|c| !c.is_whitespace());
    for c in words.chars().filter(|c| !c.is_whitespace()) {
        assert!(written.any(|other| other == c), "{c:?} comes from nowhere: {words:?}");
    }
}
