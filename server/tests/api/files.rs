//! What tests of files say to a server: the requests of tus, and photos made on the spot.

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use beistand_protocol::{AttachmentId, upload::Metadata};
use sha2::{Digest as _, Sha256};

use super::house::{Answer, Headers, House};

pub const PERSONS: &str = "/v1/uploads";
pub const AGENTS: &str = "/v1/agent/uploads";

/// A file to send.
#[derive(Clone)]
pub struct Sample {
    pub id: AttachmentId,
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
    pub sha256: String,
}

pub fn sample(name: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Sample {
    let bytes = bytes.into();
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let id = AttachmentId(uuid::Uuid::now_v7());
    Sample { id, name: name.into(), media_type: media_type.into(), bytes, sha256 }
}

/// Words that nobody else sends.
pub fn words() -> Sample {
    sample("Notiz.txt", "text/plain", format!("Hallo {}", uuid::Uuid::now_v7()))
}

/// A photo with a gradient, as PNG.
pub fn photo(width: u32, height: u32) -> Sample {
    sample("Naht.png", "image/png", encoded(width, height, image::ImageFormat::Png))
}

pub fn encoded(width: u32, height: u32, format: image::ImageFormat) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 90])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

impl Sample {
    pub fn metadata(&self) -> String {
        Metadata {
            id: self.id,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            sha256: self.sha256.clone(),
        }
        .to_header()
    }

    pub fn with_id(&self, id: AttachmentId) -> Self {
        Self { id, ..self.clone() }
    }
}

pub fn sha256_checksum(bytes: &[u8]) -> String {
    format!("sha256 {}", BASE64_STANDARD.encode(Sha256::digest(bytes)))
}

impl House {
    /// A request of tus with a body of bytes.
    pub async fn tus(&self, method: Method, path: &str, headers: &Headers, more: Headers, body: Body) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path).header("tus-resumable", "1.0.0");
        if method == Method::PATCH {
            request = request.header("content-type", "application/offset+octet-stream");
        }
        for (name, value) in headers.iter().cloned().chain(more) {
            request = request.header(name, value);
        }
        self.raw(request.body(body).unwrap()).await
    }

    pub async fn announce(&self, base: &str, headers: &Headers, sample: &Sample) -> Answer {
        self.announce_as(base, headers, sample, sample.bytes.len() as u64).await
    }

    pub async fn announce_as(&self, base: &str, headers: &Headers, sample: &Sample, size: u64) -> Answer {
        let more = vec![("upload-length", size.to_string()), ("upload-metadata", sample.metadata())];
        self.tus(Method::POST, base, headers, more, Body::empty()).await
    }

    pub async fn patch(&self, base: &str, headers: &Headers, id: AttachmentId, offset: usize, bytes: &[u8]) -> Answer {
        let more = vec![("upload-offset", offset.to_string())];
        self.tus(Method::PATCH, &format!("{base}/{id}"), headers, more, Body::from(bytes.to_vec())).await
    }

    pub async fn stand(&self, base: &str, headers: &Headers, id: AttachmentId) -> Answer {
        self.tus(Method::HEAD, &format!("{base}/{id}"), headers, Vec::new(), Body::empty()).await
    }

    /// Where the upload stands.
    pub async fn offset(&self, base: &str, headers: &Headers, id: AttachmentId) -> u64 {
        let answer = self.stand(base, headers, id).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.headers["upload-offset"].to_str().unwrap().parse().unwrap()
    }

    /// Announces a file and sends all of it.
    pub async fn upload(&self, base: &str, headers: &Headers, sample: &Sample) {
        let answer = self.announce(base, headers, sample).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let answer = self.patch(base, headers, sample.id, 0, &sample.bytes).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
        assert_eq!(answer.headers["upload-offset"], sample.bytes.len().to_string());
    }

    /// The names of all files on the disk, below the folder of files.
    pub fn on_disk(&self) -> Vec<String> {
        fn collect(folder: &std::path::Path, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => collect(&path, names),
                    path => names.push(path.file_name().unwrap().to_string_lossy().into_owned()),
                }
            }
        }
        let mut names = Vec::new();
        collect(&self.folder.path().join("files"), &mut names);
        names.sort();
        names
    }

    /// Waits until the disk holds this many files.
    pub async fn until_on_disk(&self, count: usize) {
        for _ in 0..2000 {
            if self.on_disk().len() == count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("the disk holds {:?}", self.on_disk());
    }

    pub async fn attachments(&self) -> u64 {
        self.server.store().census().await.unwrap().attachments
    }
}
