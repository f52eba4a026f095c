//! Compounds, taken apart by the words of the articles themselves; pure.
//!
//! *Rücksendeetikett* is found by *Etikett*, and *healthcare worker* by *care*, if both halves are words that these
//! articles use. There is no list of words: a shop's own are in its articles, and a language nobody thought of works too.

/// Shorter halves are endings more often than words.
const SHORTEST: usize = 4;

/// Each half has to stand in the articles this often: what stands there once may be a slip.
const OFTEN: u32 = 2;

/// Takes a word (lower case, without accents) into two, at the place where the rarer half is most frequent. `stem` makes
/// a term of a half, which also takes the joint off (*Arbeit-s-platz*); `count` says how often the articles have a term.
pub(crate) fn split(word: &str, stem: impl Fn(&str) -> String, count: impl Fn(&str) -> u32) -> Option<[String; 2]> {
    // A joint of other alphabets would need its own measure; letters of those that compound words are ASCII once folded.
    if !word.is_ascii() || word.len() < 2 * SHORTEST {
        return None;
    }
    let mut best: Option<(u32, [String; 2])> = None;
    for at in SHORTEST..=word.len() - SHORTEST {
        let right = stem(&word[at..]);
        let behind = count(&right);
        if behind < OFTEN || best.as_ref().is_some_and(|(score, _)| *score >= behind) {
            continue;
        }
        let left = stem(&word[..at]);
        let score = count(&left).min(behind);
        if score >= OFTEN && best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, [left, right]));
        }
    }
    best.map(|(_, halves)| halves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves(word: &str) -> Option<[String; 2]> {
        let count = |term: &str| match term {
            "etikett" => 3,
            "rucksende" => 2,
            "arbeit" | "platz" => 9,
            "selten" => 1,
            _ => 0,
        };
        split(word, |half| half.trim_end_matches('s').to_owned(), count)
    }

    #[test]
    fn a_word_comes_apart_where_both_halves_are_known() {
        assert_eq!(halves("rucksendeetikett"), Some(["rucksende".into(), "etikett".into()]));
        assert_eq!(halves("arbeitsplatz"), Some(["arbeit".into(), "platz".into()]));
        for whole in ["etikett", "seltenplatz", "platz", "", "unbekannteetikett"] {
            assert_eq!(halves(whole), None, "{whole}");
        }
    }
}
