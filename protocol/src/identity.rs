//! Who a person is: an app that knows its users proves it with a token that its own backend has signed. The token says
//! who; the device's secret stays the credential of every request.

use serde::{Deserialize, Serialize};

use crate::{ids::PersonId, sync::Epoch};

/// Body of `PUT /v1/identity`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogIn {
    /// A JSON Web Token (RFC 7519) in its compact form; at most [`TOKEN_BYTES`](crate::limits::TOKEN_BYTES) bytes.
    #[cfg_attr(feature = "openapi", schema(max_length = 8192))]
    pub token: String,
}

/// Never prints the token.
impl std::fmt::Debug for LogIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogIn").finish_non_exhaustive()
    }
}

/// Answer to `PUT /v1/identity`: whom the device speaks for from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    /// The person. Another one than before if the anonymous person of the device became an alias.
    pub person_id: PersonId,
    /// The user's name in the app's own words: the `sub` of the token.
    pub subject: String,
    /// What agents call the person, if a token has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The history that the person's writes belong to from now on.
    pub epoch: Epoch,
    /// Whether this request made the anonymous person an alias of a user that was there before. The epoch is another one
    /// then, for every device of the user.
    pub merged: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        assert!(!format!("{:?}", LogIn { token: "geheim".into() }).contains("geheim"));
    }
}
