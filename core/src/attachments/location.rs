//! Takes out of a photo what its camera wrote into it: where it was taken above all, and with it device, time and
//! preview, which tell as much. How it was held and its colours stay, since without them it looks wrong.
//!
//! Nothing is decoded or compressed anew: the picture's own bytes stay as they are. What remains is read once more, and a
//! photo that still tells a place is refused.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Exif, Field, In, Reader, Tag, Value};
use img_parts::jpeg::{Jpeg, markers};
use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF};

/// The largest photo whose location can be removed: it is held in memory for that.
pub(super) const LARGEST: u64 = 48 * 1024 * 1024;

/// Why a location could not be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum LocationError {
    #[error("the photo cannot be read")]
    Broken,
    #[error("this kind of photo keeps its location in a way that cannot be removed")]
    Remains,
}

/// PNG chunks that make the picture, its colours and its motion; all others are words about it.
const PNG_KEPT: &[[u8; 4]] = &[
    *b"IHDR", *b"PLTE", *b"IDAT", *b"IEND", *b"tRNS", *b"gAMA", *b"cHRM", *b"sRGB", *b"iCCP", *b"cICP", *b"sBIT",
    *b"bKGD", *b"pHYs", *b"acTL", *b"fcTL", *b"fdAT",
];

/// The photo without its location.
pub(super) fn remove(media_type: &str, photo: Vec<u8>) -> Result<Vec<u8>, LocationError> {
    let orientation = orientation(&photo);
    let cleaned = match media_type {
        "image/jpeg" => jpeg(photo, orientation)?,
        "image/png" => png(photo, orientation)?,
        "image/webp" => webp(photo, orientation)?,
        // These turn by a property of the container, and their EXIF lies in one piece.
        "image/heif" | "image/heic" | "image/avif" => overwrite(photo),
        _ => photo,
    };
    if tells_a_place(&cleaned) { Err(LocationError::Remains) } else { Ok(cleaned) }
}

/// How the camera was held: 1 to 8 as in EXIF, 1 where nothing is said.
pub(super) fn orientation(photo: &[u8]) -> u32 {
    read(photo)
        .and_then(|exif| exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0))
        .filter(|orientation| (1..=8).contains(orientation))
        .unwrap_or(1)
}

fn read(photo: &[u8]) -> Option<Exif> {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    match reader.read_from_container(&mut Cursor::new(photo)) {
        Ok(exif) => Some(exif),
        Err(error) => error.distill_partial_result(|_| {}).ok(),
    }
}

fn tells_a_place(photo: &[u8]) -> bool {
    read(photo).is_some_and(|exif| exif.fields().any(|field| field.tag.context() == exif::Context::Gps))
        || find(photo, b"GPSLatitude").is_some()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// EXIF that says only how the camera was held; `None` if that need not be said.
fn only_orientation(orientation: u32) -> Option<Bytes> {
    let value = u16::try_from(orientation).ok().filter(|orientation| *orientation != 1)?;
    let field = Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![value]) };
    let mut writer = Writer::new();
    writer.push_field(&field);
    let mut buffer = Cursor::new(Vec::new());
    writer.write(&mut buffer, false).ok()?;
    Some(buffer.into_inner().into())
}

fn encode(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Result<Vec<u8>, LocationError> {
    let mut bytes = Vec::new();
    write(&mut bytes).map_err(|_| LocationError::Broken)?;
    Ok(bytes)
}

fn jpeg(photo: Vec<u8>, orientation: u32) -> Result<Vec<u8>, LocationError> {
    let mut jpeg = Jpeg::from_bytes(photo.into()).map_err(|_| LocationError::Broken)?;
    jpeg.segments_mut().retain(|segment| match segment.marker() {
        markers::APP0 | markers::APP14 => true,
        // Colour profiles share their marker with indexes of further pictures behind this one.
        markers::APP2 => segment.contents().starts_with(b"ICC_PROFILE\0"),
        markers::APP1..=markers::APP15 | markers::COM => false,
        _ => true,
    });
    jpeg.set_exif(only_orientation(orientation));
    let scans = jpeg.segments().last().map_or(0, |segment| segment.len_with_entropy() - segment.len());
    let mut bytes = encode(|bytes| jpeg.encoder().write_to(bytes).map(drop))?;
    // Behind the end of the picture some cameras put a film or a second picture, each with its own place. Within the
    // picture's own bytes the end marker cannot occur (ITU-T T.81, B.1.1.5).
    let begin = bytes.len() - scans;
    if let Some(end) = find(&bytes[begin..], &[markers::P, markers::EOI]) {
        bytes.truncate(begin + end + 2);
    }
    Ok(bytes)
}

fn png(photo: Vec<u8>, orientation: u32) -> Result<Vec<u8>, LocationError> {
    let mut png = Png::from_bytes(photo.into()).map_err(|_| LocationError::Broken)?;
    png.chunks_mut().retain(|chunk| PNG_KEPT.contains(&chunk.kind()));
    png.set_exif(only_orientation(orientation));
    encode(|bytes| png.encoder().write_to(bytes).map(drop))
}

fn webp(photo: Vec<u8>, orientation: u32) -> Result<Vec<u8>, LocationError> {
    let mut webp = WebP::from_bytes(photo.into()).map_err(|_| LocationError::Broken)?;
    webp.remove_chunks_by_id(img_parts::webp::CHUNK_XMP);
    webp.set_exif(only_orientation(orientation));
    encode(|bytes| webp.encoder().write_to(bytes).map(drop))
}

/// Puts empty EXIF of the same length in place of the photo's, so that no offset of the container changes.
fn overwrite(mut photo: Vec<u8>) -> Vec<u8> {
    let Some(exif) = read(&photo) else { return photo };
    let raw = exif.buf();
    let Some(at) = find(&photo, raw).filter(|_| raw.len() >= 14) else { return photo };
    // A header, and a directory at offset 8 with no entries and no successor.
    let empty: [u8; 14] = [b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0];
    photo[at..at + raw.len()].fill(0);
    photo[at..at + empty.len()].copy_from_slice(&empty);
    photo
}

#[cfg(test)]
mod tests;
