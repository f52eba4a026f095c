//! Sync: the changes of a person (or of an app's agents) in order, behind an opaque cursor.

use serde::{Deserialize, Serialize};

use crate::{conversation::Conversation, ids::ConversationId, message::Message};

/// Names one history of the server: another one after a restore from backup, a merge of persons, or an operator's word.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(transparent)]
pub struct Epoch(pub String);

/// One change: the whole resource as it is now, so that applying it twice is harmless.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Its place in the stream.
    pub seq: u64,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// What changed.
    #[serde(flatten)]
    pub body: ChangeBody,
}

/// What changed; a kind of a later version is kept as it came.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ChangeBody {
    /// A kind of this version.
    Known(KnownChange),
    /// Any other: the JSON as it came.
    Unknown(serde_json::Map<String, serde_json::Value>),
}

/// Read as a JSON object first, for the same reason as the content of a message.
impl<'de> Deserialize<'de> for ChangeBody {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = serde_json::Map::deserialize(deserializer)?;
        match KnownChange::deserialize(&raw) {
            Ok(known) => Ok(Self::Known(known)),
            Err(_) => Ok(Self::Unknown(raw)),
        }
    }
}

/// The kinds of change of this version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KnownChange {
    /// A conversation is new or changed.
    Conversation {
        /// The whole conversation.
        conversation: Box<Conversation>,
    },
    /// A message is new or changed.
    Message {
        /// The whole message.
        message: Box<Message>,
    },
}

/// Where a page stands in a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotPart {
    /// The snapshot begins: what the phone knew from this server before may be gone.
    pub first: bool,
    /// The snapshot ends: conversations that none of its pages held are gone.
    pub last: bool,
}

/// How far the server has got in one lane of the asking device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LaneMark {
    /// The lane, in the form that `Operation-Order` uses.
    pub lane: String,
    /// The largest lane_seq that took effect.
    pub high_water: u64,
}

/// Answer to `GET /v1/sync` and `GET /v1/agent/sync`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncPage {
    /// The changes, by ascending seq; in a snapshot, each conversation followed by its newest messages.
    pub changes: Vec<Change>,
    /// Ask for the next page with this. Opaque.
    pub cursor: String,
    /// The history that the cursor belongs to.
    pub epoch: Epoch,
    /// Whether asking again at once brings more.
    pub has_more: bool,
    /// Set on the pages of a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotPart>,
    /// On the first page of a person's snapshot: the asking device's lanes. Acknowledged writes above a mark, or in a
    /// lane that is not listed, are not in this history and are to be sent again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneMark>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    #[test]
    fn a_member_that_comes_twice_reads_alike_before_and_after_the_store() {
        let id = ConversationId::mint(UnixMillis(5), [1; 10]);
        let message = format!(
            r#"{{"id":"{id}","conversation_id":"{id}","seq":1,"version":1,"version":2,"author":{{"kind":"person"}},
                "content":{{"kind":"text","text":"a"}},"created_at":"2026-11-21T09:30:00Z"}}"#
        );
        let json = format!(r#"{{"seq":7,"conversation_id":"{id}","kind":"message","message":{message}}}"#);
        let change: Change = serde_json::from_str(&json).unwrap();
        let again: Change = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
        assert_eq!(again, change);
    }

    #[test]
    fn an_unknown_change_is_kept_raw() {
        let id = ConversationId::mint(UnixMillis(5), [1; 10]);
        let json = format!(r#"{{"seq":7,"conversation_id":"{id}","kind":"rating","stars":5}}"#);
        let change: Change = serde_json::from_str(&json).unwrap();
        assert!(matches!(&change.body, ChangeBody::Unknown(raw) if raw["stars"] == 5 && raw["kind"] == "rating"));
        let back = serde_json::to_value(&change).unwrap();
        assert_eq!(back, serde_json::from_str::<serde_json::Value>(&json).unwrap());
    }
}
