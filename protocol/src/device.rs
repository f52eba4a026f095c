//! An installation of the SDK and its credential.

use serde::{Deserialize, Serialize};

use crate::{
    hex,
    ids::{DeviceId, PersonId},
    sync::Epoch,
    time::UnixMillis,
};

/// Names the app that a request speaks for.
pub const APP_KEY_HEADER: &str = "x-app-key";

/// The 32 random bytes that a phone mints, stores, and then sends; the server keeps only their SHA-256. On the wire: 64
/// lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceSecret(pub [u8; 32]);

impl DeviceSecret {
    /// The wire form.
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// Reads the wire form.
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret(…)")
    }
}

/// What a phone authenticates with: `Authorization: Bearer <device id>.<secret>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credential {
    /// Which installation.
    pub device: DeviceId,
    /// Its secret.
    pub secret: DeviceSecret,
}

impl Credential {
    /// The token behind `Bearer `, as it also stands in the first frame of a socket.
    pub fn to_token(&self) -> String {
        format!("{}.{}", self.device, self.secret.to_hex())
    }

    /// Reads a token.
    pub fn from_token(token: &str) -> Option<Self> {
        let (device, secret) = token.split_once('.')?;
        Some(Self { device: device.parse().ok()?, secret: DeviceSecret::from_hex(secret)? })
    }
}

/// Body of `PUT /v1/devices/{device_id}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterDevice {
    /// 64 lower-case hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$"))]
    pub secret: String,
    /// `android`, `ios`, `linux` …; at most 40 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub platform: Option<String>,
    /// The language tag of the person (BCP 47); at most 40 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub locale: Option<String>,
}

impl std::fmt::Debug for RegisterDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterDevice").field("platform", &self.platform).finish_non_exhaustive()
    }
}

/// Answer to a registration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// Which installation.
    pub id: DeviceId,
    /// The person it speaks for.
    pub person_id: PersonId,
    /// Who the person is to the app, once a login has said it; absent for an anonymous person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it was first registered.
    pub created_at: UnixMillis,
    /// The history that the person's writes belong to from now on: a phone that has not synced yet names it as well.
    pub epoch: Epoch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_survives_its_token() {
        let credential =
            Credential { device: DeviceId::mint(UnixMillis(1), [7; 10]), secret: DeviceSecret([0xab; 32]) };
        assert_eq!(Credential::from_token(&credential.to_token()), Some(credential));
        for broken in ["", ".", "x.y", &credential.to_token()[..60], &credential.to_token().to_uppercase()] {
            assert!(Credential::from_token(broken).is_none());
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert!(!format!("{:?}", DeviceSecret([0xab; 32])).contains("ab"));
    }
}
