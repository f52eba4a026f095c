//! What a server announces to an app: categories, fields, limits, features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    conversation::OpenConversation,
    fields::FieldDefinition,
    limits::Limits,
    message::SendMessage,
    problem::{Code, Violation},
    text,
};

/// The answer of `GET /v1/config`; a phone keeps the last copy and checks drafts against it offline.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AppConfig {
    /// What a conversation may be filed under.
    pub categories: Vec<Category>,
    /// The custom fields of a conversation; those of a kind that this version does not know are left out.
    #[serde(deserialize_with = "known_fields")]
    pub fields: Vec<FieldDefinition>,
    /// What the server accepts.
    pub limits: Limits,
    /// Names of optional parts that this server offers; unknown names are to be ignored.
    pub features: Vec<String>,
}

/// A field of a later kind must not make the whole configuration unreadable.
fn known_fields<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<FieldDefinition>, D::Error> {
    let fields = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(fields.into_iter().filter_map(|field| serde_json::from_value(field).ok()).collect())
}

/// One category.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Category {
    /// Stable name, as used in a conversation's `category`.
    pub id: String,
    /// What a person reads, by language tag (`de`, `en`).
    #[serde(default)]
    pub label: BTreeMap<String, String>,
}

impl AppConfig {
    /// Holds a conversation that is to be opened against this configuration.
    pub fn check_open(&self, open: &OpenConversation) -> Result<(), Violation> {
        text::check(&open.subject, self.limits.subject_chars, "subject")?;
        if let Some(category) = &open.category
            && !self.categories.iter().any(|known| known.id == *category)
        {
            return Err(Violation::new(Code::UnknownCategory, "category", "the category is not in /v1/config"));
        }
        if open.fields.len() > self.limits.fields as usize {
            let most = self.limits.fields;
            return Err(Violation::new(Code::FieldInvalid, "fields", format!("at most {most} fields are allowed")));
        }
        for (key, value) in &open.fields {
            let definition = self.fields.iter().find(|definition| definition.key == *key);
            match definition {
                Some(definition) => definition.check(value, self.limits.field_chars)?,
                None => return Err(Violation::new(Code::UnknownField, "fields", "a field is not in /v1/config")),
            }
        }
        if let Some(missing) = self.fields.iter().find(|field| field.required && !open.fields.contains_key(&field.key))
        {
            return Err(Violation::new(
                Code::FieldRequired,
                format!("fields.{}", missing.key),
                "the field is required",
            ));
        }
        self.check_words(&open.message.text, open.message.attachments.len(), "message.text")
    }

    /// Holds a message that is to be sent against this configuration.
    pub fn check_send(&self, send: &SendMessage) -> Result<(), Violation> {
        self.check_words(&send.text, send.attachments.len(), "text")
    }

    /// Holds words and the number of files beside them against the limits: a message says something in either way.
    pub fn check_words(&self, text: &str, attachments: usize, field: &'static str) -> Result<(), Violation> {
        let most = self.limits.attachments;
        if attachments > most as usize {
            return Err(Violation::new(
                Code::TooManyAttachments,
                "attachments",
                format!("at most {most} files are allowed in one message"),
            ));
        }
        if attachments > 0 && text::is_blank(text) {
            return text::check_characters(text, self.limits.text_chars, field);
        }
        self.check_text(text, field)
    }

    /// Holds the text of a message against the limit.
    pub fn check_text(&self, text: &str, field: &'static str) -> Result<(), Violation> {
        text::check(text, self.limits.text_chars, field)
    }
}
