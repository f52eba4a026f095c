//! Language tags of the FAQ and the order in which a person's tag falls back.

use std::{fmt, str::FromStr};

use icu_locale_core::LanguageIdentifier;
use serde::{Deserialize, Serialize};

/// A language tag (BCP 47: language, script, region, variants) in its usual letter case: `de`, `de-AT`, `zh-Hant-TW`.
/// Reading takes any case and `_` for `-`; extensions (`-u-…`) are left out, since no text depends on them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "de-AT"))]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

/// A text that is no language tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a language tag")]
pub struct NotALocale;

/// Longer than any tag of use; what comes from outside is cut off before it is read.
const LONGEST: usize = 60;

impl Locale {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone: `de` of `de-AT`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The tag, then each shorter one: `de-AT`, `de`.
    pub fn chain(&self) -> impl Iterator<Item = Locale> {
        std::iter::successors(Some(self.0.as_str()), |tag| tag.rfind('-').map(|end| &tag[..end]))
            .map(|tag| Locale(tag.to_owned()))
    }

    /// The best of what there is: the tag or a shorter one, another region of the language, the default, anything.
    pub fn best_of<'a>(&self, available: &'a [Locale], default: Option<&Locale>) -> Option<&'a Locale> {
        self.chain()
            .find_map(|wanted| available.iter().find(|have| **have == wanted))
            .or_else(|| available.iter().find(|have| have.language() == self.language()))
            .or_else(|| default.and_then(|default| available.iter().find(|have| *have == default)))
            .or_else(|| available.first())
    }
}

impl FromStr for Locale {
    type Err = NotALocale;
    fn from_str(text: &str) -> Result<Self, NotALocale> {
        let text = text.get(..LONGEST).unwrap_or(text);
        if text.len() > LONGEST {
            return Err(NotALocale);
        }
        // Android and POSIX write `de_AT`; a POSIX tag also ends in a character set.
        let text = text.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
        let without_extensions =
            match text.match_indices('-').find(|(at, _)| text.as_bytes().get(at + 2) == Some(&b'-')) {
                Some((at, _)) => &text[..at],
                None => &text,
            };
        let tag = LanguageIdentifier::try_from_str(without_extensions).map_err(|_| NotALocale)?;
        if tag.language.is_unknown() {
            return Err(NotALocale);
        }
        Ok(Self(tag.to_string()))
    }
}

impl TryFrom<String> for Locale {
    type Error = NotALocale;
    fn try_from(text: String) -> Result<Self, NotALocale> {
        text.parse()
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(text: &str) -> Locale {
        text.parse().unwrap()
    }

    #[test]
    fn tags_are_read_as_phones_write_them() {
        for (written, read) in [
            ("de", "de"),
            ("DE_at", "de-AT"),
            ("de_DE.UTF-8", "de-DE"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("de-AT-u-co-phonebk", "de-AT"),
            ("sr_RS@latin", "sr-RS"),
            ("es-419", "es-419"),
        ] {
            assert_eq!(locale(written).as_str(), read);
        }
        for bad in ["", "-", "und", "../x", "d", "deutsch-land-etc", "de AT", "ä", &"a-".repeat(5000)] {
            assert_eq!(bad.parse::<Locale>(), Err(NotALocale), "{bad}");
        }
    }

    #[test]
    fn a_wanted_tag_falls_back_to_the_nearest() {
        let have = [locale("en"), locale("fr-CH"), locale("de")];
        let best =
            |wanted: &str, default: &str| locale(wanted).best_of(&have, Some(&locale(default))).unwrap().to_string();
        assert_eq!(best("de-AT", "en"), "de");
        assert_eq!(best("fr", "en"), "fr-CH");
        assert_eq!(best("it", "de"), "de");
        assert_eq!(best("it", "es"), "en");
        assert_eq!(locale("de").best_of(&[], None), None);
    }
}
