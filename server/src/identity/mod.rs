//! Who a person is. An app's own backend signs a token that says so, and the server holds it against the key that the
//! operator has added for that app. The device's secret stays the credential of every request: a token is looked at
//! once, names a person, and is forgotten.
//!
//! Everything here is pure: the key and the time come in, a name or a refusal comes out. What a login does to a person
//! is the store's matter.

mod judge;
mod key;
mod mint;
mod provider;

pub use judge::{Login, judge, key_id, unknown_key};
pub use key::{Algorithm, KeyFault, KeyMaterial, check_kid};
pub use mint::{Claims, MintFault, SigningKey, mint};
