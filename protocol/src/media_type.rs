//! What a file is, by its first bytes: judged alike on the phone, which declares a type, and on the server, which believes
//! no declaration.

use crate::problem::{Code, Violation};

/// So many first bytes are enough to know a file.
pub const HEAD_BYTES: usize = 8 * 1024;

/// The type of a file whose first bytes tell nothing.
pub const UNKNOWN: &str = "application/octet-stream";

/// What the first bytes say: `None` if they have no signature, as plain text has none.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    infer::get(&head[..head.len().min(HEAD_BYTES)]).map(|kind| kind.mime_type())
}

/// Whether the type belongs to a picture that can have a thumbnail and a place.
pub fn is_photo(media_type: &str) -> bool {
    matches!(
        media_type,
        "image/jpeg" | "image/png" | "image/webp" | "image/gif" | "image/heif" | "image/heic" | "image/avif"
    )
}

/// Files of one class carry each other's signatures: a `.docx` is a ZIP, a `.mov` and an `.m4a` are one container.
#[derive(PartialEq, Eq)]
enum Class<'a> {
    Picture(&'a str),
    Media,
    Archive,
    Words,
    Program,
    Other(&'a str),
}

fn class(media_type: &str) -> Class<'_> {
    let (kind, rest) = media_type.split_once('/').unwrap_or((media_type, ""));
    match (kind, rest) {
        (
            "application",
            "vnd.microsoft.portable-executable"
            | "x-executable"
            | "x-mach-binary"
            | "x-msdownload"
            | "x-dosexec"
            | "x-elf"
            | "wasm"
            | "java"
            | "java-vm"
            | "vnd.android.dex"
            | "vnd.android.dey"
            | "llvm"
            | "x-sharedlib"
            | "vnd.android.package-archive",
        )
        | ("text", "x-shellscript") => Class::Program,
        ("image", "heif" | "heic" | "avif") => Class::Picture("heif"),
        ("image", "svg+xml") | ("text", _) | ("application", "json" | "xml" | "javascript" | "rtf") => Class::Words,
        ("image", name) => Class::Picture(name),
        ("video" | "audio", _) | ("application", "ogg" | "mp4") => Class::Media,
        ("application", name)
            if name == "zip"
                || name == "epub+zip"
                || name == "msword"
                || name == "x-ole-storage"
                || name.starts_with("vnd.ms-")
                || name.starts_with("vnd.openxmlformats-")
                || name.starts_with("vnd.oasis.") =>
        {
            Class::Archive
        }
        _ => Class::Other(media_type),
    }
}

/// Whether the first bytes may be of the declared type. `application/octet-stream` declares nothing and is no lie; a
/// program is not accepted under any name.
pub fn check(declared: &str, head: &[u8], field: &'static str) -> Result<(), Violation> {
    let refuse = |detail| Err(Violation::new(Code::AttachmentType, field, detail));
    check_declared(declared, field)?;
    let (declared_class, found) = (class(declared), sniff(head).map(class));
    if found == Some(Class::Program) {
        return refuse("programs are not accepted");
    }
    match (declared_class, found) {
        _ if declared == UNKNOWN => Ok(()),
        (Class::Picture(_) | Class::Media | Class::Archive, None) => refuse("the content is not of the declared type"),
        (Class::Other("application/pdf"), None) => refuse("the content is not of the declared type"),
        (_, None) => Ok(()),
        (declared, Some(found)) if declared == found => Ok(()),
        _ => refuse("the content is not of the declared type"),
    }
}

/// What of [`check`] can be said before there are bytes: the type is well formed, and no program's.
pub fn check_declared(declared: &str, field: &'static str) -> Result<(), Violation> {
    let refuse = |detail| Err(Violation::new(Code::AttachmentType, field, detail));
    let well_formed = declared.len() <= 127
        && declared.split('/').count() == 2
        && declared.split('/').all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
        });
    if !well_formed {
        return refuse("a media type in lower case without parameters is expected");
    }
    if class(declared) == Class::Program {
        return refuse("programs are not accepted");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
    const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";

    #[test]
    fn a_type_that_fits_is_accepted() {
        for (declared, head) in [
            ("image/png", PNG),
            ("image/jpeg", JPEG),
            ("text/plain", b"Hallo".as_slice()),
            ("text/markdown", b"<!doctype html>"),
            ("application/octet-stream", PNG),
            ("application/pdf", b"%PDF-1.7"),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP),
            ("application/x-of-the-future", b"?"),
        ] {
            assert!(check(declared, head, "t").is_ok(), "{declared}");
        }
    }

    #[test]
    fn a_type_that_lies_is_refused() {
        for (declared, head) in [
            ("image/png", JPEG),
            ("image/jpeg", b"<html>".as_slice()),
            ("image/jpeg", ELF),
            ("text/plain", ELF),
            ("application/octet-stream", ELF),
            ("application/pdf", ZIP),
            ("application/pdf", b"no"),
            ("text/x-shellscript", b"echo"),
            ("text/plain", PNG),
            ("image", PNG),
            ("image/png; charset=x", PNG),
            ("", PNG),
        ] {
            assert_eq!(check(declared, head, "t").unwrap_err().code, Code::AttachmentType, "{declared}");
        }
        for declared in ["image", "image/png; charset=x", "Image/PNG", "text/x-shellscript", ""] {
            assert!(check_declared(declared, "t").is_err(), "{declared}");
        }
        assert!(check_declared("image/png", "t").is_ok());
    }
}
