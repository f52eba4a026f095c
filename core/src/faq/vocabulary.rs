//! The terms that an index knows, and what a word of a query most likely means among them; pure.

use super::compound;
use super::query::{Term, within_one_edit};
use super::text::Analysis;

/// A shorter word within one edit of another is as often that word's neighbour as its misspelling.
const SHORTEST_CORRECTED: usize = 4;

/// Occurrences that one search looks at: each takes about a microsecond on a laptop and three on a phone.
const AFFORDABLE: u32 = 2_000;

/// All terms of an index, in order, with the number of articles that have each.
pub(crate) struct Vocabulary {
    terms: Vec<(String, u32)>,
    /// Where the terms of each length in characters stand in `terms`.
    by_length: Vec<Vec<u32>>,
    /// Articles in the index.
    all: u32,
}

/// What the words of a query mean in these articles.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Meaning {
    /// The terms to look for, without doubles.
    pub terms: Vec<String>,
    /// How the words may be spelt, without accents, not stemmed.
    pub spelt: Vec<String>,
    /// Words of the query.
    pub words: u32,
    /// Words that no article has, or has anything near.
    pub unknown: u32,
    /// Words that say something by themselves.
    pub contents: u32,
    /// How many of those the articles have; a corrected one is half a word.
    pub known: f64,
}

impl Meaning {
    fn add(&mut self, term: String) {
        if !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }
}

impl Vocabulary {
    /// From terms in byte order, of so many articles.
    pub fn new(terms: Vec<(String, u32)>, all: u32) -> Self {
        let mut by_length: Vec<Vec<u32>> = Vec::new();
        for (at, (term, _)) in (0..).zip(&terms) {
            let length = term.chars().count();
            if by_length.len() <= length {
                by_length.resize_with(length + 1, Vec::new);
            }
            by_length[length].push(at);
        }
        Self { terms, by_length, all }
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

    /// What the words of a query mean here: each term itself, or what it is most likely meant to be, with the halves of
    /// compounds; and neighbours that are one word in the articles.
    pub fn meaning(&self, analysis: &Analysis, terms: &[Term]) -> Meaning {
        let mut meaning = Meaning {
            terms: Vec::with_capacity(terms.len()),
            words: u32::try_from(terms.len()).unwrap_or(u32::MAX),
            ..Meaning::default()
        };
        for term in terms {
            let nearest = self.nearest(analysis, term);
            let other = if self.knows(&term.term) { None } else { analysis.transcribed(&term.folded) };
            meaning.spelt.push(other.unwrap_or_else(|| term.folded.clone()));
            let exact = nearest.as_ref().is_some_and(|nearest| *nearest == term.term);
            let halves = compound::split(&term.folded, |half| analysis.stem(half), |half| self.articles(half));
            meaning.unknown += u32::from(nearest.is_none());
            if analysis.has_meaning(&term.folded, &term.term) {
                meaning.contents += 1;
                meaning.known += match (exact || halves.is_some(), &nearest) {
                    (true, _) => 1.0,
                    (false, Some(_)) => 0.5,
                    (false, None) => 0.0,
                };
            }
            nearest.into_iter().chain(halves.into_iter().flatten()).for_each(|known| meaning.add(known));
        }
        // Two words that the articles have need no third; joined at random, even good words say something else.
        for pair in terms.windows(2).filter(|pair| !pair.iter().all(|term| self.knows(&term.term))) {
            let together = analysis.stem(&format!("{}{}", pair[0].folded, pair[1].folded));
            if together.chars().count() >= SHORTEST_CORRECTED && self.knows(&together) {
                meaning.add(together);
            }
        }
        meaning
    }

    /// The terms to rank by, the rarest first: as many as are found in a bounded number of articles together, at least
    /// two. In a few hundred articles these are all. In thousands the words that stand everywhere are left out, which
    /// cost the most time and change the least.
    pub fn affordable<'a>(&self, terms: &'a [String]) -> Vec<&'a str> {
        let mut all: Vec<(u32, &str)> = terms.iter().map(|term| (self.articles(term), term.as_str())).collect();
        all.sort_by_key(|(articles, _)| *articles);
        let mut sum = 0;
        let chosen = all.iter().enumerate().take_while(|(at, (articles, _))| {
            sum += articles;
            *at < 2 || sum <= AFFORDABLE
        });
        chosen.map(|(_, (_, term))| *term).collect()
    }

    /// Whether looking for words that begin so takes a bounded time.
    pub fn affords(&self, beginning: &str) -> bool {
        let from = self.terms.partition_point(|(term, _)| term.as_str() < beginning);
        let beginning = self.terms.iter().skip(from).take_while(|(term, _)| term.starts_with(beginning));
        beginning.map(|(_, articles)| *articles).sum::<u32>() <= AFFORDABLE
    }

    /// How much a term tells one article from the others: its inverse document frequency. Of a term that no article has,
    /// what one would have that half an article has.
    pub fn weight(&self, term: &str) -> f64 {
        ((f64::from(self.all) + 1.0) / (f64::from(self.articles(term)) + 0.5)).ln().max(0.0)
    }

    /// The term itself; or the same with `ae`, `oe`, `ue` read as umlauts; or the most frequent within one edit.
    fn nearest(&self, analysis: &Analysis, term: &Term) -> Option<String> {
        if self.knows(&term.term) {
            return Some(term.term.clone());
        }
        analysis
            .transcribed(&term.folded)
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
        Vocabulary::new(terms, 2).meaning(&analysis, &query.terms).terms
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
