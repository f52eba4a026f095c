//! Whether an article is near enough to a draft to be offered; pure.
//!
//! A wrong suggestion is worse than none, so the measure is made to be silent: how much of what a draft says stands in
//! the article, and in its title, and how many of its words these articles have at all. A logistic regression over
//! drafts and questions that articles answer, and over as many that they do not, has weighed these against each other;
//! `docs/faq-search.md` has the figures, the curve and how it was fitted.

/// What speaks for an article.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Evidence {
    /// The part of the draft's words with a meaning of their own that any article has; 0 to 1.
    pub known: f64,
    /// The part of the draft's weight (inverse document frequency) that the article has; 0 to 1.
    pub covered: f64,
    /// The part of it that stands in the title; 0 to 1.
    pub in_title: f64,
    /// Distinct words of the draft.
    pub words: u32,
    /// Those with a meaning of their own.
    pub contents: u32,
}

/// A word that no article has weighs this part of one that hardly any has: it is often a name or a slip.
pub(crate) const UNKNOWN: f64 = 0.7;

/// An article is offered from here on: the logarithm of the odds, five to three. Not even odds, since who gets a wrong
/// answer offered twice does not look a third time.
pub(crate) const THRESHOLD: f64 = 0.5;

impl Evidence {
    /// How likely the article answers the draft: the logarithm of the odds, 0 for even.
    pub fn log_odds(&self) -> f64 {
        let length = 0.164 * f64::from(self.words.max(1)).ln() + 0.330 * f64::from(self.contents + 1).ln();
        5.53 * self.known + 2.80 * self.covered + 4.17 * self.in_title + length - 6.44
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_of_the_draft_in_the_article_speaks_for_it_and_nothing_speaks_against() {
        let nothing = Evidence { words: 30, contents: 12, ..Evidence::default() };
        assert!(nothing.log_odds() < THRESHOLD);
        let some = Evidence { known: 0.9, covered: 0.4, in_title: 0.1, ..nothing };
        let more = Evidence { in_title: 0.3, ..some };
        assert!(nothing.log_odds() < some.log_odds() && some.log_odds() < more.log_odds());
        assert!(more.log_odds() >= THRESHOLD);
    }
}
