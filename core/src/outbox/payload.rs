//! What a row of the outbox wants done, as it is stored, and the request it becomes.
//!
//! A stored payload has a version. A format change adds a step to `migrate` and never deletes a row; a row whose
//! request is frozen is not touched by it, since what may be at the server must be repeated byte for byte.

use beistand_protocol::{
    AppConfig, AttachmentId, ConversationId, EditMessage, FaqReportId, FieldValue, MessageId, OpenConversation,
    ReadMarks, SendMessage, Status, StatusChange, UnixMillis,
    faq::{ArticleFeedback, ArticleId, FaqReport},
    limits,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::model::OperationKind;

/// The version that this build writes.
pub const VERSION: u32 = 1;

/// What a row wants done.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// Open a conversation.
    Open {
        /// Which one.
        conversation: ConversationId,
        /// The whole ticket.
        body: OpenConversation,
    },
    /// Send a message.
    Send {
        /// Where.
        conversation: ConversationId,
        /// Which one.
        message: MessageId,
        /// The words, and when they were written.
        body: SendMessage,
    },
    /// Change the words of a message.
    Edit {
        /// Where.
        conversation: ConversationId,
        /// Which one.
        message: MessageId,
        /// The new words.
        text: String,
        /// The words it replaces, to be put back if it is given up.
        before: String,
    },
    /// Take a message back.
    Retract {
        /// Where.
        conversation: ConversationId,
        /// Which one.
        message: MessageId,
    },
    /// Take a conversation back whose opening may have arrived.
    Withdraw {
        /// Which one.
        conversation: ConversationId,
    },
    /// Close or reopen.
    Status {
        /// Which one.
        conversation: ConversationId,
        /// To what.
        status: Status,
        /// What it replaces, to be put back if it is given up.
        before: Status,
    },
    /// Tell how far the person has read.
    Read {
        /// Which one.
        conversation: ConversationId,
        /// How far.
        marks: ReadMarks,
    },
    /// Tell what the person thinks of an article.
    FaqFeedback {
        /// Which one.
        article: ArticleId,
        /// What they think.
        body: ArticleFeedback,
    },
    /// Tell what was counted in the FAQ.
    FaqReport {
        /// Which report.
        report: FaqReportId,
        /// The counts.
        body: FaqReport,
    },
}

impl Payload {
    /// Its kind.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Open { .. } => OperationKind::Open,
            Self::Send { .. } => OperationKind::Send,
            Self::Edit { .. } => OperationKind::Edit,
            Self::Retract { .. } => OperationKind::Retract,
            Self::Withdraw { .. } => OperationKind::Withdraw,
            Self::Status { .. } => OperationKind::Status,
            Self::Read { .. } => OperationKind::Read,
            Self::FaqFeedback { .. } => OperationKind::Feedback,
            Self::FaqReport { .. } => OperationKind::Report,
        }
    }

    /// Whether it brings its message into being.
    pub fn creates(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Send { .. })
    }

    /// The files that have to be at the server before it leaves.
    pub fn attachments(&self) -> &[AttachmentId] {
        match self {
            Self::Open { body, .. } => &body.message.attachments,
            Self::Send { body, .. } => &body.attachments,
            _ => &[],
        }
    }

    /// The words that a person sees as a message, if it has any.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Open { body, .. } => Some(&body.message.text),
            Self::Send { body, .. } => Some(&body.text),
            Self::Edit { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The same with other words; what has no words stays as it is.
    #[must_use]
    pub fn with_text(&self, words: &str) -> Self {
        let mut changed = self.clone();
        match &mut changed {
            Self::Open { body, .. } => body.message.text = words.to_owned(),
            Self::Send { body, .. } => body.text = words.to_owned(),
            Self::Edit { text, .. } => *text = words.to_owned(),
            _ => {}
        }
        changed
    }

    /// Where it belongs, if to a conversation.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Open { conversation, .. }
            | Self::Send { conversation, .. }
            | Self::Edit { conversation, .. }
            | Self::Retract { conversation, .. }
            | Self::Withdraw { conversation }
            | Self::Status { conversation, .. }
            | Self::Read { conversation, .. } => Some(*conversation),
            Self::FaqFeedback { .. } | Self::FaqReport { .. } => None,
        }
    }

    /// The message it is about.
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Self::Open { body, .. } => Some(body.message.id),
            Self::Send { message, .. } | Self::Edit { message, .. } | Self::Retract { message, .. } => Some(*message),
            Self::Withdraw { .. }
            | Self::Status { .. }
            | Self::Read { .. }
            | Self::FaqFeedback { .. }
            | Self::FaqReport { .. } => None,
        }
    }

    /// The request, to be frozen. `known` is the server's time as far as it is known: a `sent_at` that no server would
    /// believe is left out, since a phone with a wrong clock must not wedge its person's messages. `config` is what the
    /// server announces: a field that was filled in before anybody knew its kind gets it now.
    pub(crate) fn freeze(&self, known: Option<UnixMillis>, config: Option<&AppConfig>) -> Result<WireBody, StoreError> {
        let believed = |sent_at: Option<UnixMillis>| {
            sent_at.filter(|at| {
                at.0 >= limits::SENT_AT_EARLIEST
                    && known.is_some_and(|known| at.since(known) < limits::SENT_AT_AHEAD_MS / 2)
            })
        };
        let (method, path, body) = match self {
            Self::Open { conversation, body } => {
                let mut body = body.clone();
                body.message.sent_at = believed(body.message.sent_at);
                for definition in config.iter().flat_map(|config| &config.fields) {
                    if let Some(value) = body.fields.get_mut(&definition.key)
                        && let FieldValue::Text(text) = value
                        && let Ok(typed) = definition.parse(text)
                    {
                        *value = typed;
                    }
                }
                (Method::Put, format!("v1/conversations/{conversation}"), to_json(&body)?)
            }
            Self::Send { conversation, message, body } => {
                let body = SendMessage { sent_at: believed(body.sent_at), ..body.clone() };
                (Method::Put, format!("v1/conversations/{conversation}/messages/{message}"), to_json(&body)?)
            }
            Self::Edit { conversation, message, text, .. } => {
                let body = EditMessage { text: text.clone() };
                (Method::Patch, format!("v1/conversations/{conversation}/messages/{message}"), to_json(&body)?)
            }
            Self::Retract { conversation, message } => {
                (Method::Delete, format!("v1/conversations/{conversation}/messages/{message}"), None)
            }
            Self::Withdraw { conversation } => (Method::Delete, format!("v1/conversations/{conversation}"), None),
            Self::Status { conversation, status, .. } => {
                let body = StatusChange { status: *status };
                (Method::Put, format!("v1/conversations/{conversation}/status"), to_json(&body)?)
            }
            Self::Read { conversation, marks } => {
                (Method::Put, format!("v1/conversations/{conversation}/read"), to_json(marks)?)
            }
            Self::FaqFeedback { article, body } => {
                (Method::Put, format!("v1/faq/articles/{article}/feedback"), to_json(body)?)
            }
            Self::FaqReport { report, body } => (Method::Put, format!("v1/faq/reports/{report}"), to_json(body)?),
        };
        Ok(WireBody { method, path, body })
    }
}

fn to_json(body: &impl Serialize) -> Result<Option<String>, StoreError> {
    serde_json::to_string(body).map(Some).map_err(|_| StoreError::Value("a request body"))
}

/// The methods that requests use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Begins an upload.
    Post,
    /// Creates, or replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Takes back.
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A frozen request: repeated exactly like this until an answer comes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WireBody {
    /// The method.
    pub method: Method,
    /// The path below the server's address, without a leading slash.
    pub path: String,
    /// The JSON, byte for byte.
    pub body: Option<String>,
}

/// Reads a stored payload, whatever version wrote it.
pub(crate) fn read(version: u32, json: &str) -> Result<Payload, StoreError> {
    let value: Value = serde_json::from_str(json).map_err(|_| StoreError::Value("an outbox payload"))?;
    let value = migrate(version, value)?;
    serde_json::from_value(value).map_err(|_| StoreError::Value("an outbox payload"))
}

/// Lifts a payload of an older version to the newest. One step a version.
fn migrate(version: u32, value: Value) -> Result<Value, StoreError> {
    match version {
        VERSION => Ok(value),
        _ => Err(StoreError::Value("an outbox payload of another version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(sent_at: i64) -> Payload {
        Payload::Send {
            conversation: ConversationId::mint(UnixMillis(1), [1; 10]),
            message: MessageId::mint(UnixMillis(1), [2; 10]),
            body: SendMessage { text: "Hallo".into(), attachments: Vec::new(), sent_at: Some(UnixMillis(sent_at)) },
        }
    }

    #[test]
    fn a_payload_of_the_first_version_reads_for_ever() {
        let stored = r#"{"kind":"send","conversation":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f",
            "message":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e70","body":{"text":"Hallo","sent_at":"2026-11-21T09:30:00.000Z"}}"#;
        let payload = read(1, stored).unwrap();
        assert_eq!(payload.kind(), OperationKind::Send);
        assert!(read(99, stored).is_err());
        let stored =
            r#"{"kind":"faq_feedback","article":"returns","body":{"helpful":false,"locale":"de","version":7}}"#;
        let frozen = read(1, stored).unwrap().freeze(None, None).unwrap();
        assert_eq!((frozen.method, frozen.path.as_str()), (Method::Put, "v1/faq/articles/returns/feedback"));
        assert_eq!(frozen.body.unwrap(), r#"{"helpful":false,"locale":"de","version":7}"#);
        let stored = r#"{"kind":"faq_report","report":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f","body":{"views":
            [{"article":"returns","locale":"de","count":2}],"searches":[{"locale":"de","query":"farbe","count":1}]}}"#;
        assert_eq!(read(1, stored).unwrap().kind(), OperationKind::Report);
    }

    #[test]
    fn a_field_filled_in_before_its_kind_was_known_gets_it_when_it_leaves() {
        let definition = r#"{"key":"amount","kind":"number"}"#;
        let config = AppConfig { fields: vec![serde_json::from_str(definition).unwrap()], ..AppConfig::default() };
        let body = r#"{"subject":"s","fields":{"amount":"12.5","other":"1"},
            "message":{"id":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e70","text":"t"}}"#;
        let conversation = ConversationId::mint(UnixMillis(1), [1; 10]);
        let open = Payload::Open { conversation, body: serde_json::from_str(body).unwrap() };
        let frozen = open.freeze(None, Some(&config)).unwrap().body.unwrap();
        assert!(frozen.contains(r#""amount":12.5"#) && frozen.contains(r#""other":"1""#), "{frozen}");
    }

    #[test]
    fn a_time_that_no_server_believes_is_left_out() {
        let known = Some(UnixMillis(1_795_253_400_000));
        let year_9999 = 253_400_000_000_000;
        for (at, known, expected) in [
            (1_795_253_400_000, known, true),
            (0, known, false),
            (year_9999, known, false),
            (1_795_253_400_000, None, false),
        ] {
            let frozen = send(at).freeze(known, None).unwrap();
            assert_eq!(frozen.body.unwrap().contains("sent_at"), expected, "{at}");
        }
    }
}
