//! Markdown into blocks: what authors write, and what nobody should.

use std::time::{Duration, Instant};

use beistand_protocol::faq::ArticleImage;
use beistand_protocol::limits::FAQ_BODY_CHARS;
use proptest::prelude::*;

use crate::faq::{Block, Picture, Span, Target, blocks, plain};

fn text(text: &str) -> Span {
    Span::Text { text: text.into() }
}

fn paragraph(spans: Vec<Span>) -> Block {
    Block::Paragraph { spans }
}

fn read(markdown: &str) -> Vec<Block> {
    let image = ArticleImage {
        name: "label.png".into(),
        sha256: "ab".repeat(32),
        media_type: "image/png".into(),
        size: 9,
        width: 40,
        height: 30,
    };
    let evil = ArticleImage { name: "evil.png".into(), sha256: "../../etc/passwd".into(), ..image.clone() };
    blocks(markdown, &[image, evil])
}

fn picture(alt: &str) -> Picture {
    Picture { alt: alt.into(), sha256: "ab".repeat(32), width: 40, height: 30 }
}

#[test]
fn what_authors_write_becomes_blocks() {
    let read = read(
        "# Wie?\n\nSo **geht** *es* ~~nicht~~ `x`:\n\n3. eins\n4. zwei\n\n   - tief\n\n> Zitat\n\n```sh\nls\n```\n\n---\n",
    );
    let expected = [
        Block::Heading { level: 1, spans: vec![text("Wie?")] },
        paragraph(vec![
            text("So "),
            Span::Strong { spans: vec![text("geht")] },
            text(" "),
            Span::Emphasis { spans: vec![text("es")] },
            text(" "),
            Span::Strike { spans: vec![text("nicht")] },
            text(" "),
            Span::Code { text: "x".into() },
            text(":"),
        ]),
        Block::List {
            start: Some(3),
            items: vec![
                vec![paragraph(vec![text("eins")])],
                vec![
                    paragraph(vec![text("zwei")]),
                    Block::List { start: None, items: vec![vec![paragraph(vec![text("tief")])]] },
                ],
            ],
        },
        Block::Quote { blocks: vec![paragraph(vec![text("Zitat")])] },
        Block::Code { language: Some("sh".into()), text: "ls".into() },
        Block::Rule,
    ];
    assert_eq!(read, expected);
    assert_eq!(plain(&read), "Wie?\nSo geht es nicht x:\neins\nzwei\ntief\nZitat\nls");
}

#[test]
fn the_rows_of_a_table_are_as_wide_as_its_head() {
    let read = read("| Land | Dauer |\n|:--|--:|\n| AT | 2 Tage<br>mehr | zu viel |\n| DE |\n");
    let [Block::Table { header, rows, alignments }] = &read[..] else { panic!("{read:?}") };
    assert_eq!((header.len(), alignments.len()), (2, 2));
    assert_eq!(rows[0], [vec![text("AT")], vec![text("2 Tage"), Span::Break, text("mehr")]]);
    assert_eq!(rows[1], [vec![text("DE")], vec![]]);
    assert_eq!(plain(&read), "Land | Dauer\nAT | 2 Tage\nmehr\nDE");
}

#[test]
fn links_lead_only_where_an_app_may_go() {
    let target = |link: &str| match &read(&format!("[x]({link})"))[..] {
        [Block::Paragraph { spans }] => match &spans[..] {
            [Span::Link { target, .. }] => Some(target.clone()),
            [Span::Text { text }] if text == "x" => None,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(target("article:returns-1"), Some(Target::Article("returns-1".parse().unwrap())));
    assert_eq!(target("beistand:orders/7"), Some(Target::App("beistand:orders/7".into())));
    for web in ["https://example.com/a?b#c", "http://example.com/", "mailto:a@example.com", "tel:+4930123"] {
        assert_eq!(target(web), Some(Target::Web(web.into())));
    }
    for nowhere in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "intent://x",
        "article:../x",
        "article:",
        "/relative",
        "returns.md",
        "#top",
        "https://",
        &format!("https://example.com/{}", "a".repeat(3000)),
    ] {
        assert_eq!(target(nowhere), None, "{nowhere}");
    }
    let [Block::Paragraph { spans }] = &read("<hilfe@example.com>")[..] else { panic!() };
    assert!(matches!(&spans[0], Span::Link { target: Target::Web(to), .. } if to == "mailto:hilfe@example.com"));
}

#[test]
fn pictures_are_those_of_the_article_and_the_rest_is_their_words() {
    assert_eq!(read("![Das *Etikett*](label.png)"), [Block::Image(picture("Das Etikett"))]);
    assert_eq!(
        read("Hier ![Etikett](label.png) oben"),
        [paragraph(vec![text("Hier "), Span::Image(picture("Etikett")), text(" oben")])]
    );
    for other in ["other.png", "https://example.com/pixel.png", "evil.png", "../label.png"] {
        assert_eq!(read(&format!("Ein ![Bild]({other})!")), [paragraph(vec![text("Ein Bild!")])], "{other}");
    }
    assert_eq!(plain(&read("![Etikett](label.png)")), "Etikett");
}

#[test]
fn raw_html_is_dropped() {
    assert_eq!(read("<div onclick=\"x\">drin</div>\n\nA <b>fett</b><!-- y --> Z"), [paragraph(vec![text("A fett Z")])]);
    assert_eq!(read("<script>\nalert(1)\n</script>"), []);
    assert_eq!(read("<style>\n\np{}\n\n</style>\n\nda"), [paragraph(vec![text("da")])]);
    assert_eq!(read("<img src=https://example.com/x.png>"), []);
    // Text is text: nobody reads it as markup.
    assert_eq!(read("&lt;script&gt;"), [paragraph(vec![text("<script>")])]);
}

#[test]
fn what_lies_too_deep_is_flat_and_nothing_of_it_is_lost() {
    for markdown in [">".repeat(5_000) + " unten", "- ".repeat(5_000) + "unten", "1. > ".repeat(2_000) + "unten"] {
        let read = read(&markdown);
        assert!(depth(&read) <= 40, "{}", depth(&read));
        assert_eq!(plain(&read).trim_start_matches(['-', ' ', '>', '\n']), "unten");
        assert!(serde_json::to_string(&read).is_ok());
    }
    let marks = "*_".repeat(3_000) + "unten" + &"_*".repeat(3_000);
    let read = read(&marks);
    assert!(depth(&read) <= 40 && plain(&read).contains("unten"));
}

#[test]
fn a_text_that_is_made_to_take_long_does_not() {
    let many = |piece: &str| piece.repeat(FAQ_BODY_CHARS as usize / piece.chars().count());
    let wide = format!(
        "{}\n{}\n{}",
        many("|a").split_at(20_000).0,
        many("|-").split_at(20_000).0,
        many("|\n").split_at(60_000).0
    );
    for markdown in [
        many("["),
        many("]("),
        many("!["),
        many("*a "),
        many("**a"),
        many("_a*"),
        many("`"),
        many("``` "),
        many("<"),
        many("<a"),
        many("<!--"),
        many("&"),
        many("|"),
        many("|-"),
        many(">"),
        many("> - "),
        many("- "),
        many("\n- a"),
        many("[a](b"),
        many("[a]:b\n"),
        many("\\"),
        many("~~a"),
        many("a\n\n"),
        many("#"),
        many("\u{1F600}"),
        many("[x][y]"),
        wide,
    ] {
        let started = Instant::now();
        let read = read(&markdown);
        plain(&read);
        let (taken, beginning) = (started.elapsed(), markdown.chars().take(8).collect::<String>());
        // Fifty times what a debug build takes on a slow machine; what grows with the square takes minutes.
        assert!(taken < Duration::from_secs(10), "{beginning}: {taken:?}");
        assert!(nodes(&read) <= 60_000, "{beginning}: {}", nodes(&read));
    }
}

fn depth(blocks: &[Block]) -> usize {
    fn of_spans(spans: &[Span]) -> usize {
        spans
            .iter()
            .map(|span| match span {
                Span::Emphasis { spans }
                | Span::Strong { spans }
                | Span::Strike { spans }
                | Span::Link { spans, .. } => 1 + of_spans(spans),
                _ => 1,
            })
            .max()
            .unwrap_or(0)
    }
    blocks
        .iter()
        .map(|block| match block {
            Block::Heading { spans, .. } | Block::Paragraph { spans } => 1 + of_spans(spans),
            Block::List { items, .. } => 1 + items.iter().map(|item| depth(item)).max().unwrap_or(0),
            Block::Quote { blocks } => 1 + depth(blocks),
            Block::Table { header, rows, .. } => {
                2 + header.iter().chain(rows.iter().flatten()).map(|cell| of_spans(cell)).max().unwrap_or(0)
            }
            _ => 1,
        })
        .max()
        .unwrap_or(0)
}

/// Counted in their JSON, which has an object for each but not for cells.
fn nodes(blocks: &[Block]) -> usize {
    let cells: usize = blocks
        .iter()
        .map(|block| match block {
            Block::Table { header, rows, .. } => header.len() * (rows.len() + 1),
            _ => 0,
        })
        .sum();
    serde_json::to_string(blocks).unwrap().matches("\"type\"").count() + cells
}

fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        5 => prop::sample::select(vec![
            "\n", "\n\n", "    ", "# ", "> ", "- ", "1. ", "* ", "**", "*", "_", "~~", "`", "```\n", "|", "|-|-|\n", "[", "](",
            ")", "![", "<script>", "</script>", "<div>", "<b", "-->", "<!--", "article:a", "javascript:x", "label.png",
            "https://a.b", "&lt;", "\\", "---\n", "wort ", "\u{0}", "\u{202e}", "[a]: b\n", "<br>",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_gives_a_tree_of_bounded_depth(markdown in markdown()) {
        let tree = read(&markdown);
        prop_assert!(depth(&tree) <= 40);
        let json = serde_json::to_string(&tree).unwrap();
        prop_assert!(!json.contains("\"to\":\"javascript"));
        for line in plain(&tree).lines() {
            prop_assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn no_tag_of_raw_html_is_shown(words in "[a-z]{1,8}", tag in "(script|style|iframe|b|img|svg)") {
        // In a line of its own and among words; what an author escapes is text.
        for html in [format!("<{tag} src=x>\n{words}\n</{tag}>\n"), format!("vor <{tag}>{words}</{tag}> nach")] {
            let shown = plain(&read(&html));
            let opening = format!("<{tag}");
            prop_assert!(!shown.contains(&opening), "{shown}");
        }
    }

    #[test]
    fn every_word_of_a_text_without_marks_is_shown(words in prop::collection::vec("[a-zäöüß]{1,10}", 1..40)) {
        let written = words.join(" ");
        prop_assert_eq!(plain(&read(&written)), written);
    }
}
