//! The form in which a publication travels and lies in files: a line that names the form, a line of JSON that says whose
//! and which publication it is, then the contents as JSON, to the end.
//!
//! ```text
//! beistand-faq 1
//! {"app":"k_shop","locale":"de","version":1795400000000,"signature":"…"}
//! {"articles":[…]}
//! ```
//!
//! The signature is Ed25519 (RFC 8032) over [`Parcel::signed_bytes`]; who has no key to check it with ignores it.

use serde::{Deserialize, Serialize};

use super::{Bundle, Contents, Delta, Locale};
use crate::limits::FAQ_BUNDLE_BYTES;

/// The media type of a parcel.
pub const PARCEL_MEDIA_TYPE: &str = "application/vnd.beistand.faq";

/// What a parcel begins with; the number of the form follows.
const MAGIC: &[u8] = b"beistand-faq ";

/// The form that this version writes and reads.
const FORM: &[u8] = b"1";

/// What a signature speaks of, so that it cannot be taken for one of something else.
const PURPOSE: &[u8] = b"beistand-faq 1 signature\n";

/// Longer is no header line: three tags, two numbers and a signature take a tenth of it.
const HEADER_BYTES: usize = 4096;

/// Whose and which publication a parcel is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParcelHeader {
    /// The app key.
    pub app: String,
    /// The language.
    pub locale: Locale,
    /// The publication: higher is newer; no two of an app are the same.
    pub version: u64,
    /// For a delta the publication that it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Ed25519, 64 bytes in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// A publication as it travels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parcel {
    /// Whose and which.
    pub header: ParcelHeader,
    /// The contents, as JSON.
    pub payload: Vec<u8>,
}

/// Why a parcel cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParcelError {
    /// Not a parcel, or cut off.
    #[error("not a FAQ bundle, or cut off")]
    Malformed,
    /// Of a later version of Beistand.
    #[error("a FAQ bundle of a later form")]
    LaterForm,
    /// Longer than any honest one.
    #[error("a FAQ bundle larger than allowed")]
    TooLarge,
}

impl Parcel {
    /// Packs contents; unsigned.
    pub fn pack(app: &str, locale: Locale, version: u64, contents: &Contents) -> Result<Self, serde_json::Error> {
        let (from, payload) = match contents {
            Contents::Bundle(bundle) => (None, serde_json::to_vec(bundle)?),
            Contents::Delta { from, delta } => (Some(*from), serde_json::to_vec(delta)?),
        };
        let header = ParcelHeader { app: app.to_owned(), locale, version, from, signature: None };
        Ok(Self { header, payload })
    }

    /// Unpacks the contents. Members that this version does not know are ignored.
    pub fn contents(&self) -> Result<Contents, ParcelError> {
        Ok(match self.header.from {
            None => Contents::Bundle(read::<Bundle>(&self.payload)?),
            Some(from) => Contents::Delta { from, delta: read::<Delta>(&self.payload)? },
        })
    }

    /// What the signature is over: a line with the purpose, then app, locale, version, `from` (decimal, empty for a
    /// bundle) and the payload, each after its length in bytes (64 bits, big-endian).
    pub fn signed_bytes(&self) -> Vec<u8> {
        let header = &self.header;
        let (version, from) =
            (header.version.to_string(), header.from.map(|from| from.to_string()).unwrap_or_default());
        let mut bytes = PURPOSE.to_vec();
        for part in [
            header.app.as_bytes(),
            header.locale.as_str().as_bytes(),
            version.as_bytes(),
            from.as_bytes(),
            &self.payload,
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// Writes it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = [MAGIC, FORM, b"\n"].concat();
        serde_json::to_writer(&mut bytes, &self.header)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.payload);
        Ok(bytes)
    }

    /// Reads what [`Parcel::to_bytes`] writes; the contents are not looked at.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParcelError> {
        if bytes.len() > FAQ_BUNDLE_BYTES {
            return Err(ParcelError::TooLarge);
        }
        let rest = bytes.strip_prefix(MAGIC).ok_or(ParcelError::Malformed)?;
        let (form, rest) = line(rest)?;
        if form != FORM {
            let number = !form.is_empty() && form.len() < 10 && form.iter().all(u8::is_ascii_digit);
            return Err(if number { ParcelError::LaterForm } else { ParcelError::Malformed });
        }
        let (header, payload) = line(rest)?;
        let header = read::<ParcelHeader>(header)?;
        if header.from.is_some_and(|from| from > header.version) || i64::try_from(header.version).is_err() {
            return Err(ParcelError::Malformed);
        }
        Ok(Self { header, payload: payload.to_vec() })
    }
}

fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), ParcelError> {
    let end = bytes.iter().take(HEADER_BYTES).position(|byte| *byte == b'\n').ok_or(ParcelError::Malformed)?;
    Ok((&bytes[..end], &bytes[end + 1..]))
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ParcelError> {
    serde_json::from_slice(json).map_err(|_| ParcelError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel() -> Parcel {
        Parcel::pack("k", "de".parse().unwrap(), 7, &Contents::Bundle(Bundle::default())).unwrap()
    }

    #[test]
    fn a_parcel_survives_its_bytes() {
        let bytes = parcel().to_bytes().unwrap();
        let read = Parcel::from_bytes(&bytes).unwrap();
        assert_eq!(read, parcel());
        assert_eq!(read.contents(), Ok(Contents::Bundle(Bundle::default())));
        let delta = Contents::Delta { from: 6, delta: Delta::default() };
        let packed = Parcel::pack("k", "de".parse().unwrap(), 7, &delta).unwrap();
        assert_eq!(Parcel::from_bytes(&packed.to_bytes().unwrap()).unwrap().contents(), Ok(delta));
    }

    #[test]
    fn no_beginning_of_a_parcel_is_a_whole_one() {
        let bytes = parcel().to_bytes().unwrap();
        for end in 0..bytes.len() {
            let read = Parcel::from_bytes(&bytes[..end]).and_then(|parcel| parcel.contents());
            assert_eq!(read, Err(ParcelError::Malformed), "{end}");
        }
    }

    #[test]
    fn a_later_form_is_told_from_garbage() {
        let form = |form: &str| Parcel::from_bytes(format!("beistand-faq {form}\n{{}}\n").as_bytes()).unwrap_err();
        assert_eq!(form("2"), ParcelError::LaterForm);
        assert_eq!(form("x"), ParcelError::Malformed);
        assert_eq!(form("1"), ParcelError::Malformed);
        assert_eq!(Parcel::from_bytes(&vec![b'x'; FAQ_BUNDLE_BYTES + 1]).unwrap_err(), ParcelError::TooLarge);
    }

    #[test]
    fn what_is_signed_names_whose_and_which_publication_it_is() {
        let one = parcel();
        for other in [
            ParcelHeader { app: "l".into(), ..one.header.clone() },
            ParcelHeader { locale: "en".parse().unwrap(), ..one.header.clone() },
            ParcelHeader { version: 8, ..one.header.clone() },
            ParcelHeader { from: Some(1), ..one.header.clone() },
        ] {
            assert_ne!(Parcel { header: other, ..one.clone() }.signed_bytes(), one.signed_bytes());
        }
        assert_ne!(Parcel { payload: b"{}".to_vec(), ..one.clone() }.signed_bytes(), one.signed_bytes());
    }
}
