//! Tokens of a login, as an app's backend signs them: HS256 with the secret that the server was given.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

use crate::{Answer, Phone, Target};

/// Now, in seconds since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock of these days")
}

impl Target {
    /// The claims of a good token for a user.
    pub fn claims(&self, user: &str) -> Value {
        json!({ "sub": user, "aud": self.app, "iat": now(), "exp": now() + 600 })
    }

    /// A token with any header and any claims, signed with the server's secret.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes()), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A token with any claims under a good header.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({ "alg": "HS256", "typ": "JWT", "kid": self.kid }), claims)
    }

    /// Says who the phone's person is.
    pub async fn log_in(&self, phone: &Phone, token: &str) -> Answer {
        self.call(reqwest::Method::PUT, "/v1/identity", phone.headers(), Some(json!({ "token": token }))).await
    }
}
