//! A small JPEG of a photo, turned as its camera was held. A photo that cannot be decoded, or only with more memory than
//! a thumbnail is worth, simply has none.

use std::{fs::File, io::BufWriter, path::Path};

use beistand_protocol::{Dimensions, limits::THUMBNAIL_SIDE};
use image::{
    DynamicImage, GenericImageView as _, ImageDecoder as _, ImageReader, Limits, RgbImage, codecs::jpeg::JpegEncoder,
    metadata::Orientation,
};

/// Above so many pixels no thumbnail is made: 50 million are 200 MB once they are decoded.
const MOST_PIXELS: u64 = 50_000_000;

/// What a decoder may allocate in bytes: the pixels themselves, and as much again for what it needs beside them.
const MOST_BYTES: u64 = 400_000_000;

/// Good enough for a bubble.
const QUALITY: u8 = 80;

/// What was found out about a photo.
#[derive(Clone, Copy, Default)]
pub(super) struct Look {
    /// Its size as it is shown; `None` if the decoder does not know the format.
    pub(super) shown: Option<Dimensions>,
    /// The size of the thumbnail, if one was written.
    pub(super) thumbnail: Option<Dimensions>,
}

/// Writes a thumbnail of `photo` to `to`.
pub(super) fn make(photo: &Path, to: &Path) -> Look {
    let mut look = Look::default();
    // What is wrong with a photo is its sender's affair, and no news for a log.
    let _ = attempt(photo, to, &mut look);
    if look.thumbnail.is_none() {
        let _ = std::fs::remove_file(to);
    }
    look
}

fn attempt(photo: &Path, to: &Path, look: &mut Look) -> image::ImageResult<()> {
    let mut reader = ImageReader::open(photo)?.with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (shown_width, shown_height) = if is_turned(orientation) { (height, width) } else { (width, height) };
    look.shown = Some(Dimensions { width: shown_width, height: shown_height });
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Ok(());
    }
    let image = DynamicImage::from_decoder(decoder)?;
    let mut small = match width.max(height) > THUMBNAIL_SIDE {
        true => image.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE),
        false => image,
    };
    small.apply_orientation(orientation);
    let small = on_white(&small);
    let mut file = BufWriter::new(File::create(to)?);
    JpegEncoder::new_with_quality(&mut file, QUALITY).encode_image(&small)?;
    file.into_inner().map_err(|error| image::ImageError::IoError(error.into_error()))?.sync_all()?;
    look.thumbnail = Some(Dimensions { width: small.width(), height: small.height() });
    Ok(())
}

fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

/// A JPEG has no transparency: what was clear would come out black.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let (width, height) = image.dimensions();
    let mut flat = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(width, height, image::Rgba([255; 4])));
    image::imageops::overlay(&mut flat, &image.to_rgba8(), 0, 0);
    flat.to_rgb8()
}
