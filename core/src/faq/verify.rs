//! Whether bytes from outside are a publication that this phone may take: unpacked within bounds, of this app, signed with
//! the pinned key if there is one. Pure; nothing of a publication is looked into before all that is sure.

use std::io::Read;

use beistand_protocol::faq::{Contents, Parcel, ParcelError, ParcelHeader};
use beistand_protocol::limits::FAQ_BUNDLE_BYTES;

/// Why a publication was not taken. What was cached before stays as it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaqError {
    /// Not a publication, or cut off.
    #[error("the FAQ bundle is none, or is cut off")]
    Malformed,
    /// Of a later version of Beistand.
    #[error("the FAQ bundle is of a later form than this version reads")]
    LaterForm,
    /// Larger than any honest one, packed or unpacked.
    #[error("the FAQ bundle is larger than allowed")]
    TooLarge,
    /// Of another app.
    #[error("the FAQ bundle is of another app")]
    OtherApp,
    /// The app pins a key, and there is no signature.
    #[error("the FAQ bundle is not signed, and the app asks for a signature")]
    Unsigned,
    /// The app pins a key, and the signature is not by it.
    #[error("the FAQ bundle is not signed with the key that the app asks for")]
    WrongSignature,
    /// Older than what is cached.
    #[error("the FAQ bundle is older than what is on this phone")]
    Older,
    /// Changes of a publication that is not on this phone.
    #[error("the FAQ changes are of another version than the one on this phone")]
    OtherBase,
    /// A seed's file cannot be read.
    #[error("the FAQ seed cannot be read")]
    Unreadable,
    /// A picture's bytes are not those that its article names.
    #[error("the picture is not the one that the article names")]
    OtherPicture,
    /// The app, or its end, stopped the build of the index.
    #[error("the build of the FAQ was cancelled")]
    Cancelled,
}

impl FaqError {
    /// The stable code, listed in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "faq-malformed",
            Self::LaterForm => "faq-later-form",
            Self::TooLarge => "faq-too-large",
            Self::OtherApp => "faq-other-app",
            Self::Unsigned => "faq-unsigned",
            Self::WrongSignature => "faq-wrong-signature",
            Self::Older => "faq-older",
            Self::OtherBase => "faq-other-base",
            Self::Unreadable => "faq-unreadable",
            Self::OtherPicture => "faq-other-picture",
            Self::Cancelled => "faq-cancelled",
        }
    }
}

impl From<ParcelError> for FaqError {
    fn from(error: ParcelError) -> Self {
        match error {
            ParcelError::Malformed => Self::Malformed,
            ParcelError::LaterForm => Self::LaterForm,
            ParcelError::TooLarge => Self::TooLarge,
        }
    }
}

/// What a gzip file begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Far more than the first two lines of a publication.
const HEAD_BYTES: u64 = 8 * 1024;

/// A publication that may be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trusted {
    pub header: ParcelHeader,
    pub contents: Contents,
}

/// Reads a publication, plain or packed with gzip, and holds it against the app and its key.
pub(crate) fn read(bytes: &[u8], app: &str, key: Option<&[u8; 32]>) -> Result<Trusted, FaqError> {
    let parcel = Parcel::from_bytes(&unpack(bytes)?)?;
    if parcel.header.app != app {
        return Err(FaqError::OtherApp);
    }
    if let Some(key) = key {
        check_signature(&parcel, key)?;
    }
    let contents = parcel.contents()?;
    Ok(Trusted { header: parcel.header, contents })
}

/// What a publication says of itself in its first lines, which nobody has checked yet: enough to see whether it is worth
/// reading.
pub(crate) fn peek(mut bytes: impl Read) -> Result<ParcelHeader, FaqError> {
    let mut head = Vec::new();
    bytes.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|_| FaqError::Unreadable)?;
    if head.starts_with(GZIP) {
        let mut unpacked = Vec::new();
        // The packed bytes end in their midst; what came out before that counts.
        let _ = flate2::read::GzDecoder::new(&*head).take(HEAD_BYTES).read_to_end(&mut unpacked);
        head = unpacked;
    }
    Ok(Parcel::from_bytes(&head)?.header)
}

/// At most one byte more is unpacked than is allowed, whatever the file promises.
fn unpack(bytes: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, FaqError> {
    if bytes.len() > FAQ_BUNDLE_BYTES {
        return Err(FaqError::TooLarge);
    }
    if !bytes.starts_with(GZIP) {
        return Ok(bytes.into());
    }
    let mut unpacked = Vec::new();
    let most = FAQ_BUNDLE_BYTES as u64 + 1;
    flate2::read::GzDecoder::new(bytes).take(most).read_to_end(&mut unpacked).map_err(|_| FaqError::Malformed)?;
    if unpacked.len() > FAQ_BUNDLE_BYTES { Err(FaqError::TooLarge) } else { Ok(unpacked.into()) }
}

fn check_signature(parcel: &Parcel, key: &[u8; 32]) -> Result<(), FaqError> {
    use base64::Engine;
    let signature = parcel.header.signature.as_deref().ok_or(FaqError::Unsigned)?;
    let signature =
        base64::engine::general_purpose::STANDARD.decode(signature).map_err(|_| FaqError::WrongSignature)?;
    ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key)
        .verify(&parcel.signed_bytes(), &signature)
        .map_err(|_| FaqError::WrongSignature)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use beistand_protocol::faq::{Bundle, Delta};
    use flate2::{Compression, write::GzEncoder};
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;
    use crate::faq::samples::{article, parcel, sign};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    fn bundle() -> Parcel {
        parcel("de", 7, Contents::Bundle(Bundle { articles: vec![article("a", "Frage")], ..Bundle::default() }))
    }

    #[test]
    fn a_publication_is_read_plain_and_packed() {
        let bytes = bundle().to_bytes().unwrap();
        let read_plain = read(&bytes, "k", None).unwrap();
        assert_eq!(read(&gzip(&bytes), "k", None).unwrap(), read_plain);
        assert_eq!(peek(&*bytes).unwrap(), read_plain.header);
        assert_eq!(peek(&*gzip(&bytes)).unwrap(), read_plain.header);
        assert_eq!(read(&bytes, "other", None), Err(FaqError::OtherApp));
    }

    #[test]
    fn with_a_pinned_key_only_its_signature_opens() {
        let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let key: [u8; 32] = pair(1).public_key().as_ref().try_into().unwrap();
        let open = |parcel: &Parcel| read(&parcel.to_bytes().unwrap(), "k", Some(&key)).map(|_| ());
        assert_eq!(open(&sign(bundle(), &pair(1))), Ok(()));
        assert_eq!(open(&bundle()), Err(FaqError::Unsigned));
        assert_eq!(open(&sign(bundle(), &pair(2))), Err(FaqError::WrongSignature));
        let mut newer = sign(bundle(), &pair(1));
        newer.header.version += 1;
        assert_eq!(open(&newer), Err(FaqError::WrongSignature));
        let mut other = sign(bundle(), &pair(1));
        *other.payload.last_mut().unwrap() = b' ';
        assert_eq!(open(&other), Err(FaqError::WrongSignature));
        let mut nonsense = bundle();
        nonsense.header.signature = Some("€".into());
        assert_eq!(open(&nonsense), Err(FaqError::WrongSignature));
    }

    #[test]
    fn a_bomb_is_left_off_at_the_limit() {
        let bomb = gzip(&vec![b' '; 4 * FAQ_BUNDLE_BYTES]);
        assert!(bomb.len() < FAQ_BUNDLE_BYTES / 10);
        assert_eq!(read(&bomb, "k", None), Err(FaqError::TooLarge));
        assert_eq!(read(&vec![b' '; FAQ_BUNDLE_BYTES + 1], "k", None), Err(FaqError::TooLarge));
    }

    #[test]
    fn what_is_cut_off_or_of_a_later_form_is_told_apart() {
        let delta = parcel("de", 8, Contents::Delta { from: 7, delta: Delta::default() });
        for whole in [bundle().to_bytes().unwrap(), gzip(&delta.to_bytes().unwrap())] {
            for end in 0..whole.len() {
                assert_eq!(read(&whole[..end], "k", None), Err(FaqError::Malformed), "{end}");
            }
        }
        assert_eq!(read(b"beistand-faq 2\n{}\n{}", "k", None), Err(FaqError::LaterForm));
        assert_eq!(read(b"<html>", "k", None), Err(FaqError::Malformed));
    }
}
