//! Takes a file in: reads it from where the app has it, judges it, and leaves a copy of its own in the folder that
//! survives a loss of power, before anything is promised. The order is the promise: write, sync the file, give it its
//! name, sync the folder; the caller commits after that.

use std::io::Read;

use beistand_protocol::{AttachmentId, Code, Dimensions, Limits, Violation, file_name, hex, media_type};
use sha2::{Digest, Sha256};

use super::files::{self, FileStore, Variant};
use super::location::{self, LocationError};
use super::source::{AttachmentSource, unreadable};
use crate::error::{Error, ErrorKind, StoreError};

/// A file that lies in the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    pub id: AttachmentId,
    pub name: String,
    pub media_type: String,
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    pub dimensions: Option<Dimensions>,
}

/// So much is read and written at once.
const PIECE: usize = 64 * 1024;

/// Copies a file into the folder. If that fails nothing is left of it.
pub(crate) fn take(
    store: &dyn FileStore,
    id: AttachmentId,
    source: AttachmentSource,
    limits: &Limits,
) -> Result<Taken, StoreError> {
    let taken = copy(store, id, source, limits);
    if taken.is_err() {
        // The error of the copy is the one that counts.
        let _ = store.remove(&files::incoming(id));
    }
    taken
}

fn violation(code: Code, detail: impl Into<String>) -> StoreError {
    Error::from(Violation::new(code, "attachments", detail)).into()
}

fn copy(
    store: &dyn FileStore,
    id: AttachmentId,
    source: AttachmentSource,
    limits: &Limits,
) -> Result<Taken, StoreError> {
    let (mut reader, name, keep_location) = source.open()?;
    let head = read_up_to(&mut *reader, media_type::HEAD_BYTES)?;
    if head.is_empty() {
        return Err(violation(Code::AttachmentEmpty, "the file has no bytes"));
    }
    let name = file_name::clean(&name);
    let media_type = media_type_of(&name, &head);
    media_type::check(&media_type, &head, "attachments").map_err(Error::from)?;
    let incoming = files::incoming(id);
    let mut writer = store.create(&incoming).map_err(files::store_error)?;
    let mut copied = Copied { hash: Sha256::new(), size: 0, most: limits.attachment_bytes };
    let photo = media_type::is_photo(&media_type) || media_type == "image/tiff";
    if photo && !keep_location {
        let photo = whole_photo(head, &mut *reader, limits)?;
        let photo = location::remove(&media_type, photo).map_err(|error| match error {
            LocationError::Broken => violation(Code::AttachmentImage, "the photo cannot be read"),
            LocationError::Remains => Error::new(
                ErrorKind::LocationRemains,
                "the place where this photo was taken cannot be removed; allow it, or send another copy",
            )
            .into(),
        })?;
        copied.piece(&photo, &mut *writer)?;
    } else {
        copied.piece(&head, &mut *writer)?;
        loop {
            let piece = read_up_to(&mut *reader, PIECE)?;
            if piece.is_empty() {
                break;
            }
            copied.piece(&piece, &mut *writer)?;
        }
    }
    writer.sync().map_err(files::store_error)?;
    drop(writer);
    let dimensions = if photo { dimensions(store, &incoming, &media_type, limits)? } else { None };
    let name_in_folder = files::kept(id, Variant::Whole);
    store.rename(&incoming, &name_in_folder).map_err(files::store_error)?;
    store.sync_folder().map_err(files::store_error)?;
    Ok(Taken { id, name, media_type, size: copied.size, sha256: hex::encode(&copied.hash.finalize()), dimensions })
}

/// What went into the folder so far.
struct Copied {
    hash: Sha256,
    size: u64,
    most: u64,
}

impl Copied {
    fn piece(&mut self, bytes: &[u8], writer: &mut dyn files::FileWriter) -> Result<(), StoreError> {
        self.size += bytes.len() as u64;
        if self.size > self.most {
            return Err(too_large(self.most));
        }
        self.hash.update(bytes);
        writer.write_all(bytes).map_err(files::store_error)
    }
}

fn too_large(most: u64) -> StoreError {
    violation(Code::AttachmentTooLarge, format!("at most {most} bytes are allowed"))
}

fn read_up_to(reader: &mut dyn Read, most: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(most);
    reader.take(most as u64).read_to_end(&mut bytes).map_err(|error| unreadable(&error.kind().to_string()))?;
    Ok(bytes)
}

fn whole_photo(head: Vec<u8>, reader: &mut dyn Read, limits: &Limits) -> Result<Vec<u8>, StoreError> {
    let mut photo = head;
    let most = limits.attachment_bytes.min(location::LARGEST);
    reader
        .take((most + 1).saturating_sub(photo.len() as u64))
        .read_to_end(&mut photo)
        .map_err(|error| unreadable(&error.kind().to_string()))?;
    match photo.len() as u64 {
        size if size > limits.attachment_bytes => Err(too_large(limits.attachment_bytes)),
        size if size > location::LARGEST => Err(Error::new(
            ErrorKind::LocationRemains,
            "the photo is too large for its location to be removed; allow it, or send a smaller copy",
        )
        .into()),
        _ => Ok(photo),
    }
}

/// The size in pixels as it is shown; a photo that claims more than anybody can look at is refused.
fn dimensions(
    store: &dyn FileStore,
    name: &str,
    media_type: &str,
    limits: &Limits,
) -> Result<Option<Dimensions>, StoreError> {
    // Sizes and orientation stand in the first part of every photo; a preview inside the EXIF may come before them.
    let head = store.read_at(name, 0, 1024 * 1024).map_err(files::store_error)?;
    let Ok(size) = imagesize::blob_size(&head) else {
        // Kinds whose size nobody here can read may still be looked at elsewhere.
        return match media_type {
            "image/jpeg" | "image/png" | "image/webp" | "image/gif" => {
                Err(violation(Code::AttachmentImage, "the photo cannot be read"))
            }
            _ => Ok(None),
        };
    };
    let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height)) else {
        return Err(violation(Code::AttachmentImage, "the photo claims an impossible size"));
    };
    if u64::from(width) * u64::from(height) > limits.image_pixels {
        let most = limits.image_pixels;
        return Err(violation(Code::AttachmentImage, format!("at most {most} pixels are allowed")));
    }
    // From 5 on the camera was held upright: the sides change places (EXIF 2.32, 4.6.4).
    let turned = location::orientation(&head) >= 5;
    Ok(Some(if turned { Dimensions { width: height, height: width } } else { Dimensions { width, height } }))
}

/// What the bytes say; where they say nothing, what the name says, unless the bytes contradict it.
fn media_type_of(name: &str, head: &[u8]) -> String {
    let by_name = mime_guess::from_path(name).first_raw();
    // An office document is a ZIP to its bytes and itself to its name.
    let by_name = by_name.filter(|media_type| media_type::check(media_type, head, "").is_ok());
    let sniffed = media_type::sniff(head);
    match (sniffed, by_name) {
        (Some(sniffed), _) if media_type::is_photo(sniffed) => sniffed.to_owned(),
        (_, Some(by_name)) => by_name.to_owned(),
        (Some(sniffed), None) => sniffed.to_owned(),
        (None, None) if is_text(head) => "text/plain".to_owned(),
        (None, None) => media_type::UNKNOWN.to_owned(),
    }
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end within a character.
        Err(error) if error.error_len().is_none() => match std::str::from_utf8(&head[..error.valid_up_to()]) {
            Ok(text) => text,
            Err(_) => return false,
        },
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'))
}

#[cfg(test)]
mod tests {
    use super::super::files::DiskFiles;
    use super::*;
    use beistand_protocol::UnixMillis;

    fn folder() -> (tempfile::TempDir, DiskFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = DiskFiles::new(folder.path().join("attachments"));
        (folder, files)
    }

    fn id() -> AttachmentId {
        AttachmentId::mint(UnixMillis(9), [4; 10])
    }

    fn taken(name: &str, bytes: &[u8], limits: &Limits) -> Result<Taken, ErrorKind> {
        let (_guard, files) = folder();
        let source = AttachmentSource::reader(name, std::io::Cursor::new(bytes.to_vec()));
        let taken = take(&files, id(), source, limits).map_err(|error| Error::from(error).kind);
        let left = files.list().unwrap();
        match &taken {
            Ok(taken) => assert_eq!((left.len(), left[0].size), (1, taken.size)),
            Err(_) => assert_eq!(left, [], "nothing is left of what was refused"),
        }
        taken
    }

    #[test]
    fn a_file_is_copied_with_its_digest_and_type() {
        let taken = taken("../Größe.txt", b"Hallo", &Limits::default()).unwrap();
        assert_eq!((taken.name.as_str(), taken.media_type.as_str(), taken.size), ("Größe.txt", "text/plain", 5));
        assert_eq!(taken.sha256, "753692ec36adb4c794c973945eb2a99c1649703ea6f76bf259abb4fb838e013e");
    }

    #[test]
    fn what_no_server_takes_is_refused_before_anything_is_stored() {
        let small = Limits { attachment_bytes: 1000, ..Limits::default() };
        let invalid = |code| Err(ErrorKind::InvalidInput(code));
        assert_eq!(taken("a.txt", b"", &small), invalid(Code::AttachmentEmpty));
        assert_eq!(taken("a.txt", &[b'x'; 1001], &small), invalid(Code::AttachmentTooLarge));
        assert_eq!(taken("a.bin", &[0; 70_000], &small), invalid(Code::AttachmentTooLarge));
        assert_eq!(taken("a.txt", b"#!/bin/sh\necho", &small), invalid(Code::AttachmentType));
        assert_eq!(taken("a.png", b"\x89PNG\r\n\x1a\n", &small), invalid(Code::AttachmentImage));
    }

    #[test]
    fn a_photo_that_claims_more_than_anybody_can_look_at_is_refused() {
        let mut photo = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(2, 2).write_to(&mut photo, image::ImageFormat::Png).unwrap();
        let mut photo = photo.into_inner();
        // Width and height of a PNG stand at 16 and 20; their checksum at 29.
        photo[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        photo[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        let refused = taken("bomb.png", &photo, &Limits::default());
        assert_eq!(refused, Err(ErrorKind::InvalidInput(Code::AttachmentImage)));
    }

    #[test]
    fn a_name_that_lies_does_not_change_what_a_file_is() {
        let mut photo = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(30, 20).write_to(&mut photo, image::ImageFormat::Png).unwrap();
        let taken = taken("letter.pdf", photo.get_ref(), &Limits::default()).unwrap();
        assert_eq!(taken.media_type, "image/png");
        assert_eq!(taken.dimensions, Some(Dimensions { width: 30, height: 20 }));
    }

    #[test]
    fn a_source_that_fails_is_a_typed_error() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from(std::io::ErrorKind::NotConnected))
            }
        }
        let (_guard, files) = folder();
        for source in [AttachmentSource::reader("a", Fails), AttachmentSource::path("/nowhere/at/all")] {
            let error = take(&files, id(), source, &Limits::default()).unwrap_err();
            assert_eq!(Error::from(error).kind, ErrorKind::Unreadable);
        }
        assert_eq!(files.list().unwrap(), []);
    }
}
