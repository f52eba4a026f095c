//! Publications that an app carries, so that the first launch without a network has answers.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use beistand_protocol::faq::ParcelHeader;
use beistand_protocol::limits::FAQ_BUNDLE_BYTES;

use super::verify::{self, FaqError};

/// A publication that the app carries: what `beistand-server faq bundle` writes, plain or packed with gzip.
#[derive(Clone)]
pub struct FaqSeed(Place);

#[derive(Clone)]
enum Place {
    Path(PathBuf),
    Bytes(Arc<[u8]>),
}

impl FaqSeed {
    /// A file. It is read at the first use of the FAQ, and later only if it is newer than what is cached.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self(Place::Path(path.into()))
    }

    /// The bytes themselves, as from `include_bytes!` or an asset.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(Place::Bytes(bytes.into()))
    }

    /// What it says of itself; nothing of it is trusted yet.
    pub(crate) fn peek(&self) -> Result<ParcelHeader, FaqError> {
        match &self.0 {
            Place::Path(path) => verify::peek(File::open(path).map_err(|_| FaqError::Unreadable)?),
            Place::Bytes(bytes) => verify::peek(&**bytes),
        }
    }

    /// All of it, within bounds.
    pub(crate) fn read(&self) -> Result<Arc<[u8]>, FaqError> {
        match &self.0 {
            Place::Path(path) => {
                let file = File::open(path).map_err(|_| FaqError::Unreadable)?;
                let mut bytes = Vec::new();
                let most = FAQ_BUNDLE_BYTES as u64 + 1;
                file.take(most).read_to_end(&mut bytes).map_err(|_| FaqError::Unreadable)?;
                Ok(bytes.into())
            }
            Place::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

impl std::fmt::Debug for FaqSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Place::Path(path) => f.debug_tuple("FaqSeed").field(path).finish(),
            Place::Bytes(bytes) => write!(f, "FaqSeed({} bytes)", bytes.len()),
        }
    }
}
