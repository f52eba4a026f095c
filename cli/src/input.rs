//! Texts that a command takes: as they stand on the command line, or from standard input where they are `-`. Wrong UTF-8
//! and texts that nobody could see are refused before anything is stored.

use std::io::{BufRead, Read};

use beistand_core::Settings;
use beistand_core::protocol::text;

use crate::args::Place;
use crate::exit::Failure;

/// Nobody's message is larger; a whole disk that is piped in by mistake is.
const MOST_BYTES: u64 = 1024 * 1024;

/// The text itself, or all of standard input for `-`; the line break at its end, which `echo` adds, does not belong to it.
pub fn text(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|_| Failure::usage("input", "Standard input cannot be read. Nothing was stored."))?;
    from_bytes(bytes)
}

fn from_bytes(bytes: Vec<u8>) -> Result<String, Failure> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::usage("text-too-long", "Standard input is longer than any message. Nothing was stored."));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage("not-utf8", "Standard input is not UTF-8 text. Nothing was stored."))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// Trusts the authorities of `--ca-file`, if there is one.
pub fn trust(place: &Place, settings: &mut Settings) -> Result<(), Failure> {
    let Some(file) = &place.ca_file else { return Ok(()) };
    let wrong =
        |what: &str| Failure::usage("ca-file", format!("{} {what}. Nothing was done; see --ca-file.", file.display()));
    let pem = std::fs::read_to_string(file).map_err(|_| wrong("cannot be read"))?;
    settings.trust(&pem).map_err(|_| wrong("holds no certificate of an authority in PEM"))
}

/// What an agent writes, held against what is known without asking the server: its limits are its own affair.
/// Beside a file there need not be words.
pub fn agents_text(argument: &str, with_files: bool) -> Result<String, Failure> {
    let text = text::clean(&self::text(argument)?);
    if with_files && text::is_blank(&text) {
        return Ok(String::new());
    }
    match text::check(&text, u32::MAX, "text") {
        Ok(()) => Ok(text),
        Err(violation) => {
            let sentence = format!("{}. Nothing was stored; write something.", violation.code.title());
            Err(Failure::usage(violation.code.as_str(), sentence))
        }
    }
}

/// The password itself, or the first line of standard input for `-`.
pub fn password(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(1..) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        _ => Err(Failure::usage("input", "Standard input holds no password. Nothing was done.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_of_echo_is_not_part_of_the_text() {
        assert_eq!(from_bytes(b"Gr\xc3\xbc\xc3\x9fe\n".to_vec()).unwrap(), "Grüße");
        assert_eq!(from_bytes(b"a\n\nb\r\n".to_vec()).unwrap(), "a\n\nb");
    }

    #[test]
    fn what_is_no_text_is_bad_usage() {
        assert_eq!(from_bytes(b"\xff\xfe".to_vec()).unwrap_err().code, "not-utf8");
        assert_eq!(from_bytes(vec![b'a'; 1024 * 1024 + 1]).unwrap_err().code, "text-too-long");
        assert_eq!(agents_text("  \u{200b} ", false).unwrap_err().code, "text-empty");
        assert_eq!(agents_text("a\u{7}b", false).unwrap(), "ab");
        assert_eq!(agents_text(" ", true).unwrap(), "");
    }
}
