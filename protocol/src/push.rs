//! Where to wake an installation when a message waits and no socket is open.

use serde::{Deserialize, Serialize};

use crate::limits::PUSH_TOKEN_BYTES;
use crate::problem::{Code, Violation};

/// Body of `PUT /v1/devices/{device_id}/push-token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushToken {
    /// Who delivers: `fcm`, `apns`, `apns-sandbox`, `webpush` …; 1 to 40 lower-case letters, digits and hyphens.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9-]+$"))]
    pub service: String,
    /// What that service calls this installation; 1 to 4,096 visible ASCII characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096, pattern = "^[!-~]+$"))]
    pub token: String,
}

impl PushToken {
    /// Holds both against their forms.
    pub fn check(&self) -> Result<(), Violation> {
        let service = (1..=40).contains(&self.service.len())
            && self.service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !service {
            return Err(Violation::new(Code::PushTokenInvalid, "service", "1 to 40 of a-z, 0-9 and hyphen"));
        }
        let token =
            (1..=PUSH_TOKEN_BYTES).contains(&self.token.len()) && self.token.bytes().all(|b| b.is_ascii_graphic());
        if !token {
            return Err(Violation::new(Code::PushTokenInvalid, "token", "1 to 4,096 visible ASCII characters"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for PushToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushToken").field("service", &self.service).finish_non_exhaustive()
    }
}
