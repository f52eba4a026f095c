//! Articles that were found, as people and scripts read them.

use beistand_core::faq::{Highlight, Hit};
use serde_json::Value;

use super::columns::{behind, beside, wrap};
use super::ink::Ink;
use crate::{harmless, human};

/// A found article for scripts.
pub fn document(hit: &Hit) -> Value {
    // It serialises; null would show at once in any test.
    serde_json::to_value(hit).unwrap_or_default()
}

/// A found article for people: what was looked for stands out.
pub fn text(hit: &Hit, width: usize, ink: Ink) -> String {
    let mut lines = wrap(&marked(&hit.title, &hit.title_highlights, ink), width);
    let about = [hit.article.to_string(), hit.locale.to_string()];
    lines.push(human::parts(&about, width));
    let snippet = marked(&hit.snippet.text, &hit.snippet.highlights, ink);
    lines.extend(behind(wrap(&snippet, width.saturating_sub(2)), "  ", "  "));
    lines.join("\n") + "\n"
}

/// Articles that may answer what was written, each with the command that shows it.
pub fn suggestions(hits: &[Hit], width: usize) -> String {
    let row = |hit: &Hit| (format!("beistand faq show {}", hit.article), harmless::line(&hit.title));
    let rows: Vec<_> = hits.iter().map(row).collect();
    let lines = beside(&rows, width.saturating_sub(2));
    lines.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// A text of one line with its highlights in bold.
fn marked(text: &str, highlights: &[Highlight], ink: Ink) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (mut told, mut at) = (String::new(), 0);
    let piece = |from: usize, to: usize| {
        let piece: String = characters.get(from..to.min(characters.len())).unwrap_or_default().iter().collect();
        harmless::lines(&piece).replace('\n', " ")
    };
    for highlight in highlights {
        let (start, end) = (highlight.start as usize, highlight.end as usize);
        told.push_str(&piece(at, start));
        told.push_str(&ink.bold(&piece(start, end)));
        at = end.max(at);
    }
    told + &piece(at, characters.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn highlight(start: u32, end: u32) -> Highlight {
        Highlight { start, end, utf16_start: start, utf16_end: end }
    }

    #[test]
    fn what_was_looked_for_is_bold_at_a_terminal_only() {
        let highlights = [highlight(0, 4), highlight(5, 11)];
        assert_eq!(marked("Mein Päckle?", &highlights, Ink::Terminal), "\x1b[1mMein\x1b[22m \x1b[1mPäckle\x1b[22m?");
        assert_eq!(marked("Mein Päckle?", &highlights, Ink::Plain), "Mein Päckle?");
        assert_eq!(marked("a\u{1b}b", &[highlight(1, 9)], Ink::Plain), "a▯b");
    }
}
