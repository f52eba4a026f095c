//! The part file of an upload, written on a thread that may wait.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use beistand_protocol::upload::Checksum;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Takes the bytes of a request that names their checksum.
enum Hasher {
    Sha256(Sha256),
    Sha1(Sha1),
}

/// An open part file.
pub(super) struct Part {
    file: File,
    /// Where this request began.
    start: u64,
    /// Where the file ends.
    pub(super) len: u64,
    checksum: Option<(Hasher, Checksum)>,
}

/// How much of an upload is there.
pub(super) fn length(path: &Path) -> io::Result<u64> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Part {
    pub(super) fn open(path: &Path, checksum: Option<Checksum>) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        let len = file.seek(SeekFrom::End(0))?;
        let checksum = checksum.map(|checksum| match &checksum {
            Checksum::Sha256(_) => (Hasher::Sha256(Sha256::new()), checksum),
            Checksum::Sha1(_) => (Hasher::Sha1(Sha1::new()), checksum),
        });
        Ok(Self { file, start: len, len, checksum })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // A full disk may have taken some of it; what is there counts.
            self.len = self.file.seek(SeekFrom::End(0))?;
            return Err(error);
        }
        self.len += bytes.len() as u64;
        match &mut self.checksum {
            Some((Hasher::Sha256(hasher), _)) => hasher.update(bytes),
            Some((Hasher::Sha1(hasher), _)) => hasher.update(bytes),
            None => {}
        }
        Ok(())
    }

    /// Drops what this request has brought.
    pub(super) fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.start)?;
        self.len = self.file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// Whether the bytes of this request fit the checksum that it named, if it did.
    pub(super) fn fits(&mut self) -> bool {
        match self.checksum.take() {
            Some((Hasher::Sha256(hasher), Checksum::Sha256(expected))) => hasher.finalize().as_slice() == expected,
            Some((Hasher::Sha1(hasher), Checksum::Sha1(expected))) => hasher.finalize().as_slice() == expected,
            Some(_) => false,
            None => true,
        }
    }
}
