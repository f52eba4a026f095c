//! Articles of the FAQ as trees of blocks, for each platform to draw with its own means.

use beistand_core::faq::{Alignment, ArticleView, Block, Picture, Span, Target};

/// A block of an article.
#[derive(Clone, PartialEq, Debug, uniffi::Enum)]
pub enum FfiBlock {
    /// A heading.
    Heading {
        /// 1 (largest) to 6.
        level: u8,
        /// Its words.
        spans: Vec<FfiSpan>,
    },
    /// A paragraph.
    Paragraph {
        /// Its words.
        spans: Vec<FfiSpan>,
    },
    /// A list.
    Items {
        /// The number of the first item; none for a list with bullets.
        start: Option<u64>,
        /// The items.
        items: Vec<Vec<FfiBlock>>,
    },
    /// A quotation.
    Quote {
        /// What is quoted.
        blocks: Vec<FfiBlock>,
    },
    /// Text in which every character counts.
    Code {
        /// The language that its author named.
        language: Option<String>,
        /// The text.
        text: String,
    },
    /// A table. Each row has as many cells as the header.
    Table {
        /// How each column is aligned.
        alignments: Vec<FfiAlignment>,
        /// The cells of the header.
        header: Vec<Vec<FfiSpan>>,
        /// The rows.
        rows: Vec<Vec<Vec<FfiSpan>>>,
    },
    /// A picture in a line of its own.
    Image {
        /// Which one.
        picture: FfiPicture,
    },
    /// A line across.
    Rule,
    /// Something that this version of the bindings has no words for.
    Other,
}

impl From<Block> for FfiBlock {
    fn from(block: Block) -> Self {
        match block {
            Block::Heading { level, spans } => Self::Heading { level, spans: all(spans) },
            Block::Paragraph { spans } => Self::Paragraph { spans: all(spans) },
            Block::List { start, items } => Self::Items { start, items: items.into_iter().map(all).collect() },
            Block::Quote { blocks } => Self::Quote { blocks: all(blocks) },
            Block::Code { language, text } => Self::Code { language, text },
            Block::Table { alignments, header, rows } => Self::Table {
                alignments: all(alignments),
                header: header.into_iter().map(all).collect(),
                rows: rows.into_iter().map(|row| row.into_iter().map(all).collect()).collect(),
            },
            Block::Image(picture) => Self::Image { picture: picture.into() },
            Block::Rule => Self::Rule,
            _ => Self::Other,
        }
    }
}

fn all<T, F: From<T>>(list: Vec<T>) -> Vec<F> {
    list.into_iter().map(Into::into).collect()
}

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiAlignment {
    /// As the platform does it.
    Natural,
    /// At the left.
    Left,
    /// In the middle.
    Center,
    /// At the right.
    Right,
}

impl From<Alignment> for FfiAlignment {
    fn from(alignment: Alignment) -> Self {
        match alignment {
            Alignment::Natural => Self::Natural,
            Alignment::Left => Self::Left,
            Alignment::Center => Self::Center,
            Alignment::Right => Self::Right,
        }
    }
}

/// A piece of a line.
#[derive(Clone, PartialEq, Debug, uniffi::Enum)]
pub enum FfiSpan {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// Emphasis: usually italic.
    Emphasis {
        /// What is emphasised.
        spans: Vec<FfiSpan>,
    },
    /// Strong emphasis: usually bold.
    Strong {
        /// What is emphasised.
        spans: Vec<FfiSpan>,
    },
    /// Struck through.
    Strike {
        /// What is struck.
        spans: Vec<FfiSpan>,
    },
    /// A few characters of code.
    Code {
        /// The characters.
        text: String,
    },
    /// A link.
    Link {
        /// Where it leads.
        target: FfiTarget,
        /// What is tapped.
        spans: Vec<FfiSpan>,
    },
    /// A new line in the same paragraph.
    Break,
    /// A picture among words.
    Image {
        /// Which one.
        picture: FfiPicture,
    },
    /// Something that this version of the bindings has no words for.
    Other,
}

impl From<Span> for FfiSpan {
    fn from(span: Span) -> Self {
        match span {
            Span::Text { text } => Self::Text { text },
            Span::Emphasis { spans } => Self::Emphasis { spans: all(spans) },
            Span::Strong { spans } => Self::Strong { spans: all(spans) },
            Span::Strike { spans } => Self::Strike { spans: all(spans) },
            Span::Code { text } => Self::Code { text },
            Span::Link { target, spans } => Self::Link { target: target.into(), spans: all(spans) },
            Span::Break => Self::Break,
            Span::Image(picture) => Self::Image { picture: picture.into() },
            _ => Self::Other,
        }
    }
}

/// Where a link leads.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiTarget {
    /// Another article.
    Article {
        /// Which one.
        id: String,
    },
    /// A place in the app.
    App {
        /// A URL that begins with `beistand:`.
        url: String,
    },
    /// Elsewhere.
    Web {
        /// A URL of `https`, `http`, `mailto` or `tel`.
        url: String,
    },
}

impl From<Target> for FfiTarget {
    fn from(target: Target) -> Self {
        match target {
            Target::Article(id) => Self::Article { id: id.as_str().to_owned() },
            Target::App(url) => Self::App { url },
            Target::Web(url) => Self::Web { url },
        }
    }
}

/// A picture of the article.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiPicture {
    /// What it shows, in words.
    pub alt: String,
    /// SHA-256 of its bytes; `FfiFaq.image` takes it.
    pub sha256: String,
    /// Pixels across; 0 if unknown.
    pub width: u32,
    /// Pixels down; 0 if unknown.
    pub height: u32,
}

impl From<Picture> for FfiPicture {
    fn from(picture: Picture) -> Self {
        Self { alt: picture.alt, sha256: picture.sha256, width: picture.width, height: picture.height }
    }
}

/// An article, ready to be drawn.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiArticle {
    /// Its id.
    pub id: String,
    /// The language of this text.
    pub locale: String,
    /// Where it stands.
    pub collection: Option<String>,
    /// The question.
    pub title: String,
    /// The answer.
    pub blocks: Vec<FfiBlock>,
    /// Words to sort by.
    pub tags: Vec<String>,
    /// Counts the publications of this text.
    pub version: u64,
    /// When it was written, in milliseconds since 1970.
    pub updated_at: i64,
}

impl From<ArticleView> for FfiArticle {
    fn from(article: ArticleView) -> Self {
        Self {
            id: article.id.as_str().to_owned(),
            locale: article.locale.as_str().to_owned(),
            collection: article.collection.map(|collection| collection.as_str().to_owned()),
            title: article.title,
            blocks: all(article.blocks),
            tags: article.tags,
            version: article.version,
            updated_at: article.updated_at.0,
        }
    }
}
