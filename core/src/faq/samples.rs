//! Publications for the tests of this folder.

use base64::Engine;
use beistand_protocol::UnixMillis;
use beistand_protocol::faq::{Article, Contents, Parcel};
use ring::signature::Ed25519KeyPair;

/// An article whose body names its title.
pub(crate) fn article(id: &str, title: &str) -> Article {
    Article {
        id: id.parse().unwrap(),
        collection: None,
        position: 0,
        title: title.into(),
        body: format!("Die Antwort auf *{title}*."),
        also_asked_as: vec![],
        tags: vec![],
        images: vec![],
        version: 1,
        updated_at: UnixMillis(1),
    }
}

/// A publication of the app `k`, unsigned.
pub(crate) fn parcel(locale: &str, version: u64, contents: Contents) -> Parcel {
    Parcel::pack("k", locale.parse().unwrap(), version, &contents).unwrap()
}

/// The same with a signature.
pub(crate) fn sign(mut parcel: Parcel, key: &Ed25519KeyPair) -> Parcel {
    let signature = key.sign(&parcel.signed_bytes());
    parcel.header.signature = Some(base64::engine::general_purpose::STANDARD.encode(signature));
    parcel
}
