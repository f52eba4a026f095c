//! Downloads. What comes from strangers is served so that no browser ever runs it: as an attachment, under its declared
//! type and no guessed one, in a sandbox. A file never changes, so its hash is its strong `ETag`.

use std::{
    io::{self, SeekFrom},
    path::PathBuf,
};

use axum::{
    body::Body,
    extract::State,
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header},
    response::{IntoResponse as _, Response},
};
use beistand_protocol::{AttachmentId, Code, hex};
use http_range_header::{EndPosition, StartPosition, parse_range_header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::{
    State as Shared,
    extract::{AttachmentPath, Visitor, header as text_of},
    openapi::{DownloadProblems, FileBytes},
    problem::{Answer, Refusal},
};
use crate::{
    files::Fault,
    server::Shared as Inner,
    store::{AppId, AttachmentRow, Reader, Stage, Uploader},
};

/// Read from the disk at once.
const CHUNK: usize = 64 * 1024;

/// Beside an answer that is to leave as it is: ranges and lengths of a file are those of its own bytes.
#[derive(Clone)]
struct AsItIs;

/// Whether an answer may be compressed.
pub(super) fn may_be_compressed(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<AsItIs>().is_none()
}

/// Which of a file's two pictures of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    File,
    Thumbnail,
}

fn nothing() -> Refusal {
    Refusal::new(Code::NotFound, "there is no such file for this credential")
}

/// The file, if the reader may have its bytes.
async fn readable(shared: &Inner, app: AppId, reader: Reader, id: AttachmentId) -> Answer<AttachmentRow> {
    let row = shared.store.readable_attachment(app, reader, id).await?.ok_or_else(nothing)?;
    let is_own = match (reader, row.uploader) {
        (Reader::Person(person), Uploader::Person(owner)) => person == owner,
        (Reader::Agent, Uploader::Agents) => true,
        _ => false,
    };
    match row.stage {
        Stage::Ready => Ok(row),
        Stage::Scanning if is_own => Ok(row),
        Stage::Scanning => Err(Refusal::new(Code::AttachmentScanning, "the virus scan has not ended")),
        Stage::Blocked => Err(Refusal::new(Code::AttachmentBlocked, "the virus scan has found something")),
        Stage::Uploading | Stage::Gone => Err(nothing()),
    }
}

/// The part of a file that is asked for: the first byte and how many.
fn range(headers: &HeaderMap, etag: &str, size: u64) -> Answer<Option<(u64, u64)>> {
    let Some(range) = text_of(headers, header::RANGE.as_str()) else { return Ok(None) };
    // A range of another file than the client believes, in a form of later times, or of several pieces: the whole file
    // is always a right answer.
    if headers.get(header::IF_RANGE).is_some_and(|tag| tag.as_bytes() != etag.as_bytes()) {
        return Ok(None);
    }
    let Ok(ranges) = parse_range_header(range) else { return Ok(None) };
    let [one] = ranges.ranges.as_slice() else { return Ok(None) };
    let last = match one.end {
        EndPosition::Index(last) => last.min(size.saturating_sub(1)),
        EndPosition::LastByte => size.saturating_sub(1),
    };
    match one.start {
        StartPosition::Index(first) if first >= size => {
            Err(Refusal::new(Code::RangeNotSatisfiable, "the range begins behind the end of the file"))
        }
        StartPosition::Index(first) if first > last => Ok(None),
        StartPosition::Index(first) => Ok(Some((first, last - first + 1))),
        StartPosition::FromLast(count) => {
            let first = size.saturating_sub(count);
            Ok(Some((first, size - first)))
        }
    }
}

/// What RFC 8187 leaves as it is in an extended value.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The name twice: for those who know RFC 8187, and in ASCII for those who do not.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " !#$&+-.^_`|~()[]{}=@,'".contains(c) { c } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, EXTENDED))
}

/// Serves a file, or the part of it that is asked for.
pub(crate) async fn serve(
    shared: &Inner,
    app: AppId,
    reader: Reader,
    id: AttachmentId,
    which: Which,
    headers: &HeaderMap,
) -> Answer<Response> {
    let row = readable(shared, app, reader, id).await?;
    let hash = &row.announced.sha256;
    let hex = hex::encode(hash);
    let (path, media_type, name, etag) = match which {
        Which::File => (
            shared.files.blob(hash),
            row.announced.media_type.as_str(),
            row.announced.name.clone(),
            format!("\"{hex}\""),
        ),
        Which::Thumbnail if row.thumbnail.is_none() => return Err(nothing()),
        Which::Thumbnail => {
            let path = shared.files.thumbnail(hash);
            (path, "image/jpeg", format!("{}.thumbnail.jpg", row.announced.name), format!("\"{hex}-thumbnail\""))
        }
    };
    let (mut file, size) = open(path).await?;
    let is_known = text_of(headers, header::IF_NONE_MATCH.as_str()).is_some_and(|tags| {
        tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag || tag.trim() == "*")
    });
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match range(headers, &etag, size) {
            Err(refusal) => {
                let mut response = refusal.into_response();
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
                return Ok(response);
            }
            Ok(None) => sent(StatusCode::OK, file, size),
            Ok(Some((first, count))) => {
                file.seek(SeekFrom::Start(first)).await.map_err(Fault::from)?;
                let mut response = sent(StatusCode::PARTIAL_CONTENT, file, count);
                set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{}/{size}", first + count - 1));
                response
            }
        }
    };
    set(&mut response, header::CONTENT_TYPE, media_type);
    set(&mut response, header::ETAG, &etag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::CONTENT_DISPOSITION, &disposition(&name));
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(&mut response, header::CACHE_CONTROL, "private, immutable");
    response.extensions_mut().insert(AsItIs);
    Ok(response)
}

async fn open(path: PathBuf) -> Answer<(tokio::fs::File, u64)> {
    let opened = async {
        let file = tokio::fs::File::open(path).await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    };
    opened.await.map_err(|error: io::Error| match error.kind() {
        // A database that was restored without its files, or a file that was taken back a moment ago.
        io::ErrorKind::NotFound => nothing(),
        _ => Fault::from(error).into(),
    })
}

fn sent(status: StatusCode, file: tokio::fs::File, count: u64) -> Response {
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(count), CHUNK));
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

macro_rules! endpoint {
    ($(#[$doc:meta])* $name:ident, $which:expr, $who:ident, $reader:expr, $tag:literal, $path:literal, $security:tt) => {
        $(#[$doc])*
        #[utoipa::path(
            get,
            path = $path,
            tag = $tag,
            params(
                ("attachment_id" = AttachmentId, Path, description = "Which file"),
                ("Range" = Option<String>, Header, description = "One range of bytes"),
                ("If-Range" = Option<String>, Header, description = "The ETag that the range belongs to"),
                ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that the client has")
            ),
            responses(
                (status = 200, description = "The whole of it", body = FileBytes, content_type = "*/*", headers(
                    ("ETag" = String, description = "Names these bytes"),
                    ("Content-Disposition" = String, description = "Its name; always an attachment")
                )),
                (status = 206, description = "The range", body = FileBytes, content_type = "*/*", headers(
                    ("Content-Range" = String, description = "Which bytes, of how many")
                )),
                (status = 304, description = "The client's copy is still good"),
                DownloadProblems
            ),
            security $security
        )]
        pub(crate) async fn $name(
            State(shared): State<Shared>,
            who: $who,
            AttachmentPath(id): AttachmentPath,
            headers: HeaderMap,
        ) -> Answer<Response> {
            let reader: fn(&$who) -> Reader = $reader;
            serve(&shared, who.app.id, reader(&who), id, $which, &headers).await
        }
    };
}
pub(crate) use endpoint;

endpoint!(
    /// The bytes of a file: one's own, or of a message of one's own conversations.
    download, Which::File, Visitor, |who| Reader::Person(who.person), "visitor",
    "/v1/attachments/{attachment_id}", (("app_key" = [], "device" = []))
);
endpoint!(
    /// The thumbnail of a photo.
    thumbnail, Which::Thumbnail, Visitor, |who| Reader::Person(who.person), "visitor",
    "/v1/attachments/{attachment_id}/thumbnail", (("app_key" = [], "device" = []))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leaves_in_both_forms_and_cannot_break_out() {
        assert_eq!(
            disposition("Größe \"42\"\\;.jpg"),
            "attachment; filename=\"Gr__e _42___.jpg\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%2242%22%5C%3B.jpg"
        );
    }

    #[test]
    fn a_range_is_taken_word_by_word_or_not_at_all() {
        let ask = |text: &str, if_range: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::try_from(text).unwrap());
            if let Some(tag) = if_range {
                headers.insert(header::IF_RANGE, HeaderValue::try_from(tag).unwrap());
            }
            range(&headers, "\"e\"", 10).ok()
        };
        for (text, expected) in [
            ("bytes=0-3", Some(Some((0, 4)))),
            ("bytes=4-", Some(Some((4, 6)))),
            ("bytes=4-99", Some(Some((4, 6)))),
            ("bytes=-3", Some(Some((7, 3)))),
            ("bytes=-30", Some(Some((0, 10)))),
            ("bytes=10-", None),
            ("bytes=99-", None),
            ("bytes=5-4", Some(None)),
            ("bytes=0-1,4-5", Some(None)),
            ("lines=0-3", Some(None)),
            ("nonsense", Some(None)),
        ] {
            assert_eq!(ask(text, None), expected, "{text}");
        }
        assert_eq!(ask("bytes=4-", Some("\"e\"")), Some(Some((4, 6))));
        assert_eq!(ask("bytes=4-", Some("\"other\"")), Some(None));
        assert_eq!(ask("bytes=99-", Some("\"other\"")), Some(None));
    }
}
