//! The signature of a publication: Ed25519 over what [`Parcel::signed_bytes`] says. The key belongs to the app and lies
//! in the database as its seed; its public half is what apps pin.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use beistand_protocol::faq::Parcel;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key of a seed; `None` never happens with 32 bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    /// The public half as apps pin it: 32 bytes in Base64.
    pub fn public(&self) -> String {
        BASE64_STANDARD.encode(self.0.public_key().as_ref())
    }

    /// Signs a parcel.
    pub fn sign(&self, parcel: &mut Parcel) {
        parcel.header.signature = Some(BASE64_STANDARD.encode(self.0.sign(&parcel.signed_bytes())));
    }
}

/// Whether a parcel is signed by the key with this public half (32 bytes in Base64).
pub fn is_signed_by(parcel: &Parcel, public: &str) -> bool {
    let (Some(signature), Ok(public)) = (&parcel.header.signature, BASE64_STANDARD.decode(public)) else {
        return false;
    };
    let Ok(signature) = BASE64_STANDARD.decode(signature) else { return false };
    UnparsedPublicKey::new(&ED25519, public).verify(&parcel.signed_bytes(), &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use beistand_protocol::faq::{Bundle, Contents, ParcelHeader};

    use super::*;

    #[test]
    fn only_the_very_parcel_that_was_signed_is_accepted() {
        let key = SigningKey::from_seed(&[7; 32]).unwrap();
        let contents = Contents::Bundle(Bundle::default());
        let mut signed = Parcel::pack("shop", "de".parse().unwrap(), 9, &contents).unwrap();
        assert!(!is_signed_by(&signed, &key.public()), "unsigned");
        key.sign(&mut signed);
        assert!(is_signed_by(&signed, &key.public()));
        assert!(!is_signed_by(&signed, &SigningKey::from_seed(&[8; 32]).unwrap().public()));
        for header in [
            ParcelHeader { app: "other".into(), ..signed.header.clone() },
            ParcelHeader { version: 10, ..signed.header.clone() },
            ParcelHeader { from: Some(1), ..signed.header.clone() },
            ParcelHeader { locale: "en".parse().unwrap(), ..signed.header.clone() },
            ParcelHeader { signature: Some("AAAA".into()), ..signed.header.clone() },
        ] {
            assert!(!is_signed_by(&Parcel { header, ..signed.clone() }, &key.public()));
        }
        let mut tampered = signed.clone();
        tampered.payload[0] ^= 1;
        assert!(!is_signed_by(&tampered, &key.public()));
    }
}
