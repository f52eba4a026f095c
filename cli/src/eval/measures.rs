//! What is said of rankings whose good answers are known (Manning, Raghavan and Schütze, *Introduction to Information
//! Retrieval*, chapter 8); pure.

use std::{collections::HashSet, time::Duration};

use serde::Serialize;

/// Means over all questions; each from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Quality {
    /// The part of the good answers that comes first.
    pub r1: f64,
    /// The part of the good answers among the first five.
    pub r5: f64,
    /// One over the rank of the first good answer, if it is among the first ten.
    pub mrr10: f64,
    /// Discounted cumulative gain of the first ten, as a part of the best possible.
    pub ndcg10: f64,
    /// The mean of the precision at each good answer, over all that is given.
    pub map: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of answers")]
fn real(count: usize) -> f64 {
    count as f64
}

impl Quality {
    /// Of one question: what was found, best first, and what is good.
    pub fn of<S: AsRef<str>>(found: &[S], good: &HashSet<String>) -> Self {
        let hits: Vec<bool> = found.iter().map(|id| good.contains(id.as_ref())).collect();
        let all = real(good.len().max(1));
        let within = |depth: usize| real(hits.iter().take(depth).filter(|hit| **hit).count());
        let ranks = |depth: usize| (1..).zip(&hits).take(depth).filter(|(_, hit)| **hit).map(|(rank, _)| rank);
        let gain = |rank: usize| 1.0 / real(rank + 1).log2();
        let best: f64 = (1..=good.len().clamp(1, 10)).map(gain).sum();
        Self {
            r1: within(1) / all,
            r5: within(5) / all,
            mrr10: ranks(10).next().map_or(0.0, |rank: usize| 1.0 / real(rank)),
            ndcg10: ranks(10).map(gain).sum::<f64>() / best,
            map: (1..).zip(ranks(usize::MAX)).map(|(count, rank)| real(count) / real(rank)).sum::<f64>() / all,
        }
    }

    /// The mean of several.
    pub fn mean(all: &[Self]) -> Self {
        let number = real(all.len().max(1));
        let mean = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / number;
        Self {
            r1: mean(|one| one.r1),
            r5: mean(|one| one.r5),
            mrr10: mean(|one| one.mrr10),
            ndcg10: mean(|one| one.ndcg10),
            map: mean(|one| one.map),
        }
    }
}

/// The time that a part of all stays below, in milliseconds.
pub fn percentile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the times")]
    let at = (real(times.len().saturating_sub(1)) * part).round() as usize;
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(found: &[&str], good: &[&str]) -> Quality {
        Quality::of(found, &good.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn rankings_are_measured_as_in_the_book() {
        let both = quality(&["a", "x", "b"], &["a", "b"]);
        assert!((both.r1 - 0.5).abs() < 1e-9 && (both.r5 - 1.0).abs() < 1e-9 && (both.mrr10 - 1.0).abs() < 1e-9);
        assert!((both.map - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-9);
        let best = 1.0 + 1.0 / 3_f64.log2();
        assert!((both.ndcg10 - 1.5 / best).abs() < 1e-9);
        assert_eq!(quality(&["x", "y"], &["a"]), Quality::default());
        assert_eq!(quality(&[], &["a"]), Quality::default());
        let sixth = quality(&["1", "2", "3", "4", "5", "a"], &["a"]);
        assert!(sixth.r5 == 0.0 && (sixth.mrr10 - 1.0 / 6.0).abs() < 1e-9 && (sixth.map - sixth.mrr10).abs() < 1e-9);
        let eleventh: Vec<String> = (0..10).map(|at| at.to_string()).chain(["a".to_owned()]).collect();
        let eleventh = Quality::of(&eleventh, &["a".to_owned()].into());
        assert!(eleventh.mrr10 == 0.0 && eleventh.ndcg10 == 0.0 && eleventh.map > 0.0);
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let mut times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert!((percentile(&mut times, 0.5) - 51.0).abs() < 1e-9);
        assert!((percentile(&mut times, 0.95) - 95.0).abs() < 1e-9);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }
}
