//! Files to upload, and the requests of tus that carry them.

use beistand_protocol::{
    AttachmentId,
    upload::{Metadata, OFFSET_OCTET_STREAM},
};
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::{Answer, Headers, Target};

/// A file.
#[derive(Clone)]
pub struct File {
    /// Its id.
    pub id: AttachmentId,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl File {
    /// A file with an id of its own.
    pub fn new(name: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let id = AttachmentId(uuid::Uuid::now_v7());
        Self { id, name: name.into(), media_type: media_type.into(), bytes: bytes.into() }
    }

    /// Some words that no other file has.
    pub fn words() -> Self {
        Self::new("note.txt", "text/plain", format!("Hello {}", uuid::Uuid::now_v7()))
    }

    /// Its SHA-256 in hexadecimal digits.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The headers that announce it, with a size of one's choice.
    pub fn announcement(&self, size: u64) -> Headers {
        let metadata = Metadata {
            id: self.id,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            sha256: self.sha256(),
        };
        vec![("upload-length", size.to_string()), ("upload-metadata", metadata.to_header())]
    }
}

impl Target {
    /// A request of tus.
    pub async fn tus(&self, method: Method, path: &str, who: &Headers, more: Headers, body: Option<Vec<u8>>) -> Answer {
        let mut headers = who.clone();
        headers.push(("tus-resumable", "1.0.0".into()));
        headers.extend(more);
        self.raw(method, path, headers, body, OFFSET_OCTET_STREAM).await
    }

    /// Announces a file under `/v1/uploads` or `/v1/agent/uploads`.
    pub async fn announce(&self, base: &str, who: &Headers, file: &File) -> Answer {
        self.tus(Method::POST, base, who, file.announcement(file.bytes.len() as u64), None).await
    }

    /// Sends bytes of a file.
    pub async fn patch(&self, base: &str, who: &Headers, file: &File, offset: usize, bytes: &[u8]) -> Answer {
        let path = format!("{base}/{}", file.id);
        self.tus(Method::PATCH, &path, who, vec![("upload-offset", offset.to_string())], Some(bytes.to_vec())).await
    }

    /// Where an upload stands.
    pub async fn stand(&self, base: &str, who: &Headers, file: &File) -> Answer {
        self.tus(Method::HEAD, &format!("{base}/{}", file.id), who, Vec::new(), None).await
    }

    /// Uploads a whole file.
    pub async fn upload(&self, base: &str, who: &Headers, file: &File) {
        let answer = self.announce(base, who, file).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let answer = self.patch(base, who, file, 0, &file.bytes).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    }
}
