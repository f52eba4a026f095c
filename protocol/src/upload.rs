//! The headers of an upload: tus 1.0.0 with creation, checksum, expiration and termination (<https://tus.io>).

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::hex;
use crate::ids::AttachmentId;

/// The version of tus that both sides speak, in `Tus-Resumable`.
pub const TUS_VERSION: &str = "1.0.0";
/// The extensions that the server offers, in `Tus-Extension`.
pub const TUS_EXTENSIONS: &str = "creation,checksum,expiration,termination";
/// The algorithms of `Upload-Checksum`; tus demands `sha1` of every server.
pub const TUS_CHECKSUMS: &str = "sha256,sha1";
/// The media type of a `PATCH`.
pub const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";

/// Names the version on either side.
pub const TUS_RESUMABLE: &str = "tus-resumable";
/// The size of the whole file in bytes.
pub const UPLOAD_LENGTH: &str = "upload-length";
/// Where the bytes of a `PATCH` begin; where the upload stands.
pub const UPLOAD_OFFSET: &str = "upload-offset";
/// What the file is; see [`Metadata`].
pub const UPLOAD_METADATA: &str = "upload-metadata";
/// The checksum of the bytes of a `PATCH`: algorithm, a space, base64.
pub const UPLOAD_CHECKSUM: &str = "upload-checksum";
/// When an unfinished upload is forgotten, as an HTTP date.
pub const UPLOAD_EXPIRES: &str = "upload-expires";

/// What `Upload-Metadata` says. Members of a later version are ignored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metadata {
    /// `id`: minted by whoever sends the file; makes the creation repeatable.
    pub id: AttachmentId,
    /// `filename`.
    pub name: String,
    /// `filetype`: the media type.
    pub media_type: String,
    /// `sha256`: of the whole file, as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Why an `Upload-Metadata` cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetadataError {
    /// A member is not `key base64`, or comes twice.
    #[error("members are a key, a space and base64, separated by commas")]
    Form,
    /// A value is no UTF-8, or not of its member's form.
    #[error("the member {0} is not of its form")]
    Value(&'static str),
    /// A member is missing.
    #[error("the member {0} is missing")]
    Missing(&'static str),
}

impl Metadata {
    /// The header's value.
    pub fn to_header(&self) -> String {
        let id = self.id.to_string();
        [("id", &id), ("filename", &self.name), ("filetype", &self.media_type), ("sha256", &self.sha256)]
            .map(|(key, value)| format!("{key} {}", BASE64_STANDARD.encode(value)))
            .join(",")
    }

    /// Reads the header's value.
    pub fn from_header(text: &str) -> Result<Self, MetadataError> {
        let mut members: [(&'static str, Option<String>); 4] =
            [("id", None), ("filename", None), ("filetype", None), ("sha256", None)];
        for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            // A key without a value is allowed by tus; none of ours comes without one.
            let (key, value) = member.split_once(' ').unwrap_or((member, ""));
            let bytes = BASE64_STANDARD.decode(value.trim()).map_err(|_| MetadataError::Form)?;
            if let Some((name, slot)) = members.iter_mut().find(|(name, _)| *name == key) {
                let value = String::from_utf8(bytes).map_err(|_| MetadataError::Value(name))?;
                if slot.replace(value).is_some() {
                    return Err(MetadataError::Form);
                }
            }
        }
        let [id, name, media_type, sha256] = members.map(|(name, value)| value.ok_or(MetadataError::Missing(name)));
        let sha256 = sha256?;
        if hex::decode(&sha256).is_none() {
            return Err(MetadataError::Value("sha256"));
        }
        let id = id?.parse().map_err(|_| MetadataError::Value("id"))?;
        Ok(Self { id, name: name?, media_type: media_type?, sha256 })
    }
}

/// A checksum that a `PATCH` carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checksum {
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-1: only against accidents on the way.
    Sha1([u8; 20]),
}

impl Checksum {
    /// The header's value.
    pub fn to_header(&self) -> String {
        match self {
            Self::Sha256(bytes) => format!("sha256 {}", BASE64_STANDARD.encode(bytes)),
            Self::Sha1(bytes) => format!("sha1 {}", BASE64_STANDARD.encode(bytes)),
        }
    }

    /// Reads the header's value; `None` for another algorithm or another form.
    pub fn from_header(text: &str) -> Option<Self> {
        let (algorithm, value) = text.trim().split_once(' ')?;
        let bytes = BASE64_STANDARD.decode(value.trim()).ok()?;
        match algorithm {
            "sha256" => bytes.try_into().ok().map(Self::Sha256),
            "sha1" => bytes.try_into().ok().map(Self::Sha1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    fn metadata() -> Metadata {
        Metadata {
            id: AttachmentId::mint(UnixMillis(1), [3; 10]),
            name: "Größe, klein.jpg".into(),
            media_type: "image/jpeg".into(),
            sha256: "ab".repeat(32),
        }
    }

    #[test]
    fn metadata_survives_its_header() {
        let header = metadata().to_header();
        assert_eq!(Metadata::from_header(&header), Ok(metadata()));
        assert_eq!(Metadata::from_header(&format!("future eA==,flag,{header}")), Ok(metadata()));
    }

    #[test]
    fn broken_metadata_is_named() {
        let header = metadata().to_header();
        assert_eq!(Metadata::from_header(""), Err(MetadataError::Missing("sha256")));
        assert_eq!(Metadata::from_header("id !!!"), Err(MetadataError::Form));
        assert_eq!(Metadata::from_header(&format!("{header},{header}")), Err(MetadataError::Form));
        let upper = Metadata { sha256: "AB".repeat(32), ..metadata() }.to_header();
        assert_eq!(Metadata::from_header(&upper), Err(MetadataError::Value("sha256")));
    }

    #[test]
    fn a_checksum_survives_its_header() {
        for checksum in [Checksum::Sha256([7; 32]), Checksum::Sha1([9; 20])] {
            assert_eq!(Checksum::from_header(&checksum.to_header()), Some(checksum));
        }
        for bad in ["", "sha256", "sha256 AA==", "md5 AAAA", "sha1 not base64"] {
            assert_eq!(Checksum::from_header(bad), None);
        }
    }
}
