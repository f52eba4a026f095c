//! Identities. A phone mints the ids of what it creates (UUIDv7, RFC 9562), and such an id is its idempotency key for
//! ever; a server mints those of persons and agents.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::UnixMillis;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid, examples("01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f")))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Builds an id from the time it is minted at and 80 random bits, as RFC 9562 describes version 7. Time and
            /// chance come in as arguments so that a seeded test mints the same ids again.
            pub fn mint(at: UnixMillis, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.0).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The 16 bytes, as stored in a database.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Reads 16 stored bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// A ticket with its timeline; minted by the phone that opens it.
    ConversationId
);
id!(
    /// One message; minted by whoever writes it.
    MessageId
);
id!(
    /// One file of a message; minted by whoever sends it.
    AttachmentId
);
id!(
    /// One report of what was counted in the FAQ; minted by the phone.
    FaqReportId
);
id!(
    /// One write of a phone: the id of its outbox row, sent as `Operation-Id`.
    OperationId
);
id!(
    /// One installation of the SDK; minted by the phone.
    DeviceId
);
id!(
    /// The human behind one or more devices; minted by the server.
    PersonId
);
id!(
    /// Somebody who answers; minted by the server.
    AgentId
);
