//! Files of an agent: up over tus, a piece a request, and down in one stream. Both go on where a broken line stopped.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use beistand_core::protocol::{
    AttachmentId, Code, MessageId, file_name, hex, media_type,
    upload::{
        Checksum, Metadata, OFFSET_OCTET_STREAM, TUS_RESUMABLE, TUS_VERSION, UPLOAD_CHECKSUM, UPLOAD_LENGTH,
        UPLOAD_METADATA, UPLOAD_OFFSET,
    },
};
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, ETAG, IF_RANGE, RANGE},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::desk::{CallError, Desk, send};
use crate::{
    exit::{Exit, Failure},
    human,
    output::Output,
    progress::Line,
    save::Saving,
};

/// What a broken line costs at most is sent again.
const PIECE: usize = 256 * 1024;

/// Tries in a row that bring nothing before the agent is told.
const FRUITLESS: u32 = 5;

/// Between such tries.
const PAUSE: Duration = Duration::from_millis(400);

/// A piece on a slow line; longer than any other request of an agent.
const PIECE_WITHIN: Duration = Duration::from_secs(120);

/// What is known of a file before it leaves.
struct Known {
    file: File,
    metadata: Metadata,
    size: u64,
}

/// Uploads the files of a message; returns their ids in the order of the files.
pub async fn upload_all(desk: &Desk, message: MessageId, paths: &[PathBuf]) -> Result<Vec<AttachmentId>, Failure> {
    let mut ids = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        // The id follows from that of the message, so that the same command with the same --id doubles nothing.
        let id = AttachmentId(Uuid::from_u128(message.0.as_u128() ^ (place as u128 + 1)));
        let mut known = read(path, id)?;
        upload(desk, &mut known).await?;
        ids.push(id);
    }
    Ok(ids)
}

fn unreadable() -> Failure {
    Failure::usage("unreadable", "A file of --attach cannot be read. Nothing was sent.")
}

fn read(path: &Path, id: AttachmentId) -> Result<Known, Failure> {
    let mut file = File::open(path).map_err(|_| unreadable())?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(unreadable());
    }
    let (mut hash, mut head, mut size) = (Sha256::new(), Vec::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read(&mut piece).map_err(|_| unreadable())?;
        if count == 0 {
            break;
        }
        if head.len() < media_type::HEAD_BYTES {
            head.extend_from_slice(&piece[..count.min(media_type::HEAD_BYTES)]);
        }
        hash.update(&piece[..count]);
        size += count as u64;
    }
    if size == 0 {
        return Err(Failure::usage(Code::AttachmentEmpty.as_str(), "A file of --attach is empty. Nothing was sent."));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = Metadata {
        id,
        name: file_name::clean(&name),
        media_type: kind(&head).to_owned(),
        sha256: hex::encode(&hash.finalize()),
    };
    Ok(Known { file, metadata, size })
}

/// What a file is, by its first bytes; where they tell nothing, whether it is text.
fn kind(head: &[u8]) -> &'static str {
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(_) => true,
        // The head may end inside a character.
        Err(error) => error.error_len().is_none(),
    };
    media_type::sniff(head).unwrap_or(if text(head) && !head.contains(&0) { "text/plain" } else { media_type::UNKNOWN })
}

async fn upload(desk: &Desk, known: &mut Known) -> Result<(), Failure> {
    let mut line = Line::about(&known.metadata.name);
    let (mut at, mut fruitless) = (None, 0);
    while at != Some(known.size) {
        let step = match at {
            // The creation may be repeated, and tells how far the server is.
            None => create(desk, known).await,
            Some(offset) => deliver(desk, known, offset).await,
        };
        match step {
            Ok(offset) => {
                if at.is_some_and(|before| offset > before) {
                    fruitless = 0;
                }
                at = Some(offset.min(known.size));
                line.at(offset, known.size);
            }
            Err(error) if fruitless < FRUITLESS && may_go_on(&error) => {
                (at, fruitless) = (None, fruitless + 1);
                tokio::time::sleep(PAUSE * fruitless).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether it makes sense to ask how far the server is and to go on from there.
fn may_go_on(error: &CallError) -> bool {
    match error {
        CallError::Lost | CallError::Foreign(_) => true,
        CallError::Refused(problem) => matches!(
            problem.known_code(),
            Some(
                Code::UploadOffset
                    | Code::UploadLocked
                    | Code::UploadChecksum
                    | Code::UploadExpired
                    | Code::Unavailable
                    | Code::Internal
            )
        ),
    }
}

fn offset(response: &Response) -> Result<u64, CallError> {
    let text = response.headers().get(UPLOAD_OFFSET).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).ok_or(CallError::Foreign(response.status().as_u16()))
}

async fn create(desk: &Desk, known: &Known) -> Result<u64, CallError> {
    let request = desk.request(Method::POST, "v1/agent/uploads", &[])?;
    let request = request.header(TUS_RESUMABLE, TUS_VERSION).header(UPLOAD_LENGTH, known.size);
    offset(&send(request.header(UPLOAD_METADATA, known.metadata.to_header())).await?)
}

async fn deliver(desk: &Desk, known: &mut Known, from: u64) -> Result<u64, CallError> {
    let mut piece = Vec::new();
    // A file that shrinks while it is sent ends in a refusal of the server, by its hash.
    let read = known
        .file
        .seek(SeekFrom::Start(from))
        .and_then(|_| (&mut known.file).take(PIECE as u64).read_to_end(&mut piece));
    read.map_err(|_| CallError::Lost)?;
    let request = desk.request(Method::PATCH, &format!("v1/agent/uploads/{}", known.metadata.id), &[])?;
    let request = request
        .timeout(PIECE_WITHIN)
        .header(TUS_RESUMABLE, TUS_VERSION)
        .header(CONTENT_TYPE, OFFSET_OCTET_STREAM)
        .header(UPLOAD_OFFSET, from)
        .header(UPLOAD_CHECKSUM, Checksum::Sha256(Sha256::digest(&piece).into()).to_header());
    offset(&send(request.body(piece)).await?)
}

/// Fetches a file of a message to a place, held against its digest.
pub async fn fetch(desk: &Desk, id: AttachmentId, place: &Path, output: &mut Output) -> Result<(), Failure> {
    let mut saving = Saving::begin(place)?;
    let mut line = Line::about(&id.to_string());
    let (mut have, mut fruitless, mut hash, mut tag) = (0, 0, Sha256::new(), None::<String>);
    loop {
        let before = have;
        match download(desk, id, &mut have, &mut tag, &mut hash, &mut saving, &mut line).await? {
            Step::Whole => break,
            Step::Broken(error) => {
                fruitless = if have > before { 1 } else { fruitless + 1 };
                if fruitless > FRUITLESS {
                    return Err(error.into());
                }
                tokio::time::sleep(PAUSE * fruitless).await;
            }
        }
    }
    drop(line);
    if tag.as_deref().map(|tag| tag.trim_matches('"')) != Some(hex::encode(&hash.finalize()).as_str()) {
        let sentence = "The file did not arrive whole. Nothing was left behind; run the command again.";
        return Err(Failure::new(Exit::Failed, Code::AttachmentHash.as_str(), sentence));
    }
    saving.finish()?;
    if place == Path::new("-") {
        return Ok(());
    }
    output.tell(
        || json!({"attachment": id, "file": place.display().to_string(), "bytes": have}),
        |_| format!("{}  {}", human::bytes(have), place.display()),
    )
}

/// How a request for a file ended.
enum Step {
    Whole,
    Broken(CallError),
}

async fn download(
    desk: &Desk,
    id: AttachmentId,
    have: &mut u64,
    tag: &mut Option<String>,
    hash: &mut Sha256,
    saving: &mut Saving,
    line: &mut Line,
) -> Result<Step, Failure> {
    let mut request = desk.request(Method::GET, &format!("v1/agent/attachments/{id}"), &[])?.timeout(PIECE_WITHIN);
    if let Some(tag) = tag.as_ref().filter(|_| *have > 0) {
        request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, tag);
    }
    let mut response = match send(request).await {
        Ok(response) => response,
        Err(error @ CallError::Refused(_)) => return Err(error.into()),
        Err(error) => return Ok(Step::Broken(error)),
    };
    if *have > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
        // The file behind the id never changes, so this is not our server.
        return Ok(Step::Broken(CallError::Foreign(response.status().as_u16())));
    }
    let told = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    *tag = tag.take().or(told);
    let total = response.content_length().map_or(0, |left| *have + left);
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                saving.write(&bytes)?;
                hash.update(&bytes);
                *have += bytes.len() as u64;
                line.at(*have, total);
            }
            Ok(None) => return Ok(Step::Whole),
            Err(_) => return Ok(Step::Broken(CallError::Lost)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_bytes() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n0000"), "image/png");
        assert_eq!(kind("Grüße".as_bytes()), "text/plain");
        assert_eq!(kind(&"ü".as_bytes()[..1]), "text/plain");
        assert_eq!(kind(b"\x00\x01\x02"), media_type::UNKNOWN);
    }

    #[test]
    fn what_cannot_be_sent_is_said_before_anything_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let id = AttachmentId(Uuid::from_u128(1));
        let empty = folder.path().join("leer.txt");
        std::fs::write(&empty, "").unwrap();
        assert_eq!(read(&empty, id).err().unwrap().code, "attachment-empty");
        assert_eq!(read(folder.path(), id).err().unwrap().code, "unreadable");
        assert_eq!(read(&folder.path().join("nichts"), id).err().unwrap().code, "unreadable");
    }
}
