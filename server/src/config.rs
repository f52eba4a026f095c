//! Settings: flags win over environment variables, these over the TOML file, this over the defaults. A wrong value ends
//! the start with a sentence that names its key.
//!
//! In `[limits]`, a key that is absent has its default; a rate of `0` switches that rate limit off.

use std::{collections::BTreeMap, path::Path, path::PathBuf, str::FromStr};

use beistand_protocol::{AppConfig, Category, FieldDefinition, FieldKind, Limits};
use serde::Deserialize;

use crate::{
    listener::{ConnectionsConfig, ForwardedHeader, Proxies},
    push::PushConfig,
};

/// A wrong setting.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct ConfigError {
    /// The key, as it stands in the file (`limits.burst`), or the file's name.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document a line.
    Json,
}

/// Everything that can be set.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen, `host:port`; port 0 picks a free one.
    pub listen: String,
    /// The chain of certificates in PEM, the server's own first; with it the server speaks TLS.
    pub tls_cert: Option<PathBuf>,
    /// The private key of the first certificate, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Addresses and networks of proxies that are believed when they say who asks.
    pub trusted_proxies: Vec<String>,
    /// The header in which they say it.
    pub forwarded_header: ForwardedHeader,
    /// The folder of the database.
    pub data: PathBuf,
    /// The folder of the files that messages carry; `files` beside the database if not given. With a simulated disk
    /// under the database it is a folder that ends with the server.
    pub files: Option<PathBuf>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged, in the form of `tracing`'s filters.
    pub log: String,
    /// The oldest client version that is served; older ones get 426. A client says its version in `User-Agent:
    /// beistand/<version> (<platform>)`; one that says nothing is served.
    pub minimum_version: Option<String>,
    /// Whether the session cookie is for HTTPS only. It is anyway when the server speaks TLS itself or a trusted proxy
    /// says so; to be set behind a proxy that does not.
    pub secure_cookies: bool,
    /// How long an agent's session lasts, in hours.
    pub session_hours: u32,
    /// How long requests in flight may take after a signal to stop, in seconds.
    pub shutdown_seconds: u32,
    /// The database never grows past this many megabytes, so that a full disk is met while there is still room to
    /// read; 0 for no limit of its own.
    pub max_megabytes: u64,
    /// What is accepted.
    pub limits: LimitsConfig,
    /// The virus scan.
    pub scan: ScanConfig,
    /// Waking phones.
    pub push: PushConfig,
    /// Who is let in, and for how long.
    pub connections: ConnectionsConfig,
    /// Categories and fields of every app that has no `[apps.<name>]`.
    pub desk: DeskConfig,
    /// Categories and fields by the app's name.
    pub apps: BTreeMap<String, DeskConfig>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            data: "data".into(),
            files: None,
            log_format: LogFormat::Text,
            log: "info".into(),
            minimum_version: None,
            secure_cookies: false,
            session_hours: 12,
            shutdown_seconds: 10,
            max_megabytes: 0,
            limits: LimitsConfig::default(),
            scan: ScanConfig::default(),
            push: PushConfig::default(),
            connections: ConnectionsConfig::default(),
            desk: DeskConfig::default(),
            apps: BTreeMap::new(),
        }
    }
}

/// `[scan]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanConfig {
    /// Where ClamAV's `clamd` listens: `host:port`, or the path of its socket. Without it, files are not scanned.
    pub clamd: Option<String>,
}

/// `[limits]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Characters in a message.
    pub text_chars: u32,
    /// Characters in a subject.
    pub subject_chars: u32,
    /// Characters in a text field.
    pub field_chars: u32,
    /// Custom fields in a conversation.
    pub fields: u32,
    /// Files in a message.
    pub attachments: u32,
    /// Bytes of a file.
    pub attachment_bytes: u64,
    /// Pixels of a photo.
    pub image_pixels: u64,
    /// Files of a person that are not in a message yet, finished or not; 0 for no limit. Twenty messages full of photos
    /// may wait for their network; a person who only fills the disk is stopped.
    pub waiting_uploads: u64,
    /// The bytes that those files announce together; 0 for no limit. A phone back from a weekend may have twenty videos
    /// under way at once; the next one begins as soon as a message has taken one.
    pub waiting_upload_bytes: u64,
    /// Writes of a person at once; 0 for no limit.
    pub burst: u32,
    /// Writes of a person a minute after the burst; 0 for no limit.
    pub writes_per_minute: u32,
    /// Registrations from one address at once; 0 for no limit. Whole cities share an address behind carrier NAT.
    pub registration_burst: u32,
    /// Registrations from one address a minute after the burst; 0 for no limit.
    pub registrations_per_minute: u32,
    /// Sign-ins of agents from one address at once; 0 for no limit.
    pub sign_in_burst: u32,
    /// Sign-ins of agents from one address a minute after the burst; 0 for no limit.
    pub sign_ins_per_minute: u32,
    /// Logins of a device at once; 0 for no limit. A phone that is asked for a fresh token a few times over stays below;
    /// whoever tries tokens out does not.
    pub login_burst: u32,
    /// Logins of a device a minute after the burst; 0 for no limit.
    pub logins_per_minute: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            text_chars: limits.text_chars,
            subject_chars: limits.subject_chars,
            field_chars: limits.field_chars,
            fields: limits.fields,
            attachments: limits.attachments,
            attachment_bytes: limits.attachment_bytes,
            image_pixels: limits.image_pixels,
            waiting_uploads: 200,
            waiting_upload_bytes: 2_000_000_000,
            burst: limits.burst,
            writes_per_minute: limits.writes_per_minute,
            registration_burst: 60,
            registrations_per_minute: 30,
            sign_in_burst: 60,
            sign_ins_per_minute: 30,
            login_burst: 20,
            logins_per_minute: 6,
        }
    }
}

impl LimitsConfig {
    /// What `GET /v1/config` announces.
    pub fn announced(&self) -> Limits {
        Limits {
            text_chars: self.text_chars,
            subject_chars: self.subject_chars,
            field_chars: self.field_chars,
            fields: self.fields,
            attachments: self.attachments,
            attachment_bytes: self.attachment_bytes,
            image_pixels: self.image_pixels,
            burst: self.burst,
            writes_per_minute: self.writes_per_minute,
        }
    }

    /// No rate limits: for benchmarks and fault tests.
    pub fn unlimited_rates() -> Self {
        Self {
            burst: 0,
            writes_per_minute: 0,
            registration_burst: 0,
            registrations_per_minute: 0,
            sign_in_burst: 0,
            sign_ins_per_minute: 0,
            login_burst: 0,
            logins_per_minute: 0,
            ..Self::default()
        }
    }
}

/// `[desk]` and `[apps.<name>]`: what conversations are filed under and what they carry.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeskConfig {
    /// Categories.
    pub categories: Vec<Category>,
    /// Custom fields.
    pub fields: Vec<FieldDefinition>,
}

impl Default for DeskConfig {
    fn default() -> Self {
        let category = |id: &str, de: &str, en: &str| Category {
            id: id.into(),
            label: BTreeMap::from([("de".into(), de.into()), ("en".into(), en.into())]),
        };
        Self {
            categories: vec![
                category("general", "Allgemein", "General"),
                category("order", "Bestellung", "Order"),
                category("delivery", "Lieferung", "Delivery"),
                category("returns", "Rückgabe", "Returns"),
                category("payment", "Zahlung", "Payment"),
                category("account", "Konto", "Account"),
                category("technical", "Technisches", "Technical"),
            ],
            fields: Vec::new(),
        }
    }
}

/// Optional parts that this server offers.
const FEATURES: [&str; 7] = ["attachments", "edit", "faq", "identity", "realtime", "typing", "withdraw"];

impl ServerConfig {
    /// Reads a TOML text; unknown keys are errors.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            // TOML's own message shows the line and names unknown keys; the key alone is not available from it.
            ConfigError::new("configuration file", error.to_string().trim().to_owned())
        })?;
        config.validate()?;
        Ok(config)
    }

    /// Reads a TOML file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::new("config", format!("cannot read {}: {error}", path.display())))?;
        Self::from_toml(&text)
    }

    /// Holds every value against its rule.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_address(&self.listen)?;
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let missing = if self.tls_cert.is_some() { "tls_key" } else { "tls_cert" };
            return Err(ConfigError::new(missing, "is missing: certificate and key belong together"));
        }
        self.proxies()?;
        self.connections.validate()?;
        crate::push::configured(&self.push)?;
        if self.data.as_os_str().is_empty() {
            return Err(ConfigError::new("data", "names no folder"));
        }
        if let Some(version) = &self.minimum_version {
            Version::from_str(version).map_err(|()| ConfigError::new("minimum_version", "is not of the form 1.2.3"))?;
        }
        if !(1..=24 * 90).contains(&self.session_hours) {
            return Err(ConfigError::new("session_hours", "must lie between 1 and 2160"));
        }
        if self.shutdown_seconds > 3600 {
            return Err(ConfigError::new("shutdown_seconds", "must be at most 3600"));
        }
        let limits = &self.limits;
        for (key, value, most) in [
            // A request body is at most 256 KiB, and one character may take twelve bytes of it.
            ("limits.text_chars", limits.text_chars, 20_000),
            ("limits.subject_chars", limits.subject_chars, 1_000),
            ("limits.field_chars", limits.field_chars, 10_000),
        ] {
            if value == 0 || value > most {
                return Err(ConfigError::new(key, format!("must lie between 1 and {most}")));
            }
        }
        if limits.fields > 1_000 {
            return Err(ConfigError::new("limits.fields", "must be at most 1000"));
        }
        if limits.attachments > 100 {
            return Err(ConfigError::new("limits.attachments", "must be at most 100"));
        }
        // Sizes are stored as 63 bits; no phone sends a terabyte.
        if limits.attachment_bytes == 0 || limits.attachment_bytes > 1_000_000_000_000 {
            return Err(ConfigError::new("limits.attachment_bytes", "must lie between 1 and 10^12"));
        }
        if let Some(clamd) = &self.scan.clamd
            && !clamd.starts_with('/')
        {
            check_address(clamd).map_err(|_| ConfigError::new("scan.clamd", "is neither host:port nor /path"))?;
        }
        check_desk("desk", &self.desk)?;
        for (name, desk) in &self.apps {
            check_desk(&format!("apps.{name}"), desk)?;
        }
        Ok(())
    }

    /// The trusted proxies.
    pub(crate) fn proxies(&self) -> Result<Proxies, ConfigError> {
        Proxies::new(&self.trusted_proxies, self.forwarded_header)
    }

    /// What `GET /v1/config` answers for an app.
    pub fn app_config(&self, app: &str) -> AppConfig {
        let desk = self.apps.get(app).unwrap_or(&self.desk);
        AppConfig {
            categories: desk.categories.clone(),
            fields: desk.fields.clone(),
            limits: self.limits.announced(),
            features: FEATURES.map(str::to_owned).to_vec(),
        }
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.data.join("beistand.db")
    }
}

fn check_address(listen: &str) -> Result<(), ConfigError> {
    let good = listen
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && !host.contains(' ') && port.parse::<u16>().is_ok());
    if good { Ok(()) } else { Err(ConfigError::new("listen", "is not of the form host:port")) }
}

fn check_desk(key: &str, desk: &DeskConfig) -> Result<(), ConfigError> {
    let mut seen = std::collections::BTreeSet::new();
    for category in &desk.categories {
        check_name(&format!("{key}.categories"), &category.id)?;
        if !seen.insert(&category.id) {
            return Err(ConfigError::new(format!("{key}.categories"), format!("{} is there twice", category.id)));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for field in &desk.fields {
        check_name(&format!("{key}.fields"), &field.key)?;
        let key = format!("{key}.fields.{}", field.key);
        if !seen.insert(&field.key) {
            return Err(ConfigError::new(key, "is there twice"));
        }
        if (field.kind == FieldKind::Choice) == field.choices.is_empty() {
            return Err(ConfigError::new(key, "needs choices if it is of kind choice, and only then"));
        }
    }
    Ok(())
}

fn check_name(key: &str, name: &str) -> Result<(), ConfigError> {
    let good = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if good {
        Ok(())
    } else {
        Err(ConfigError::new(key, format!("{name:?} is no name: 1 to 64 letters, digits, _ and -")))
    }
}

/// A client version, `1.2.3`; what follows a `-` or `+` is not compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(u64, u64, u64);

impl FromStr for Version {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = core.split('.').map(|part| part.parse::<u64>());
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Ok(Self(major, minor, patch)),
            _ => Err(()),
        }
    }
}

impl Version {
    /// The version in a `User-Agent: beistand/<version> (<platform>)`.
    pub fn of_user_agent(header: &str) -> Option<Self> {
        header.strip_prefix("beistand/")?.split(' ').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_their_key() {
        for (toml, key) in [
            ("listen = \"nowhere\"", "listen"),
            ("listne = \"a:1\"", "listne"),
            ("[limits]\nburst = -1", "burst"),
            ("[limits]\ntext_chars = 0", "limits.text_chars"),
            ("[limits]\ntypo = 1", "typo"),
            ("minimum_version = \"new\"", "minimum_version"),
            ("session_hours = 0", "session_hours"),
            ("[scan]\nclamd = \"nowhere\"", "scan.clamd"),
            ("[limits]\nattachment_bytes = 0", "limits.attachment_bytes"),
            ("tls_cert = \"a.pem\"", "tls_key"),
            ("[push]\nwebhook = \"ftp://x\"", "push.webhook"),
            ("[push]\nwebhook = \"http://x\"\nbearer_file = \"/none\"", "push.bearer_file"),
            ("trusted_proxies = [\"nowhere\"]", "trusted_proxies"),
            ("[connections]\nidle_seconds = 0", "connections.idle_seconds"),
            ("[[desk.categories]]\nid = \"a b\"", "desk.categories"),
            ("[[apps.shop.fields]]\nkey = \"size\"\nkind = \"choice\"", "apps.shop.fields.size"),
            ("[[apps.shop.fields]]\nkey = \"size\"\nkind = \"colour\"", "kind"),
        ] {
            let error = ServerConfig::from_toml(toml).unwrap_err().to_string();
            assert!(error.contains(key), "{toml} gave {error}");
        }
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(ServerConfig::from_toml("").unwrap(), ServerConfig::default());
        ServerConfig::default().validate().unwrap();
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version::of_user_agent("beistand/0.10.0 (ios)") > Version::of_user_agent("beistand/0.9.9-rc.1 (ios)"));
        assert_eq!(Version::of_user_agent("curl/8.0"), None);
    }
}
