//! The one TLS configuration, for HTTP and for the socket: rustls on ring, built explicitly so that no process-wide
//! default is needed, with the roots that the operating system trusts (see `docs/adr/0002`).

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::transport::TransportError;

/// The configuration. `encrypted` is false where the server is this machine over plain HTTP: then no roots are read at
/// all.
///
/// # Errors
/// If the system's certificates cannot be read.
pub fn client_config(encrypted: bool) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError(format!("TLS cannot be set up: {error}")))?;
    let builder = if encrypted {
        builder
            .with_platform_verifier()
            .map_err(|error| TransportError(format!("the system's certificates cannot be read: {error}")))?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}
