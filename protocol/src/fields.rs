//! Typed custom fields: what an app's server announces, and how a value is held against it on either side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, macros::format_description};

use crate::problem::{Code, Violation};

/// The values of a conversation, by the key of their definition.
pub type Fields = BTreeMap<String, FieldValue>;

/// A value as it stands in JSON; a date is the text `YYYY-MM-DD`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum FieldValue {
    /// For a field of kind `bool`.
    Bool(bool),
    /// For a field of kind `number`; finite, since JSON has no other numbers.
    Number(f64),
    /// For fields of kind `text`, `choice` and `date`.
    Text(String),
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Free text.
    Text,
    /// A finite number.
    Number,
    /// One of `choices`.
    Choice,
    /// A day in the Gregorian calendar, `YYYY-MM-DD`, between 1900 and 2199.
    Date,
    /// Yes or no.
    Bool,
}

/// One custom field as `GET /v1/config` announces it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldDefinition {
    /// Stable name, as used in a conversation's `fields`.
    pub key: String,
    /// What it holds.
    pub kind: FieldKind,
    /// What a person reads, by language tag (`de`, `en`).
    #[serde(default)]
    pub label: BTreeMap<String, String>,
    /// Whether a conversation cannot be opened without it.
    #[serde(default)]
    pub required: bool,
    /// The values that a `choice` may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Scalar values in a `text`, if fewer than the server's general limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<u32>,
}

impl FieldDefinition {
    /// Reads a value from text as a person or a script writes it (`yes`, `3.5`, `2026-11-21`).
    pub fn parse(&self, text: &str) -> Result<FieldValue, Violation> {
        let value = match self.kind {
            FieldKind::Bool => match text {
                "true" | "yes" | "ja" | "1" => FieldValue::Bool(true),
                "false" | "no" | "nein" | "0" => FieldValue::Bool(false),
                _ => return Err(self.violation("is yes or no")),
            },
            FieldKind::Number => FieldValue::Number(text.parse().map_err(|_| self.violation("is a number"))?),
            FieldKind::Text | FieldKind::Choice | FieldKind::Date => FieldValue::Text(text.to_owned()),
        };
        self.check(&value, u32::MAX)?;
        Ok(value)
    }

    /// Holds a value against this definition.
    pub fn check(&self, value: &FieldValue, general_limit: u32) -> Result<(), Violation> {
        match (self.kind, value) {
            (FieldKind::Bool, FieldValue::Bool(_)) => Ok(()),
            (FieldKind::Number, FieldValue::Number(number)) if number.is_finite() => Ok(()),
            (FieldKind::Text, FieldValue::Text(text)) => {
                let limit = self.max_chars.unwrap_or(general_limit).min(general_limit);
                if text.chars().count() > limit as usize {
                    return Err(self.violation(&format!("has at most {limit} characters")));
                }
                if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                    return Err(self.violation("has no control characters"));
                }
                Ok(())
            }
            (FieldKind::Choice, FieldValue::Text(text)) if self.choices.contains(text) => Ok(()),
            (FieldKind::Choice, _) => Err(self.violation("is one of its choices")),
            (FieldKind::Date, FieldValue::Text(text)) => {
                let day = Date::parse(text, format_description!("[year]-[month]-[day]"))
                    .map_err(|_| self.violation("is a date, YYYY-MM-DD"))?;
                if (1900..2200).contains(&day.year()) {
                    Ok(())
                } else {
                    Err(self.violation("lies between 1900 and 2199"))
                }
            }
            (kind, _) => Err(self.violation(match kind {
                FieldKind::Bool => "is true or false",
                FieldKind::Number => "is a number",
                FieldKind::Text => "is text",
                FieldKind::Choice => "is one of its choices",
                FieldKind::Date => "is a date, YYYY-MM-DD",
            })),
        }
    }

    fn violation(&self, rule: &str) -> Violation {
        Violation::new(Code::FieldInvalid, format!("fields.{}", self.key), format!("the field {rule}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldKind) -> FieldDefinition {
        FieldDefinition {
            key: "f".into(),
            kind,
            label: BTreeMap::new(),
            required: false,
            choices: vec!["S".into(), "M".into()],
            max_chars: Some(5),
        }
    }

    #[test]
    fn a_number_survives_its_text_to_the_last_bit() {
        for text in [
            "31.245270191439438",
            "121.48791951161945",
            "0.30000000000000004",
            "45913141877270640000.0",
            "1.1754943508222875e-38",
            "-0.0",
            "1e21",
        ] {
            let number: FieldValue = serde_json::from_str(text).unwrap();
            assert_eq!(number, FieldValue::Number(text.parse().unwrap()), "{text}");
            let again = serde_json::to_string(&number).unwrap();
            assert_eq!(serde_json::from_str::<FieldValue>(&again).unwrap(), number, "{text}");
        }
    }

    #[test]
    fn each_kind_takes_its_own_values_and_no_others() {
        let good = [
            (FieldKind::Text, "abcde"),
            (FieldKind::Number, "-3.5"),
            (FieldKind::Choice, "M"),
            (FieldKind::Date, "2026-02-28"),
            (FieldKind::Bool, "ja"),
        ];
        for (kind, text) in good {
            field(kind).parse(text).unwrap();
        }
        let bad = [
            (FieldKind::Text, "abcdef"),
            (FieldKind::Number, "three"),
            (FieldKind::Number, "inf"),
            (FieldKind::Choice, "XXL"),
            (FieldKind::Date, "2026-02-30"),
            (FieldKind::Date, "9999-01-01"),
            (FieldKind::Bool, "perhaps"),
        ];
        for (kind, text) in bad {
            assert_eq!(field(kind).parse(text).unwrap_err().code, Code::FieldInvalid, "{kind:?} {text}");
        }
    }
}
