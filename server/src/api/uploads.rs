//! Uploads over tus 1.0.0 (<https://tus.io>) with creation, checksum, expiration and termination, for persons and, with
//! the same code, for agents. They are no operations of a lane: the attachment's id makes the creation repeatable, and
//! the offset everything after it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use beistand_protocol::{
    AttachmentId, Code, Problem, Violation, file_name, hex, media_type,
    upload::{
        Checksum, Metadata, OFFSET_OCTET_STREAM, TUS_CHECKSUMS, TUS_EXTENSIONS, TUS_RESUMABLE, TUS_VERSION,
        UPLOAD_CHECKSUM, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
    },
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    State as Shared,
    devices::unexpected,
    extract::{AttachmentPath, ForAgent, Visitor, header as text_of},
    observe::http_date,
    openapi::{CreateUploadProblems, FileBytes, OpenProblems, PatchUploadProblems, UploadProblems},
    problem::{Answer, Refusal},
};
use crate::{
    files::{
        Fault,
        complete::offset,
        receive::{Delivery, discard, receive, row_of},
    },
    server::{App, Shared as Inner},
    store::{Announced, AttachmentCommand, AttachmentRow, Command, Outcome, Stage, Uploader, Waiting},
};

/// When a person whose files all wait may try again: a message takes some seconds to send.
const TRY_AGAIN_SECONDS: u64 = 30;

pub(super) fn documented() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(options, create))
        .routes(routes!(look, patch, give_up))
        .routes(routes!(agent_options, agent_create))
        .routes(routes!(agent_look, agent_patch, agent_give_up))
        .layer(middleware::from_fn(name_the_version))
}

/// tus wants its version in every answer, and what would have been understood beside a refusal.
async fn name_the_version(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let version = HeaderValue::from_static(TUS_VERSION);
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert("tus-version", version.clone());
    }
    response.headers_mut().insert(TUS_RESUMABLE, version);
    response
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let mut problem = Problem::from(fault);
        if problem.known_code() == Some(Code::RateLimited) {
            problem.retry_after = Some(TRY_AGAIN_SECONDS);
        }
        problem.into()
    }
}

/// Who uploads, and under which path.
struct Owner {
    app: Arc<App>,
    uploader: Uploader,
    path: &'static str,
}

impl From<Visitor> for Owner {
    fn from(visitor: Visitor) -> Self {
        Self { app: visitor.app, uploader: Uploader::Person(visitor.person), path: "/v1/uploads" }
    }
}

impl From<ForAgent> for Owner {
    fn from(agent: ForAgent) -> Self {
        Self { app: agent.app, uploader: Uploader::Agents, path: "/v1/agent/uploads" }
    }
}

/// What every request but `OPTIONS` carries.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents a header that `check_version` reads")]
pub(crate) struct VersionHeader {
    /// The version of tus.
    #[param(rename = "Tus-Resumable", value_type = String, required, pattern = "^1\\.0\\.0$")]
    tus_resumable: String,
}

/// What a creation carries.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents headers that `announced` reads")]
pub(crate) struct CreationHeaders {
    /// The size of the file in bytes.
    #[param(rename = "Upload-Length", value_type = u64, required, minimum = 0)]
    upload_length: u64,
    /// `id`, `filename`, `filetype` and `sha256` (64 hexadecimal digits) of the file: each a key, a space and its value
    /// in base64, separated by commas.
    #[param(rename = "Upload-Metadata", value_type = String, required)]
    upload_metadata: String,
}

/// What a piece carries.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents headers that `deliver` reads")]
pub(crate) struct PatchHeaders {
    /// Where the bytes begin.
    #[param(rename = "Upload-Offset", value_type = u64, required, minimum = 0)]
    upload_offset: u64,
    /// `sha256` or `sha1`, a space, and the digest of the body in base64: nothing of the body is kept unless it fits.
    #[param(rename = "Upload-Checksum", value_type = Option<String>, required = false)]
    upload_checksum: Option<String>,
}

fn check_version(headers: &HeaderMap) -> Answer<()> {
    match text_of(headers, TUS_RESUMABLE) {
        Some(TUS_VERSION) => Ok(()),
        _ => Err(Refusal::new(Code::TusVersion, "the header Tus-Resumable: 1.0.0 is expected")),
    }
}

fn number(headers: &HeaderMap, name: &'static str) -> Answer<u64> {
    let text = text_of(headers, name).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok())
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| Refusal::parameter(name, "a number is expected"))
}

/// What the headers of a creation say, held against the rules.
fn announced(shared: &Inner, headers: &HeaderMap) -> Answer<(AttachmentId, Announced)> {
    let size = number(headers, UPLOAD_LENGTH)?;
    let metadata = text_of(headers, UPLOAD_METADATA).unwrap_or_default();
    let metadata =
        Metadata::from_header(metadata).map_err(|error| Refusal::parameter("Upload-Metadata", &error.to_string()))?;
    if size == 0 {
        return Err(Violation::new(Code::AttachmentEmpty, "Upload-Length", "the file has no bytes").into());
    }
    if size > shared.config.limits.attachment_bytes {
        let detail = format!("a file has at most {} bytes", shared.config.limits.attachment_bytes);
        return Err(Violation::new(Code::AttachmentTooLarge, "Upload-Length", detail).into());
    }
    file_name::check(&metadata.name, "filename")?;
    media_type::check_declared(&metadata.media_type, "filetype")?;
    let sha256 = hex::decode(&metadata.sha256)
        .ok_or_else(|| Refusal::parameter("Upload-Metadata", "the member sha256 is not of its form"))?;
    Ok((metadata.id, Announced { name: metadata.name, media_type: metadata.media_type, size, sha256 }))
}

fn described(shared: &Inner) -> Response {
    let headers = [
        ("tus-version", TUS_VERSION.to_owned()),
        ("tus-extension", TUS_EXTENSIONS.to_owned()),
        ("tus-max-size", shared.config.limits.attachment_bytes.to_string()),
        ("tus-checksum-algorithm", TUS_CHECKSUMS.to_owned()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Where the upload stands, in headers.
fn standing(status: StatusCode, offset: u64, row: &AttachmentRow) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
    if row.stage == Stage::Uploading
        && let Some(date) = http_date(row.expires_at).and_then(|date| HeaderValue::try_from(date).ok())
    {
        headers.insert(UPLOAD_EXPIRES, date);
    }
    response
}

async fn begin(shared: &Shared, owner: Owner, headers: &HeaderMap) -> Answer<Response> {
    check_version(headers)?;
    let (id, announced) = announced(shared, headers)?;
    if let Uploader::Person(person) = owner.uploader {
        shared.limits.write(owner.app.id, person)?;
    }
    let limits = &shared.config.limits;
    let most = Waiting { files: limits.waiting_uploads, bytes: limits.waiting_upload_bytes };
    let (app, uploader, at) = (owner.app.id, owner.uploader, shared.clock.now());
    let create = AttachmentCommand::Create { app, id, uploader, announced, most, at };
    let applied = shared.store.apply(Command::Attachment(create)).await.map_err(Fault::from)?;
    let Outcome::Attachment(row) = applied.outcome else { return Err(unexpected()) };
    let offset = if applied.created {
        shared.metrics.upload("created");
        shared.files.begin_anew(app, id).await.map_err(Fault::from)?;
        0
    } else {
        offset(shared, app, &row).await?
    };
    let mut response = standing(StatusCode::CREATED, offset, &row);
    let location = HeaderValue::try_from(format!("{}/{id}", owner.path)).map_err(|_| unexpected())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

async fn ask(shared: &Shared, owner: Owner, id: AttachmentId, headers: &HeaderMap) -> Answer<Response> {
    check_version(headers)?;
    let row = row_of(shared, owner.app.id, id, owner.uploader).await?;
    let offset = offset(shared, owner.app.id, &row).await?;
    let Announced { name, media_type, size, sha256 } = row.announced.clone();
    let metadata = Metadata { id, name, media_type, sha256: hex::encode(&sha256) };
    let mut response = standing(StatusCode::OK, offset, &row);
    response.headers_mut().insert(UPLOAD_LENGTH, HeaderValue::from(size));
    if let Ok(metadata) = HeaderValue::try_from(metadata.to_header()) {
        response.headers_mut().insert(UPLOAD_METADATA, metadata);
    }
    Ok(response)
}

async fn deliver(shared: &Shared, owner: Owner, id: AttachmentId, headers: &HeaderMap, body: Body) -> Answer<Response> {
    let (offset, checksum) = match piece(headers) {
        Ok(piece) => piece,
        Err(refusal) => {
            discard(shared, body.into_data_stream());
            return Err(refusal);
        }
    };
    let delivery = Delivery { app: owner.app.id, id, uploader: owner.uploader, offset, checksum };
    // The task goes on when the connection has gone, and keeps what has arrived.
    let receiving = shared.files.tasks.spawn(receive(shared.clone(), delivery, body));
    let stands = receiving.await.map_err(|_| unexpected())??;
    Ok(standing(StatusCode::NO_CONTENT, stands.offset, &stands.row))
}

/// What the headers of a piece say.
fn piece(headers: &HeaderMap) -> Answer<(u64, Option<Checksum>)> {
    check_version(headers)?;
    if text_of(headers, header::CONTENT_TYPE.as_str()) != Some(OFFSET_OCTET_STREAM) {
        let detail = "Content-Type must be application/offset+octet-stream";
        return Err(Refusal::new(Code::UnsupportedMediaType, detail));
    }
    let offset = number(headers, UPLOAD_OFFSET)?;
    let checksum = match headers.get(UPLOAD_CHECKSUM) {
        None => None,
        Some(value) => Some(value.to_str().ok().and_then(Checksum::from_header).ok_or_else(|| {
            Refusal::parameter("Upload-Checksum", "sha256 or sha1, a space and the digest in base64 are expected")
        })?),
    };
    Ok((offset, checksum))
}

async fn end(shared: &Shared, owner: Owner, id: AttachmentId, headers: &HeaderMap) -> Answer<StatusCode> {
    check_version(headers)?;
    let app = owner.app.id;
    row_of(shared, app, id, owner.uploader).await?;
    let Some(_turn) = shared.files.turns.take(app, id).await else {
        return Err(Refusal::new(Code::UploadLocked, "another request does not let go of the upload"));
    };
    row_of(shared, app, id, owner.uploader).await?;
    let at = shared.clock.now();
    shared.store.apply(Command::Attachment(AttachmentCommand::GiveUp { app, id, at })).await?;
    shared.files.loosened.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

macro_rules! endpoints {
    (
        $who:ident, $tag:literal, $one:literal, $many:literal, $security:tt,
        $options:ident, $create:ident, $look:ident, $patch:ident, $give_up:ident
    ) => {
        /// What of tus this server speaks.
        #[utoipa::path(
            options,
            path = $many,
            tag = $tag,
            responses(
                (status = 204, description = "Version, extensions, largest size and checksums", headers(
                    ("Tus-Version" = String, description = "1.0.0"),
                    ("Tus-Extension" = String, description = "creation, checksum, expiration, termination"),
                    ("Tus-Max-Size" = u64, description = "The largest file in bytes"),
                    ("Tus-Checksum-Algorithm" = String, description = "sha256, sha1")
                )),
                OpenProblems
            )
        )]
        pub(crate) async fn $options(State(shared): State<Shared>) -> Response {
            described(&shared)
        }

        /// Announces a file. The same id again with the same announcement says where its upload stands.
        #[utoipa::path(
            post,
            path = $many,
            tag = $tag,
            params(VersionHeader, CreationHeaders),
            responses(
                (status = 201, description = "The upload may begin, or go on", headers(
                    ("Location" = String, description = "Where its bytes go"),
                    ("Upload-Offset" = u64, description = "Where it stands"),
                    ("Upload-Expires" = String, description = "When it is forgotten if nobody goes on")
                )),
                CreateUploadProblems
            ),
            security $security
        )]
        pub(crate) async fn $create(State(shared): State<Shared>, who: $who, headers: HeaderMap) -> Answer<Response> {
            begin(&shared, who.into(), &headers).await
        }

        /// Where an upload stands.
        #[utoipa::path(
            head,
            path = $one,
            tag = $tag,
            params(("attachment_id" = AttachmentId, Path, description = "Which file"), VersionHeader),
            responses(
                (status = 200, description = "Where it stands", headers(
                    ("Upload-Offset" = u64, description = "So many bytes are here"),
                    ("Upload-Length" = u64, description = "Of so many"),
                    ("Upload-Metadata" = String, description = "As announced"),
                    ("Upload-Expires" = String, description = "When it is forgotten if nobody goes on")
                )),
                UploadProblems
            ),
            security $security
        )]
        pub(crate) async fn $look(
            State(shared): State<Shared>,
            who: $who,
            AttachmentPath(id): AttachmentPath,
            headers: HeaderMap,
        ) -> Answer<Response> {
            ask(&shared, who.into(), id, &headers).await
        }

        /// Sends bytes from where the upload stands. A newer request cuts an older one off.
        #[utoipa::path(
            patch,
            path = $one,
            tag = $tag,
            params(("attachment_id" = AttachmentId, Path, description = "Which file"), VersionHeader, PatchHeaders),
            request_body(content = FileBytes, content_type = "application/offset+octet-stream"),
            responses(
                (status = 204, description = "The bytes are kept", headers(
                    ("Upload-Offset" = u64, description = "Where it stands now"),
                    ("Upload-Expires" = String, description = "When it is forgotten if nobody goes on")
                )),
                PatchUploadProblems
            ),
            security $security
        )]
        pub(crate) async fn $patch(
            State(shared): State<Shared>,
            who: $who,
            AttachmentPath(id): AttachmentPath,
            headers: HeaderMap,
            body: Body,
        ) -> Answer<Response> {
            deliver(&shared, who.into(), id, &headers, body).await
        }

        /// Gives a file up that stands in no message.
        #[utoipa::path(
            delete,
            path = $one,
            tag = $tag,
            params(("attachment_id" = AttachmentId, Path, description = "Which file"), VersionHeader),
            responses((status = 204, description = "Its bytes are gone"), UploadProblems),
            security $security
        )]
        pub(crate) async fn $give_up(
            State(shared): State<Shared>,
            who: $who,
            AttachmentPath(id): AttachmentPath,
            headers: HeaderMap,
        ) -> Answer<StatusCode> {
            end(&shared, who.into(), id, &headers).await
        }
    };
}

endpoints!(
    Visitor,
    "visitor",
    "/v1/uploads/{attachment_id}",
    "/v1/uploads",
    (("app_key" = [], "device" = [])),
    options,
    create,
    look,
    patch,
    give_up
);
endpoints!(
    ForAgent,
    "agent",
    "/v1/agent/uploads/{attachment_id}",
    "/v1/agent/uploads",
    (("agent_session" = []), ("agent_api_key" = [])),
    agent_options,
    agent_create,
    agent_look,
    agent_patch,
    agent_give_up
);
