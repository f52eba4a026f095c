//! The FAQ as phones get it: what is published, a publication whole or since an earlier one, and pictures. Needs the
//! app's key only: an app has answers before it has a device. All of it is the same for everybody, so caches on the way
//! may keep it.

use axum::{
    body::Body,
    extract::{RawPathParams, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use beistand_protocol::{
    Code,
    faq::{FaqIndex, Locale, PARCEL_MEDIA_TYPE},
    hex,
};
use serde::Deserialize;

use super::{
    State as Shared,
    extract::{ForApp, Query, header as text_of},
    openapi::{FaqProblems, FileBytes},
    problem::{Answer, Refusal},
};

/// A minute: short enough that a correction is everywhere before an editor has told anybody of it, long enough that a
/// cache on the way takes the load of an app that has just been advertised.
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// What lies under its hash never changes; a year is the most that caches believe.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The app's key is in a header, so it must tell copies apart.
const VARY: HeaderValue = HeaderValue::from_static("x-app-key, accept-encoding");

fn nothing() -> Refusal {
    Refusal::new(Code::NotFound, "nothing is published")
}

fn cached(mut response: Response, etag: &str, how_long: HeaderValue) -> Response {
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, how_long);
    headers.insert(header::VARY, VARY);
    response
}

/// Whether the client's copy is still good.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let tags = text_of(headers, header::IF_NONE_MATCH.as_str()).unwrap_or_default();
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == etag)
}

/// Whether the client takes gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q == 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// What is published: the languages, and the publication that each is at.
#[utoipa::path(
    get,
    path = "/v1/faq",
    tag = "visitor",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that the client has")),
    responses(
        (status = 200, description = "The languages", body = FaqIndex, headers(
            ("ETag" = String, description = "Names the newest publication")
        )),
        (status = 304, description = "The client's copy is still good"),
        FaqProblems
    ),
    security(("app_key" = []))
)]
pub(crate) async fn index(State(shared): State<Shared>, ForApp(app): ForApp, headers: HeaderMap) -> Answer<Response> {
    let mut index = shared.store.faq_index(app.id).await?;
    // Every change of what is published has a number of its own, and the newest names them all.
    let newest = index.locales.iter().map(|locale| locale.version).max().unwrap_or(0);
    index.locales.retain(|locale| locale.articles > 0);
    if index.locales.is_empty() {
        return Err(nothing());
    }
    let etag = format!("\"{newest}\"");
    if is_known(&headers, &etag) {
        return Ok(cached(StatusCode::NOT_MODIFIED.into_response(), &etag, FOR_A_MINUTE));
    }
    Ok(cached(axum::Json(index).into_response(), &etag, FOR_A_MINUTE))
}

#[derive(Deserialize)]
pub(crate) struct Since {
    since: Option<u64>,
}

/// The language whose publication answers: the wanted one or the nearest that has articles. One without articles answers
/// only who has it already, to learn that they are gone.
async fn resolve(
    shared: &Shared,
    index: &FaqIndex,
    app: crate::store::AppId,
    wanted: &Locale,
    since: Option<u64>,
) -> Answer<(Locale, u64)> {
    let full: Vec<Locale> =
        index.locales.iter().filter(|locale| locale.articles > 0).map(|locale| locale.locale.clone()).collect();
    let has_it = match (index.locales.iter().any(|locale| locale.locale == *wanted), since) {
        (true, Some(since)) => shared.store.faq_knows(app, wanted.clone(), since).await?,
        _ => false,
    };
    let best = if has_it { Some(wanted) } else { wanted.best_of(&full, index.default_locale.as_ref()) };
    let best = best.ok_or_else(nothing)?;
    let version = index.locales.iter().find(|locale| locale.locale == *best).map_or(0, |locale| locale.version);
    Ok((best.clone(), version))
}

/// The publication of a language, signed: whole, or what changed since the one that the client has.
///
/// The nearest published language answers: the tag itself or a shorter one, another region of the language, the app's
/// default. A number in `since` that is not known, or not of this language, gets the whole.
#[utoipa::path(
    get,
    path = "/v1/faq/{locale}",
    tag = "visitor",
    params(
        ("locale" = String, Path, description = "A language tag (BCP 47)", example = "de-AT"),
        ("since" = Option<u64>, Query, description = "The publication that the client has"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that the client has")
    ),
    responses(
        (status = 200, description = "The publication, in the form of a parcel", body = FileBytes,
            content_type = "application/vnd.beistand.faq", headers(
            ("ETag" = String, description = "The number of the publication")
        )),
        (status = 304, description = "The client's copy is still good"),
        FaqProblems
    ),
    security(("app_key" = []))
)]
pub(crate) async fn publication(
    State(shared): State<Shared>,
    ForApp(app): ForApp,
    path: RawPathParams,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
) -> Answer<Response> {
    let wanted: Option<Locale> = named(&path, "locale").and_then(|tag| tag.parse().ok());
    let wanted = wanted.ok_or_else(|| Refusal::parameter("locale", "the path needs a language tag here"))?;
    if since.is_some_and(|since| i64::try_from(since).is_err()) {
        return Err(Refusal::parameter("since", "the number of a publication has 63 bits"));
    }
    let index = shared.store.faq_index(app.id).await?;
    let (locale, version) = resolve(&shared, &index, app.id, &wanted, since).await?;
    let etag = format!("\"{version}\"");
    if is_known(&headers, &etag) {
        return Ok(cached(StatusCode::NOT_MODIFIED.into_response(), &etag, FOR_A_MINUTE));
    }
    // Numbers that nobody ever published must not push others out of memory.
    let since = match since {
        Some(since) if shared.store.faq_knows(app.id, locale.clone(), since).await? => Some(since),
        _ => None,
    };
    let ready = shared.parcels.get(&*shared.store, &app, &locale, version, since).await?.ok_or_else(nothing)?;
    let body = if takes_gzip(&headers) { ready.gzip.clone() } else { ready.plain.clone() };
    let mut response = Body::from(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PARCEL_MEDIA_TYPE));
    if takes_gzip(&headers) {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(cached(response, &format!("\"{}\"", ready.version), FOR_A_MINUTE))
}

/// The bytes of a picture.
#[utoipa::path(
    get,
    path = "/v1/faq/images/{sha256}",
    tag = "visitor",
    params(
        ("sha256" = String, Path, description = "SHA-256 of the bytes", pattern = "^[0-9a-f]{64}$"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that the client has")
    ),
    responses(
        (status = 200, description = "The picture", body = FileBytes, content_type = "image/*", headers(
            ("ETag" = String, description = "Names these bytes")
        )),
        (status = 304, description = "The client's copy is still good"),
        FaqProblems
    ),
    security(("app_key" = []))
)]
pub(crate) async fn image(
    State(shared): State<Shared>,
    ForApp(app): ForApp,
    path: RawPathParams,
    headers: HeaderMap,
) -> Answer<Response> {
    let sha256 = named(&path, "sha256").and_then(hex::decode);
    let sha256 = sha256.ok_or_else(|| Refusal::parameter("sha256", "the path needs 64 hexadecimal digits here"))?;
    let image = shared.store.faq_image(app.id, sha256).await?;
    let image = image.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such picture"))?;
    let etag = format!("\"{}\"", hex::encode(&sha256));
    let mut response = if is_known(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media_type = HeaderValue::try_from(image.media_type).unwrap_or(HeaderValue::from_static("image/*"));
        ([(header::CONTENT_TYPE, media_type)], image.bytes).into_response()
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(cached(response, &etag, FOR_EVER))
}

fn named<'a>(path: &'a RawPathParams, name: &str) -> Option<&'a str> {
    path.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}
