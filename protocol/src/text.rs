//! What counts as a text that a person wrote: judged alike on the phone before it promises anything and on the server.

use crate::problem::{Code, Violation};

/// Checks the text of a message: not blank, not longer than `limit` scalar values, no control characters but line
/// break and tab.
pub fn check(text: &str, limit: u32, field: &'static str) -> Result<(), Violation> {
    if is_blank(text) {
        return Err(Violation::new(Code::TextEmpty, field, "a text needs at least one visible character"));
    }
    check_characters(text, limit, field)
}

/// The same, but for a text that may be blank.
pub fn check_characters(text: &str, limit: u32, field: &'static str) -> Result<(), Violation> {
    if text.chars().count() > limit as usize {
        return Err(Violation::new(Code::TextTooLong, field, format!("at most {limit} characters are allowed")));
    }
    if text.chars().any(is_forbidden) {
        return Err(Violation::new(Code::TextInvalid, field, "control characters are not allowed"));
    }
    Ok(())
}

/// Takes out what [`check`] would refuse and no person typed on purpose: control characters, and carriage returns that
/// some keyboards put before a line break.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_forbidden(*c)) {
        if c == '\n' {
            // However many stand there: what is cleaned once is clean.
            cleaned.truncate(cleaned.trim_end_matches('\r').len());
        }
        cleaned.push(c);
    }
    cleaned
}

/// True if nothing in the text would be seen: white space and zero-width characters only.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_only_spaces_is_empty() {
        for blank in ["", "   ", "\n\t", "\u{200b}\u{feff}", "\u{3164}"] {
            assert_eq!(check(blank, 10, "text").unwrap_err().code, Code::TextEmpty);
        }
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(check("ääääääääää", 10, "text").is_ok());
        assert_eq!(check("ääääääääääa", 10, "text").unwrap_err().code, Code::TextTooLong);
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        for pasted in ["a\r\r\nb", "a\r\u{0}\nb", "\r\r\r", "\r\n\r\r\n"] {
            let once = clean(pasted);
            assert_eq!(clean(&once), once, "{pasted:?}");
        }
    }

    #[test]
    fn cleaning_makes_what_the_check_accepts() {
        let pasted = "Hallo\r\n\u{0}Welt\u{7}";
        assert_eq!(check(pasted, 100, "text").unwrap_err().code, Code::TextInvalid);
        assert_eq!(clean(pasted), "Hallo\nWelt");
        assert!(check(&clean(pasted), 100, "text").is_ok());
    }
}
