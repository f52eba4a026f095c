use super::*;
use exif::Rational;
use image::{ImageFormat, RgbImage};

const PLACE: &[u8] = b"52 deg 30";

fn picture(format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, 90]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// What a camera writes: how it was held, what it is, and where.
fn camera(orientation: u16) -> Bytes {
    let degrees = |d| Rational { num: d, denom: 1 };
    let fields = [
        Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![orientation]) },
        Field { tag: Tag::Model, ifd_num: In::PRIMARY, value: Value::Ascii(vec![b"Camera 7".to_vec()]) },
        Field { tag: Tag::GPSLatitudeRef, ifd_num: In::PRIMARY, value: Value::Ascii(vec![b"N".to_vec()]) },
        Field {
            tag: Tag::GPSLatitude,
            ifd_num: In::PRIMARY,
            value: Value::Rational(vec![degrees(52), degrees(30), degrees(7)]),
        },
        Field { tag: Tag::GPSAreaInformation, ifd_num: In::PRIMARY, value: Value::Undefined(PLACE.to_vec(), 0) },
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut buffer = Cursor::new(Vec::new());
    writer.write(&mut buffer, true).unwrap();
    buffer.into_inner().into()
}

fn with_camera(format: ImageFormat, orientation: u16) -> Vec<u8> {
    let (bytes, exif) = (Bytes::from(picture(format)), Some(camera(orientation)));
    let mut out = Vec::new();
    match format {
        ImageFormat::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(bytes).unwrap();
            jpeg.set_exif(exif);
            let xmp = Bytes::from_static(b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='52,30N'/>");
            let segment = img_parts::jpeg::JpegSegment::new_with_contents;
            jpeg.segments_mut().insert(1, segment(markers::APP1, xmp));
            jpeg.segments_mut().insert(1, segment(markers::COM, Bytes::from_static(PLACE)));
            jpeg.encoder().write_to(&mut out).unwrap();
            // A film behind the picture.
            out.extend_from_slice(b"ftypmp42 GPSLatitude");
            out.extend_from_slice(PLACE);
        }
        ImageFormat::Png => {
            let mut png = Png::from_bytes(bytes).unwrap();
            png.set_exif(exif);
            let text = Bytes::from_static(b"Comment\x0052 deg 30");
            png.chunks_mut().insert(1, img_parts::png::PngChunk::new(*b"tEXt", text));
            png.encoder().write_to(&mut out).unwrap();
        }
        _ => {
            let mut webp = WebP::from_bytes(bytes).unwrap();
            webp.set_exif(exif);
            webp.encoder().write_to(&mut out).unwrap();
        }
    }
    out
}

fn pixels(bytes: &[u8]) -> Vec<u8> {
    image::load_from_memory(bytes).unwrap().to_rgb8().into_raw()
}

#[test]
fn a_photo_no_longer_tells_where_it_was_taken_and_looks_the_same() {
    for (media_type, format) in
        [("image/jpeg", ImageFormat::Jpeg), ("image/png", ImageFormat::Png), ("image/webp", ImageFormat::WebP)]
    {
        let photo = with_camera(format, 6);
        assert!(tells_a_place(&photo) && find(&photo, PLACE).is_some(), "{media_type}: the fixture has a place");
        let cleaned = remove(media_type, photo.clone()).unwrap();
        assert!(!tells_a_place(&cleaned), "{media_type}");
        for word in [PLACE, b"Camera 7", b"GPSLatitude"] {
            assert!(find(&cleaned, word).is_none(), "{media_type} keeps {}", String::from_utf8_lossy(word));
        }
        assert_eq!(orientation(&cleaned), 6, "{media_type}: it is still turned");
        assert_eq!(pixels(&cleaned), pixels(&photo), "{media_type}");
    }
}

#[test]
fn a_picture_without_words_about_it_stays_byte_for_byte() {
    for (media_type, format) in [("image/jpeg", ImageFormat::Jpeg), ("image/png", ImageFormat::Png)] {
        let photo = picture(format);
        assert_eq!(remove(media_type, photo.clone()).unwrap(), photo, "{media_type}");
    }
}

#[test]
fn a_broken_photo_is_an_error_and_no_panic() {
    let whole = with_camera(ImageFormat::Jpeg, 1);
    for cut in 0..whole.len().min(400) {
        let _ = remove("image/jpeg", whole[..cut].to_vec());
    }
    assert_eq!(remove("image/jpeg", b"\xff\xd8\xff".to_vec()), Err(LocationError::Broken));
}

#[test]
fn a_container_that_is_not_understood_is_refused_if_it_tells_a_place() {
    // TIFF itself is the container of EXIF: nothing here takes it apart.
    assert_eq!(remove("image/tiff", camera(1).to_vec()), Err(LocationError::Remains));
    assert!(remove("image/gif", b"GIF89a".to_vec()).is_ok());
}

/// The smallest container of the HEIF family with EXIF: a brand, a table that says where the item lies, and the item.
fn heif(exif: &[u8]) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], body: &[u8]| {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), kind.as_slice(), body].concat()
    };
    let ftyp = boxed(b"ftyp", b"mif1\0\0\0\0mif1heic");
    let infe = boxed(b"infe", b"\x02\0\0\0\0\x01\0\0Exif\0");
    let iinf = boxed(b"iinf", &[b"\0\0\0\0\0\x01".as_slice(), &infe].concat());
    let item = [b"\0\0\0\0".as_slice(), exif].concat();
    let iloc_for = |offset: u32| {
        let extent = [offset.to_be_bytes(), u32::try_from(item.len()).unwrap().to_be_bytes()].concat();
        boxed(b"iloc", &[b"\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01".as_slice(), &extent].concat())
    };
    let meta_for = |offset| boxed(b"meta", &[b"\0\0\0\0".as_slice(), &iinf, &iloc_for(offset)].concat());
    let at = u32::try_from(ftyp.len() + meta_for(0).len() + 8).unwrap();
    [ftyp, meta_for(at), boxed(b"mdat", &item)].concat()
}

#[test]
fn a_photo_of_the_heif_family_keeps_its_offsets_and_loses_its_place() {
    let photo = heif(&camera(6));
    assert!(tells_a_place(&photo), "the fixture has a place");
    let cleaned = remove("image/heif", photo.clone()).unwrap();
    assert_eq!(cleaned.len(), photo.len());
    assert!(find(&cleaned, PLACE).is_none() && find(&cleaned, b"Camera 7").is_none());
}
