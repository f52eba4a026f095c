//! What fuzzing reaches inside the crate. No part of the API.

use beistand_protocol::UnixMillis;

use crate::api::transport::Response;
use crate::outbox::outcome::{self, Outcome};
use crate::outbox::policy::Policy;

/// Judges an answer as the worker does for a body that it expects to be empty.
pub fn classify(response: Response, wall: UnixMillis, policy: &Policy) -> Outcome {
    outcome::classify(&Ok(response), |response| response.body.is_empty(), wall, policy)
}
