//! A shop's backend that knows its users: one HS256 key, and tokens of it. What is signed here is what the server's own
//! `key token` signs.

use beistand_protocol::UnixMillis;
use beistand_server::Server;
use beistand_server::identity::{Claims, KeyMaterial, SigningKey, mint};

/// The name of the key, in the header of each token.
pub const KID: &str = "test";

/// The secret that the backend and the server share.
pub const SECRET: &[u8] = b"a secret that only the tests' own backend knows";

/// Gives the server the backend's key, for the app with this key of its own.
///
/// # Panics
/// If the server has it already, or knows no such app.
pub async fn add_key(server: &Server, app_key: &str) {
    let key = KeyMaterial::from_secret(SECRET).expect("the secret is long enough");
    server.add_identity_key(app_key, KID, key).await.expect("the key is added");
}

/// A token for a user of the app, made at this time and good for so many seconds.
pub fn token(app_key: &str, subject: &str, made_at: UnixMillis, seconds: i64) -> String {
    sign(&Claims::new(app_key, subject, made_at, seconds))
}

/// A token with any claims.
///
/// # Panics
/// If the claims are no JSON object.
pub fn sign(claims: &impl serde::Serialize) -> String {
    let key = SigningKey::from_secret(SECRET).expect("the secret is long enough");
    mint(&key, KID, claims).expect("the claims are signed")
}
