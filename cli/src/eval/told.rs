//! The figures as they are told.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    measures::Quality,
    run::{Figures, Suggested},
};

/// Thresholds of the curve: the logarithm of the odds.
const THRESHOLDS: [f64; 11] = [-1.0, -0.5, 0.0, 0.25, 0.5, 0.7, 0.9, 1.2, 1.6, 2.0, 3.0];

/// One line a set.
pub fn document(figures: &Figures) -> Value {
    let mut document = json!({
        "name": figures.name,
        "articles": figures.articles,
        "queries": figures.queries,
        "plain": figures.plain,
        "typo": figures.typo,
        "baseline": figures.baseline,
        "baseline_typo": figures.baseline_typo,
        "p50_ms": figures.p50_ms,
        "p95_ms": figures.p95_ms,
        "baseline_p95_ms": figures.baseline_p95_ms,
        "index_bytes": figures.index_bytes,
        "build_ms": figures.build_ms,
    });
    if let Some(Suggested { off_topic, speaks, right, silent, .. }) = &figures.suggest {
        document["suggest"] = json!({"off_topic": off_topic, "speaks": speaks, "right": right, "silent": silent});
    }
    document
}

/// A small table a set.
pub fn text(figures: &Figures, curve: bool) -> String {
    let Figures { name, articles, queries, .. } = figures;
    let mut text = format!("{name}: {articles} articles, {queries} questions\n");
    let _ = writeln!(text, "  {:<22}   R@1   R@5  MRR@10  nDCG@10   MAP", "");
    let mut row = |what: &str, quality: &Quality| {
        let Quality { r1, r5, mrr10, ndcg10, map } = quality;
        let _ = writeln!(text, "  {what:<22} {r1:>5.3} {r5:>5.3} {mrr10:>7.3} {ndcg10:>8.3} {map:>5.3}");
    };
    row("plain", &figures.plain);
    row("one typo", &figures.typo);
    row("FTS5 default, plain", &figures.baseline);
    row("FTS5 default, one typo", &figures.baseline_typo);
    let Figures { p50_ms, p95_ms, baseline_p95_ms, build_ms, .. } = figures;
    let _ = writeln!(text, "  search p50 {p50_ms:.2} ms, p95 {p95_ms:.2} ms (FTS5 default {baseline_p95_ms:.2} ms)");
    let _ = write!(text, "  index {} KiB, built in {build_ms:.0} ms", figures.index_bytes / 1024);
    if let Some(Suggested { off_topic, speaks, right, silent, near, far }) = &figures.suggest {
        let _ = write!(
            text,
            "\n  suggest: silent on {:.1} % of {off_topic} off-topic questions, speaks on {:.1} % of its own \
             ({:.1} % of them with a right article)",
            silent * 100.0,
            speaks * 100.0,
            right * 100.0
        );
        if curve {
            text.push_str("\n  threshold  silent  speaks");
            for threshold in THRESHOLDS {
                let (silent, speaks) = (1.0 - above(far, threshold), above(near, threshold));
                let _ = write!(text, "\n  {threshold:>9.2}  {:>5.1} %  {:>5.1} %", silent * 100.0, speaks * 100.0);
            }
        }
    }
    text
}

fn above(all: &[f64], threshold: f64) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    count(all.iter().filter(|nearness| **nearness >= threshold).count()) / count(all.len().max(1))
}
