//! Where the bytes of a file come from that a person attaches.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// A file that is to be sent. Its bytes are copied into the SDK's own folder before the call returns that takes it, so
/// that the original may change or vanish afterwards.
pub struct AttachmentSource {
    bytes: Bytes,
    name: String,
    keep_location: bool,
}

enum Bytes {
    Path(PathBuf),
    Reader(Box<dyn Read + Send>),
}

impl AttachmentSource {
    /// A file of the file system, under its own name.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { bytes: Bytes::Path(path), name, keep_location: false }
    }

    /// What a reader brings until its end, such as the stream behind a content URI.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self { bytes: Bytes::Reader(Box::new(reader)), name: name.into(), keep_location: false }
    }

    /// Under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whether a photo keeps where it was taken, and everything else that its camera wrote into it. Without this it is
    /// removed before the photo is stored.
    #[must_use]
    pub fn keep_location(mut self, keep: bool) -> Self {
        self.keep_location = keep;
        self
    }

    /// Opens it: the bytes, the name as it was given, whether the location stays.
    pub(super) fn open(self) -> Result<(Box<dyn Read + Send>, String, bool)> {
        let reader: Box<dyn Read + Send> = match self.bytes {
            Bytes::Reader(reader) => reader,
            Bytes::Path(path) => match File::open(path) {
                Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => Box::new(file),
                Ok(_) => return Err(unreadable("it is no file")),
                Err(error) => return Err(unreadable(&error.kind().to_string())),
            },
        };
        Ok((reader, self.name, self.keep_location))
    }
}

/// The source failed. Its name stays out of the error: it is the person's.
pub(super) fn unreadable(why: &str) -> Error {
    Error::new(ErrorKind::Unreadable, format!("the file cannot be read: {why}"))
}

impl fmt::Debug for AttachmentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentSource").field("keep_location", &self.keep_location).finish_non_exhaustive()
    }
}
