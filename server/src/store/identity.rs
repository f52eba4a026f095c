//! Keys, logins and sign-offs, as data for the store.

use beistand_protocol::{DeviceId, UnixMillis};

use super::AppId;
use crate::identity::{Algorithm, KeyMaterial, Login};

/// Keys of an app that are good at the same time: the one in use, and the next one while backends change over.
pub const ACTIVE_KEYS: usize = 2;

/// A key as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityKey {
    /// Its name, in the header of tokens.
    pub kid: String,
    /// How tokens of it are signed.
    pub algorithm: Algorithm,
    /// When it was added.
    pub created_at: UnixMillis,
    /// When it was revoked.
    pub revoked_at: Option<UnixMillis>,
}

/// A write that concerns who persons are.
#[derive(Clone, Debug)]
pub enum IdentityCommand {
    /// A new key. Refused if its name was used before, or if there are [`ACTIVE_KEYS`] already.
    AddKey {
        /// Where.
        app: AppId,
        /// Its name.
        kid: String,
        /// The key.
        material: KeyMaterial,
        /// When.
        at: UnixMillis,
    },
    /// A key is good no longer. Refused if there is none; once more changes nothing.
    RevokeKey {
        /// Where.
        app: AppId,
        /// Its name.
        kid: String,
        /// When.
        at: UnixMillis,
    },
    /// The person of a device is this user. The first login of a user makes the anonymous person the user; a later one
    /// makes it an alias: what it has moves to the user, whose epoch is another one then. Refused if the device belongs
    /// to another user.
    LogIn {
        /// Where.
        app: AppId,
        /// Which device.
        device: DeviceId,
        /// Who.
        login: Login,
    },
    /// A device leaves: it is woken no longer, and its secret is good no longer. Once more changes nothing.
    SignOff {
        /// Where.
        app: AppId,
        /// Which device.
        device: DeviceId,
        /// When.
        at: UnixMillis,
    },
}
