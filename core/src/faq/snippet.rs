//! The part of a text that shows why it was found, with what to highlight; pure.

use serde::Serialize;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::query::{Query, within_one_edit};
use super::text::{Analysis, Word, places};

/// A part of a text to highlight. All offsets are from the beginning of that text, ends exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Highlight {
    /// First Unicode scalar value.
    pub start: u32,
    /// Behind the last Unicode scalar value.
    pub end: u32,
    /// First UTF-16 code unit, as Kotlin and Swift count.
    pub utf16_start: u32,
    /// Behind the last UTF-16 code unit.
    pub utf16_end: u32,
}

/// A part of an article's text.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Snippet {
    /// The words, on one line; `…` stands where the text goes on, ` · ` between lines that end without a sign.
    pub text: String,
    /// What of it was looked for.
    pub highlights: Vec<Highlight>,
}

/// Three lines of a phone.
const CHARACTERS: usize = 160;

/// A slip of a shorter word may mean anything.
const SHORTEST_SLIP: usize = 5;

/// What words a query is made of, to be found again in texts.
pub(crate) struct Sought {
    analysis: Arc<Analysis>,
    terms: HashSet<String>,
    slips: Vec<Vec<char>>,
    beginning: Option<String>,
    /// What was found out of words as they are written: texts of one FAQ share most of theirs.
    seen: RefCell<HashMap<String, Option<Fit>>>,
}

/// How well a word fits, and which word it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fit {
    weight: u32,
    /// Equal for the forms of one word.
    word: u64,
}

/// A word of a text that was looked for.
struct Hit {
    start: usize,
    end: usize,
    fit: Fit,
}

impl Sought {
    /// The words of a query, by the analysis of the texts.
    pub fn new(query: &str, analysis: Arc<Analysis>) -> Self {
        // The last word may be the beginning of one, even where nobody types any more: it does no harm in a highlight.
        let query = Query::new(&analysis, query, true);
        let slips = query.terms.iter().map(|term| term.term.chars().collect::<Vec<_>>());
        Self {
            slips: slips.filter(|letters| letters.len() >= SHORTEST_SLIP).collect(),
            terms: query.terms.into_iter().map(|term| term.term).collect(),
            beginning: query.beginning.filter(|beginning| beginning.chars().count() > 2 || !beginning.is_ascii()),
            analysis,
            seen: RefCell::default(),
        }
    }

    /// The words of a text that were looked for, in order.
    fn hits(&self, text: &str) -> Vec<Hit> {
        let mut seen = self.seen.borrow_mut();
        let mut hits = Vec::new();
        for place in places(text) {
            let written = &text[place.start..place.end];
            let fit = match seen.get(written) {
                Some(fit) => *fit,
                None => {
                    let fit = self.fit(&self.analysis.word(text, place));
                    seen.insert(written.to_owned(), fit);
                    fit
                }
            };
            hits.extend(fit.map(|fit| Hit { start: place.start, end: place.end, fit }));
        }
        hits
    }

    /// How well a word fits: a word that was looked for, a slip of one, or nothing.
    fn fit(&self, word: &Word) -> Option<Fit> {
        let weight = if self.terms.contains(&word.term) {
            // Words without a meaning of their own stand everywhere, and are no reason to choose a place.
            if self.analysis.has_meaning(&word.folded, &word.term) { 4 } else { 0 }
        } else if self.beginning.as_ref().is_some_and(|beginning| word.folded.starts_with(beginning.as_str())) {
            4
        } else {
            let letters: Vec<char> = word.term.chars().collect();
            let slip = letters.len() >= SHORTEST_SLIP && self.slips.iter().any(|slip| within_one_edit(slip, &letters));
            if slip { 3 } else { 0 }
        };
        let mut hasher = DefaultHasher::new();
        word.term.hash(&mut hasher);
        (weight > 0).then(|| Fit { weight, word: hasher.finish() })
    }

    /// What to highlight in a text that is shown whole.
    pub fn highlights(&self, text: &str) -> Vec<Highlight> {
        located(text, self.hits(text).into_iter().map(|hit| (hit.start, hit.end)))
    }

    /// The part of a text with most of the words, cut at words.
    pub fn snippet(&self, text: &str) -> Snippet {
        let hits = self.hits(text);
        let (from, to) = best_part(text, &hits);
        let mut shown = String::with_capacity(CHARACTERS * 2);
        if from > 0 {
            shown.push('…');
        }
        let mut marks = Vec::new();
        let mut at = from;
        for hit in hits.iter().filter(|hit| hit.start >= from && hit.end <= to) {
            // Pairs of characters overlap.
            if hit.start >= at {
                push_on_one_line(&mut shown, &text[at..hit.start]);
            }
            let start = shown.len() - at.saturating_sub(hit.start);
            shown.push_str(&text[hit.start.max(at)..hit.end]);
            marks.push((start, shown.len()));
            at = hit.end;
        }
        push_on_one_line(&mut shown, &text[at..to]);
        let end = shown.trim_end().len();
        shown.truncate(end);
        if to < text.trim_end().len() {
            shown.push('…');
        }
        let highlights = located(&shown, marks.into_iter());
        Snippet { text: shown, highlights }
    }
}

/// Where the part with the most weight begins and ends, in bytes. Each word counts once: three times the same is not
/// three words. The earliest of equals.
fn best_part(text: &str, hits: &[Hit]) -> (usize, usize) {
    let Some(begin) = hits.first() else { return (0, cut(text, 0)) };
    // Positions in characters, to measure parts as a reader does.
    let mut position = Vec::with_capacity(hits.len());
    let (mut bytes, mut characters) = (0, 0);
    for hit in hits {
        characters += text[bytes..hit.start].chars().count();
        bytes = hit.start;
        position.push(characters);
    }
    let mut best = (0, 0, 0);
    let mut first = 0;
    for (last, hit) in hits.iter().enumerate() {
        let length = text[hit.start..hit.end].chars().count();
        while position[last] + length - position[first] > CHARACTERS && first < last {
            first += 1;
        }
        let mut seen = HashSet::new();
        let part = hits.iter().take(last + 1).skip(first);
        let weight: u32 = part.filter(|hit| seen.insert(hit.fit.word)).map(|hit| hit.fit.weight).sum();
        if weight > best.0 {
            best = (weight, first, last);
        }
    }
    let (_, first, last) = best;
    // What leads up to the first hit, as far as there is room: half of the rest.
    let room = CHARACTERS.saturating_sub(position[last] - position[first]) / 2;
    let hit = hits.get(first).unwrap_or(begin);
    let lead: Vec<(usize, char)> = text[..hit.start].char_indices().rev().take(room).collect();
    // A beginning that is nearly there is there.
    let start = if position[first] <= room.max(20) {
        0
    } else {
        let space = lead.iter().rev().find(|(_, c)| c.is_whitespace());
        space.map_or(hit.start, |(at, c)| at + c.len_utf8())
    };
    (start, cut(text, start))
}

/// Where a part that begins at a byte has to end: at a space, if there is one.
fn cut(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    match rest.char_indices().nth(CHARACTERS) {
        None => text.len(),
        Some((end, _)) => {
            let kept = &rest[..end];
            let space = kept.rfind(char::is_whitespace).filter(|space| *space > end / 2);
            from + space.unwrap_or(end)
        }
    }
}

/// Lines that end without a sign, as headings and lists do, are held apart by one.
fn push_on_one_line(shown: &mut String, between: &str) {
    for c in between.chars() {
        if c == '\n' && !shown.is_empty() && !shown.ends_with(['.', '!', '?', ':', ';', ',', '…', ' ', '·']) {
            shown.push_str(" · ");
        } else if !c.is_whitespace() {
            shown.push(c);
        } else if !shown.ends_with(' ') && !shown.is_empty() {
            shown.push(' ');
        }
    }
}

/// Byte ranges in order as highlights; those that touch or overlap become one.
fn located(text: &str, ranges: impl Iterator<Item = (usize, usize)>) -> Vec<Highlight> {
    let mut all: Vec<Highlight> = Vec::new();
    let (mut at, mut scalars, mut units) = (0, 0, 0);
    let mut advance = |to: usize| {
        for c in text.get(at..to).unwrap_or_default().chars() {
            scalars += 1;
            units += if c.len_utf16() == 2 { 2 } else { 1 };
        }
        at = at.max(to);
        (scalars, units)
    };
    let mut open: Option<(usize, Highlight)> = None;
    for (start, end) in ranges {
        if let Some((until, highlight)) = &mut open
            && start <= *until
        {
            if end > *until {
                (highlight.end, highlight.utf16_end) = advance(end);
                *until = end;
            }
            continue;
        }
        all.extend(open.take().map(|(_, highlight)| highlight));
        let (start, utf16_start) = advance(start);
        let (scalar_end, utf16_end) = advance(end);
        open = Some((end, Highlight { start, end: scalar_end, utf16_start, utf16_end }));
    }
    all.extend(open.map(|(_, highlight)| highlight));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_protocol::faq::Locale;
    use proptest::prelude::*;

    fn snippet(text: &str, query: &str, locale: &Locale) -> Snippet {
        Sought::new(query, Arc::new(Analysis::new(locale))).snippet(text)
    }

    fn highlight(title: &str, query: &str, locale: &Locale) -> Vec<Highlight> {
        Sought::new(query, Arc::new(Analysis::new(locale))).highlights(title)
    }

    fn de() -> Locale {
        "de".parse().unwrap()
    }

    fn marked(text: &str, highlights: &[Highlight]) -> Vec<String> {
        let units: Vec<u16> = text.encode_utf16().collect();
        highlights
            .iter()
            .map(|at| {
                let by_scalars: String =
                    text.chars().skip(at.start as usize).take((at.end - at.start) as usize).collect();
                let by_units = String::from_utf16(&units[at.utf16_start as usize..at.utf16_end as usize]).unwrap();
                assert_eq!(by_scalars, by_units);
                by_scalars
            })
            .collect()
    }

    #[test]
    fn words_are_marked_in_their_forms_and_slips() {
        let title = "👗 Wie schicke ich Kleider zurück?";
        let marks = highlight(title, "kleid zurruck geschickt", &de());
        assert_eq!(marked(title, &marks), ["Kleider", "zurück"]);
        assert_eq!(marks[0], Highlight { start: 18, end: 25, utf16_start: 19, utf16_end: 26 });
    }

    #[test]
    fn a_snippet_shows_the_place_with_most_of_the_words() {
        let filler = "Hier steht etwas, das niemand sucht. ".repeat(20);
        let text = format!("{filler}Die Rückgabe ist 30 Tage lang möglich,\nin jeder Filiale. {filler}");
        let shown = snippet(&text, "rückgabe filiale", &de());
        assert!(shown.text.starts_with('…') && shown.text.ends_with('…'), "{}", shown.text);
        assert!(shown.text.chars().count() <= CHARACTERS + 2);
        assert_eq!(marked(&shown.text, &shown.highlights), ["Rückgabe", "Filiale"]);
        assert!(shown.text.contains("möglich, in jeder"), "{}", shown.text);
    }

    #[test]
    fn lines_without_a_sign_are_held_apart() {
        let shown = snippet("Was kostet es?\nStandard | 4,90 €\nExpress\nIm Laden nichts.", "express", &de());
        assert_eq!(shown.text, "Was kostet es? Standard | 4,90 € · Express · Im Laden nichts.");
    }

    #[test]
    fn a_text_without_the_words_is_shown_from_its_beginning() {
        let shown = snippet("Eins zwei drei.", "vier", &de());
        assert_eq!((shown.text.as_str(), shown.highlights.len()), ("Eins zwei drei.", 0));
        assert_eq!(snippet("", "vier", &de()), Snippet::default());
    }

    #[test]
    fn pairs_of_characters_are_marked_as_one() {
        let title = "商品を返品したい";
        let marks = highlight(title, "返品し", &"ja".parse().unwrap());
        assert_eq!(marked(title, &marks), ["返品した"]);
    }

    proptest! {
        #[test]
        fn any_text_and_query_give_ranges_that_fit(text in "(\\PC|Hemd |\n){0,300}", query in "(\\PC|Hemd ){0,40}") {
            let shown = snippet(&text, &query, &de());
            marked(&shown.text, &shown.highlights);
            prop_assert!(shown.text.chars().count() <= CHARACTERS + 2 + 2 * text.matches('\n').count());
            let mut until = 0;
            for at in &shown.highlights {
                prop_assert!(at.start < at.end && (at.start > until || until == 0));
                until = at.end;
            }
            marked(&text, &highlight(&text, &query, &de()));
        }
    }
}
