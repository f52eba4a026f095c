//! Answers of whatever stands between phone and server: nothing but a problem document of ours may wedge a message.

use std::time::Duration;

use beistand_core::{
    api::transport::Response,
    fuzzing,
    outbox::{Outcome, policy::Policy},
};
use beistand_protocol::{Problem, UnixMillis, problem::PROBLEM_JSON};

/// An answer, written as three lines (status, `Content-Type`, `Retry-After`) and the body.
pub fn problem(data: &[u8]) {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (status, content_type, retry_after) = (line().trim().parse::<u16>().unwrap_or(0), line(), line());
    let body = parts.next().unwrap_or_default().to_vec();
    let headers = vec![("content-type".to_owned(), content_type.clone()), ("retry-after".to_owned(), retry_after)];
    let response = Response { status, headers, body: body.clone() };
    let policy = Policy::default();
    let outcome = fuzzing::classify(response, UnixMillis(1_700_000_000_000), &policy);

    let ours = content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(PROBLEM_JSON);
    let document = serde_json::from_slice::<Problem>(&body).ok().filter(|_| ours);
    let code = document.as_ref().and_then(Problem::known_code).filter(|code| code.status() == status);
    let within = |wait: Duration| wait >= policy.least_retry_after && wait <= policy.most_retry_after;
    match outcome {
        Outcome::Stored => assert!((200..300).contains(&status), "status {status} was taken for a success"),
        Outcome::Transient { retry_after, server_error } => {
            assert!(retry_after.is_none_or(within), "a wait of {retry_after:?}");
            assert_eq!(server_error, status >= 500);
        }
        Outcome::RateLimited { retry_after } => assert!(code.is_some() && within(retry_after)),
        Outcome::Refused { code: refused, .. } => assert_eq!(Some(refused), code, "a foreign answer wedges"),
        Outcome::Identity { code: refused } => assert_eq!(Some(refused), code, "a foreign answer asks for an identity"),
        Outcome::Interrupted | Outcome::Unsendable { .. } => panic!("an answer was taken for something of this phone"),
        Outcome::UnknownApp | Outcome::EpochChanged | Outcome::UpdateRequired => {
            assert!(code.is_some(), "a foreign answer stops the outbox");
        }
    }
}
