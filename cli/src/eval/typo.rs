//! A typing error as fingers make it; pure and seeded, so that a run can be repeated.

/// Shorter words are left alone: one letter of three is not a slip but another word.
const SHORTEST: usize = 5;

/// A small generator (SplitMix64, Steele, Lea and Flood, OOPSLA 2014): the same everywhere and for ever.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let wide = u128::from(mixed ^ (mixed >> 31)) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

/// The text with one edit in one of its longer words: a letter inserted, left out, replaced, or swapped with the next. A
/// text without a longer word stays as it is.
pub fn mistype(text: &str, chance: &mut Chance) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut start = 0;
    for end in 0..=letters.len() {
        if letters.get(end).is_some_and(|c| c.is_alphanumeric()) {
            continue;
        }
        if end - start >= SHORTEST {
            words.push((start, end));
        }
        start = end + 1;
    }
    if words.is_empty() {
        return text.to_owned();
    }
    let (start, end) = words[chance.below(words.len())];
    let at = start + chance.below(end - start);
    let letter = char::from(b'a' + u8::try_from(chance.below(26)).unwrap_or(0));
    match chance.below(4) {
        0 => letters.insert(at, letter),
        1 => drop(letters.remove(at)),
        2 => letters[at] = letter,
        _ => letters.swap(at.min(end - 2), at.min(end - 2) + 1),
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_longer_words_has_one_error_and_the_rest_none() {
        let mut chance = Chance::new(7);
        for _ in 0..500 {
            let typed = mistype("Wo ist das Päckchen?", &mut chance);
            let wrong = typed.strip_prefix("Wo ist das ").and_then(|rest| rest.strip_suffix('?')).unwrap();
            assert!((8..=10).contains(&(wrong.chars().count() + 1)), "{wrong}");
        }
        assert_eq!(mistype("Wo bin ich", &mut chance), "Wo bin ich");
        assert_eq!(mistype("", &mut chance), "");
    }

    #[test]
    fn the_same_seed_makes_the_same_errors() {
        let typed = |seed| mistype("Rücksendeetikett verloren", &mut Chance::new(seed));
        assert_eq!(typed(1), typed(1));
        assert!((2..20).any(|seed| typed(seed) != typed(1)));
    }
}
