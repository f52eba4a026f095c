//! A throw-away authority and a certificate of it, so that real phones can reach a server on the desk beside them. The
//! authority's key is never written: what it has signed is all that it will ever sign.

use std::{net::IpAddr, time::SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

/// How long it is good: a demonstration lasts a day, a test device lies in a drawer for some. Phones accept at most 825
/// days.
const GOOD_FOR: Duration = Duration::days(30);

/// Clocks of phones differ.
const GOOD_BEFORE: Duration = Duration::days(1);

/// A certificate with the authority that signed it.
pub struct ThrowAway {
    /// The authority's certificate in PEM: what a phone has to trust.
    pub authority: String,
    /// The server's certificate in PEM.
    pub cert: String,
    /// Its private key in PEM.
    pub key: String,
    /// SHA-256 of the authority's certificate, as phones show it: `AB:CD:…`.
    pub fingerprint: String,
}

impl ThrowAway {
    /// Makes both for these names and addresses.
    pub fn make(hosts: &[String]) -> Result<Self, rcgen::Error> {
        let now = OffsetDateTime::from(SystemTime::now());
        let times = |params: &mut CertificateParams| {
            params.not_before = now - GOOD_BEFORE;
            params.not_after = now + GOOD_FOR;
        };
        let mut authority = CertificateParams::default();
        times(&mut authority);
        authority.distinguished_name.push(DnType::CommonName, "Beistand throw-away authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let mut leaf = CertificateParams::new(hosts)?;
        times(&mut leaf);
        leaf.distinguished_name.push(DnType::CommonName, "Beistand on this network");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let cert = leaf.signed_by(&key, &authority)?;
        let digest = Sha256::digest(authority.der());
        let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        Ok(Self { authority: authority.pem(), cert: cert.pem(), key: key.serialize_pem(), fingerprint })
    }
}

/// How this machine is reached: its addresses that others in the network can use, its name, and loopback.
pub fn names_of_this_machine() -> Vec<String> {
    let mut names: Vec<String> = addresses_of_this_machine().iter().map(ToString::to_string).collect();
    #[cfg(unix)]
    if let Ok(name) = rustix::system::uname().nodename().to_str()
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    {
        names.push(name.to_owned());
        if !name.contains('.') {
            // What mDNS calls it.
            names.push(format!("{name}.local"));
        }
    }
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names
}

/// The addresses that others in the network can use, IPv4 first since people type them.
pub fn addresses_of_this_machine() -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    found.sort_by_key(|address| (address.is_ipv6(), *address));
    found.dedup();
    found
}
