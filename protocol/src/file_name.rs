//! Names of files: judged alike on the phone, which makes any name acceptable, and on the server, which accepts no other.

use sanitise_file_name::Options;

use crate::limits::FILE_NAME_BYTES;
use crate::problem::{Code, Violation};

/// A name that every common file system takes, without a folder, without control characters and without marks that turn
/// the direction of writing (`photo\u{202e}gpj.exe` looks like `photoexe.jpg`). The ending survives when it is cut.
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim_matches(['.', ' ']).is_empty()).unwrap_or_default();
    // What is not shown has no place in a name either.
    let visible: String = last.chars().filter(|c| !c.is_control() && !is_deceiving(*c)).collect();
    let options = Options { length_limit: FILE_NAME_BYTES, ..Options::DEFAULT };
    sanitise_file_name::sanitise_with_options(&visible, &options)
}

/// Accepts what [`clean`] leaves as it is.
pub fn check(name: &str, field: &'static str) -> Result<(), Violation> {
    if name.len() <= FILE_NAME_BYTES && clean(name) == name {
        return Ok(());
    }
    Err(Violation::new(Code::AttachmentName, field, "a plain file name of at most 200 bytes is expected"))
}

fn is_deceiving(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_harmless_and_keep_their_ending() {
        for (given, expected) in [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\Bild.png", "Bild.png"),
            ("Rechnung Größe 42.pdf", "Rechnung Größe 42.pdf"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\u{0}b\nc.txt", "abc.txt"),
        ] {
            assert_eq!(clean(given), expected);
            assert!(check(expected, "name").is_ok(), "{expected}");
        }
        let long = format!("{}.jpeg", "ä".repeat(2000));
        assert!(clean(&long).len() <= FILE_NAME_BYTES && clean(&long).ends_with(".jpeg"));
        for empty in ["", "..", "/", "\u{202e}", "   ", "\u{7}"] {
            assert!(!clean(empty).is_empty() && check(&clean(empty), "name").is_ok(), "{empty:?}");
        }
    }

    #[test]
    fn what_would_deceive_is_refused() {
        for bad in ["../x", "a/b", "a\\b", "x\u{202e}y", "a\u{0}", "a\nb", "", "..", " a", &"x".repeat(201)] {
            assert_eq!(check(bad, "name").unwrap_err().code, Code::AttachmentName, "{bad:?}");
        }
    }
}
