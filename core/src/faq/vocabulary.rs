//! The terms that an index knows, and what a word of a query most likely means among them; pure.

use super::compound;
use super::query::{Term, within_one_edit};
use super::text::Analysis;

/// A shorter word within one edit of another is as often that word's neighbour as its misspelling.
const SHORTEST_CORRECTED: usize = 4;

/// All terms of an index, in order, with the number of articles that have each.
pub(crate) struct Vocabulary {
    terms: Vec<(String, u32)>,
    /// Where the terms of each length in characters stand in `terms`.
    by_length: Vec<Vec<u32>>,
}

impl Vocabulary {
    /// From terms in byte order.
    pub fn new(terms: Vec<(String, u32)>) -> Self {
        let mut by_length: Vec<Vec<u32>> = Vec::new();
        for (at, (term, _)) in (0..).zip(&terms) {
            let length = term.chars().count();
            if by_length.len() <= length {
                by_length.resize_with(length + 1, Vec::new);
            }
            by_length[length].push(at);
        }
        Self { terms, by_length }
    }

    /// How many articles have the term.
    pub fn articles(&self, term: &str) -> u32 {
        let found = self.terms.binary_search_by(|(known, _)| known.as_str().cmp(term));
        found.ok().and_then(|at| self.terms.get(at)).map_or(0, |(_, articles)| *articles)
    }

    /// All terms with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (String, u32)> {
        self.terms.iter().cloned()
    }

    fn knows(&self, term: &str) -> bool {
        self.articles(term) > 0
    }

    /// What to look for, without doubles: each term itself, or what it is most likely meant to be, with the halves of
    /// compounds; and neighbours that are one word in the articles.
    pub fn meant(&self, analysis: &Analysis, terms: &[Term]) -> Vec<String> {
        let mut meant: Vec<String> = Vec::with_capacity(terms.len());
        let mut add = |term: String| {
            if !meant.contains(&term) {
                meant.push(term);
            }
        };
        for term in terms {
            if let Some(known) = self.nearest(analysis, term) {
                add(known);
            }
            for half in compound::split(&term.folded, |half| analysis.stem(half), |half| self.articles(half))
                .into_iter()
                .flatten()
            {
                add(half);
            }
        }
        // Two words that the articles have need no third; joined at random, even good words say something else.
        for pair in terms.windows(2).filter(|pair| !pair.iter().all(|term| self.knows(&term.term))) {
            let together = analysis.stem(&format!("{}{}", pair[0].folded, pair[1].folded));
            if together.chars().count() >= SHORTEST_CORRECTED && self.knows(&together) {
                add(together);
            }
        }
        meant
    }

    /// The term itself; or the same with `ae`, `oe`, `ue` read as umlauts; or the most frequent within one edit.
    fn nearest(&self, analysis: &Analysis, term: &Term) -> Option<String> {
        if self.knows(&term.term) {
            return Some(term.term.clone());
        }
        transcribed(&term.folded)
            .map(|other| analysis.stem(&other))
            .filter(|other| self.knows(other))
            .or_else(|| self.corrected(&term.term))
    }

    fn corrected(&self, term: &str) -> Option<String> {
        let wanted: Vec<char> = term.chars().collect();
        if wanted.len() < SHORTEST_CORRECTED {
            return None;
        }
        let mut best: Option<&(String, u32)> = None;
        let mut letters = Vec::with_capacity(wanted.len() + 1);
        let lengths = wanted.len() - 1..=wanted.len() + 1;
        for at in lengths.filter_map(|length| self.by_length.get(length)).flatten() {
            let Some(known) = self.terms.get(*at as usize) else { continue };
            if best.is_some_and(|(_, articles)| *articles >= known.1) {
                continue;
            }
            letters.clear();
            letters.extend(known.0.chars());
            if within_one_edit(&wanted, &letters) {
                best = Some(known);
            }
        }
        best.map(|(known, _)| known.clone())
    }
}

/// `groesse` for *Größe*: how German is written without umlauts. `None` if there is nothing to read so.
fn transcribed(folded: &str) -> Option<String> {
    let read = folded.replace("ae", "a").replace("oe", "o").replace("ue", "u");
    (read != folded).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faq::query::Query;

    fn meant(known: &[&str], query: &str) -> Vec<String> {
        let analysis = Analysis::new(&"de".parse().unwrap());
        let mut terms: Vec<_> = known.iter().map(|word| (analysis.words(word)[0].term.clone(), 2)).collect();
        terms.sort();
        terms.dedup();
        let query = Query::new(&analysis, query, false);
        Vocabulary::new(terms).meant(&analysis, &query.terms)
    }

    #[test]
    fn german_without_umlauts_is_understood() {
        for (article, query) in [
            ("Größe", "groesse"),
            ("Größe", "Groeße"),
            ("Straße", "strasse"),
            ("Rücksendung", "ruecksendung"),
            ("Rücksendung", "rucksendung"),
            ("Päckchen", "PAECKCHEN"),
        ] {
            assert_eq!(meant(&[article], query).len(), 1, "{article} {query}");
        }
        assert_eq!(meant(&["neue"], "neue"), ["neu"]);
    }

    #[test]
    fn a_slip_is_mended_only_if_the_word_is_unknown_and_long() {
        assert_eq!(meant(&["Umtausch"], "Umtuasch"), ["umtausch"]);
        assert_eq!(meant(&["Hose", "Hase"], "hase"), ["has"]);
        assert_eq!(meant(&["Maß"], "map"), [""; 0]);
        assert_eq!(meant(&["Gutschein"], "xyzzy"), [""; 0]);
    }

    #[test]
    fn compounds_meet_their_parts() {
        assert_eq!(meant(&["Etikett", "Retouren"], "Retourenetikett"), ["retour", "etikett"]);
        assert_eq!(meant(&["zurückschicken"], "zurück schicken"), ["zuruckschick"]);
    }
}
