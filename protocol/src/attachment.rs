//! A file of a message, as the server describes it.

use serde::{Deserialize, Serialize};

use crate::ids::AttachmentId;

/// Width and height of a picture, as it is shown: turned as its camera was held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dimensions {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// Whether a file may be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// It may.
    #[default]
    Ready,
    /// The virus scan has not ended: whoever did not send it cannot open it yet.
    Scanning,
    /// The virus scan has found something: nobody can open it.
    Blocked,
    /// A state of a later version: treated like `scanning`.
    #[serde(other)]
    Unknown,
}

/// A file of a message. Its bytes come from `GET /v1/attachments/{id}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Which file.
    pub id: AttachmentId,
    /// Its name, to show and to save under.
    pub name: String,
    /// What it is, as its bytes tell (RFC 6838).
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// SHA-256 of its bytes: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size in pixels, if it is a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Dimensions>,
    /// The size in pixels of its thumbnail, if it has one: a JPEG at `GET /v1/attachments/{id}/thumbnail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Dimensions>,
    /// Whether it may be opened.
    #[serde(default)]
    pub state: AttachmentState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_a_later_version_is_no_error() {
        let json = r#"{"id":"01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f","name":"a.jpg","media_type":"image/jpeg","size":3,
            "sha256":"00","state":"quarantined"}"#;
        assert_eq!(serde_json::from_str::<Attachment>(json).unwrap().state, AttachmentState::Unknown);
    }
}
