//! The one TLS configuration, for HTTP and for the socket: rustls on ring, built explicitly so that no process-wide
//! default is needed, with the roots that the operating system trusts (see `docs/adr/0002`).

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

use super::transport::TransportError;

/// The configuration. `encrypted` is false where the server is this machine over plain HTTP: then no roots are read at
/// all. `extra_roots` are certificates of authorities (DER) that are trusted besides the system's.
///
/// # Errors
/// If the system's certificates cannot be read, or one of these is none.
pub fn client_config(encrypted: bool, extra_roots: &[Vec<u8>]) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError(format!("TLS cannot be set up: {error}")))?;
    let builder = if encrypted && !extra_roots.is_empty() {
        trusting(builder, extra_roots)?
    } else if encrypted {
        builder
            .with_platform_verifier()
            .map_err(|error| TransportError(format!("the system's certificates cannot be read: {error}")))?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

type Untrusting = ConfigBuilder<ClientConfig, WantsVerifier>;
type Trusting = ConfigBuilder<ClientConfig, WantsClientCert>;

#[cfg(not(target_os = "android"))]
fn trusting(builder: Untrusting, extra_roots: &[Vec<u8>]) -> Result<Trusting, TransportError> {
    let roots = extra_roots.iter().map(|root| CertificateDer::from(root.clone()));
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, builder.crypto_provider().clone())
        .map_err(|error| TransportError(format!("the extra certificates cannot be used: {error}")))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

/// There the verifier is Java's, and an authority is trusted by the app's network security configuration.
#[cfg(target_os = "android")]
fn trusting(_: Untrusting, _: &[Vec<u8>]) -> Result<Trusting, TransportError> {
    Err(TransportError("on Android an authority is trusted by the app's network security configuration".into()))
}

/// The certificates in a PEM text; none if one is broken or there is none.
pub(crate) fn certificates_in(pem: &str) -> Option<Vec<Vec<u8>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found: Vec<Vec<u8>> = found.ok()?.into_iter().map(|certificate| certificate.to_vec()).collect();
    // Held against what the verifier will ask, so that a wrong file is an error where it is named.
    let mut roots = RootCertStore::empty();
    let all_good = found.iter().all(|root| roots.add(CertificateDer::from(root.clone())).is_ok());
    (all_good && !found.is_empty()).then_some(found)
}
