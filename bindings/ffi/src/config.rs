//! What a client is built from, and what its server announces.

use std::collections::HashMap;
use std::time::Duration;

use beistand_core::protocol::{AppConfig, FieldDefinition, FieldKind, Limits};
use beistand_core::{FaqSeed, Settings};

use crate::error::FfiError;

/// A publication of the FAQ that the app carries.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum FfiFaqSeed {
    /// A file.
    Path {
        /// Where it is.
        path: String,
    },
    /// The bytes themselves.
    Bytes {
        /// All of them.
        bytes: Vec<u8>,
    },
}

impl From<FfiFaqSeed> for FaqSeed {
    fn from(seed: FfiFaqSeed) -> Self {
        match seed {
            FfiFaqSeed::Path { path } => Self::path(path),
            FfiFaqSeed::Bytes { bytes } => Self::bytes(bytes),
        }
    }
}

/// What a client is built from. What is left out is as the core has it.
#[derive(Clone, Debug, uniffi::Record)]
pub struct FfiConfig {
    /// The server's address, without `/v1`.
    pub server: String,
    /// Names the app at the server.
    pub app_key: String,
    /// Where the local database lives; made if it is not there.
    pub folder: String,
    /// `android`, `ios` …; reported to the server.
    #[uniffi(default = None)]
    pub platform: Option<String>,
    /// The person's language tag (BCP 47).
    #[uniffi(default = None)]
    pub locale: Option<String>,
    /// Certificates of authorities that are trusted besides the system's, in PEM.
    #[uniffi(default = None)]
    pub trusted_roots_pem: Option<String>,
    /// How long a request may hear nothing before it is given up.
    #[uniffi(default = None)]
    pub request_timeout: Option<Duration>,
    /// How long the app's own backend may take to hand out a token.
    #[uniffi(default = None)]
    pub token_timeout: Option<Duration>,
    /// Rows that the outbox may hold.
    #[uniffi(default = None)]
    pub outbox_items: Option<u32>,
    /// Bytes of payload that the outbox may hold.
    #[uniffi(default = None)]
    pub outbox_bytes: Option<u64>,
    /// Bytes of files that may wait to be sent.
    #[uniffi(default = None)]
    pub outbox_file_bytes: Option<u64>,
    /// Bytes of files that are kept to be looked at offline.
    #[uniffi(default = None)]
    pub attachment_cache_bytes: Option<u64>,
    /// Publications of the FAQ that the app carries.
    #[uniffi(default = [])]
    pub faq_seeds: Vec<FfiFaqSeed>,
    /// The key that publications of the FAQ must be signed with, in Base64.
    #[uniffi(default = None)]
    pub faq_key: Option<String>,
    /// How old the word of the server on the FAQ may be before it is asked again.
    #[uniffi(default = None)]
    pub faq_max_age: Option<Duration>,
    /// Bytes of the FAQ's file.
    #[uniffi(default = None)]
    pub faq_cache_bytes: Option<u64>,
    /// Bytes of pictures of the FAQ that are kept.
    #[uniffi(default = None)]
    pub faq_image_bytes: Option<u64>,
    /// Whether the pictures of an article are fetched when it is opened.
    #[uniffi(default = false)]
    pub faq_prefetch_images: bool,
    /// Whether the server may be told what was read and what was not found, without a name.
    #[uniffi(default = false)]
    pub faq_report: bool,
}

/// Takes the value, if one was given.
fn take<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

impl TryFrom<FfiConfig> for Settings {
    type Error = FfiError;

    fn try_from(config: FfiConfig) -> Result<Self, FfiError> {
        let mut settings = Self::new(&config.server, &config.app_key, config.folder)?;
        take(&mut settings.platform, config.platform);
        settings.locale = config.locale;
        take(&mut settings.request_timeout, config.request_timeout);
        take(&mut settings.token_timeout, config.token_timeout);
        take(&mut settings.outbox_items, config.outbox_items);
        take(&mut settings.outbox_bytes, config.outbox_bytes);
        take(&mut settings.outbox_file_bytes, config.outbox_file_bytes);
        take(&mut settings.attachment_cache_bytes, config.attachment_cache_bytes);
        settings.faq_seeds = config.faq_seeds.into_iter().map(Into::into).collect();
        take(&mut settings.faq_max_age, config.faq_max_age);
        take(&mut settings.faq_cache_bytes, config.faq_cache_bytes);
        take(&mut settings.faq_image_bytes, config.faq_image_bytes);
        settings.faq_prefetch_images = config.faq_prefetch_images;
        settings.faq_report = config.faq_report;
        if let Some(pem) = config.trusted_roots_pem {
            settings.trust(&pem)?;
        }
        if let Some(key) = config.faq_key {
            settings.pin_faq_key(&key)?;
        }
        Ok(settings)
    }
}

/// What a conversation may be filed under.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiCategory {
    /// Stable name.
    pub id: String,
    /// What a person reads, by language tag.
    pub label: HashMap<String, String>,
}

/// What a custom field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiFieldKind {
    /// Free text.
    Text,
    /// A finite number.
    Number,
    /// One of `choices`.
    Choice,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// Yes or no.
    Flag,
}

impl From<FieldKind> for FfiFieldKind {
    fn from(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Text => Self::Text,
            FieldKind::Number => Self::Number,
            FieldKind::Choice => Self::Choice,
            FieldKind::Date => Self::Date,
            FieldKind::Bool => Self::Flag,
        }
    }
}

/// A custom field as the server announces it.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiFieldDefinition {
    /// Stable name.
    pub key: String,
    /// What it holds.
    pub kind: FfiFieldKind,
    /// What a person reads, by language tag.
    pub label: HashMap<String, String>,
    /// Whether a conversation cannot be opened without it.
    pub required: bool,
    /// The values that a choice may have.
    pub choices: Vec<String>,
    /// Scalar values in a text, if fewer than the general limit.
    pub max_chars: Option<u32>,
}

impl From<FieldDefinition> for FfiFieldDefinition {
    fn from(field: FieldDefinition) -> Self {
        Self {
            key: field.key,
            kind: field.kind.into(),
            label: field.label.into_iter().collect(),
            required: field.required,
            choices: field.choices,
            max_chars: field.max_chars,
        }
    }
}

/// What a server accepts.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiLimits {
    /// Unicode scalar values in one message.
    pub text_chars: u32,
    /// Unicode scalar values in a subject.
    pub subject_chars: u32,
    /// Unicode scalar values in one text field.
    pub field_chars: u32,
    /// Custom fields in one conversation.
    pub fields: u32,
    /// Files in one message.
    pub attachments: u32,
    /// Bytes of one file.
    pub attachment_bytes: u64,
    /// Pixels of one photo.
    pub image_pixels: u64,
}

impl From<Limits> for FfiLimits {
    fn from(limits: Limits) -> Self {
        Self {
            text_chars: limits.text_chars,
            subject_chars: limits.subject_chars,
            field_chars: limits.field_chars,
            fields: limits.fields,
            attachments: limits.attachments,
            attachment_bytes: limits.attachment_bytes,
            image_pixels: limits.image_pixels,
        }
    }
}

/// What the server last announced.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiSettings {
    /// What a conversation may be filed under.
    pub categories: Vec<FfiCategory>,
    /// The custom fields of a conversation.
    pub fields: Vec<FfiFieldDefinition>,
    /// What the server accepts.
    pub limits: FfiLimits,
    /// Names of optional parts that the server offers.
    pub features: Vec<String>,
    /// Whether a server has told this; before that it is what every server does.
    pub announced: bool,
}

impl From<(AppConfig, bool)> for FfiSettings {
    fn from((config, announced): (AppConfig, bool)) -> Self {
        let category = |category: beistand_core::protocol::Category| FfiCategory {
            id: category.id,
            label: category.label.into_iter().collect(),
        };
        Self {
            categories: config.categories.into_iter().map(category).collect(),
            fields: config.fields.into_iter().map(Into::into).collect(),
            limits: config.limits.into(),
            features: config.features,
            announced,
        }
    }
}
