//! Settings of a client, checked before anything is opened, and every limit of the phone's side with its reason.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use url::Url;

use crate::api::tls;
use crate::error::{Error, ErrorKind, Result};
use crate::faq::FaqSeed;

/// What a client is built from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's address, without `/v1`.
    pub server: Url,
    /// Names the app at the server.
    pub app_key: String,
    /// Where the local database lives; made if it is not there. Belongs into a folder that is not backed up.
    pub folder: PathBuf,
    /// Reported to the server with the registration: `android`, `ios`, `linux` …
    pub platform: String,
    /// The person's language tag (BCP 47), if known.
    pub locale: Option<String>,
    /// How often to look whether another process has written into the folder; `None` where only one process uses it.
    pub watch_folder: Option<Duration>,
    /// Certificates of authorities (DER) that are trusted besides the system's; see [`Settings::trust`].
    pub extra_roots: Vec<Vec<u8>>,
    /// How long a request may hear nothing before it is given up.
    pub request_timeout: Duration,
    /// How long the app's own backend may take to hand out a token of a login before the login is given up.
    pub token_timeout: Duration,
    /// Rows that the outbox may hold. At 2,000 a person has written for weeks without a network: something else is
    /// wrong, and `send` says so rather than filling the disk.
    pub outbox_items: u32,
    /// Bytes of payload that the outbox may hold, for the same reason.
    pub outbox_bytes: u64,
    /// Bytes of files that may wait to be sent. A phone that holds more than half a gigabyte for a support desk is
    /// noticed by its owner for the wrong reason.
    pub outbox_file_bytes: u64,
    /// Bytes of files that are kept to be looked at offline; those that were not looked at for longest go first. What
    /// waits to be sent does not count.
    pub attachment_cache_bytes: u64,
    /// Publications of the FAQ that the app carries, so that the first launch without a network has answers.
    pub faq_seeds: Vec<FaqSeed>,
    /// The Ed25519 public key that publications of the FAQ must be signed with, those of the app itself as well; without
    /// one any publication of the server is taken.
    pub faq_key: Option<[u8; 32]>,
    /// How old the word of the server on the FAQ may be before it is asked again. Editors publish a few times a day at
    /// most, and a person who has the app open all day sees it within the hour; an answer without news is 200 bytes.
    pub faq_max_age: Duration,
    /// Bytes of the FAQ's file, above which languages that were not read for longest are evicted. 5,000 articles take
    /// 8 MB with their index: six such languages fit, which nobody speaks.
    pub faq_cache_bytes: u64,
    /// Bytes of pictures of the FAQ that are kept. A screenshot has some 200 KB: two hundred of them.
    pub faq_image_bytes: u64,
    /// Whether the pictures of an article are fetched when it is opened, rather than when they are asked for.
    pub faq_prefetch_images: bool,
    /// Whether the server may be told which articles of the FAQ were opened and which searches found nothing, without a
    /// name. Turned off, what was counted before is forgotten.
    pub faq_report: bool,
}

impl Settings {
    /// Checks an address and a key, and fills in the defaults.
    pub fn new(server: &str, app_key: &str, folder: impl Into<PathBuf>) -> Result<Self> {
        let mut server = Url::parse(server)
            .map_err(|error| Error::new(ErrorKind::Configuration, format!("the server address is no URL: {error}")))?;
        if !matches!(server.scheme(), "http" | "https") || server.host_str().is_none() {
            return Err(Error::new(ErrorKind::Configuration, "the server address must begin with https:// or http://"));
        }
        if server.scheme() == "http" && !is_loopback(&server) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "plain http:// is allowed to this machine only: a message must not be readable on its way",
            ));
        }
        if server.query().is_some() || server.fragment().is_some() {
            return Err(Error::new(ErrorKind::Configuration, "the server address has a query or a fragment"));
        }
        if !server.path().ends_with('/') {
            let path = format!("{}/", server.path());
            server.set_path(&path);
        }
        if app_key.is_empty() || !app_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(ErrorKind::Configuration, "the app key is empty or has characters outside ASCII"));
        }
        let folder = folder.into();
        if folder.as_os_str().is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the data folder has no name"));
        }
        Ok(Self {
            server,
            app_key: app_key.to_owned(),
            folder,
            platform: std::env::consts::OS.to_owned(),
            locale: None,
            watch_folder: None,
            extra_roots: Vec::new(),
            request_timeout: REQUEST_TIMEOUT,
            token_timeout: TOKEN_TIMEOUT,
            outbox_items: 2_000,
            outbox_bytes: 32 * 1024 * 1024,
            outbox_file_bytes: 512 * 1024 * 1024,
            attachment_cache_bytes: 200 * 1024 * 1024,
            faq_seeds: Vec::new(),
            faq_key: None,
            faq_max_age: Duration::from_secs(3600),
            faq_cache_bytes: 48 * 1024 * 1024,
            faq_image_bytes: 40 * 1024 * 1024,
            faq_prefetch_images: false,
            faq_report: false,
        })
    }

    /// Pins the key that publications of the FAQ must be signed with, in Base64 as `beistand-server faq key` prints it.
    ///
    /// # Errors
    /// If the text is no Ed25519 public key.
    pub fn pin_faq_key(&mut self, key: &str) -> Result<()> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(key.trim()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        let none = || Error::new(ErrorKind::Configuration, "the FAQ key is not 32 bytes in Base64");
        self.faq_key = Some(bytes.ok_or_else(none)?);
        Ok(())
    }

    /// Trusts the authorities in a PEM text besides those of the operating system: for a desk with an authority of its own,
    /// and for trying things out. On Android the app's network security configuration says this.
    ///
    /// # Errors
    /// If the text holds no certificate of an authority.
    pub fn trust(&mut self, pem: &str) -> Result<()> {
        let found = tls::certificates_in(pem)
            .ok_or_else(|| Error::new(ErrorKind::Configuration, "the file holds no certificate in PEM"))?;
        self.extra_roots.extend(found);
        Ok(())
    }
}

fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Silence in a request: long enough for a train's signal, short enough that a dead connection is noticed.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A token comes from the app's own backend, over the same network: as long as a request.
pub const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long another process leaves an identity alone that a login is trying (5 minutes in milliseconds): twice what a login
/// takes on a bad line.
pub const CANDIDATE_MS: i64 = 5 * 60 * 1000;
/// Opening a connection: three lost SYN packets.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read. The largest honest one is a page of sync, 200 messages of 10,000 characters.
pub const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// What pausing may take before the system may kill a suspended app that holds a lock.
pub const PAUSE_WITHIN: Duration = Duration::from_secs(2);
/// A timeline begins with this many of the newest messages: several screens of a phone.
pub const WINDOW: u32 = 50;
/// Acknowledged writes are kept this long, so that they can be sent again to a server restored from a backup (7 days
/// in milliseconds).
pub const JOURNAL_MS: i64 = 7 * 24 * 3600 * 1000;
/// Ratings of articles that may wait to be sent: whoever has rated more without a network is not reading. A tenth of what
/// the outbox holds, so that they never take the room of messages.
pub const FAQ_FEEDBACKS: usize = 200;
/// What was counted in the FAQ is collected for this long before it is sent (a day in milliseconds).
pub const FAQ_REPORT_EVERY_MS: i64 = 24 * 3600 * 1000;
/// While somebody looks and no socket can be had, changes are asked for this often.
pub const POLL_WITHOUT_SOCKET: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_refused_by_name() {
        for (server, key) in [
            ("nonsense", "k"),
            ("ftp://x", "k"),
            ("https://x?y", "k"),
            ("http://support.example.com", "k"),
            ("https://x", ""),
            ("https://x", "schlüssel"),
        ] {
            let error = Settings::new(server, key, "/tmp/x").unwrap_err();
            assert_eq!(error.kind, ErrorKind::Configuration, "{server}");
        }
        assert!(Settings::new("http://127.0.0.1:1", "k", "").is_err());
        let mut settings = Settings::new("https://x", "k", "d").unwrap();
        for key in ["", "nonsense", "AAAA"] {
            assert_eq!(settings.pin_faq_key(key).unwrap_err().kind, ErrorKind::Configuration, "{key}");
        }
        assert_eq!(Settings::new("https://x/support", "k", "d").unwrap().server.path(), "/support/");
    }
}
