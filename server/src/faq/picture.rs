//! A picture of an article: what it is by its first bytes, and how large. Only what every phone draws is taken.

use std::panic::catch_unwind;

use beistand_protocol::{faq::ArticleImage, hex, media_type};

use sha2::{Digest as _, Sha256};

use crate::store::faq::FaqImage;

const TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The picture as an article names it, and as the store keeps it.
pub(super) fn read(name: &str, bytes: Vec<u8>) -> Result<(ArticleImage, FaqImage), &'static str> {
    let Some(found) = media_type::sniff(&bytes).filter(|found| TYPES.contains(found)) else {
        return Err("not a picture in PNG, JPEG, GIF or WebP");
    };
    // A parser that panics on made-up bytes has found no size.
    let size = catch_unwind(|| imagesize::blob_size(&bytes).ok()).ok().flatten();
    let size = size.and_then(|size| Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?)));
    let Some((width, height)) = size.filter(|(width, height)| *width > 0 && *height > 0) else {
        return Err("the size of the picture cannot be read");
    };
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let image = ArticleImage {
        name: name.to_owned(),
        sha256: hex::encode(&sha256),
        media_type: found.to_owned(),
        size: bytes.len() as u64,
        width,
        height,
    };
    Ok((image, FaqImage { sha256, media_type: found.to_owned(), bytes }))
}
