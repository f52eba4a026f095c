//! Whether a query is in another language than the app's; pure.

use beistand_protocol::faq::Locale;
use whatlang::{Detector, Lang};

/// Fewer characters than these say too little: *Hose* and *hose* are words of two languages.
const FEWEST_CHARACTERS: usize = 12;

/// The language of a query where it clearly differs from the UI's, among the cached ones. `None` in doubt: a query in the
/// app's own language that looks foreign must not lose its answers.
pub(crate) fn language_of(query: &str, ui: &Locale, cached: &[Locale]) -> Option<Locale> {
    let own = lang(ui)?;
    let mut among: Vec<Lang> = cached.iter().filter_map(lang).collect();
    among.push(own);
    among.sort_by_key(|lang| *lang as usize);
    among.dedup();
    if among.len() < 2 {
        return None;
    }
    let unspaced = !query.is_ascii() && query.chars().any(|c| c >= '\u{0e00}');
    if query.chars().filter(|c| c.is_alphabetic()).count() < FEWEST_CHARACTERS && !unspaced {
        return None;
    }
    let found = Detector::with_allowlist(among).detect(query)?;
    if found.lang() == own || !(found.is_reliable() || unspaced) {
        return None;
    }
    cached.iter().find(|locale| lang(locale) == Some(found.lang())).cloned()
}

fn lang(locale: &Locale) -> Option<Lang> {
    Some(match locale.language() {
        "ar" => Lang::Ara,
        "bg" => Lang::Bul,
        "ca" => Lang::Cat,
        "cs" => Lang::Ces,
        "da" => Lang::Dan,
        "de" => Lang::Deu,
        "el" => Lang::Ell,
        "en" => Lang::Eng,
        "es" => Lang::Spa,
        "et" => Lang::Est,
        "fi" => Lang::Fin,
        "fr" => Lang::Fra,
        "he" => Lang::Heb,
        "hi" => Lang::Hin,
        "hr" => Lang::Hrv,
        "hu" => Lang::Hun,
        "id" => Lang::Ind,
        "it" => Lang::Ita,
        "ja" => Lang::Jpn,
        "ko" => Lang::Kor,
        "lt" => Lang::Lit,
        "lv" => Lang::Lav,
        "nb" | "no" => Lang::Nob,
        "nl" => Lang::Nld,
        "pl" => Lang::Pol,
        "pt" => Lang::Por,
        "ro" => Lang::Ron,
        "ru" => Lang::Rus,
        "sk" => Lang::Slk,
        "sl" => Lang::Slv,
        "sr" => Lang::Srp,
        "sv" => Lang::Swe,
        "th" => Lang::Tha,
        "tr" => Lang::Tur,
        "uk" => Lang::Ukr,
        "vi" => Lang::Vie,
        "zh" => Lang::Cmn,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, ui: &str, cached: &[&str]) -> Option<String> {
        let cached: Vec<Locale> = cached.iter().map(|tag| tag.parse().unwrap()).collect();
        language_of(query, &ui.parse().unwrap(), &cached).map(|locale| locale.to_string())
    }

    #[test]
    fn a_query_in_another_cached_language_is_noticed() {
        let cached = ["de", "en", "th", "ja"];
        assert_eq!(of("how long does the delivery take", "de", &cached).as_deref(), Some("en"));
        assert_eq!(of("wie lange dauert die lieferung", "en-GB", &cached).as_deref(), Some("de"));
        assert_eq!(of("返品したい", "de", &cached).as_deref(), Some("ja"));
    }

    #[test]
    fn in_doubt_it_is_the_language_of_the_app() {
        let cached = ["de", "en"];
        assert_eq!(of("wie lange dauert die lieferung", "de-AT", &cached), None);
        assert_eq!(of("hose", "de", &cached), None);
        assert_eq!(of("how long does the delivery take", "de", &["de", "fr"]), None);
        assert_eq!(of("", "de", &cached), None);
        assert_eq!(of("how long does the delivery take", "de", &["de"]), None);
    }
}
