//! Headers and names: what reads, writes as the same; what is cleaned, is clean.

use std::{fmt::Debug, fmt::Display, str::FromStr};

use beistand_protocol::{
    Credential, Lane, OperationOrder, Violation, file_name, limits, media_type, text,
    upload::{Checksum, Metadata},
};

/// The headers of an upload, the name and the type of its file. A line of text, then the first bytes of the file.
pub fn upload_headers(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let line = parts.next().unwrap_or_default();
    let head = parts.next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else { return };
    if let Ok(metadata) = Metadata::from_header(line) {
        assert_eq!(Metadata::from_header(&metadata.to_header()), Ok(metadata.clone()));
        name(&metadata.name);
    }
    if let Some(checksum) = Checksum::from_header(line) {
        assert_eq!(Checksum::from_header(&checksum.to_header()), Some(checksum));
    }
    name(line);
    if let Ok(all) = std::str::from_utf8(data) {
        name(all);
        let cleaned = text::clean(all);
        assert_eq!(text::clean(&cleaned), cleaned, "cleaning a text twice");
        let all_allowed: Result<(), Violation> = text::check_characters(&cleaned, u32::MAX, "text");
        assert_eq!(all_allowed, Ok(()), "a cleaned text");
    }
    let _ = media_type::check(line, head, "filetype");
    if let Some(found) = media_type::sniff(head)
        && media_type::check(found, head, "filetype").is_err()
    {
        // What the bytes say is only refused if it is a program, under whatever name.
        assert!(media_type::check(media_type::UNKNOWN, head, "filetype").is_err(), "{found} is refused as itself");
    }
}

fn name(given: &str) {
    let cleaned = file_name::clean(given);
    assert!(!cleaned.is_empty() && cleaned.len() <= limits::FILE_NAME_BYTES, "{given:?} became {cleaned:?}");
    assert_eq!(file_name::clean(&cleaned), cleaned, "cleaning {given:?} twice");
    assert_eq!(file_name::check(&cleaned, "name"), Ok(()), "{given:?} became {cleaned:?}");
}

/// `Operation-Order`, a lane, and a credential.
pub fn operation_order(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    survives::<OperationOrder>(text);
    survives::<Lane>(text);
    if let Some(credential) = Credential::from_token(text) {
        assert_eq!(Credential::from_token(&credential.to_token()), Some(credential));
    }
}

fn survives<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string().parse::<T>().ok(), Some(read), "{text:?}");
    }
}
