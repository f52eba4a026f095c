//! Markdown (CommonMark with tables and strikethrough) into typed blocks, which each platform draws with its own means.
//! Pure. Any text gives a tree: raw HTML is dropped, links lead only where an app may go, pictures are those of the article,
//! and depth and size are bounded, so that neither building nor walking nor dropping a tree can overflow a stack.

use beistand_protocol::faq::{ArticleId, ArticleImage};
use beistand_protocol::limits::FAQ_BODY_CHARS;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use serde::Serialize;
use url::Url;

/// Lists and quotes inside each other. Nobody reads further in on a phone; what lies deeper is shown at this depth.
const CONTAINERS: usize = 12;

/// Emphasis, strong, strike and links inside each other: there are four kinds, each makes sense once.
const MARKS: usize = 6;

/// Blocks, spans and cells of one article. 100,000 characters of honest text have a tenth of it; a table whose rows are
/// filled up to the width of its head can ask for far more.
const NODES: usize = 40_000;

/// Columns of a table: a phone shows four.
const COLUMNS: usize = 32;

/// Bytes of a link's target: what browsers take everywhere.
const TARGET_BYTES: usize = 2_000;

/// A block of an article.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
#[non_exhaustive]
pub enum Block {
    /// A heading.
    Heading {
        /// 1 (largest) to 6.
        level: u8,
        /// Its words.
        spans: Vec<Span>,
    },
    /// A paragraph.
    Paragraph {
        /// Its words.
        spans: Vec<Span>,
    },
    /// A list.
    List {
        /// The number of the first item; none for a list with bullets.
        start: Option<u64>,
        /// The items.
        items: Vec<Vec<Block>>,
    },
    /// A quotation.
    Quote {
        /// What is quoted.
        blocks: Vec<Block>,
    },
    /// Text in which every character counts.
    Code {
        /// The language that its author named.
        language: Option<String>,
        /// The text, without the last line break.
        text: String,
    },
    /// A table. Each row has as many cells as the header.
    Table {
        /// How each column is aligned.
        alignments: Vec<Alignment>,
        /// The cells of the header.
        header: Vec<Vec<Span>>,
        /// The rows.
        rows: Vec<Vec<Vec<Span>>>,
    },
    /// A picture in a line of its own.
    Image(Picture),
    /// A line across.
    Rule,
}

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// As the platform does it.
    Natural,
    /// At the left.
    Left,
    /// In the middle.
    Center,
    /// At the right.
    Right,
}

/// A piece of a line.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
#[non_exhaustive]
pub enum Span {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// Emphasis: usually italic.
    Emphasis {
        /// What is emphasised.
        spans: Vec<Span>,
    },
    /// Strong emphasis: usually bold.
    Strong {
        /// What is emphasised.
        spans: Vec<Span>,
    },
    /// Struck through.
    Strike {
        /// What is struck.
        spans: Vec<Span>,
    },
    /// A few characters of code.
    Code {
        /// The characters.
        text: String,
    },
    /// A link.
    Link {
        /// Where it leads.
        target: Target,
        /// What is tapped.
        spans: Vec<Span>,
    },
    /// A new line in the same paragraph.
    Break,
    /// A picture among words.
    Image(Picture),
}

/// Where a link leads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "to")]
pub enum Target {
    /// Another article.
    Article(ArticleId),
    /// A place in the app: a URL that begins with `beistand:`.
    App(String),
    /// A URL of `https`, `http`, `mailto` or `tel`.
    Web(String),
}

/// A picture of the article.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Picture {
    /// What it shows, in words: read aloud, and shown while the picture is missing.
    pub alt: String,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits; `Faq::image` takes it.
    pub sha256: String,
    /// Pixels across; 0 if unknown.
    pub width: u32,
    /// Pixels down; 0 if unknown.
    pub height: u32,
}

/// Reads Markdown. `images` are the pictures that it may show, by their names.
pub fn blocks(markdown: &str, images: &[ArticleImage]) -> Vec<Block> {
    let end = markdown.char_indices().nth(FAQ_BODY_CHARS as usize).map_or(markdown.len(), |(end, _)| end);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut tree = Tree { stack: vec![Frame::new(Kind::Document)], real: Vec::new(), nodes: 0, images };
    for event in Parser::new_ext(&markdown[..end], options) {
        tree.take(event);
        if tree.nodes > NODES {
            break;
        }
    }
    tree.finish()
}

/// What stands between the beginning and the end of something.
enum Kind {
    Document,
    Heading(u8),
    Paragraph,
    List(Option<u64>, Vec<Vec<Block>>),
    Item,
    Quote,
    Code(Option<String>, String),
    Table(Vec<Alignment>, Vec<Vec<Span>>, Vec<Vec<Vec<Span>>>),
    /// The header or a row.
    Row(Vec<Vec<Span>>),
    Cell,
    Emphasis,
    Strong,
    Strike,
    /// None where the target is not one to go to.
    Link(Option<Target>),
    /// The picture, unless it is unknown; its words are collected in `alt`.
    Image(Option<Picture>, String),
    /// Nothing of it is shown.
    Dropped,
}

struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    /// Words that belong to no block yet, as in an item without paragraphs.
    spans: Vec<Span>,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new(), spans: Vec::new() }
    }

    /// Words in a container make a paragraph.
    fn end_paragraph(&mut self) {
        while matches!(self.spans.last(), Some(Span::Break)) {
            self.spans.pop();
        }
        if self.spans.is_empty() {
            return;
        }
        let mut spans = std::mem::take(&mut self.spans);
        self.blocks.push(match spans.pop() {
            Some(Span::Image(picture)) if spans.is_empty() => Block::Image(picture),
            last => {
                spans.extend(last);
                Block::Paragraph { spans }
            }
        });
    }
}

struct Tree<'a> {
    stack: Vec<Frame>,
    /// For each beginning whose end has not come: whether it has a frame. What lies too deep has none, and its contents go
    /// to the frame around it.
    real: Vec<bool>,
    nodes: usize,
    images: &'a [ArticleImage],
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => match &mut self.top().kind {
                Kind::Image(_, alt) => alt.push_str(&text),
                Kind::Dropped => {}
                _ => self.push_span(Span::Code { text: text.into_string() }),
            },
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.line_break(),
            Event::Rule => self.push_block(Block::Rule),
            Event::InlineHtml(tag) if is_line_break(&tag) => self.line_break(),
            // Raw HTML; and what the options above leave off.
            _ => {}
        }
    }

    fn top(&mut self) -> &mut Frame {
        if self.stack.is_empty() {
            self.stack.push(Frame::new(Kind::Document));
        }
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    fn begin(&mut self, tag: Tag<'_>) {
        let count = |stack: &[Frame], which: fn(&Kind) -> bool| stack.iter().filter(|f| which(&f.kind)).count();
        let kind = match tag {
            Tag::Paragraph => Some(Kind::Paragraph),
            Tag::Heading { level, .. } => Some(Kind::Heading(level as u8)),
            Tag::List(start) => self.container(Kind::List(start, Vec::new())),
            // An item follows its list: without the one there is no other.
            Tag::Item => matches!(self.top().kind, Kind::List(..)).then_some(Kind::Item),
            Tag::BlockQuote(_) => self.container(Kind::Quote),
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    pulldown_cmark::CodeBlockKind::Fenced(info) => info.split_whitespace().next().map(str::to_owned),
                    pulldown_cmark::CodeBlockKind::Indented => None,
                };
                Some(Kind::Code(language, String::new()))
            }
            Tag::Table(alignments) => {
                let alignments = alignments.into_iter().take(COLUMNS).map(alignment).collect();
                Some(Kind::Table(alignments, Vec::new(), Vec::new()))
            }
            Tag::TableHead | Tag::TableRow => Some(Kind::Row(Vec::new())),
            Tag::TableCell => Some(Kind::Cell),
            Tag::Image { dest_url, .. } => {
                // The alternative text of a picture is words alone; one inside it adds its own.
                if matches!(self.top().kind, Kind::Image(..)) {
                    None
                } else {
                    let known = self.images.iter().find(|image| image.name == *dest_url);
                    let picture = known.filter(|image| is_sha256(&image.sha256)).map(|image| Picture {
                        alt: String::new(),
                        sha256: image.sha256.clone(),
                        width: image.width,
                        height: image.height,
                    });
                    Some(Kind::Image(picture, String::new()))
                }
            }
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } => {
                let is_mark: fn(&Kind) -> bool =
                    |kind| matches!(kind, Kind::Emphasis | Kind::Strong | Kind::Strike | Kind::Link(_));
                let fits = !matches!(self.top().kind, Kind::Image(..)) && count(&self.stack, is_mark) < MARKS;
                fits.then(|| match tag {
                    Tag::Emphasis => Kind::Emphasis,
                    Tag::Strong => Kind::Strong,
                    Tag::Strikethrough => Kind::Strike,
                    Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
                        Kind::Link(target(&format!("mailto:{dest_url}")))
                    }
                    Tag::Link { dest_url, .. } => Kind::Link(target(&dest_url)),
                    _ => Kind::Dropped,
                })
            }
            _ => Some(Kind::Dropped),
        };
        self.real.push(kind.is_some());
        if let Some(kind) = kind {
            self.stack.push(Frame::new(kind));
        }
    }

    fn container(&mut self, kind: Kind) -> Option<Kind> {
        let depth = self.stack.iter().filter(|f| matches!(f.kind, Kind::List(..) | Kind::Quote)).count();
        (depth < CONTAINERS).then_some(kind)
    }

    fn end(&mut self, tag: TagEnd) {
        match self.real.pop() {
            Some(true) => self.close(),
            // What had no frame is still a block of its own.
            Some(false) if matches!(tag, TagEnd::Item | TagEnd::List(_) | TagEnd::BlockQuote(_)) => {
                self.top().end_paragraph();
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        let Some(mut frame) = self.stack.pop() else { return };
        match frame.kind {
            Kind::Heading(level) => self.push_block(Block::Heading { level, spans: frame.spans }),
            Kind::Paragraph => {
                frame.end_paragraph();
                frame.blocks.into_iter().for_each(|block| self.push_block(block));
            }
            Kind::List(start, items) => self.push_block(Block::List { start, items }),
            Kind::Item => {
                frame.end_paragraph();
                self.nodes += 1;
                if let Kind::List(_, items) = &mut self.top().kind {
                    items.push(frame.blocks);
                }
            }
            Kind::Quote => {
                frame.end_paragraph();
                self.push_block(Block::Quote { blocks: frame.blocks });
            }
            Kind::Code(language, mut text) => {
                if text.ends_with('\n') {
                    text.pop();
                }
                self.push_block(Block::Code { language, text });
            }
            Kind::Table(alignments, header, mut rows) => {
                rows.iter_mut().for_each(|row| row.resize(header.len(), Vec::new()));
                self.push_block(Block::Table { alignments, header, rows });
            }
            Kind::Row(cells) => {
                if let Kind::Table(_, header, rows) = &mut self.top().kind {
                    if header.is_empty() { *header = cells } else { rows.push(cells) }
                }
            }
            Kind::Cell => {
                self.nodes += 1;
                if let Kind::Row(cells) = &mut self.top().kind
                    && cells.len() < COLUMNS
                {
                    cells.push(frame.spans);
                }
            }
            Kind::Emphasis => self.push_span(Span::Emphasis { spans: frame.spans }),
            Kind::Strong => self.push_span(Span::Strong { spans: frame.spans }),
            Kind::Strike => self.push_span(Span::Strike { spans: frame.spans }),
            Kind::Link(Some(target)) => self.push_span(Span::Link { target, spans: frame.spans }),
            Kind::Link(None) => frame.spans.into_iter().for_each(|span| self.push_span(span)),
            Kind::Image(Some(picture), alt) => self.push_span(Span::Image(Picture { alt, ..picture })),
            Kind::Image(None, alt) => self.text(&alt),
            Kind::Document | Kind::Dropped => {}
        }
    }

    fn text(&mut self, text: &str) {
        let frame = self.top();
        match &mut frame.kind {
            Kind::Image(_, words) | Kind::Code(_, words) => words.push_str(text),
            Kind::Dropped => {}
            _ => match frame.spans.last_mut() {
                Some(Span::Text { text: before }) => before.push_str(text),
                _ if text.is_empty() => {}
                _ => self.push_span(Span::Text { text: text.to_owned() }),
            },
        }
    }

    fn line_break(&mut self) {
        match self.top().kind {
            Kind::Image(..) => self.text(" "),
            Kind::Code(..) | Kind::Dropped => {}
            _ => self.push_span(Span::Break),
        }
    }

    fn push_span(&mut self, span: Span) {
        self.nodes += 1;
        match span {
            Span::Text { text } if matches!(self.top().spans.last(), Some(Span::Text { .. })) => {
                if let Some(Span::Text { text: before }) = self.top().spans.last_mut() {
                    before.push_str(&text);
                }
            }
            span => self.top().spans.push(span),
        }
    }

    fn push_block(&mut self, block: Block) {
        self.nodes += 1;
        let frame = self.top();
        frame.end_paragraph();
        frame.blocks.push(block);
    }

    fn finish(mut self) -> Vec<Block> {
        while self.stack.len() > 1 {
            self.close();
        }
        let mut document = self.stack.pop().unwrap_or_else(|| Frame::new(Kind::Document));
        document.end_paragraph();
        document.blocks
    }
}

fn alignment(alignment: pulldown_cmark::Alignment) -> Alignment {
    match alignment {
        pulldown_cmark::Alignment::None => Alignment::Natural,
        pulldown_cmark::Alignment::Left => Alignment::Left,
        pulldown_cmark::Alignment::Center => Alignment::Center,
        pulldown_cmark::Alignment::Right => Alignment::Right,
    }
}

/// The one tag that authors of tables cannot do without.
fn is_line_break(tag: &str) -> bool {
    tag.strip_prefix("<br").is_some_and(|rest| matches!(rest.trim_start(), ">" | "/>"))
}

/// Whether it is a SHA-256 as the wire writes it; only such a text may become the name of a file.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn target(written: &str) -> Option<Target> {
    if written.len() > TARGET_BYTES {
        return None;
    }
    if let Some(id) = written.strip_prefix("article:") {
        return id.parse().ok().map(Target::Article);
    }
    let url = Url::parse(written).ok()?;
    match url.scheme() {
        "https" | "http" => url.has_host().then(|| Target::Web(url.into())),
        "mailto" | "tel" => Some(Target::Web(url.into())),
        "beistand" => Some(Target::App(url.into())),
        _ => None,
    }
}

/// What a reader sees, without any marks: for the index and for snippets. Blocks, items and rows stand in lines.
pub fn plain(blocks: &[Block]) -> String {
    let mut text = String::new();
    lines(&mut text, blocks);
    text.truncate(text.trim_end().len());
    text
}

// Recursion goes as deep as a tree, and a tree is bounded.
fn lines(out: &mut String, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Heading { spans, .. } | Block::Paragraph { spans } => words(out, spans),
            Block::List { items, .. } => items.iter().for_each(|item| lines(out, item)),
            Block::Quote { blocks } => lines(out, blocks),
            Block::Code { text, .. } => out.push_str(text),
            Block::Table { header, rows, .. } => {
                for row in std::iter::once(header).chain(rows) {
                    for (at, cell) in row.iter().enumerate() {
                        if at > 0 && !cell.is_empty() {
                            out.push_str(" | ");
                        }
                        words(out, cell);
                    }
                    end_line(out);
                }
            }
            Block::Image(picture) => out.push_str(&picture.alt),
            Block::Rule => {}
        }
        end_line(out);
    }
}

fn end_line(out: &mut String) {
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
}

fn words(out: &mut String, spans: &[Span]) {
    for span in spans {
        match span {
            Span::Text { text } | Span::Code { text } => out.push_str(text),
            Span::Emphasis { spans } | Span::Strong { spans } | Span::Strike { spans } | Span::Link { spans, .. } => {
                words(out, spans);
            }
            Span::Break => out.push('\n'),
            Span::Image(picture) => out.push_str(&picture.alt),
        }
    }
}
