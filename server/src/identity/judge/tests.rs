//! Tokens that a shop's backend would sign, and those that somebody else would send.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;
use crate::identity::{Algorithm, SigningKey, mint};

const APP: &str = "shop";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW_S: i64 = 1_795_253_400;
const NOW: UnixMillis = UnixMillis(NOW_S * 1000);

fn secret() -> KeyMaterial {
    KeyMaterial::from_secret(SECRET).unwrap()
}

fn good() -> Value {
    json!({ "sub": "user-1", "aud": APP, "iat": NOW_S, "exp": NOW_S + 600 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Any header and any payload, signed with a secret: what a hostile backend, or a careless one, could write.
fn signed(header: &str, payload: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

const HEADER: &str = r#"{"alg":"HS256","kid":"k","typ":"JWT"}"#;

fn token(claims: &Value) -> String {
    signed(HEADER, &claims.to_string(), SECRET)
}

fn judged(token: &str) -> Result<Login, Code> {
    judge(token, &secret(), APP, NOW).map_err(|violation| violation.code)
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// Private and public key in PEM, as `openssl` writes them.
fn ed25519() -> (String, String) {
    let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).unwrap();
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let public = [&prefix, pair.public_key().as_ref()].concat();
    (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &public))
}

fn p256() -> (String, String) {
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let private = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, private.as_ref(), &random).unwrap();
    let prefix = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
    let public = [&prefix[..26], pair.public_key().as_ref()].concat();
    (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &public))
}

#[test]
fn a_token_of_each_algorithm_is_believed_and_by_no_other_key() {
    let mut keys = vec![(SigningKey::from_secret(SECRET).unwrap(), secret())];
    for (algorithm, (private, public)) in [(Algorithm::EdDsa, ed25519()), (Algorithm::Es256, p256())] {
        keys.push((
            SigningKey::from_private_pem(algorithm, private.as_bytes()).unwrap(),
            KeyMaterial::from_public_pem(algorithm, public.as_bytes()).unwrap(),
        ));
    }
    for (signer, _) in &keys {
        let token = mint(signer, "k", &with("name", json!("Jana"))).unwrap();
        assert_eq!(key_id(&token).unwrap(), "k");
        let believed: Vec<_> = keys.iter().map(|(_, key)| judge(&token, key, APP, NOW)).collect();
        assert_eq!(believed.iter().filter(|login| login.is_ok()).count(), 1);
        let login = believed.into_iter().find_map(Result::ok).unwrap();
        assert_eq!(login, Login { subject: "user-1".into(), name: Some("Jana".into()) });
    }
    // Another pair of the same kind.
    for (algorithm, (private, _), (_, public)) in
        [(Algorithm::EdDsa, ed25519(), ed25519()), (Algorithm::Es256, p256(), p256())]
    {
        let token = mint(&SigningKey::from_private_pem(algorithm, private.as_bytes()).unwrap(), "k", &good()).unwrap();
        let other = KeyMaterial::from_public_pem(algorithm, public.as_bytes()).unwrap();
        assert_eq!(judge(&token, &other, APP, NOW).unwrap_err().code, Code::TokenRefused);
    }
}

#[test]
fn a_public_key_is_no_secret_whatever_the_header_says() {
    for (algorithm, (_, public)) in [(Algorithm::EdDsa, ed25519()), (Algorithm::Es256, p256())] {
        let key = KeyMaterial::from_public_pem(algorithm, public.as_bytes()).unwrap();
        // With the file, and with the very bytes that are stored.
        for secret in [public.as_bytes(), key.bytes()] {
            let forged = signed(HEADER, &good().to_string(), secret);
            assert_eq!(judge(&forged, &key, APP, NOW).unwrap_err().code, Code::TokenRefused);
            let disguised =
                signed(&format!(r#"{{"alg":"{}","kid":"k"}}"#, algorithm.name()), &good().to_string(), secret);
            assert_eq!(judge(&disguised, &key, APP, NOW).unwrap_err().code, Code::TokenRefused);
        }
    }
}

#[test]
fn headers_that_say_something_else_are_refused() {
    let claims = good().to_string();
    for header in [
        r#"{"alg":"none","kid":"k"}"#,
        r#"{"alg":"None","kid":"k"}"#,
        r#"{"alg":"","kid":"k"}"#,
        r#"{"alg":null,"kid":"k"}"#,
        r#"{"alg":"hs256","kid":"k"}"#,
        r#"{"alg":"HS384","kid":"k"}"#,
        r#"{"alg":"HS512","kid":"k"}"#,
        r#"{"alg":"RS256","kid":"k"}"#,
        r#"{"alg":"EdDSA","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k"}"#,
        r#"{"alg":["HS256"],"kid":"k"}"#,
        r#"{"kid":"k"}"#,
        r#"{"alg":"none","alg":"HS256","kid":"k"}"#,
        r#"{"alg":"HS256","kid":"k","kid":"other"}"#,
        r#"{"alg":"HS256","kid":"k","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","kid":"k","crit":[]}"#,
        r#"["HS256"]"#,
        "",
        "{",
    ] {
        assert_eq!(judged(&signed(header, &claims, SECRET)), Err(Code::TokenRefused), "{header}");
    }
    let without_kid = signed(r#"{"alg":"HS256"}"#, &claims, SECRET);
    assert_eq!(key_id(&without_kid).unwrap_err().code, Code::TokenRefused);
    // A key that the token brings along is not looked at.
    let own_key = URL_SAFE_NO_PAD.encode("ffffffffffffffffffffffffffffffff");
    let own =
        format!(r#"{{"alg":"HS256","kid":"k","jwk":{{"kty":"oct","k":"{own_key}"}},"jku":"https://evil.example"}}"#);
    assert_eq!(judged(&signed(&own, &claims, b"ffffffffffffffffffffffffffffffff")), Err(Code::TokenRefused));
}

#[test]
fn unsigned_and_broken_tokens_are_refused() {
    let token = token(&good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k"}"#);
    let payload = message.split_once('.').unwrap().1;
    let half = &signature[..signature.len() / 2];
    for broken in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        message.to_owned(),
        format!("{message}."),
        format!("{message}.{half}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{signature}"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        "a".repeat(100_000),
        format!("{}.{payload}.{signature}", "a".repeat(100_000)),
    ] {
        assert_eq!(judged(&broken), Err(Code::TokenRefused), "{}", broken.len());
        assert!(key_id(&broken).is_err() || broken.matches('.').count() == 2);
    }
}

#[test]
fn no_byte_of_a_token_may_differ() {
    let token = token(&good());
    for place in 0..token.len() {
        for other in ["A", "b", "9", "-", "_", ".", "=", "!"] {
            if token[place..].starts_with(other) {
                continue;
            }
            let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert_eq!(judged(&changed), Err(Code::TokenRefused), "byte {place} as {other}");
        }
    }
}

#[test]
fn claims_that_lack_or_are_wrong_are_refused() {
    let long = "s".repeat(201);
    for claims in [
        without("sub"),
        without("aud"),
        without("exp"),
        with("sub", json!("")),
        with("sub", json!(" \u{200b}")),
        with("sub", json!(long)),
        with("sub", json!("s".repeat(7000))),
        with("sub", json!("a\u{0}b")),
        with("sub", json!("a\nb")),
        with("sub", json!(1)),
        with("sub", json!(["user-1"])),
        with("sub", Value::Null),
        with("aud", json!("other")),
        with("aud", json!("shop ")),
        with("aud", json!([])),
        with("aud", json!(["other"])),
        with("aud", json!({ "shop": true })),
        with("exp", json!((NOW_S + 600).to_string())),
        with("exp", json!("soon")),
        with("exp", Value::Null),
        with("exp", json!(NOW_S + 7200)),
        with("exp", json!(NOW_S + 3661)),
        with("exp", json!(1e300)),
        with("iat", json!("now")),
        with("nbf", json!([NOW_S])),
        with("name", json!(7)),
        with("name", json!(long)),
        with("name", json!("Ja\u{7}na")),
        json!([]),
        json!("user-1"),
        Value::Null,
    ] {
        assert_eq!(judged(&token(&claims)), Err(Code::TokenRefused), "{claims}");
    }
    for payload in [
        format!(r#"{{"sub":"user-1","sub":"admin","aud":"shop","exp":{}}}"#, NOW_S + 60),
        format!(r#"{{"sub":"user-1","aud":"other","aud":"shop","exp":{}}}"#, NOW_S + 60),
        format!(r#"{{"sub":"user-1","aud":"shop","exp":1,"exp":{}}}"#, NOW_S + 60),
        r#"{"sub":"user-1","aud":"shop","exp":1e999}"#.to_owned(),
        r#"{"sub":"user-1","aud":"shop","exp":NaN}"#.to_owned(),
        String::new(),
        "[".repeat(5000),
    ] {
        assert_eq!(judged(&signed(HEADER, &payload, SECRET)), Err(Code::TokenRefused), "{payload:.60}");
    }
}

#[test]
fn what_is_allowed_is_believed() {
    for claims in [
        good(),
        without("iat"),
        with("aud", json!(["other", "shop"])),
        with("sub", json!("ä".repeat(200))),
        with("exp", json!(NOW_S + 3600)),
        with("exp", json!(NOW_S as f64 + 0.5)),
        with("nbf", json!(NOW_S - 10)),
        with("roles", json!(["anything else"])),
        with("name", json!("  ")),
        with("name", Value::Null),
    ] {
        let login = judged(&token(&claims)).unwrap();
        assert_eq!(login.name, None);
        assert_eq!(json!(login.subject), claims["sub"]);
    }
}

#[test]
fn a_minute_of_wrong_clock_is_forgiven_and_not_more() {
    let at = |claims: Value| judged(&token(&claims)).map(drop);
    let ending = |seconds: i64| at(json!({ "sub": "u", "aud": APP, "exp": NOW_S + seconds }));
    assert_eq!(ending(-59), Ok(()));
    assert_eq!(ending(-60), Err(Code::TokenExpired));
    assert_eq!(ending(-61), Err(Code::TokenExpired));
    assert_eq!(ending(-1_000_000_000), Err(Code::TokenExpired));
    assert_eq!(ending(3660), Ok(()));
    assert_eq!(ending(3661), Err(Code::TokenRefused));
    for claim in ["iat", "nbf"] {
        assert_eq!(at(with(claim, json!(NOW_S + 60))), Ok(()));
        assert_eq!(at(with(claim, json!(NOW_S + 61))), Err(Code::TokenNotYetValid), "{claim}");
    }
    // A backend whose clock is ahead by two hours is told that, and not that its tokens live too long.
    let ahead = json!({ "sub": "u", "aud": APP, "iat": NOW_S + 7200, "exp": NOW_S + 7800 });
    assert_eq!(at(ahead), Err(Code::TokenNotYetValid));
    // The whole life counts, not only what is left of it.
    let long = json!({ "sub": "u", "aud": APP, "iat": NOW_S - 7200, "exp": NOW_S + 60 });
    assert_eq!(at(long), Err(Code::TokenRefused));
}

#[test]
fn no_refusal_quotes_the_token() {
    let words = "geheimer-benutzer";
    for claims in [
        json!({ "sub": words, "aud": words, "exp": NOW_S + 60 }),
        json!({ "sub": words.repeat(20), "aud": APP, "exp": NOW_S + 60 }),
        json!({ "sub": words, "aud": APP, "exp": words }),
        json!({ "sub": words, "aud": APP, "exp": NOW_S - 100 }),
    ] {
        let token = token(&claims);
        let said = format!("{:?}", judge(&token, &secret(), APP, NOW).unwrap_err());
        assert!(!said.contains(words) && !said.contains(&token[40..60]), "{said}");
    }
}
