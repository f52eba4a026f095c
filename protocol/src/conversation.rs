//! A conversation: the ticket, its state, and what a person may do to it.

use serde::{Deserialize, Serialize};

use crate::{
    fields::Fields,
    ids::{AgentId, ConversationId, MessageId, PersonId},
    message::{FirstMessage, Message},
    time::UnixMillis,
};

/// How pressing a conversation is, as its person sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual case.
    #[default]
    Normal,
    /// Before the usual ones.
    High,
    /// Somebody is stuck.
    Urgent,
}

/// Where a conversation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// An agent has to act.
    #[default]
    Open,
    /// The person has to act.
    Pending,
    /// Answered for good, as the agent thinks; a new message of the person opens it again.
    Solved,
    /// Over; a new message of the person, or reopening, opens it again.
    Closed,
}

/// The agent who takes care of a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Assignee {
    /// Which agent.
    pub id: AgentId,
    /// The name that persons see.
    pub name: String,
}

/// How far one side has got in a conversation; both numbers only grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadMarks {
    /// Everything up to this message seq has reached a screen's device.
    #[serde(default)]
    pub delivered_seq: u64,
    /// Everything up to this message seq has been looked at.
    #[serde(default)]
    pub read_seq: u64,
}

impl ReadMarks {
    /// The larger of each; a read message was delivered as well.
    pub fn grown(self, other: Self) -> Self {
        let read_seq = self.read_seq.max(other.read_seq);
        Self { delivered_seq: self.delivered_seq.max(other.delivered_seq).max(read_seq), read_seq }
    }
}

/// How far both sides have got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipts {
    /// The person's marks, over all their devices.
    #[serde(default)]
    pub person: ReadMarks,
    /// The agents' marks, over all agents.
    #[serde(default)]
    pub agents: ReadMarks,
}

/// Who a conversation belongs to, as agents see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonSummary {
    /// Which person.
    pub id: PersonId,
    /// The name, once one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who the person is to the app (the `sub` of a login); absent for an anonymous person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The language tag of the person's newest device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A conversation as the server knows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conversation {
    /// Which one.
    pub id: ConversationId,
    /// Grows with every change of this resource: an older copy that arrives late is known by it.
    pub version: u64,
    /// What it is about, in the person's words.
    pub subject: String,
    /// What it is filed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How pressing it is; a value of a later version reads as `normal`.
    #[serde(default, deserialize_with = "known_or_default")]
    pub priority: Priority,
    /// Values of the app's custom fields.
    #[serde(default)]
    pub fields: Fields,
    /// Where it stands; a value of a later version reads as `open`.
    #[serde(deserialize_with = "known_or_default")]
    pub status: Status,
    /// Who takes care of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Assignee>,
    /// How far both sides have read.
    #[serde(default)]
    pub receipts: Receipts,
    /// The seq of the newest message.
    pub last_seq: u64,
    /// When the server stored it.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
    /// Set if the person took it back before it was worked on; persons do not see it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<UnixMillis>,
    /// Whose it is; only in answers to agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonSummary>,
}

/// A value that this version does not know must not make a whole resource unreadable.
fn known_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Body of `PUT /v1/conversations/{id}`: a whole ticket in one write.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenConversation {
    /// What it is about.
    pub subject: String,
    /// One of the announced categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How pressing it is.
    #[serde(default)]
    pub priority: Priority,
    /// Values of announced custom fields.
    #[serde(default)]
    pub fields: Fields,
    /// The first message.
    pub message: FirstMessage,
}

/// Answer to `PUT /v1/conversations/{id}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Opened {
    /// The conversation as it is today.
    pub conversation: Conversation,
    /// Its first message as it is today.
    pub message: Message,
}

/// Answer to `DELETE /v1/conversations/{id}`: nothing of it will be stored any more, even if its opening arrives later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Withdrawn {
    /// Which conversation.
    pub id: ConversationId,
    /// The id of its first message, if it had arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// When it was taken back.
    pub withdrawn_at: UnixMillis,
}

/// Body of `PUT /v1/conversations/{id}/status`. A person may set `open` and `closed`, an agent all four.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusChange {
    /// The new status.
    pub status: Status,
}
