//! What the app's server announces; asked for often, so it has an `ETag`.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use beistand_protocol::AppConfig;

use super::{
    extract::{ForApp, header as text_of},
    openapi::AppProblems,
    problem::Answer,
};

/// Categories, custom fields, limits and features.
#[utoipa::path(
    get,
    path = "/v1/config",
    tag = "visitor",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that the client has")),
    responses(
        (status = 200, description = "The configuration", body = AppConfig, headers(("ETag" = String, description = "Names this copy"))),
        (status = 304, description = "The client's copy is still good"),
        AppProblems
    ),
    security(("app_key" = []))
)]
pub(crate) async fn config(ForApp(app): ForApp, headers: HeaderMap) -> Answer<Response> {
    let fresh = text_of(&headers, header::IF_NONE_MATCH.as_str())
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == app.etag || tag == "*"));
    let cache = [(header::ETAG, app.etag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if fresh {
        return Ok((StatusCode::NOT_MODIFIED, cache).into_response());
    }
    Ok((cache, [(header::CONTENT_TYPE, "application/json")], app.config_json.clone()).into_response())
}
