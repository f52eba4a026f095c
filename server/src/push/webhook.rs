//! A gateway that hands each push over to an address of the operator's, where APNs, FCM or a push server take it from.
//! What goes out is in [`body`] and nothing else: no words, no names, no subject.

use std::sync::Arc;

use reqwest::{StatusCode, Url, header};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Serialize;

use super::{Push, PushConfig, PushError, PushGateway, TRY};
use crate::{config::ConfigError, store::BoxFuture};

/// The environment variable with the secret.
const BEARER: &str = "BEISTAND_SERVER_PUSH_BEARER";

/// The secret of the settings, if there is one.
pub(super) fn bearer(config: &PushConfig) -> Result<Option<String>, ConfigError> {
    if let Ok(secret) = std::env::var(BEARER) {
        return Ok(Some(secret));
    }
    let Some(file) = &config.bearer_file else { return Ok(None) };
    match std::fs::read_to_string(file) {
        Ok(secret) => Ok(Some(secret.trim().to_owned())),
        Err(error) => Err(ConfigError::new("push.bearer_file", format!("cannot read {}: {error}", file.display()))),
    }
}

/// Hands pushes over by `POST`.
pub struct WebhookGateway {
    http: reqwest::Client,
    url: Url,
}

#[derive(Serialize)]
struct Body<'a> {
    app: &'a str,
    device: String,
    service: &'a str,
    token: &'a str,
    collapse_key: &'a str,
    badge: u32,
}

/// What goes out for a push.
fn body(push: &Push) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Body {
        app: &push.app,
        device: push.device.to_string(),
        service: &push.token.service,
        token: &push.token.token,
        collapse_key: &push.collapse_key,
        badge: push.badge,
    })
}

impl WebhookGateway {
    /// Prepares it; nothing is sent yet.
    pub fn new(url: &str, bearer: Option<String>) -> Result<Self, ConfigError> {
        let wrong = |reason: &str| ConfigError::new("push.webhook", reason);
        let url: Url = url.parse().map_err(|_| wrong("is no address"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(wrong("must begin with https:// or http://"));
        }
        let mut headers = header::HeaderMap::new();
        if let Some(bearer) = bearer {
            let value = header::HeaderValue::try_from(format!("Bearer {bearer}"));
            let mut value = value.map_err(|_| ConfigError::new("push.bearer_file", "has characters outside ASCII"))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(url.scheme() == "https")?)
            .default_headers(headers)
            .user_agent(concat!("beistand-server/", env!("CARGO_PKG_VERSION")))
            .timeout(TRY)
            // Tokens go where the operator said and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| wrong(&format!("cannot be prepared: {error}")))?;
        Ok(Self { http, url })
    }
}

/// The same configuration as the phone's: ring, and what the operating system trusts.
fn tls(encrypted: bool) -> Result<ClientConfig, ConfigError> {
    let wrong = |error: rustls::Error| ConfigError::new("push.webhook", error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if encrypted {
        builder.with_platform_verifier().map_err(wrong)?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

impl PushGateway for WebhookGateway {
    fn push<'a>(&'a self, push: &'a Push) -> BoxFuture<'a, Result<(), PushError>> {
        Box::pin(async move {
            let body = body(push).map_err(|_| PushError::Refused)?;
            let answer = self.http.post(self.url.clone()).body(body).send().await.map_err(|_| PushError::Later)?;
            judge(answer.status())
        })
    }
}

fn judge(status: StatusCode) -> Result<(), PushError> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(PushError::TokenGone),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => Err(PushError::Later),
        status if status.is_server_error() => Err(PushError::Later),
        _ => Err(PushError::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_protocol::{DeviceId, PushToken};

    #[test]
    fn what_goes_out_is_this_and_nothing_else() {
        let push = Push {
            app: "shop".into(),
            device: DeviceId(uuid::Uuid::nil()),
            token: PushToken { service: "fcm".into(), token: "t:1".into() },
            collapse_key: "k".into(),
            badge: 3,
        };
        let sent: serde_json::Value = serde_json::from_slice(&body(&push).unwrap()).unwrap();
        let known = serde_json::json!({
            "app": "shop", "device": "00000000-0000-0000-0000-000000000000", "service": "fcm", "token": "t:1",
            "collapse_key": "k", "badge": 3
        });
        assert_eq!(sent, known);
    }

    #[test]
    fn only_a_token_that_is_gone_is_forgotten() {
        let outcome = |status| judge(StatusCode::from_u16(status).unwrap());
        for (status, expected) in [
            (204, Ok(())),
            (404, Err(PushError::TokenGone)),
            (410, Err(PushError::TokenGone)),
            (429, Err(PushError::Later)),
            (503, Err(PushError::Later)),
            (301, Err(PushError::Refused)),
            (401, Err(PushError::Refused)),
        ] {
            assert_eq!(outcome(status), expected, "{status}");
        }
    }
}
