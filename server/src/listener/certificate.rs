//! The server's certificate: read once at the start, where a fault ends it, and again whenever the files change, where a
//! fault leaves the old one in place. A renewal writes two files one after the other, so a pair that does not fit is
//! looked at again.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// Why a certificate cannot be used. The code is stable; `docs/server.md` lists them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct CertificateError {
    /// The setting that names the file at fault.
    pub key: &'static str,
    /// The stable name of the fault.
    pub code: &'static str,
    /// A sentence for the operator.
    pub detail: String,
}

impl CertificateError {
    fn new(key: &'static str, code: &'static str, detail: String) -> Self {
        Self { key, code, detail }
    }
}

/// What both files held.
type Files = (Vec<u8>, Vec<u8>);

/// A certificate with its key that can be exchanged while connections use it.
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    /// The files as they were read last, whether they fit or not.
    seen: Mutex<Files>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("cert", &self.cert).field("key", &self.key).finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads both files.
    pub fn read(cert: &Path, key: &Path) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let files = read_files(cert, key)?;
        let current = RwLock::new(Arc::new(certified(&files, cert, key, &provider)?));
        Ok(Arc::new(Self { cert: cert.into(), key: key.into(), provider, seen: Mutex::new(files), current }))
    }

    /// Reads both files again; whether there is another certificate now. Blocks on the disk.
    pub fn read_again(&self) -> Result<bool, CertificateError> {
        let files = read_files(&self.cert, &self.key)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == files {
            return Ok(false);
        }
        let fresh = certified(&files, &self.cert, &self.key, &self.provider);
        *seen = files;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh?);
        Ok(true)
    }

    /// What connections are accepted with: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Current(self.clone())));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Hands out whatever is current.
#[derive(Debug)]
struct Current(Arc<Certificates>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read_files(cert: &Path, key: &Path) -> Result<Files, CertificateError> {
    let read = |setting, path: &Path| {
        std::fs::read(path).map_err(|error| {
            CertificateError::new(setting, "tls-file-unreadable", format!("cannot read {}: {error}", path.display()))
        })
    };
    Ok((read("tls_cert", cert)?, read("tls_key", key)?))
}

fn certified(
    files: &Files,
    cert: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let (cert, key) = (cert.display(), key.display());
    let no_chain = |why: &str| CertificateError::new("tls_cert", "tls-certificate-invalid", format!("{cert} {why}"));
    let no_key = |why: &str| CertificateError::new("tls_key", "tls-key-invalid", format!("{key} {why}"));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&files.0)
        .collect::<Result<_, _>>()
        .map_err(|_| no_chain("is not a chain of certificates in PEM"))?;
    if chain.is_empty() {
        return Err(no_chain("holds no certificate in PEM"));
    }
    let private = PrivateKeyDer::from_pem_slice(&files.1).map_err(|_| no_key("holds no private key in PEM"))?;
    let signing = provider
        .key_provider
        .load_private_key(private)
        .map_err(|_| no_key("holds a key of a kind that is not supported: RSA, ECDSA P-256 or P-384, Ed25519"))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::new(
            "tls_key",
            "tls-key-mismatch",
            format!("the key in {key} does not belong to the first certificate in {cert}"),
        )),
        Err(_) => Err(no_chain("begins with something that is no certificate")),
    }
}
