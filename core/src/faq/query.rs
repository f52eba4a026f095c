//! What is asked of an index, and how answers are merged: pure.
//!
//! A query is never handed to SQLite as it was typed: it is taken apart into terms, and what SQLite gets is built from
//! those, each in quotes.

use std::collections::{HashMap, HashSet};

use super::text::{Analysis, Word};

/// More distinct words carry no more meaning, only time: of a pasted letter the first ones count.
pub(crate) const MOST_TERMS: usize = 48;

/// A term of a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Term {
    /// What the index would hold.
    pub term: String,
    /// The word without accents, not stemmed.
    pub folded: String,
}

/// The distinct terms of a query, in order, and whether the last word may still be growing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Query {
    pub terms: Vec<Term>,
    /// The last word, not stemmed, if it may be the beginning of a longer one.
    pub beginning: Option<String>,
}

impl Query {
    /// Takes a query apart. With `typing`, a query that ends in a letter ends in a word that may go on.
    pub fn new(analysis: &Analysis, text: &str, typing: bool) -> Self {
        let words = analysis.words(text);
        let mut seen = HashSet::new();
        let terms = words
            .iter()
            .filter(|word| !word.term.is_empty() && seen.insert(word.term.as_str()))
            .take(MOST_TERMS)
            .map(|Word { term, folded, .. }| Term { term: term.clone(), folded: folded.clone() })
            .collect();
        let open = words.last().filter(|word| word.end == text.len());
        // Of a script without spaces every last character may be the first of a pair, typing or not.
        let beginning = open.filter(|word| typing || is_single(&word.term)).map(|word| word.folded.clone());
        Self { terms, beginning: beginning.filter(|beginning| !beginning.is_empty()) }
    }
}

fn is_single(term: &str) -> bool {
    let mut characters = term.chars();
    characters.next().is_some_and(|c| !c.is_ascii()) && characters.next().is_none()
}

/// The FTS5 expression: any of the terms, or a word that begins so. Terms hold letters and digits only, so quotes are
/// enough; `None` if nothing is asked.
pub(crate) fn expression<'a>(terms: impl Iterator<Item = &'a str>, beginning: Option<&str>) -> Option<String> {
    let mut all = String::new();
    for term in terms {
        if !all.is_empty() {
            all.push_str(" OR ");
        }
        all.push('"');
        all.push_str(term);
        all.push('"');
    }
    if let Some(beginning) = beginning {
        if !all.is_empty() {
            all.push_str(" OR ");
        }
        all.push('"');
        all.push_str(beginning);
        all.push_str("\"*");
    }
    (!all.is_empty()).then_some(all)
}

/// The distinct runs of three characters in words, each word with a space before and behind; each as one number.
pub(crate) fn trigrams<'a>(words: impl Iterator<Item = &'a str>) -> Vec<u64> {
    let mut all = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        // A character has 21 bits.
        let (mut three, mut read) = (u64::from(' '), 1);
        for c in word.chars().chain([' ']) {
            three = ((three << 21) | u64::from(c)) & ((1 << 63) - 1);
            read += 1;
            if read >= 3 {
                all.push(three);
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Merges rankings: each score (higher is better) as a part of the best of its ranking, summed; best first, at most
/// `limit`. Equal sums go by row, so that the same question has the same answer.
pub(crate) fn fuse(rankings: &[&[(i64, f64)]], limit: usize) -> Vec<(i64, f64)> {
    let mut sums: HashMap<i64, f64> = HashMap::new();
    for ranking in rankings {
        let best = ranking.iter().map(|(_, score)| *score).fold(f64::MIN_POSITIVE, f64::max);
        for (row, score) in *ranking {
            *sums.entry(*row).or_default() += score / best;
        }
    }
    let mut fused: Vec<(i64, f64)> = sums.into_iter().collect();
    fused.sort_by(|(one, better), (other, worse)| worse.total_cmp(better).then(one.cmp(other)));
    fused.truncate(limit);
    fused
}

/// Whether two words are the same but for one letter: inserted, left out, replaced, or swapped with its neighbour.
pub(crate) fn within_one_edit(one: &[char], other: &[char]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    if same == short.len() {
        return true;
    }
    if short.len() < long.len() {
        return short[same..] == long[same + 1..];
    }
    short[same + 1..] == long[same + 1..]
        || (same + 1 < short.len()
            && short[same] == long[same + 1]
            && short[same + 1] == long[same]
            && short[same + 2..] == long[same + 2..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(text: &str, typing: bool) -> Query {
        Query::new(&Analysis::new(&"de".parse().unwrap()), text, typing)
    }

    #[test]
    fn a_growing_word_is_a_beginning_until_a_space_ends_it() {
        assert_eq!(query("rück", true).beginning.as_deref(), Some("ruck"));
        assert_eq!(query("rück ", true).beginning, None);
        assert_eq!(query("rück", false).beginning, None);
        assert_eq!(query("靴", false).beginning.as_deref(), Some("靴"));
    }

    #[test]
    fn operators_are_words_like_others() {
        let query = query("NEAR(\"a\" AND b*) OR -c:^d", false);
        let expression = expression(query.terms.iter().map(|term| term.term.as_str()), None).unwrap();
        assert_eq!(expression, "\"near\" OR \"a\" OR \"and\" OR \"b\" OR \"or\" OR \"c\" OR \"d\"");
    }

    #[test]
    fn one_edit_is_one_of_four() {
        let within = |one: &str, other: &str| {
            let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
            assert_eq!(within_one_edit(&one, &other), within_one_edit(&other, &one));
            within_one_edit(&one, &other)
        };
        for other in ["umtausch", "umtauch", "umtausich", "umtaisch", "umtuasch", "mtausch", "umtausc", "umtaushc"] {
            assert!(within("umtausch", other), "{other}");
        }
        for other in ["umtau", "umtasuhc", "mtauschh", "", "tausch"] {
            assert!(!within("umtausch", other), "{other}");
        }
    }

    #[test]
    fn what_two_rankings_like_comes_first() {
        let fused = fuse(&[&[(1, 4.0), (2, 3.0), (3, 2.0)], &[(3, 10.0), (2, 9.0)]], 2);
        assert_eq!(fused.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 3]);
        assert!((fused[0].1 - (0.75 + 0.9)).abs() < 1e-12);
        assert_eq!(fuse(&[&[], &[]], 5), []);
    }

    proptest! {
        #[test]
        fn an_edit_is_found(word in "[a-zäö]{1,12}", at in 0_usize..12, letter in proptest::char::range('a', 'z'), kind in 0..4) {
            let word: Vec<char> = word.chars().collect();
            let mut edited = word.clone();
            let at = at % word.len();
            match kind {
                0 => edited.insert(at, letter),
                1 => { edited.remove(at); }
                2 => edited[at] = letter,
                _ if at + 1 < word.len() => edited.swap(at, at + 1),
                _ => {}
            }
            prop_assert!(within_one_edit(&word, &edited));
        }
    }
}
