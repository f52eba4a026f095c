//! An article as a terminal shows it: blocks of lines that fit, numbered links with their targets below. Pure. Nothing that
//! an article says can steer the terminal.

use beistand_core::faq::{ArticleView, Block, Picture, Span, Target};
use textwrap::core::display_width;

use super::columns::{behind, wrap};
use super::ink::Ink;
use super::table;
use crate::{harmless, human};

/// Lists and quotes that leave less room than this for their words are not indented further.
const NARROWEST: usize = 12;

/// An article with its title.
pub fn article(article: &ArticleView, width: usize, ink: Ink) -> String {
    let mut lines = wrap(&ink.bold(&harmless::line(&article.title)), width);
    let about = [
        article.id.to_string(),
        article.collection.as_ref().map(ToString::to_string).unwrap_or_default(),
        article.locale.to_string(),
        human::time(article.updated_at),
    ];
    lines.push(human::outdented(&human::parts(&about, width)));
    lines.push(String::new());
    let mut page = Page { ink, targets: Vec::new() };
    lines.extend(page.blocks(&article.blocks, width, true));
    if !page.targets.is_empty() {
        lines.push(String::new());
    }
    // A target is there to be copied: it is never broken.
    let widest = page.targets.len().to_string().len();
    lines.extend(page.targets.iter().enumerate().map(|(at, target)| format!("[{:>widest$}] {target}", at + 1)));
    lines.join("\n")
}

struct Page {
    ink: Ink,
    /// What links lead to, in the order of their numbers.
    targets: Vec<String>,
}

impl Page {
    fn blocks(&mut self, blocks: &[Block], width: usize, apart: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for block in blocks {
            let drawn = self.block(block, width);
            if apart && !lines.is_empty() && !drawn.is_empty() {
                lines.push(String::new());
            }
            lines.extend(drawn);
        }
        lines
    }

    fn block(&mut self, block: &Block, width: usize) -> Vec<String> {
        match block {
            Block::Heading { level, spans } => {
                let mut lines = wrap(&self.ink.bold(&self.words(spans)), width);
                let widest = lines.iter().map(|line| display_width(line)).max().unwrap_or(0);
                if *level <= 2 && widest > 0 {
                    lines.push("─".repeat(widest));
                }
                lines
            }
            Block::Paragraph { spans } => wrap(&self.words(spans), width),
            Block::List { start, items } => self.list(*start, items, width),
            Block::Quote { blocks } if width >= NARROWEST + 2 => {
                behind(self.blocks(blocks, width - 2, true), "│ ", "│ ")
            }
            Block::Quote { blocks } => self.blocks(blocks, width, true),
            // In code every character counts, so its lines are not broken.
            Block::Code { text, .. } => {
                harmless::lines(text).split('\n').map(|line| format!("    {line}").trim_end().to_owned()).collect()
            }
            Block::Table { alignments, header, rows } => {
                let header: Vec<String> = header.iter().map(|cell| self.words(cell)).collect();
                let rows: Vec<Vec<String>> =
                    rows.iter().map(|row| row.iter().map(|cell| self.words(cell)).collect()).collect();
                table::lines(alignments, &header, &rows, width, self.ink)
            }
            Block::Image(picture) => wrap(&shown(picture), width),
            Block::Rule => vec!["─".repeat(width.min(40))],
            // A kind of block that came later than this program.
            _ => Vec::new(),
        }
    }

    fn list(&mut self, start: Option<u64>, items: &[Vec<Block>], width: usize) -> Vec<String> {
        let number = |at: usize| start.map(|start| start.saturating_add(at as u64));
        let digits = number(items.len().saturating_sub(1)).map_or(0, |last| last.to_string().len());
        let margin = if start.is_some() { digits + 2 } else { 2 };
        let fits = width >= NARROWEST + margin;
        // Items of one paragraph, perhaps with a list of their own, stand close.
        let close = items.iter().all(|item| matches!(item.as_slice(), [] | [_] | [_, Block::List { .. }]));
        let mut lines = Vec::new();
        for (at, item) in items.iter().enumerate() {
            if !close && at > 0 {
                lines.push(String::new());
            }
            if !fits {
                lines.extend(self.blocks(item, width, !close));
                continue;
            }
            let mark = number(at).map_or_else(|| "- ".to_owned(), |number| format!("{number:>digits$}. "));
            let mut drawn = self.blocks(item, width - margin, !close);
            if drawn.is_empty() {
                drawn.push(String::new());
            }
            lines.extend(behind(drawn, &mark, &" ".repeat(margin)));
        }
        lines
    }

    /// Words in one piece; only where their author has broken a line do they hold a line break.
    fn words(&mut self, spans: &[Span]) -> String {
        spans.iter().map(|span| self.word(span)).collect()
    }

    fn word(&mut self, span: &Span) -> String {
        match span {
            Span::Text { text } => on_one_line(text),
            Span::Emphasis { spans } => self.ink.italic(&self.words(spans)),
            Span::Strong { spans } => self.ink.bold(&self.words(spans)),
            Span::Strike { spans } => self.ink.struck(&self.words(spans)),
            Span::Code { text } => format!("`{}`", on_one_line(text)),
            Span::Link { target, spans } => self.link(target, spans),
            Span::Break => "\n".to_owned(),
            Span::Image(picture) => shown(picture),
            _ => String::new(),
        }
    }

    fn link(&mut self, target: &Target, spans: &[Span]) -> String {
        let words = self.words(spans);
        let told = told(target);
        // Whoever wrote the address itself needs no second copy of it.
        let bare = told.strip_prefix("mailto:").or_else(|| told.strip_prefix("tel:")).unwrap_or(&told);
        if words == told || words == bare || words == bare.trim_end_matches('/') {
            return words;
        }
        let number = self.targets.iter().position(|known| *known == told).unwrap_or_else(|| {
            self.targets.push(told);
            self.targets.len() - 1
        });
        // The number stays on the line of the last word.
        format!("{words}\u{a0}[{}]", number + 1)
    }
}

/// A text of one line, its spaces kept: it may stand between others.
fn on_one_line(text: &str) -> String {
    harmless::lines(text).replace('\n', " ")
}

fn shown(picture: &Picture) -> String {
    match harmless::line(&picture.alt).as_str() {
        "" => "[picture]".to_owned(),
        alt => format!("[picture: {alt}]"),
    }
}

/// Where a link leads, as something that can be done in a terminal where there is such a thing.
fn told(target: &Target) -> String {
    match target {
        Target::Article(id) => format!("beistand faq show {id}"),
        Target::App(url) => match url.strip_prefix("beistand:new-ticket?category=") {
            Some(category) if !category.is_empty() && category.chars().all(is_plain) => {
                format!("beistand open --category {category} --subject … --text …")
            }
            _ => format!("in the app: {}", harmless::line(url)),
        },
        Target::Web(url) => harmless::line(url),
    }
}

/// What means nothing to a shell, should somebody paste it there.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use beistand_core::faq::blocks;
    use beistand_core::protocol::UnixMillis;
    use beistand_core::protocol::faq::ArticleImage;

    use super::*;

    fn view(markdown: &str, images: &[ArticleImage]) -> ArticleView {
        ArticleView {
            id: "a".parse().unwrap(),
            locale: "de".parse().unwrap(),
            collection: None,
            title: "Titel".into(),
            blocks: blocks(markdown, images),
            images: images.to_vec(),
            tags: Vec::new(),
            version: 1,
            updated_at: UnixMillis(0),
        }
    }

    fn body(markdown: &str, width: usize) -> String {
        let drawn = article(&view(markdown, &[]), width, Ink::Plain);
        drawn.split_once("\n\n").map_or_else(String::new, |(_, body)| body.to_owned())
    }

    #[test]
    fn blocks_are_drawn_with_their_margins() {
        let text = "## Und so geht es\n\nEins *zwei* **drei**.\n\n1. Erst das Etikett drucken\n2. dann\n   - kleben\n   - abgeben\n\n> Nur im Karton.\n\n```\nlet x  = 1;\n```\n\n---";
        assert_eq!(
            body(text, 20),
            "Und so geht es\n──────────────\n\nEins zwei drei.\n\n1. Erst das Etikett\n   drucken\n2. dann\n   - kleben\n   - abgeben\n\n│ Nur im Karton.\n\n    let x  = 1;\n\n────────────────────"
        );
    }

    #[test]
    fn items_of_several_paragraphs_stand_apart() {
        assert_eq!(body("- eins\n\n  noch\n- zwei", 40), "- eins\n\n  noch\n\n- zwei");
        let many = (8..=10).map(|n| format!("{n}. x\n")).collect::<String>();
        assert_eq!(body(&many, 40), " 8. x\n 9. x\n10. x");
    }

    #[test]
    fn links_have_numbers_and_their_targets_stand_below() {
        let text = "[Hier](article:stores), [da](https://example.com/a), [nochmal](article:stores), <https://x.de>, <a@x.de>, [neu](beistand:new-ticket?category=returns) [böse](beistand:new-ticket?category=;rm)";
        assert_eq!(
            body(text, 200),
            "Hier [1], da [2], nochmal [1], https://x.de, a@x.de, neu [3] böse [4]\n\n[1] beistand faq show stores\n[2] https://example.com/a\n[3] beistand open --category returns --subject … --text …\n[4] in the app: beistand:new-ticket?category=;rm"
        );
    }

    #[test]
    fn a_picture_is_told_by_its_words() {
        let image = ArticleImage {
            name: "a.png".into(),
            sha256: "0".repeat(64),
            media_type: "image/png".into(),
            size: 1,
            width: 1,
            height: 1,
        };
        let drawn = article(&view("![Ein Maßband](a.png)", &[image]), 80, Ink::Plain);
        assert!(drawn.ends_with("[picture: Ein Maßband]"), "{drawn}");
    }

    #[test]
    fn nobody_steers_the_terminal_from_an_article() {
        let text = "a\u{1b}[2Jb &#27;[2J&#x202e;  `c\u{9b}31m` **d\u{7}**\n\n```\n\u{1b}]0;x\u{7}\n```\n\n| a\u{1b} |\n|---|\n| \u{202e}b |\n\n![\u{1b}x](y.png) [l\u{1b}](https://x.de/\u{1b}a)";
        let mut view = view(text, &[]);
        view.title = "T\u{1b}[31m".into();
        let drawn = article(&view, 40, Ink::Plain);
        assert!(!drawn.chars().any(|c| c.is_control() && c != '\n') && !drawn.contains('\u{202e}'), "{drawn:?}");
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_article_of_the_demo_fits_narrow_and_wide_terminals() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/demo/faq");
        let mut found = Vec::new();
        files(&root, &mut found);
        assert!(found.len() >= 80);
        for path in found {
            let text = std::fs::read_to_string(&path).unwrap();
            let body = text.splitn(3, "---\n").nth(2).unwrap();
            for (width, ink) in [(24, Ink::Plain), (40, Ink::Plain), (80, Ink::Terminal)] {
                let drawn = article(&view(body, &[]), width, ink);
                for line in drawn.lines().filter(|line| !line.starts_with('[') && !line.starts_with("    ")) {
                    assert!(display_width(line) <= width, "{} at {width}: {line}", path.display());
                }
            }
        }
    }
}
