//! Problem documents (RFC 9457). A `code` is stable and has a page in `docs/errors.md`; only a problem document with a
//! code that a phone knows may ever wedge one of its messages.

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What the `type` of every problem begins with; the code follows.
pub const TYPE_BASE: &str = "https://beistand.dev/problems/";

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $status:literal $text:literal $title:literal;)*) => {
        /// Every code, with its HTTP status and title.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Code {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// All codes, in the order of `docs/errors.md`.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The HTTP status that carries it.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            /// The wire form.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }

            /// A short sentence, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title),* }
            }

            /// Reads the wire form; `None` for a code of another version or another server.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// The body is not JSON of the documented form.
    BadJson = 400 "bad-json" "The body is not JSON of the documented form";
    /// A path, query or header value is not of the documented form.
    BadParameter = 400 "bad-parameter" "A path, query or header value is not of the documented form";
    /// `Operation-Id` or `Operation-Order` is missing, malformed, or names another device or conversation.
    BadOperation = 400 "bad-operation" "The operation headers are missing or do not fit the request";
    /// No credential, or one that is not accepted.
    Unauthorized = 401 "unauthorized" "No credential, or one that is not accepted";
    /// The name or the password of an agent is wrong.
    WrongPassword = 401 "wrong-password" "The name or the password is wrong";
    /// The credential does not allow this.
    Forbidden = 403 "forbidden" "The credential does not allow this";
    /// There is no such resource for this credential.
    NotFound = 404 "not-found" "There is no such resource for this credential";
    /// The app key names no app.
    UnknownApp = 404 "unknown-app" "The app key names no app";
    /// This server does not know the device: register it (again).
    UnknownDevice = 404 "unknown-device" "This server does not know the device";
    /// The path exists, the method does not.
    MethodNotAllowed = 405 "method-not-allowed" "The path does not take this method";
    /// The id was used before with other content.
    IdReused = 409 "id-reused" "The id was used before with other content";
    /// A newer operation of the same lane took effect before; this one has none.
    OperationSuperseded = 409 "operation-superseded" "A newer operation of the lane took effect before";
    /// The phone believes in another history: sync first.
    EpochChanged = 409 "epoch-changed" "The history of this server is another one: sync first";
    /// The device belongs to another user than the token names.
    OtherUser = 409 "other-user" "The device belongs to another user";
    /// The message was taken back and cannot change any more.
    MessageRetracted = 409 "message-retracted" "The message was taken back";
    /// The bytes do not go on where the upload stands; ask with `HEAD`.
    UploadOffset = 409 "upload-offset" "The bytes do not go on where the upload stands";
    /// The virus scan has not ended yet.
    AttachmentScanning = 409 "attachment-scanning" "The file is still being scanned";
    /// The virus scan has found something.
    AttachmentBlocked = 410 "attachment-blocked" "The file was blocked by the virus scan";
    /// The upload waited too long and is gone: create it again.
    UploadExpired = 410 "upload-expired" "The upload is gone: create it again";
    /// The request names another version of tus than 1.0.0, or none.
    TusVersion = 412 "tus-version" "The upload protocol is tus 1.0.0";
    /// The file is larger than announced in `/v1/config`.
    AttachmentTooLarge = 413 "attachment-too-large" "The file is too large";
    /// The body is too large.
    BodyTooLarge = 413 "body-too-large" "The body is too large";
    /// The body is not declared as `application/json`.
    UnsupportedMediaType = 415 "unsupported-media-type" "The body must be application/json";
    /// The range lies outside the file.
    RangeNotSatisfiable = 416 "range-not-satisfiable" "The range lies outside the file";
    /// The file has no bytes.
    AttachmentEmpty = 422 "attachment-empty" "The file is empty";
    /// The name of the file is empty, too long, or has characters that deceive.
    AttachmentName = 422 "attachment-name" "The name of the file is not acceptable";
    /// The content is not of the declared type, or is a program.
    AttachmentType = 422 "attachment-type" "The content is not of the declared type";
    /// The photo has more pixels than announced in `/v1/config`, or cannot be read.
    AttachmentImage = 422 "attachment-image" "The photo has too many pixels or cannot be read";
    /// The whole file has another SHA-256 than was declared; what was uploaded is gone.
    AttachmentHash = 422 "attachment-hash" "The file has another SHA-256 than was declared";
    /// The message has more files than announced in `/v1/config`.
    TooManyAttachments = 422 "too-many-attachments" "The message has too many files";
    /// The message names a file that is not uploaded, not the sender's, or in another message.
    UnknownAttachment = 422 "unknown-attachment" "There is no such uploaded file for this message";
    /// The push token is empty or too long, or its service has no acceptable name.
    PushTokenInvalid = 422 "push-token-invalid" "The push token is not acceptable";
    /// The token of a login is not believed.
    TokenRefused = 422 "token-refused" "The token is not believed";
    /// The token of a login has ended: ask for a fresh one.
    TokenExpired = 422 "token-expired" "The token has ended";
    /// The token of a login begins in the future: the clock of whoever signed it is wrong.
    TokenNotYetValid = 422 "token-not-yet-valid" "The token begins in the future";
    /// A text has no visible character.
    TextEmpty = 422 "text-empty" "The text has no visible character";
    /// A text is too long.
    TextTooLong = 422 "text-too-long" "The text is too long";
    /// A text has control characters.
    TextInvalid = 422 "text-invalid" "The text has control characters";
    /// A report of what was counted in the FAQ breaks a limit, or holds what may be personal.
    ReportInvalid = 422 "report-invalid" "The report is not acceptable";
    /// The category is not announced.
    UnknownCategory = 422 "unknown-category" "The category is not announced in /v1/config";
    /// A field is not announced.
    UnknownField = 422 "unknown-field" "A field is not announced in /v1/config";
    /// A field does not fit its definition.
    FieldInvalid = 422 "field-invalid" "A field does not fit its definition";
    /// A required field is missing.
    FieldRequired = 422 "field-required" "A required field is missing";
    /// A time is not plausible.
    TimeOutOfRange = 422 "time-out-of-range" "A time is not plausible";
    /// The status is not one that the sender may set.
    StatusNotAllowed = 422 "status-not-allowed" "The status is not one that the sender may set";
    /// The agent to assign does not exist in this app.
    UnknownAgent = 422 "unknown-agent" "There is no such agent";
    /// Another request writes to the upload at this moment.
    UploadLocked = 423 "upload-locked" "Another request writes to the upload";
    /// This version of the app is too old for the server.
    UpdateRequired = 426 "update-required" "This version of the app is too old for the server";
    /// The bytes have another checksum than their header says; nothing of them is kept (status of the tus protocol).
    UploadChecksum = 460 "upload-checksum" "The bytes do not fit their checksum";
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited = 429 "rate-limited" "Too many requests";
    /// The server failed.
    Internal = 500 "internal" "The server failed";
    /// The server cannot work now: it stops, or its disk is full.
    Unavailable = 503 "unavailable" "The server cannot work now";
}

/// Serialises the short text of a code.
impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI for the kind of problem; ends in the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every occurrence of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for developers about this occurrence; never holds user data.
    pub detail: String,
    /// The stable name; kept as text, since a later server may send one that this version does not know.
    pub code: String,
    /// Seconds until another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The member of the request that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// A problem of the given code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code: code.as_str().to_owned(),
            retry_after: None,
            field: None,
        }
    }

    /// The code, if this version knows it.
    pub fn known_code(&self) -> Option<Code> {
        Code::parse(&self.code)
    }
}

/// A rule that a request breaks: found by a phone before it promises anything, and by the server.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Violation {
    /// Which rule.
    pub code: Code,
    /// The member of the request that is at fault.
    pub field: String,
    /// One sentence for developers; never holds user data.
    pub detail: String,
}

impl Violation {
    /// A broken rule.
    pub fn new(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, field: field.into(), detail: detail.into() }
    }
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Self {
        let mut problem = Problem::new(violation.code, violation.detail);
        problem.field = Some(violation.field);
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_fits_its_status() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!((400..600).contains(&code.status()));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
