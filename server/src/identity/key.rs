//! Keys that tokens are held against: what of a file is kept, and what is refused before it can do harm. A key has one
//! algorithm, chosen by the operator and never by a token.

use jsonwebtoken::DecodingKey;
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Ed25519: a private key at the backend, a public one here.
    EdDsa,
    /// ECDSA on P-256: the same for backends that have no Ed25519.
    Es256,
    /// HMAC with SHA-256: one secret on both sides.
    Hs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Hs256];

    /// The name in the header of a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }

    /// Reads a name; letters in the case that RFC 7518 gives them.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn of_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// Why a file is no key. The sentences name no byte of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyFault {
    /// No public key in PEM.
    #[error("the file holds no public key in PEM (-----BEGIN PUBLIC KEY-----); a certificate or a private key is none")]
    NoPublicKey,
    /// A key of another kind.
    #[error("the public key is not of the kind that {0} needs")]
    OtherKind(&'static str),
    /// A secret that can be guessed.
    #[error("the secret is shorter than 32 bytes: whoever guesses it can log in as anybody")]
    ShortSecret,
    /// A file of another kind.
    #[error("the file holds a key in PEM and no secret: --public-key with EdDSA or ES256 takes public keys")]
    PemAsSecret,
    /// A secret of more bytes than anybody makes.
    #[error("the file is larger than a secret")]
    LongSecret,
    /// No good name.
    #[error("a kid has 1 to 64 letters, digits, dots, dashes and underscores")]
    Kid,
}

/// What is kept of a key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMaterial {
    algorithm: Algorithm,
    /// The 32 bytes of Ed25519, the uncompressed point of P-256, or the secret.
    bytes: Vec<u8>,
}

impl std::fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyMaterial").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What stands before the key itself in the DER of a public key (RFC 8410, and RFC 5480 with the named curve P-256 and an
/// uncompressed point): both are of fixed length, so that a comparison reads them.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// An HMAC key as long as its hash, as RFC 7518 demands.
const SECRET_LEAST: usize = 32;

/// Far more than any secret has.
const SECRET_MOST: usize = 1024;

impl KeyMaterial {
    /// A public key out of a PEM file.
    pub fn from_public_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyFault> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KeyFault::NoPublicKey)?;
        let key = match algorithm {
            Algorithm::EdDsa => der.strip_prefix(&ED25519_PREFIX).filter(|key| key.len() == 32),
            Algorithm::Es256 => {
                der.strip_prefix(&P256_PREFIX).filter(|key| key.len() == 65 && key.first() == Some(&0x04))
            }
            Algorithm::Hs256 => None,
        };
        match key {
            Some(key) => Ok(Self { algorithm, bytes: key.to_vec() }),
            None => Err(KeyFault::OtherKind(algorithm.name())),
        }
    }

    /// The secret of a file, without the line break that an editor puts at its end.
    pub fn from_secret(file: &[u8]) -> Result<Self, KeyFault> {
        let secret = trimmed(file);
        if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(KeyFault::PemAsSecret);
        }
        match secret.len() {
            0..SECRET_LEAST => Err(KeyFault::ShortSecret),
            SECRET_LEAST..=SECRET_MOST => Ok(Self { algorithm: Algorithm::Hs256, bytes: secret.to_vec() }),
            _ => Err(KeyFault::LongSecret),
        }
    }

    /// What was stored.
    pub(crate) fn from_stored(algorithm: Algorithm, bytes: Vec<u8>) -> Self {
        Self { algorithm, bytes }
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is stored.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn decoding_key(&self) -> DecodingKey {
        match self.algorithm {
            Algorithm::EdDsa => DecodingKey::from_ed_der(&self.bytes),
            Algorithm::Es256 => DecodingKey::from_ec_der(&self.bytes),
            Algorithm::Hs256 => DecodingKey::from_secret(&self.bytes),
        }
    }
}

/// A secret without the line break at its end.
pub(super) fn trimmed(file: &[u8]) -> &[u8] {
    let line = file.strip_suffix(b"\n").unwrap_or(file);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether a name may be that of a key.
pub fn check_kid(kid: &str) -> Result<(), KeyFault> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&kid.len()) && kid.bytes().all(good) { Ok(()) } else { Err(KeyFault::Kid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                           -----END PUBLIC KEY-----\n";

    #[test]
    fn a_public_key_is_taken_for_its_own_algorithm_only() {
        assert!(KeyMaterial::from_public_pem(Algorithm::EdDsa, ED25519.as_bytes()).is_ok());
        for other in [Algorithm::Es256, Algorithm::Hs256] {
            let fault = KeyMaterial::from_public_pem(other, ED25519.as_bytes()).unwrap_err();
            assert_eq!(fault, KeyFault::OtherKind(other.name()));
        }
        for nothing in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let fault = KeyMaterial::from_public_pem(Algorithm::EdDsa, nothing.as_bytes()).unwrap_err();
            assert_eq!(fault, KeyFault::NoPublicKey);
        }
    }

    #[test]
    fn a_secret_is_long_and_no_public_key() {
        assert_eq!(KeyMaterial::from_secret(ED25519.as_bytes()), Err(KeyFault::PemAsSecret));
        assert_eq!(KeyMaterial::from_secret(&[b'a'; 31]), Err(KeyFault::ShortSecret));
        assert_eq!(KeyMaterial::from_secret(&[b'a'; 2000]), Err(KeyFault::LongSecret));
        let with_line_break = KeyMaterial::from_secret(b"0123456789abcdef0123456789abcdef\r\n").unwrap();
        assert_eq!(with_line_break.bytes(), b"0123456789abcdef0123456789abcdef");
        assert!(!format!("{with_line_break:?}").contains("0123"));
        // The line break does not count as the last byte that is missing.
        assert_eq!(KeyMaterial::from_secret(b"0123456789abcdef0123456789abcde\n"), Err(KeyFault::ShortSecret));
    }

    #[test]
    fn a_kid_is_a_plain_word() {
        assert!(check_kid("2026-01.a_B").is_ok());
        for bad in ["", "a b", "ä", "a/b", &"k".repeat(65)] {
            assert_eq!(check_kid(bad), Err(KeyFault::Kid));
        }
    }
}
