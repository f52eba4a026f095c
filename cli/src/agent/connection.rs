//! The way to the server for an agent: one TLS configuration on ring for HTTP and for the socket, with the roots that the
//! operating system trusts; the same choice as in the core (see `docs/adr/0002`).

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::exit::{Exit, Failure};

/// Opening a connection, as in the core.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One request; an agent waits for it at a keyboard.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// What requests and the socket are made with.
pub struct Connection {
    /// For requests.
    pub http: reqwest::Client,
    /// For the socket.
    pub tls: Arc<ClientConfig>,
}

impl Connection {
    /// Prepares it; nothing is sent yet.
    pub fn prepare(server: &Url) -> Result<Self, Failure> {
        let tls = client_config(server.scheme() == "https")?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("beistand/", env!("CARGO_PKG_VERSION"), " (terminal)"))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // Our server sends no redirect, and nobody else must get the password.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|_| no_tls())?;
        Ok(Self { http, tls: Arc::new(tls) })
    }
}

fn no_tls() -> Failure {
    Failure::new(Exit::Failed, "tls", "An encrypted connection cannot be set up on this machine. Nothing was sent.")
}

fn client_config(encrypted: bool) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|_| no_tls())?;
    let builder = if encrypted {
        builder.with_platform_verifier().map_err(|_| no_tls())?
    } else {
        // Plain HTTP to this machine: no certificate will be seen, so none is read.
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}
