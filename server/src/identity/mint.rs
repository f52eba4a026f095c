//! Making tokens, as a shop's backend does: for `key token`, which is there to try a key out, and for tests.

use beistand_protocol::UnixMillis;
use jsonwebtoken::{EncodingKey, Header};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::Serialize;

use super::{
    key::{Algorithm, KeyMaterial},
    provider,
};

/// What a token says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Claims {
    /// Who.
    pub sub: String,
    /// What agents call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For which app: its key.
    pub aud: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// Claims of a token that is good from now on.
    pub fn new(app_key: &str, subject: &str, now: UnixMillis, seconds: i64) -> Self {
        let iat = now.0.div_euclid(1000);
        Self { sub: subject.to_owned(), name: None, aud: app_key.to_owned(), iat, exp: iat.saturating_add(seconds) }
    }
}

/// Why there is no token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MintFault {
    /// No private key in PEM.
    #[error("the file holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    NoPrivateKey,
    /// A key of another kind.
    #[error("the private key is not of the kind that {0} needs")]
    OtherKind(&'static str),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] super::KeyFault),
}

/// What signs. Never printed.
pub struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    /// A secret.
    pub fn from_secret(file: &[u8]) -> Result<Self, MintFault> {
        let secret = KeyMaterial::from_secret(file)?;
        Ok(Self { algorithm: Algorithm::Hs256, key: EncodingKey::from_secret(secret.bytes()) })
    }

    /// A private key out of a PEM file (PKCS #8).
    pub fn from_private_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, MintFault> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| MintFault::NoPrivateKey)?;
        let der = der.secret_pkcs8_der();
        let key = match algorithm {
            Algorithm::EdDsa => EncodingKey::from_ed_der(der),
            Algorithm::Es256 => EncodingKey::from_ec_der(der),
            Algorithm::Hs256 => return Err(MintFault::OtherKind(algorithm.name())),
        };
        Ok(Self { algorithm, key })
    }
}

/// Signs claims.
pub fn mint(key: &SigningKey, kid: &str, claims: &impl Serialize) -> Result<String, MintFault> {
    provider::install();
    let mut header = Header::new(key.algorithm.of_library());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &key.key).map_err(|_| MintFault::OtherKind(key.algorithm.name()))
}
