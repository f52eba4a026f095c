//! Where lines break. Everything that is shown or edited is broken here, by the width that a terminal gives its
//! characters: between words, inside a word only where it is longer than a line, and never inside a character that is
//! made of several (an accent, an emoji).

use std::ops::Range;

use textwrap::{core::Fragment, wrap_algorithms::wrap_first_fit};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    // Character by character, as the screen's cells are filled: a joined emoji takes the columns of the whole.
    text.graphemes(true).map(|character| character.width()).sum()
}

#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    width: usize,
    space: usize,
}

impl Fragment for Piece {
    fn width(&self) -> f64 {
        self.width as f64
    }
    fn whitespace_width(&self) -> f64 {
        self.space as f64
    }
    fn penalty_width(&self) -> f64 {
        0.0
    }
}

/// The byte ranges of the lines that a text takes at a width. They cover everything but the line breaks; white space
/// at the end of a line hangs over.
pub fn ranges(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in text.split('\n') {
        let pieces = pieces(paragraph, start, columns);
        let end = start + paragraph.len();
        if pieces.is_empty() {
            lines.push(start..end);
        }
        for line in wrap_first_fit(&pieces, &[columns as f64]) {
            if let (Some(first), Some(last)) = (line.first(), line.last()) {
                lines.push(first.range.start..last.range.end);
            }
        }
        start = end + 1;
    }
    lines
}

/// Words with the white space behind them; one that is longer than a line in pieces that are not.
fn pieces(paragraph: &str, offset: usize, columns: usize) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    // White space belongs to the word before it; a word may also end behind a hyphen or a character of Chinese,
    // Japanese or Korean writing, which has no spaces.
    let mut open = false;
    for (at, character) in paragraph.grapheme_indices(true) {
        let (range, taken) = (offset + at..offset + at + character.len(), character.width());
        let blank = character.chars().all(char::is_whitespace);
        match pieces.last_mut() {
            Some(last) if blank => {
                last.range.end = range.end;
                last.space += taken;
                open = false;
            }
            Some(last) if open && last.width + taken <= columns => {
                last.range.end = range.end;
                last.width += taken;
                open = !ends_word(character, taken);
            }
            _ if blank => pieces.push(Piece { range, width: 0, space: taken }),
            _ => {
                pieces.push(Piece { range, width: taken, space: 0 });
                open = !ends_word(character, taken);
            }
        }
    }
    pieces
}

fn ends_word(character: &str, taken: usize) -> bool {
    character == "-" || character == "/" || (taken == 2 && character.chars().all(char::is_alphanumeric))
}

/// A text on lines of at most so many columns.
pub fn lines(text: &str, columns: usize) -> Vec<String> {
    ranges(text, columns).into_iter().map(|range| text[range].trim_end().to_owned()).collect()
}

/// A text on one line; what does not fit is cut off, visibly.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut cut, mut used) = (String::new(), 1);
    for character in text.graphemes(true) {
        used += character.width();
        if used > columns {
            break;
        }
        cut.push_str(character);
    }
    if columns == 0 { String::new() } else { format!("{}…", cut.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 6] = [
        "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz ist ein Wort.",
        "返品をお願いします。 サイズが合いません。",
        "Danke 👩‍👩‍👧‍👦👍🏽🇩🇪 und e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
        "  eingerückt\n\n\nund Leerzeilen\n",
        "a/b/c-d-e-f",
        "",
    ];

    #[test]
    fn no_line_is_wider_than_asked_and_nothing_is_lost() {
        for text in TEXTS {
            for columns in 2..40 {
                let lines = lines(text, columns);
                assert!(lines.iter().all(|line| width(line) <= columns), "{columns}: {lines:?}");
                let all: String = ranges(text, columns).into_iter().map(|range| &text[range]).collect();
                assert_eq!(all, text.replace('\n', ""));
            }
        }
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(lines("Die Rücksendebestätigung kam nie.", 20), ["Die", "Rücksendebestätigung", "kam nie."]);
        assert_eq!(lines("Rücksendebestätigung", 10), ["Rücksendeb", "estätigung"]);
        assert_eq!(lines("eins\n\nzwei", 10), ["eins", "", "zwei"]);
        assert_eq!(lines("Hin- und Rückweg", 6), ["Hin-", "und", "Rückwe", "g"]);
    }

    #[test]
    fn a_character_of_several_parts_is_not_broken() {
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(lines(&family.repeat(3), 5), [family.repeat(2), family.to_owned()]);
        assert_eq!(lines(&"e\u{301}".repeat(4), 2), ["e\u{301}e\u{301}", "e\u{301}e\u{301}"]);
    }

    #[test]
    fn a_line_is_cut_by_columns() {
        assert_eq!(cut("Donaudampfschifffahrt", 10), "Donaudamp…");
        assert_eq!(cut("返品をお願いします", 8), "返品を…");
        assert_eq!(cut("kurz", 4), "kurz");
        assert_eq!(cut("kurz", 0), "");
    }
}
