//! Bytes that claim to be a publication of the FAQ, from a server, a mirror, a seed or whoever answered instead.

use beistand_core::{FaqError, fuzzing};
use beistand_protocol::faq::{Contents, Parcel};

use crate::articles;

/// The app whose publications the corpus holds.
const APP: &str = "k_fuzz";

/// The public key of the server that has signed them.
const KEY: [u8; 32] = [
    189, 209, 161, 126, 53, 203, 237, 105, 22, 117, 63, 151, 157, 245, 72, 200, 251, 162, 246, 12, 59, 255, 81, 205,
    241, 11, 234, 47, 58, 28, 155, 165,
];

/// A key of nobody.
const OTHER_KEY: [u8; 32] = [7; 32];

/// The bytes as a publication of one app, for an app that pins no key, the right one, and another.
pub fn faq_parcel(data: &[u8]) {
    survives(data);
    let open = fuzzing::publication(data, APP, None);
    if open == Err(FaqError::TooLarge) {
        // Unpacked up to the limit once; a fuzzer that is fond of bombs would do little else.
        return;
    }
    let pinned = fuzzing::publication(data, APP, Some(&KEY));
    match &open {
        Ok((header, contents)) => {
            assert_eq!(header.app, APP);
            assert!(i64::try_from(header.version).is_ok(), "a version that no database holds");
            if pinned.is_ok() {
                assert!(
                    header.signature.is_some() && pinned == open,
                    "a key changes whether it opens, not what is in it"
                );
                assert!(fuzzing::publication(data, APP, Some(&OTHER_KEY)).is_err(), "signed with any key");
            }
            let articles = match contents {
                Contents::Bundle(bundle) => &bundle.articles,
                Contents::Delta { from, delta } => {
                    assert!(header.from == Some(*from) && *from <= header.version, "changes of a later version");
                    &delta.upserts
                }
            };
            articles.iter().for_each(|article| articles::look_at(&article.body, &article.images));
        }
        // What is wrong with the form is so with any key; the payload is not looked into before the signature fits.
        Err(error) => {
            let form = matches!(error, FaqError::LaterForm | FaqError::OtherApp);
            assert!(pinned.is_err() && (!form || pinned == open), "{error:?}, and with a key {pinned:?}");
        }
    }
    let peeked = fuzzing::peek(data);
    // Packed, the first lines may lie further in than is looked.
    let packed = data.starts_with(&[0x1f, 0x8b]);
    if let Ok((header, _)) = &open {
        assert!(peeked.as_ref().map_or(packed, |peeked| peeked == header), "it said {peeked:?} of itself");
    }
}

/// Whether the pinned key opens it: what a fuzzer cannot make up, and what the corpus therefore must have.
pub fn is_signed(data: &[u8]) -> bool {
    fuzzing::publication(data, APP, Some(&KEY)).is_ok()
}

/// What can be read can be written, and reads as the same again.
fn survives(data: &[u8]) {
    let Ok(parcel) = Parcel::from_bytes(data) else { return };
    let bytes = parcel.to_bytes().expect("what was read can be written");
    assert_eq!(Parcel::from_bytes(&bytes).as_ref(), Ok(&parcel));
    let Ok(contents) = parcel.contents() else { return };
    let header = &parcel.header;
    let packed = Parcel::pack(&header.app, header.locale.clone(), header.version, &contents).expect("it can be packed");
    assert_eq!(packed.contents().as_ref(), Ok(&contents), "it changed on its way through its own text");
}
