//! The way to the server for an agent: the core's TLS configuration (see `docs/adr/0002`) for HTTP and for the socket.

use std::sync::Arc;
use std::time::Duration;

use beistand_core::{Settings, api::tls};
use rustls::ClientConfig;

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
    pub fn prepare(settings: &Settings) -> Result<Self, Failure> {
        let encrypted = settings.server.scheme() == "https";
        let tls = tls::client_config(encrypted, &settings.extra_roots).map_err(|_| no_tls())?;
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
