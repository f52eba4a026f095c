//! Whose token it is, read without being believed: the phone only wants to know which user the app speaks of. Whether it
//! is true is the server's to say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use beistand_protocol::limits::{SUBJECT_CHARS, TOKEN_BYTES};

/// The `sub` of a JSON Web Token in its compact form (RFC 7519, 3 and 4.1.2); `None` if it is none, or names nobody.
pub(super) fn subject(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let subject = claims.get("sub")?.as_str()?;
    (1..=SUBJECT_CHARS).contains(&subject.chars().count()).then(|| subject.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.AAAA", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_subject_is_read_whoever_signed_it() {
        assert_eq!(subject(&token(r#"{"sub":"käthe","exp":1}"#)).as_deref(), Some("käthe"));
    }

    #[test]
    fn what_names_nobody_is_no_token() {
        let long = format!(r#"{{"sub":"{}"}}"#, "x".repeat(SUBJECT_CHARS + 1));
        for claims in [r#"{"sub":""}"#, r#"{"sub":7}"#, "{}", "[]", "nonsense", &long] {
            assert_eq!(subject(&token(claims)), None, "{claims}");
        }
        let five = format!("{}.A.A", token(r#"{"sub":"a"}"#));
        for text in ["", "a", "a.b", "..", "a.b.c", "a.!.c", &five, &"x".repeat(TOKEN_BYTES + 1)] {
            assert_eq!(subject(text), None, "{text}");
        }
    }
}
