//! The OpenAPI description, made from the handlers. What the handlers share stands here once: the problems that a kind
//! of endpoint may answer with, the ways to authenticate, the operation headers.

use std::{collections::BTreeMap, sync::OnceLock};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use beistand_protocol::{Code, Problem, SyncPage, problem::PROBLEM_JSON};
use utoipa::{
    IntoParams, IntoResponses, OpenApi,
    openapi::{
        ContentBuilder, Ref, RefOr, ResponseBuilder, Schema,
        schema::{AnyOf, OneOf},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::problem::{Answer, Refusal};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Beistand",
        description = "Customer support inside an app: the visitor API that phones speak, and the agent API.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem, Code, SyncPage)),
    tags(
        (name = "visitor", description = "What phones speak."),
        (name = "agent", description = "What agents and their console speak."),
        (name = "operation", description = "What operators and tools ask.")
    )
)]
struct Document;

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// What derive macros cannot say.
pub(crate) fn finish(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    let device = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("<device id>.<64 hexadecimal digits>")
        .description(Some("A registered device."))
        .build();
    let api_key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("bk_…")
        .description(Some("An API key that an admin has made; acts with the role of an agent."))
        .build();
    let app_key = ApiKeyValue::with_description("X-App-Key", "The app that the request speaks for.");
    let session = ApiKeyValue::with_description(
        beistand_protocol::agent::SESSION_COOKIE,
        "An agent's session, from POST /v1/agent/session.",
    );
    components.add_security_scheme("device", SecurityScheme::Http(device));
    components.add_security_scheme("app_key", SecurityScheme::ApiKey(ApiKey::Header(app_key)));
    components.add_security_scheme("agent_session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    components.add_security_scheme("agent_api_key", SecurityScheme::Http(api_key));
    // A known kind is also a raw object: exactly one of the two would never hold.
    for name in ["Content", "ChangeBody"] {
        if let Some(RefOr::T(schema)) = components.schemas.get_mut(name)
            && let Schema::OneOf(OneOf { items, description, .. }) = schema
        {
            let mut any = AnyOf::new();
            any.items = std::mem::take(items);
            any.description = description.take();
            *schema = Schema::AnyOf(any);
        }
    }
}

/// The description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "This document", body = serde_json::Value), OpenProblems)
)]
pub(crate) async fn openapi() -> Answer<Response> {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    let text = TEXT.get_or_init(|| super::description().to_json().ok());
    match text {
        Some(text) => Ok(([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()),
        None => Err(Refusal::new(Code::Internal, "the description could not be written")),
    }
}

fn problems(codes: &[Code]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let mut by_status: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().to_string()).or_default().push(code.as_str());
    }
    by_status
        .into_iter()
        .map(|(status, codes)| {
            let list = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response =
                ResponseBuilder::new().description(format!("A problem: {list}")).content(PROBLEM_JSON, content).build();
            (status, RefOr::T(response))
        })
        .collect()
}

macro_rules! problem_sets {
    ($($(#[doc = $doc:literal])* $name:ident = [$($code:ident),*];)*) => {
        $(
            $(#[doc = $doc])*
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
                    problems(&[$(Code::$code),*])
                }
            }
        )*
    };
}

problem_sets! {
    /// Of endpoints that need nothing.
    OpenProblems = [Internal, Unavailable];
    /// Of endpoints that need an app key only, and read.
    AppProblems = [BadParameter, Unauthorized, UnknownApp, UpdateRequired, Internal, Unavailable];
    /// Of the FAQ.
    FaqProblems = [BadParameter, Unauthorized, NotFound, UnknownApp, UpdateRequired, Internal, Unavailable];
    /// Of endpoints that need an app key only, and write.
    AppWriteProblems = [BadJson, BadParameter, Unauthorized, NotFound, UnknownApp, BodyTooLarge, UnsupportedMediaType, TextTooLong,
        TextInvalid, UpdateRequired, RateLimited, Internal, Unavailable];
    /// Of signing in.
    SignInProblems = [BadJson, BadParameter, Unauthorized, WrongPassword, UnknownApp, BodyTooLarge, UnsupportedMediaType,
        UpdateRequired, RateLimited, Internal, Unavailable];
    /// Of a person's reads.
    VisitorProblems = [BadParameter, Unauthorized, NotFound, UnknownApp, UnknownDevice, UpdateRequired, Internal,
        Unavailable];
    /// Of saying where to wake a device.
    PushTokenProblems = [BadJson, BadParameter, Unauthorized, NotFound, UnknownApp, UnknownDevice, BodyTooLarge,
        UnsupportedMediaType, PushTokenInvalid, UpdateRequired, RateLimited, Internal, Unavailable];
    /// Of saying who the person is.
    IdentityProblems = [BadJson, BadParameter, Unauthorized, UnknownApp, UnknownDevice, OtherUser, BodyTooLarge,
        UnsupportedMediaType, TokenRefused, TokenExpired, TokenNotYetValid, UpdateRequired, RateLimited, Internal,
        Unavailable];
    /// Of a person's writes.
    VisitorWriteProblems = [BadJson, BadParameter, BadOperation, Unauthorized, Forbidden, NotFound, UnknownApp,
        UnknownDevice, IdReused, OperationSuperseded, EpochChanged, MessageRetracted, BodyTooLarge,
        UnsupportedMediaType, TooManyAttachments, UnknownAttachment, TextEmpty, TextTooLong, TextInvalid, UnknownCategory, UnknownField, FieldInvalid,
        FieldRequired, TimeOutOfRange, StatusNotAllowed, UpdateRequired, RateLimited, Internal, Unavailable];
    /// Of what readers of the FAQ say.
    FaqFeedbackProblems = [BadJson, BadParameter, BadOperation, Unauthorized, NotFound, UnknownApp, UnknownDevice,
        IdReused, OperationSuperseded, EpochChanged, BodyTooLarge, UnsupportedMediaType, TextEmpty, TextTooLong,
        TextInvalid, ReportInvalid, UpdateRequired, RateLimited, Internal, Unavailable];
    /// Of creating an upload.
    CreateUploadProblems = [BadParameter, Unauthorized, NotFound, UnknownApp, UnknownDevice, IdReused, TusVersion,
        AttachmentTooLarge, AttachmentEmpty, AttachmentName, AttachmentType, UpdateRequired, RateLimited, Internal,
        Unavailable];
    /// Of asking for an upload, and of giving it up.
    UploadProblems = [BadParameter, Unauthorized, Forbidden, NotFound, UnknownApp, UnknownDevice, UploadExpired,
        TusVersion, AttachmentType, AttachmentImage, UploadLocked, UpdateRequired, Internal, Unavailable];
    /// Of bytes of an upload.
    PatchUploadProblems = [BadParameter, Unauthorized, NotFound, UnknownApp, UnknownDevice, UploadOffset,
        UploadExpired, TusVersion, AttachmentTooLarge, UnsupportedMediaType, AttachmentType, AttachmentImage,
        AttachmentHash, UploadLocked, UpdateRequired, UploadChecksum, Internal, Unavailable];
    /// Of downloads.
    DownloadProblems = [BadParameter, Unauthorized, NotFound, UnknownApp, UnknownDevice, AttachmentScanning,
        AttachmentBlocked, RangeNotSatisfiable, UpdateRequired, Internal, Unavailable];
    /// Of an agent's reads.
    AgentProblems = [BadParameter, Unauthorized, Forbidden, NotFound, UpdateRequired, Internal, Unavailable];
    /// Of an agent's writes.
    AgentWriteProblems = [BadJson, BadParameter, Unauthorized, Forbidden, NotFound, IdReused, MessageRetracted,
        BodyTooLarge, UnsupportedMediaType, TooManyAttachments, UnknownAttachment, TextEmpty, TextTooLong, TextInvalid, UnknownAgent, UpdateRequired,
        Internal, Unavailable];
}

/// Bytes as they are; never built, since bodies of files are streams.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body")]
pub(crate) struct FileBytes(Vec<u8>);

/// The headers of every write of a person.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents headers that `extract::Operations` reads")]
pub(crate) struct OperationHeaders {
    /// The id of the write: the same for every attempt.
    #[param(rename = "Operation-Id", value_type = String, format = Uuid, required)]
    operation_id: String,
    /// `<device>/<lane>/<lane_seq>`: the place of the write among those of its lane. The lane is
    /// `conversation:<conversation id>`, `read:<conversation id>` for read marks, and `faq` for what readers of the FAQ
    /// say.
    #[param(
        rename = "Operation-Order",
        required,
        pattern = "^[0-9a-f-]{36}/((conversation|read):[0-9a-f-]{36}|faq)/[1-9][0-9]{0,17}$"
    )]
    operation_order: String,
    /// The epoch that the device believes in; another one gets `epoch-changed`.
    #[param(rename = "Beistand-Epoch", required = false, value_type = Option<String>)]
    epoch: Option<String>,
}
