//! Downloads for agents: their own files, and those of the app's messages, notes included.

use axum::{extract::State, http::HeaderMap, response::Response};
use beistand_protocol::AttachmentId;

use crate::{
    api::{
        State as Shared,
        attachments::{Which, endpoint, serve},
        extract::{AttachmentPath, ForAgent},
        openapi::{DownloadProblems, FileBytes},
        problem::Answer,
    },
    store::Reader,
};

endpoint!(
    /// The bytes of a file of the app's messages, or of the agents' own.
    download, Which::File, ForAgent, |_| Reader::Agent, "agent",
    "/v1/agent/attachments/{attachment_id}", (("agent_session" = []), ("agent_api_key" = []))
);
endpoint!(
    /// The thumbnail of a photo.
    thumbnail, Which::Thumbnail, ForAgent, |_| Reader::Agent, "agent",
    "/v1/agent/attachments/{attachment_id}/thumbnail", (("agent_session" = []), ("agent_api_key" = []))
);
