//! What the end of an attempt means: a pure function of the answer.
//!
//! Only a problem document with a code that this version knows may wedge a row. A proxy's 403, an HTML page with status
//! 200 behind a captive portal, a redirect, a code of a later server: all of them are *try again*, so that a bad
//! deployment never wedges every phone.

use std::time::{Duration, SystemTime};

use beistand_protocol::{Code, Problem, UnixMillis, problem::PROBLEM_JSON};

use crate::api::transport::{Response, TransportError};
use crate::outbox::policy::Policy;

/// What the end of an attempt means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The server has it, now or since an earlier attempt.
    Stored,
    /// Nobody knows, or not now: the same again, later.
    Transient {
        /// When the server wants to see it again.
        retry_after: Option<Duration>,
        /// Whether a server error was the cause: too many of one row are the row's fault.
        server_error: bool,
    },
    /// The line broke while a file was on its way, but part of it arrived.
    Interrupted,
    /// This phone cannot send it.
    Unsendable {
        /// Why: a code of the phone itself.
        code: &'static str,
    },
    /// Too many requests of this person: everything waits.
    RateLimited {
        /// When the server wants to see the next one.
        retry_after: Duration,
    },
    /// The credential is not accepted (any more), or the server does not know the device (any more).
    Identity {
        /// Which of the two.
        code: Code,
    },
    /// The server does not know the app: a fault of configuration, here or there.
    UnknownApp,
    /// The server's history is another one.
    EpochChanged,
    /// The server wants a newer app.
    UpdateRequired,
    /// The server refuses for good.
    Refused {
        /// Why.
        code: Code,
        /// The server's sentence for developers.
        detail: String,
    },
}

impl Outcome {
    /// A plain failure: try again.
    pub fn transient() -> Self {
        Self::Transient { retry_after: None, server_error: false }
    }
}

/// Judges an answer. `understood` says whether a success has the body that was expected: a captive portal answers 200
/// to everything.
pub(crate) fn classify(
    answer: &Result<Response, TransportError>,
    understood: impl FnOnce(&Response) -> bool,
    wall: UnixMillis,
    policy: &Policy,
) -> Outcome {
    let Ok(response) = answer else { return Outcome::transient() };
    if (200..300).contains(&response.status) {
        return if understood(response) { Outcome::Stored } else { Outcome::transient() };
    }
    let retry_after =
        response.header("retry-after").and_then(|text| retry_after(text, wall)).map(|w| policy.clamp_retry_after(w));
    let transient = Outcome::Transient { retry_after, server_error: response.status >= 500 };
    let Some((code, problem)) = known_problem(response) else { return transient };
    match code {
        Code::Unauthorized | Code::UnknownDevice => Outcome::Identity { code },
        Code::UnknownApp => Outcome::UnknownApp,
        Code::EpochChanged => Outcome::EpochChanged,
        Code::UpdateRequired => Outcome::UpdateRequired,
        Code::RateLimited => Outcome::RateLimited { retry_after: retry_after.unwrap_or_else(|| policy.wait(4, 1.0)) },
        Code::Internal | Code::Unavailable => transient,
        _ if matches!(response.status, 400 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422) => {
            Outcome::Refused { code, detail: problem.detail }
        }
        _ => transient,
    }
}

/// The problem document of an answer, if it is one whose code this version knows and whose status agrees with the line
/// that carried it.
pub(crate) fn known_problem(response: &Response) -> Option<(Code, Problem)> {
    let media_type = response.header("content-type")?.split(';').next()?.trim();
    if !media_type.eq_ignore_ascii_case(PROBLEM_JSON) {
        return None;
    }
    let problem: Problem = serde_json::from_slice(&response.body).ok()?;
    let code = problem.known_code()?;
    (code.status() == response.status).then_some((code, problem))
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110, 10.2.3) held against this phone's clock.
pub(crate) fn retry_after(text: &str, wall: UnixMillis) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(wall.0).unwrap_or(0));
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, content_type: &str, body: &str, extra: &[(&str, &str)]) -> Outcome {
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        headers.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        classify(&Ok(response), |r| r.body == b"fine", UnixMillis(784_111_777_000), &Policy::default())
    }

    fn problem(code: Code) -> String {
        serde_json::to_string(&Problem::new(code, "because")).unwrap()
    }

    #[test]
    fn only_our_own_problem_documents_wedge() {
        for code in Code::ALL.iter().filter(|code| [400, 403, 409, 413, 415, 422].contains(&code.status())) {
            if *code == Code::EpochChanged {
                continue;
            }
            let outcome = judge(code.status(), PROBLEM_JSON, &problem(*code), &[]);
            assert!(matches!(outcome, Outcome::Refused { code: refused, .. } if refused == *code), "{code}");
        }
    }

    #[test]
    fn foreign_answers_are_tried_again() {
        let cases = [
            (200, "text/html", "<h1>Log in to the hotel</h1>".to_owned()),
            (302, "text/html", String::new()),
            (403, "text/html", "<h1>Forbidden</h1>".to_owned()),
            (404, "application/json", "{}".to_owned()),
            (
                404,
                PROBLEM_JSON,
                r#"{"type":"x","title":"x","status":404,"detail":"x","code":"of-the-future"}"#.to_owned(),
            ),
            (422, PROBLEM_JSON, "not json".to_owned()),
            // A proxy that copies our body onto its own status line is not believed.
            (403, PROBLEM_JSON, problem(Code::NotFound)),
            (408, "text/plain", String::new()),
            (425, "text/plain", String::new()),
        ];
        for (status, content_type, body) in cases {
            assert_eq!(judge(status, content_type, &body, &[]), Outcome::transient(), "{status} {body}");
        }
    }

    #[test]
    fn retry_after_is_honoured_in_both_forms_and_within_bounds() {
        for (text, seconds) in [
            ("7", 7),
            ("0", 1),
            ("99999999", 3600),
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 1),
        ] {
            let outcome = judge(503, "text/html", "", &[("retry-after", text)]);
            let expected = Outcome::Transient { retry_after: Some(Duration::from_secs(seconds)), server_error: true };
            assert_eq!(outcome, expected, "{text}");
        }
    }

    #[test]
    fn the_special_codes_have_their_own_outcomes() {
        assert_eq!(
            judge(404, PROBLEM_JSON, &problem(Code::UnknownDevice), &[]),
            Outcome::Identity { code: Code::UnknownDevice }
        );
        assert_eq!(judge(404, PROBLEM_JSON, &problem(Code::UnknownApp), &[]), Outcome::UnknownApp);
        assert_eq!(judge(409, PROBLEM_JSON, &problem(Code::EpochChanged), &[]), Outcome::EpochChanged);
        assert_eq!(judge(426, PROBLEM_JSON, &problem(Code::UpdateRequired), &[]), Outcome::UpdateRequired);
        assert!(matches!(
            judge(429, PROBLEM_JSON, &problem(Code::RateLimited), &[("retry-after", "3")]),
            Outcome::RateLimited { retry_after } if retry_after == Duration::from_secs(3)
        ));
        assert_eq!(judge(200, "application/json", "fine", &[]), Outcome::Stored);
    }
}
