//! The API that agents and their console use.

use serde::{Deserialize, Serialize};

use crate::{
    conversation::Conversation,
    ids::{AgentId, AttachmentId},
    message::Visibility,
    time::UnixMillis,
};

/// The name of the session cookie.
pub const SESSION_COOKIE: &str = "beistand_session";

/// What an agent may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers.
    #[default]
    Agent,
    /// Answers, and manages API keys.
    Admin,
}

/// Somebody who answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Agent {
    /// Which agent.
    pub id: AgentId,
    /// The name that persons see, and that the agent signs in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Body of `POST /v1/agent/session`; the app is named by `X-App-Key`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// The agent's name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIn(…)")
    }
}

/// Answer to a sign-in; the session itself is in the cookie.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Who signed in.
    pub agent: Agent,
    /// When the session ends by itself.
    pub expires_at: UnixMillis,
}

/// Answer to `GET /v1/agent/agents`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentList {
    /// All agents of the app, by name.
    pub agents: Vec<Agent>,
}

/// Answer to `GET /v1/agent/conversations`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationPage {
    /// Newest change first.
    pub conversations: Vec<Conversation>,
    /// Ask for the next page with this; absent on the last one. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Body of `PUT /v1/agent/conversations/{id}/messages/{message_id}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentMessage {
    /// The words; may be empty if there are files.
    pub text: String,
    /// Uploaded files, in the order they are to be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
    /// `agents` makes it a note.
    #[serde(default)]
    pub visibility: Visibility,
}

/// Body of `PUT /v1/agent/conversations/{id}/assignee`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Assign {
    /// The agent who takes it; `null` gives it back.
    pub agent_id: Option<AgentId>,
}

/// Body of `POST /v1/agent/api-keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateApiKey {
    /// What it is for, for whoever reads the list; at most 100 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 100))]
    pub label: String,
}

/// Answer to `POST /v1/agent/api-keys`: the only time the key itself is seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    /// The entry in the list.
    #[serde(flatten)]
    pub entry: ApiKey,
    /// To be sent as `Authorization: Bearer <key>`.
    pub key: String,
}

impl std::fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedApiKey").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// One API key in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Its public part.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// Answer to `GET /v1/agent/api-keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyList {
    /// All keys of the app, oldest first.
    pub keys: Vec<ApiKey>,
}
