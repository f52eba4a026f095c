//! Files made to deceive, to burst something, or to be somebody else's: a problem with a code, and nothing stored.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{
    files::{AGENTS, PERSONS, Sample, encoded, sample},
    house::{House, Phone, conversation, house, message},
};

async fn nothing_stored(house: &House) {
    assert_eq!(house.on_disk(), [""; 0]);
    assert_eq!(house.attachments().await, 0);
}

fn png_of(width: u32, height: u32) -> Vec<u8> {
    // A real header of a small photo, with other numbers in it.
    let mut bytes = encoded(4, 4, image::ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut checksum = 0xffff_ffff_u32;
    for byte in &bytes[12..29] {
        checksum ^= u32::from(*byte);
        for _ in 0..8 {
            checksum = if checksum & 1 == 1 { (checksum >> 1) ^ 0xedb8_8320 } else { checksum >> 1 };
        }
    }
    bytes[29..33].copy_from_slice(&(!checksum).to_be_bytes());
    bytes
}

#[tokio::test]
async fn what_an_announcement_already_shows_is_refused_before_a_byte() {
    let house = house().await;
    let phone = house.phone().await;
    let agent = house.sign_in().await;
    let named = |name: &str| sample(name, "text/plain", "x");
    let typed = |media_type: &str| sample("a.bin", media_type, "x");
    let long = "ä".repeat(2000);
    let names = ["../../etc/passwd", "a/b", "a\\b", "..", "", "a\u{0}b", "a\nb", "photo\u{202e}gpj.exe", &long];
    let types = ["", "image", "text/html; charset=x", "IMAGE/PNG", "a/b/c", "text/\r\nx", "application/x-msdownload"];
    for (base, who) in [(PERSONS, phone.headers()), (AGENTS, agent)] {
        for name in names {
            assert_eq!(house.announce(base, &who, &named(name)).await.code(), "attachment-name", "{name:?}");
        }
        for media_type in types {
            assert_eq!(house.announce(base, &who, &typed(media_type)).await.code(), "attachment-type", "{media_type}");
        }
        assert_eq!(house.announce_as(base, &who, &named("a"), 0).await.code(), "attachment-empty");
        for size in [100_000_001, 10_000_000_000, i64::MAX as u64] {
            assert_eq!(house.announce_as(base, &who, &named("a"), size).await.code(), "attachment-too-large");
        }
        assert_eq!(house.announce_as(base, &who, &named("a"), u64::MAX).await.code(), "bad-parameter");
        let mut upper = named("a");
        upper.sha256 = upper.sha256.to_uppercase();
        assert_eq!(house.announce(base, &who, &upper).await.code(), "bad-parameter");
        for metadata in ["", "id", "id !", "filename YQ==,filename YQ=="] {
            let more = vec![("upload-length", "1".to_owned()), ("upload-metadata", metadata.to_owned())];
            let answer = house.tus(Method::POST, base, &who, more, Body::empty()).await;
            assert_eq!(answer.code(), "bad-parameter", "{metadata:?}");
        }
    }
    nothing_stored(&house).await;
}

#[tokio::test]
async fn what_its_bytes_show_is_refused_and_leaves_nothing() {
    let house = house().await;
    let phone = house.phone().await;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".to_vec();
    elf.resize(300_000, 0);
    let jpeg = encoded(8, 8, image::ImageFormat::Jpeg);
    let lying: [(Sample, &str); 7] = [
        (sample("a.png", "image/png", jpeg.clone()), "attachment-type"),
        (sample("a.jpg", "image/jpeg", "<html>"), "attachment-type"),
        (sample("a.jpg", "image/jpeg", elf.clone()), "attachment-type"),
        (sample("a.bin", "application/octet-stream", elf), "attachment-type"),
        // What claims to unpack to ten gigabytes, and a photo that breaks off before its size.
        (sample("a.png", "image/png", png_of(60_000, 60_000)), "attachment-image"),
        (sample("a.png", "image/png", png_of(u32::MAX, u32::MAX)), "attachment-image"),
        (sample("a.jpg", "image/jpeg", &jpeg[..12]), "attachment-image"),
    ];
    for (file, code) in lying {
        assert_eq!(house.announce(PERSONS, &phone.headers(), &file).await.status, 201);
        let answer = house.patch(PERSONS, &phone.headers(), file.id, 0, &file.bytes).await;
        assert_eq!(answer.code(), code, "{}", file.media_type);
        assert_eq!(house.stand(PERSONS, &phone.headers(), file.id).await.status, 404);
        nothing_stored(&house).await;
    }
    // A long lie is found with its first bytes, not with its last.
    let mut long = jpeg;
    long.resize(5_000_000, 0);
    let long = sample("a.png", "image/png", long);
    house.announce(PERSONS, &phone.headers(), &long).await;
    assert_eq!(
        house.patch(PERSONS, &phone.headers(), long.id, 0, &long.bytes[..10_000]).await.code(),
        "attachment-type"
    );
    nothing_stored(&house).await;
}

#[tokio::test]
async fn a_photo_that_cannot_be_decoded_simply_has_no_thumbnail() {
    let house = house().await;
    let phone = house.phone().await;
    let headers = phone.headers();
    let whole = encoded(900, 600, image::ImageFormat::Jpeg);
    for (file, (width, height)) in [
        // Broken off in the middle: its size stands at its front.
        (sample("a.png", "image/png", &encoded(900, 600, image::ImageFormat::Png)[..2000]), (900, 600)),
        // Within what is announced, beyond what a thumbnail is worth.
        (sample("a.png", "image/png", png_of(10_000, 9_000)), (10_000, 9_000)),
    ] {
        house.upload(PERSONS, &headers, &file).await;
        let shown = sent(&house, &phone, &file).await;
        assert_eq!((&shown["dimensions"]["width"], &shown["dimensions"]["height"]), (&width.into(), &height.into()));
        assert!(shown.get("thumbnail").is_none(), "{shown}");
        let path = format!("/v1/attachments/{}/thumbnail", file.id);
        assert_eq!(house.get(&phone, &path).await.code(), "not-found");
    }
    // Turned by a quarter, as its camera was held.
    let mut exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let length = u16::try_from(exif.len() - 2).unwrap().to_be_bytes();
    exif[2..4].copy_from_slice(&length);
    let turned = sample("a.jpg", "image/jpeg", [&whole[..2], &exif, &whole[2..]].concat());
    house.upload(PERSONS, &headers, &turned).await;
    let shown = sent(&house, &phone, &turned).await;
    assert_eq!(shown["dimensions"], json!({ "width": 600, "height": 900 }));
    assert_eq!(shown["thumbnail"], json!({ "width": 427, "height": 640 }));
}

/// What a message shows of the file.
async fn sent(house: &House, phone: &Phone, file: &Sample) -> Value {
    let path = format!("/v1/conversations/{}", conversation());
    let first = json!({ "id": message(), "text": "", "attachments": [file.id] });
    let body = json!({ "subject": "s", "message": first });
    let opened = house.write(phone, Method::PUT, &path, Some(body)).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    opened.body["message"]["content"]["attachments"][0].clone()
}
