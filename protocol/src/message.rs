//! Messages of a conversation's timeline.

use serde::{Deserialize, Serialize};

use crate::{
    attachment::Attachment,
    ids::{AgentId, AttachmentId, ConversationId, MessageId},
    time::UnixMillis,
};

/// Who wrote a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Author {
    /// The person whose conversation it is.
    Person,
    /// An agent.
    Agent {
        /// Which agent.
        id: AgentId,
        /// The name that persons see.
        name: String,
    },
    /// The server itself.
    System,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What a message holds. An unknown kind is kept as it came, and renders once the app is updated.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Content {
    /// A kind of this version.
    Known(KnownContent),
    /// Any other: the JSON as it came.
    Unknown(serde_json::Map<String, serde_json::Value>),
}

/// Read as a JSON object first: of a member that comes twice, the last counts, in a known kind as in an unknown one. A
/// message would otherwise turn from unknown to known on its way through the phone's own store.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = serde_json::Map::deserialize(deserializer)?;
        match KnownContent::deserialize(&raw) {
            Ok(known) => Ok(Self::Known(known)),
            Err(_) => Ok(Self::Unknown(raw)),
        }
    }
}

/// The kinds of content of this version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KnownContent {
    /// Plain text.
    Text {
        /// The words; empty only if there are files.
        text: String,
        /// Its files, in the order the writer gave them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
    },
    /// A message that was taken back: its words are gone.
    Retracted,
}

impl Content {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::with_attachments(text, Vec::new())
    }

    /// Text with files.
    pub fn with_attachments(text: impl Into<String>, attachments: Vec<Attachment>) -> Self {
        Self::Known(KnownContent::Text { text: text.into(), attachments })
    }

    /// The tombstone of a message that was taken back.
    pub fn retracted() -> Self {
        Self::Known(KnownContent::Retracted)
    }

    /// The words, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Known(KnownContent::Text { text, .. }) => Some(text),
            _ => None,
        }
    }

    /// The files, if it has any.
    pub fn attachments(&self) -> &[Attachment] {
        match self {
            Self::Known(KnownContent::Text { attachments, .. }) => attachments,
            _ => &[],
        }
    }
}

/// Who may see a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The person and the agents.
    #[default]
    All,
    /// Agents only: a note. It never appears in an answer to a person.
    Agents,
}

/// A message as the server knows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Which one.
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place: 1, 2, 3 … in the order the server stored them; notes take places too.
    pub seq: u64,
    /// Grows with every change of this message.
    pub version: u64,
    /// Who wrote it.
    pub author: Author,
    /// What it holds.
    pub content: Content,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// The writer's own clock: to show, never to order by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<UnixMillis>,
    /// When the server stored it.
    pub created_at: UnixMillis,
    /// When its words last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<UnixMillis>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted_at: Option<UnixMillis>,
}

/// Body of `PUT /v1/conversations/{id}/messages/{message_id}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendMessage {
    /// The words; may be empty if there are files.
    pub text: String,
    /// Uploaded files, in the order they are to be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
    /// The writer's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<UnixMillis>,
}

/// The first message inside the body that opens a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FirstMessage {
    /// Its id, minted by the phone like any other message's.
    pub id: MessageId,
    /// The words; may be empty if there are files.
    pub text: String,
    /// Uploaded files, in the order they are to be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
    /// The writer's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<UnixMillis>,
}

/// Body of `PATCH /v1/conversations/{id}/messages/{message_id}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditMessage {
    /// The new words.
    pub text: String,
}

/// Answer to `DELETE /v1/conversations/{id}/messages/{message_id}`: its words are gone, and stay gone even if the message
/// itself arrives later.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retraction {
    /// Which message.
    pub id: MessageId,
    /// Where it stood.
    pub conversation_id: ConversationId,
    /// When it was taken back.
    pub retracted_at: UnixMillis,
    /// Its tombstone in the timeline, if it had arrived before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

/// A page of history, oldest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagePage {
    /// The messages, by ascending seq.
    pub messages: Vec<Message>,
    /// Whether older ones exist: ask again with `before` = the first seq of this page.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_content_survives_as_it_came() {
        let json = r#"{"kind":"poll","question":"Red?","options":["yes","no"]}"#;
        let content: Content = serde_json::from_str(json).unwrap();
        assert!(matches!(content, Content::Unknown(_)));
        let back: serde_json::Value = serde_json::to_value(&content).unwrap();
        assert_eq!(back, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }

    #[test]
    fn a_member_that_comes_twice_does_not_make_content_unknown() {
        let twice = r#"{"kind":"text","text":"first","text":"last"}"#;
        assert_eq!(serde_json::from_str::<Content>(twice).unwrap(), Content::text("last"));
    }

    #[test]
    fn an_unknown_author_is_no_error() {
        let author: Author = serde_json::from_str(r#"{"kind":"bot","name":"Bo"}"#).unwrap();
        assert_eq!(author, Author::Unknown);
    }
}
