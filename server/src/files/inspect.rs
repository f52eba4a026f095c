//! Whether a file is what it was announced as, by its first bytes and, for a picture, by its size in pixels.

use std::{
    fs::File,
    io::{self, BufReader, Read as _},
    panic::catch_unwind,
    path::Path,
};

use beistand_protocol::{
    Code, Dimensions, Violation,
    media_type::{self, HEAD_BYTES},
};

use super::Fault;

fn too_many_pixels(size: &imagesize::ImageSize, most: u64) -> bool {
    (size.width as u64).saturating_mul(size.height as u64) > most
}

fn refused(detail: &'static str) -> Fault {
    Violation::new(Code::AttachmentImage, "filetype", detail).into()
}

/// Holds the first bytes of a part against the announcement; called again when the file is whole, since the size of a
/// picture may stand further behind.
pub(super) fn head(path: &Path, declared: &str, most_pixels: u64) -> Result<(), Fault> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    media_type::check(declared, &head, "filetype")?;
    // A parser that panics on made-up bytes has found no size.
    let size = catch_unwind(|| imagesize::blob_size(&head).ok()).ok().flatten();
    match size {
        Some(size) if is_picture(declared) && too_many_pixels(&size, most_pixels) => {
            Err(refused("the photo has too many pixels"))
        }
        _ => Ok(()),
    }
}

/// The size of a whole picture; a photo without one cannot be read by anybody.
pub(super) fn whole(path: &Path, declared: &str, most_pixels: u64) -> Result<Option<Dimensions>, Fault> {
    if !is_picture(declared) {
        return Ok(None);
    }
    let file = BufReader::new(File::open(path)?);
    let size = catch_unwind(std::panic::AssertUnwindSafe(|| imagesize::reader_size(file)));
    let size = match size {
        Ok(Ok(size)) => size,
        Ok(Err(imagesize::ImageError::IoError(error))) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(error.into());
        }
        _ if media_type::is_photo(declared) => return Err(refused("the size of the photo cannot be read")),
        _ => return Ok(None),
    };
    if too_many_pixels(&size, most_pixels) {
        return Err(refused("the photo has too many pixels"));
    }
    match (u32::try_from(size.width), u32::try_from(size.height)) {
        (Ok(width), Ok(height)) if width > 0 && height > 0 => Ok(Some(Dimensions { width, height })),
        _ if media_type::is_photo(declared) => Err(refused("the photo has no pixels")),
        _ => Ok(None),
    }
}

fn is_picture(declared: &str) -> bool {
    declared.starts_with("image/")
}
