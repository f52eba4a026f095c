//! The titles of all articles by the runs of three letters in them, in memory; pure. Letters forgive what words do not: a
//! slip, a compound written apart, a form that no stemmer knows.
//!
//! Ranked as words are (BM25, Robertson and Zaragoza 2009), with the inverse document frequency that never falls below
//! zero. A title of forty letters takes some 200 bytes.

use std::collections::HashMap;

use super::query::trigrams;

/// How soon a second occurrence stops counting, and how much a long title is held against it: the usual values.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.75;

/// A title that has no word of a query needs one in so many of its trigrams: *Rücksendung* for *zurückschicken*.
const ALIKE: usize = 8;

/// Three letters in one number.
type Three = u64;

/// Titles, and where each trigram stands.
#[derive(Default)]
pub(crate) struct Titles {
    rows: Vec<i64>,
    /// Trigrams of each title.
    lengths: Vec<u32>,
    places: HashMap<Three, Vec<u32>>,
    usual_length: f64,
}

/// A title that is like a query.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Like {
    /// Its row.
    pub row: i64,
    /// Higher is better.
    pub score: f64,
    /// Whether it is near enough to stand for a query of which it has no word.
    pub is_alike: bool,
}

impl Titles {
    /// From rows and folded titles.
    pub fn new<'a>(titles: impl Iterator<Item = (i64, &'a str)>) -> Self {
        let mut all = Self::default();
        for (at, (row, folded)) in (0..).zip(titles) {
            let threes = trigrams(folded.split(' '));
            all.rows.push(row);
            all.lengths.push(u32::try_from(threes.len()).unwrap_or(u32::MAX));
            for three in threes {
                all.places.entry(three).or_default().push(at);
            }
        }
        all.places.values_mut().for_each(Vec::shrink_to_fit);
        let total: f64 = all.lengths.iter().map(|length| f64::from(*length)).sum();
        all.usual_length = (total / f64::from(all.count().max(1))).max(1.0);
        all
    }

    fn count(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// The titles that are most like a query of these words, best first.
    pub fn like<'a>(&self, words: impl Iterator<Item = &'a str>, limit: usize) -> Vec<Like> {
        let threes = trigrams(words);
        let mut scores = vec![0.0_f64; self.rows.len()];
        let mut shared = vec![0_usize; self.rows.len()];
        for places in threes.iter().filter_map(|three| self.places.get(three)) {
            let having = f64::from(u32::try_from(places.len()).unwrap_or(u32::MAX));
            let rarity = (1.0 + (f64::from(self.count()) - having + 0.5) / (having + 0.5)).ln();
            for at in places.iter().map(|at| *at as usize) {
                let length = f64::from(self.lengths[at]) / self.usual_length;
                scores[at] += rarity * (SATURATION + 1.0) / (1.0 + SATURATION * (1.0 - LENGTH + LENGTH * length));
                shared[at] += 1;
            }
        }
        let enough = threes.len().div_ceil(ALIKE);
        let mut all: Vec<Like> = (0..self.rows.len())
            .filter(|at| scores[*at] > 0.0)
            .map(|at| Like { row: self.rows[at], score: scores[at], is_alike: shared[at] >= enough })
            .collect();
        let order = |one: &Like, other: &Like| other.score.total_cmp(&one.score).then(one.row.cmp(&other.row));
        if all.len() > limit {
            all.select_nth_unstable_by(limit, order);
            all.truncate(limit);
        }
        all.sort_unstable_by(order);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles() -> Titles {
        Titles::new([(3, "wie lose ich einen gutschein ein"), (5, "was gilt fur die rucksendung"), (8, "")].into_iter())
    }

    #[test]
    fn the_title_with_most_of_the_rare_letters_comes_first() {
        let like = titles().like(["gutshcein"].into_iter(), 5);
        assert_eq!((like[0].row, like[0].is_alike), (3, true));
        let like = titles().like(["zuruckschicken"].into_iter(), 5);
        assert_eq!((like[0].row, like[0].is_alike), (5, true));
        assert_eq!(titles().like(["gutschein", "rucksendung"].into_iter(), 1).len(), 1);
    }

    #[test]
    fn few_letters_in_common_are_none() {
        let like = titles().like(["einundzwanzigstes"].into_iter(), 5);
        assert!(like.iter().all(|title| !title.is_alike), "{like:?}");
        assert_eq!(titles().like(["qqq"].into_iter(), 5), []);
        assert_eq!(titles().like([""].into_iter(), 5), []);
        assert_eq!(Titles::default().like(["a"].into_iter(), 5), []);
    }
}
