//! Whether a token is believed. The signature comes first, and the key alone says how it is to be checked; then for whom
//! the token is, about whom, and when. Every refusal has a sentence for whoever writes the backend, and none of them
//! quotes the token.

use std::collections::HashSet;

use beistand_protocol::{
    Code, UnixMillis, Violation,
    limits::{SUBJECT_CHARS, TOKEN_BYTES, TOKEN_LEEWAY_S, TOKEN_LIFETIME_S},
    text,
};
use jsonwebtoken::{Header, Validation, errors::ErrorKind};
use serde::Deserialize;

use super::{key::KeyMaterial, provider};

/// Who a token says the person is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// In the app's own words.
    pub subject: String,
    /// What agents call them.
    pub name: Option<String>,
}

/// The claims that are looked at. A claim that comes twice is an error of the reader, and so is one of another type.
#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<f64>,
    iat: Option<f64>,
    nbf: Option<f64>,
    name: Option<String>,
}

/// One app, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, app_key: &str) -> bool {
        match self {
            Self::One(key) => key == app_key,
            Self::Several(keys) => keys.iter().any(|key| key == app_key),
        }
    }
}

fn refused(detail: &str) -> Violation {
    Violation::new(Code::TokenRefused, "token", detail)
}

fn header(token: &str) -> Result<Header, Violation> {
    if token.len() > TOKEN_BYTES {
        return Err(refused("the token is longer than 8 KiB"));
    }
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_| refused("the token is no JWT in compact form, or its algorithm is none of EdDSA, ES256, HS256"))?;
    if header.crit.is_some() {
        return Err(refused("the header has critical extensions (crit), and none is known here"));
    }
    Ok(header)
}

/// The key that a token names; nothing of the token is believed yet.
pub fn key_id(token: &str) -> Result<String, Violation> {
    header(token)?.kid.ok_or_else(|| refused("the header names no key (kid)"))
}

/// What is said of a token whose key is not among the app's.
pub fn unknown_key() -> Violation {
    refused("the key (kid) that the token names is not, or no longer, one of this app")
}

/// Holds a token against its key, for the app with this key of its own, at this time.
pub fn judge(token: &str, key: &KeyMaterial, app_key: &str, now: UnixMillis) -> Result<Login, Violation> {
    let algorithm = key.algorithm();
    if header(token)?.alg != algorithm.of_library() {
        return Err(refused("the algorithm (alg) of the token is not that of the key"));
    }
    provider::install();
    let mut rules = Validation::new(algorithm.of_library());
    // The claims are judged below: against the server's own clock, and with a code for each fault.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules.required_spec_claims = HashSet::new();
    let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding_key(), &rules);
    let claims = decoded.map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => refused("the signature does not fit the key"),
        _ => refused("the claims are no JSON object, or one of them comes twice or is of another type"),
    })?;
    believe(claims.claims, app_key, now.0 as f64 / 1000.0)
}

fn believe(claims: Claims, app_key: &str, now: f64) -> Result<Login, Violation> {
    let leeway = TOKEN_LEEWAY_S as f64;
    let lifetime = TOKEN_LIFETIME_S as f64;
    match claims.aud {
        Some(audience) if audience.has(app_key) => {}
        Some(_) => return Err(refused("the audience (aud) is not the key of this app")),
        None => return Err(refused("the token names no audience (aud)")),
    }
    let subject = claims.sub.ok_or_else(|| refused("the token names no user (sub)"))?;
    check_words(&subject).map_err(|detail| refused(&format!("the user (sub) {detail}")))?;
    let name = claims.name.filter(|name| !text::is_blank(name));
    if let Some(name) = &name {
        check_words(name).map_err(|detail| refused(&format!("the name (name) {detail}")))?;
    }
    let end = claims.exp.ok_or_else(|| refused("the token has no end (exp)"))?;
    if [claims.iat, claims.nbf].into_iter().flatten().any(|start| start > now + leeway) {
        let detail = "the token begins in the future (iat or nbf): the clock of whoever signed it is ahead";
        return Err(Violation::new(Code::TokenNotYetValid, "token", detail));
    }
    if end + leeway <= now {
        return Err(Violation::new(Code::TokenExpired, "token", "the token has ended (exp)"));
    }
    let begun = claims.iat.map_or(now, |iat| iat.min(now));
    if end - begun > lifetime + leeway {
        return Err(refused("the token lives for longer than an hour (exp)"));
    }
    Ok(Login { subject, name })
}

fn check_words(words: &str) -> Result<(), &'static str> {
    if text::is_blank(words) {
        return Err("has no visible character");
    }
    if words.chars().count() > SUBJECT_CHARS {
        return Err("is longer than 200 characters");
    }
    if words.chars().any(char::is_control) {
        return Err("has control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
