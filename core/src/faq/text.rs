//! From text to the terms that an index holds: words, lower case, stemmed, folded; pure. Articles and queries go through
//! the same steps, so whatever these steps do to a word they do on both sides.
//!
//! Scripts that put no spaces between words (Chinese, Japanese, Thai …) are cut into overlapping pairs of characters.

use std::collections::HashSet;

use beistand_protocol::faq::Locale;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// How the texts of one language become terms.
pub(crate) struct Analysis {
    stemmer: Option<Stemmer>,
    /// Whether `ae`, `oe` and `ue` may stand for umlauts.
    german: bool,
    /// Terms that mean nothing by themselves: *and*, *ich*, *bitte*.
    fillers: HashSet<String>,
}

/// A word of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    /// Where it stands, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
    /// Lower case without accents.
    pub folded: String,
    /// What the index holds.
    pub term: String,
}

/// Nobody writes longer words; what is longer is cut, so that a term has a bound.
const LONGEST: usize = 64;

impl Analysis {
    /// For texts of a language; one without a stemmer keeps its words as they are.
    pub fn new(locale: &Locale) -> Self {
        let stemmer = algorithm(locale.language()).map(Stemmer::create);
        let mut analysis = Self { stemmer, german: locale.language() == "de", fillers: HashSet::new() };
        let fillers = stop_words::lookup(locale.language()).unwrap_or_default();
        analysis.fillers = fillers.iter().map(|word| analysis.stem(&word.to_lowercase())).collect();
        analysis
    }

    /// All words of a text, in order.
    pub fn words(&self, text: &str) -> Vec<Word> {
        places(text).into_iter().map(|place| self.word(text, place)).collect()
    }

    /// The word at a place.
    pub fn word(&self, text: &str, Place { start, end, script }: Place) -> Word {
        let written = text.get(start..end).unwrap_or_default();
        match script {
            Script::Unspaced => {
                let pair = pair(written);
                Word { start, end, term: pair.clone(), folded: pair }
            }
            Script::Spaced => {
                let lower = lower(written);
                Word { start, end, term: self.stem(&lower), folded: fold(&lower) }
            }
        }
    }

    /// Whether a word says something by itself.
    pub fn has_meaning(&self, folded: &str, term: &str) -> bool {
        !self.fillers.contains(term)
            && (!folded.is_ascii() || folded.len() > 2)
            && !folded.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The same word with its umlauts, folded, if it is written without: `grosse` for `groesse`.
    pub fn transcribed(&self, folded: &str) -> Option<String> {
        let read = folded.replace("ae", "a").replace("oe", "o").replace("ue", "u");
        (self.german && read != folded).then_some(read)
    }

    /// The term of a word in lower case.
    pub fn stem(&self, lower: &str) -> String {
        match &self.stemmer {
            Some(stemmer) => fold(&stemmer.stem(lower)),
            None => fold(lower),
        }
    }
}

/// The words of a text in lower case without accents, with a space between.
pub(crate) fn folded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for Place { start, end, script } in places(text) {
        let written = text.get(start..end).unwrap_or_default();
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&if script == Script::Spaced { fold(&lower(written)) } else { pair(written) });
    }
    all
}

fn lower(written: &str) -> String {
    // ASCII is composed already, which is most of what there is.
    if written.is_ascii() {
        written.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()).collect()
    } else {
        written.nfc().flat_map(char::to_lowercase).take(LONGEST).collect()
    }
}

fn pair(written: &str) -> String {
    written.nfkc().filter(|c| c.is_alphanumeric() || is_combining_mark(*c)).collect()
}

/// Words with a space between.
pub(crate) fn joined<'a>(words: impl Iterator<Item = &'a str>, about: usize) -> String {
    let mut all = String::with_capacity(about);
    for word in words {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(word);
    }
    all
}

/// Where a word stands, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub start: usize,
    pub end: usize,
    script: Script,
}

/// Where the words of a text stand, in order.
pub(crate) fn places(text: &str) -> Vec<Place> {
    let mut places = Vec::with_capacity(text.len() / 6);
    let mut run: Option<(usize, Script)> = None;
    let mut end = 0;
    let mut close = |start, end, script| match script {
        Script::Spaced => places.push(Place { start, end, script }),
        Script::Unspaced => pairs(text, start, end, &mut places),
    };
    for (at, c) in text.char_indices() {
        let script = script_of(c);
        match (run, script) {
            // A mark belongs to whatever it stands on.
            (Some(_), None) if is_combining_mark(c) => {}
            (Some((start, kind)), other) if other != Some(kind) => {
                close(start, end, kind);
                run = other.map(|kind| (at, kind));
            }
            (None, Some(kind)) => run = Some((at, kind)),
            _ => {}
        }
        end = at + c.len_utf8();
    }
    if let Some((start, kind)) = run {
        close(start, end, kind);
    }
    places
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Script {
    /// Words stand apart.
    Spaced,
    /// Words stand together.
    Unspaced,
}

fn script_of(c: char) -> Option<Script> {
    match c {
        // Thai, Lao, Myanmar, Khmer with their vowel signs; Kana, Bopomofo, Han, half-width Kana.
        '\u{e01}'..='\u{e3a}'
        | '\u{e40}'..='\u{e4e}'
        | '\u{e81}'..='\u{ecd}'
        | '\u{1000}'..='\u{103e}'
        | '\u{1780}'..='\u{17d3}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{3096}'
        | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30ff}'
        | '\u{3105}'..='\u{312f}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3134f}' => Some(Script::Unspaced),
        c if c.is_alphanumeric() => Some(Script::Spaced),
        _ => None,
    }
}

/// Each character with the next, and the last alone: a single character is then found as the beginning of a pair.
fn pairs(text: &str, start: usize, end: usize, places: &mut Vec<Place>) {
    let mut characters = text[start..end].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let length = c.len_utf8() + characters.peek().map_or(0, |(_, next)| next.len_utf8());
        places.push(Place { start: start + at, end: start + at + length, script: Script::Unspaced });
    }
}

/// Lower-case text without accents, ligatures and the letters that stand for two.
pub(crate) fn fold(lower: &str) -> String {
    if lower.is_ascii() {
        return lower.to_owned();
    }
    let mut folded = String::with_capacity(lower.len());
    for c in lower.nfkd() {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            c if is_combining_mark(c) => {}
            // Compatibility forms may bring capitals and signs.
            c => folded.extend(c.to_lowercase().filter(|c| c.is_alphanumeric())),
        }
    }
    folded
}

fn algorithm(language: &str) -> Option<Algorithm> {
    Some(match language {
        "ar" => Algorithm::Arabic,
        "da" => Algorithm::Danish,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "en" => Algorithm::English,
        "es" => Algorithm::Spanish,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "hu" => Algorithm::Hungarian,
        "it" => Algorithm::Italian,
        "nb" | "nn" | "no" => Algorithm::Norwegian,
        "nl" => Algorithm::Dutch,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "ru" => Algorithm::Russian,
        "sv" => Algorithm::Swedish,
        "ta" => Algorithm::Tamil,
        "tr" => Algorithm::Turkish,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(language: &str, text: &str) -> Vec<String> {
        Analysis::new(&language.parse().unwrap()).words(text).into_iter().map(|word| word.term).collect()
    }

    #[test]
    fn german_words_meet_however_they_are_written() {
        for (one, other) in [
            ("Straße", "strasse"),
            ("STRASSE", "Straßen"),
            ("Größe", "grosse"),
            ("Gro\u{308}ße", "GRÖSSE"),
            ("Rücksendung", "Rücksendungen"),
            ("Gutscheine", "Gutschein"),
        ] {
            assert_eq!(terms("de", one), terms("de", other), "{one} {other}");
        }
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "«Größe» M/L – e-mail";
        let words = Analysis::new(&"de".parse().unwrap()).words(text);
        let written: Vec<_> = words.iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(written, ["Größe", "M", "L", "e", "mail"]);
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(terms("ja", "返品したい"), ["返品", "品し", "した", "たい", "い"]);
        assert_eq!(terms("zh", "退货 7 天"), ["退货", "货", "7", "天"]);
        assert_eq!(terms("th", "คืน"), ["คื", "ืน", "น"]);
        assert_eq!(terms("en", "size表"), ["size", "表"]);
    }

    proptest! {
        #[test]
        fn any_text_gives_terms_that_need_no_quoting(text in "\\PC{0,200}") {
            for word in Analysis::new(&"de".parse().unwrap()).words(&text) {
                prop_assert!(text.is_char_boundary(word.start) && text.is_char_boundary(word.end));
                prop_assert!(word.start < word.end);
                prop_assert!(!word.term.contains(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()), "{:?}", word);
            }
        }
    }
}
