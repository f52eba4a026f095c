//! The folder in which the files of messages lie, and what it must be able to do: few things, so that a test can put one
//! in its place that loses what was not synced.
//!
//! A file that is kept is named after its attachment's id. `….new` is being copied, `….part` is being fetched; neither
//! counts as there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::{AttachmentId, hex};

use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// Which file of an attachment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Variant {
    /// The file itself.
    Whole,
    /// Its small picture.
    Thumbnail,
}

impl Variant {
    /// As stored.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Thumbnail => "thumbnail",
        }
    }
}

/// The name of a file that is kept.
pub(crate) fn kept(id: AttachmentId, variant: Variant) -> String {
    match variant {
        Variant::Whole => id.to_string(),
        Variant::Thumbnail => format!("{id}.thumbnail"),
    }
}

/// The name of a file that is being copied into the folder.
pub(super) fn incoming(id: AttachmentId) -> String {
    format!("{id}.new")
}

/// The name of a file that is being fetched.
pub(crate) fn partial(id: AttachmentId, variant: Variant) -> String {
    format!("{}.part", kept(id, variant))
}

/// The attachment that a name belongs to, and whether the name is that of a kept file.
pub(super) fn parse(name: &str) -> Option<(AttachmentId, Variant, bool)> {
    let (rest, whole) = match (name.strip_suffix(".part"), name.strip_suffix(".new")) {
        (Some(rest), _) | (_, Some(rest)) => (rest, false),
        _ => (name, true),
    };
    let (id, variant) = match rest.strip_suffix(".thumbnail") {
        Some(id) => (id, Variant::Thumbnail),
        None => (rest, Variant::Whole),
    };
    Some((id.parse().ok()?, variant, whole))
}

/// A file of the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// How long ago it was last written.
    pub age: Duration,
}

/// A file that is written.
pub trait FileWriter: Write + Send {
    /// Waits until what was written survives a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// The folder. Calls block; none of them is made on an async thread.
pub trait FileStore: Send + Sync {
    /// Makes a file, empty, whatever was there.
    fn create(&self, name: &str) -> io::Result<Box<dyn FileWriter>>;
    /// Goes on with a file at its end; makes it if it is not there.
    fn append(&self, name: &str) -> io::Result<Box<dyn FileWriter>>;
    /// Reads a file from its beginning.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;
    /// Reads up to `most` bytes from `offset`; fewer only at the end.
    fn read_at(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>>;
    /// How many bytes a file has; `None` if it is not there.
    fn size(&self, name: &str) -> io::Result<Option<u64>>;
    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Waits until names that were given survive a loss of power.
    fn sync_folder(&self) -> io::Result<()>;
    /// Removes a file; it is no fault if it is not there.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes a file as young as if it had just been written, if it is there.
    fn touch(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }
    /// All files.
    fn list(&self) -> io::Result<Vec<Listed>>;
    /// Where a file lies, for whoever opens it.
    fn path(&self, name: &str) -> PathBuf;
}

/// The folder on a real disk.
pub(crate) struct DiskFiles {
    folder: PathBuf,
}

impl DiskFiles {
    /// Remembers where it is; makes nothing.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn make_folder(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        // The folder's own name has to survive as well.
        match self.folder.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(handle) => handle.sync_all(),
        // Systems that cannot open a folder keep their names without being asked.
        Err(error) if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

struct DiskWriter(File);

impl Write for DiskWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl FileWriter for DiskWriter {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

fn not_there<T: Default>(error: io::Error) -> io::Result<T> {
    if error.kind() == io::ErrorKind::NotFound { Ok(T::default()) } else { Err(error) }
}

impl FileStore for DiskFiles {
    fn create(&self, name: &str) -> io::Result<Box<dyn FileWriter>> {
        self.make_folder()?;
        Ok(Box::new(DiskWriter(File::create(self.place(name))?)))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn FileWriter>> {
        self.make_folder()?;
        Ok(Box::new(DiskWriter(OpenOptions::new().append(true).create(true).open(self.place(name))?)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.place(name))?))
    }

    fn read_at(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.place(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(most);
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        fs::metadata(self.place(name)).map(|metadata| Some(metadata.len())).or_else(not_there)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.place(from), self.place(to))
    }

    fn sync_folder(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.place(name)).or_else(not_there)
    }

    fn touch(&self, name: &str) -> io::Result<()> {
        match File::options().append(true).open(self.place(name)) {
            Ok(file) => file.set_modified(std::time::SystemTime::now()),
            Err(error) => not_there(error),
        }
    }

    fn list(&self) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) => return not_there(error),
        };
        for entry in entries {
            let entry = entry?;
            // A file may go between the two questions.
            let Ok(metadata) = entry.metadata() else { continue };
            let Ok(name) = entry.file_name().into_string() else { continue };
            let age = metadata.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
            if metadata.is_file() {
                listed.push(Listed { name, size: metadata.len(), age });
            }
        }
        Ok(listed)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place(name)
    }
}

/// Runs what blocks away from async threads, or at once where a simulation must run the same way twice.
pub(crate) async fn blocking<T: Send + 'static>(
    inline: bool,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if inline {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

/// What a failure of the folder means.
pub(crate) fn store_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreError::Full,
        kind => StoreError::Folder(kind),
    }
}

/// Size and SHA-256 of a file; nothing and that of nothing if it is not there.
pub(crate) fn digest(store: &dyn FileStore, name: &str) -> Result<(u64, String), StoreError> {
    let mut reader = match store.open(name) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, String::new())),
        Err(error) => return Err(store_error(error)),
    };
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok((size, hex::encode(&hash.finalize()))),
            Ok(read) => {
                hash.update(&piece[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(store_error(error)),
        }
    }
}

/// The folder that a client works with.
pub(crate) type Files = Arc<dyn FileStore>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_attachment() {
        let id = AttachmentId::mint(beistand_protocol::UnixMillis(5), [1; 10]);
        for variant in [Variant::Whole, Variant::Thumbnail] {
            assert_eq!(parse(&kept(id, variant)), Some((id, variant, true)));
            assert_eq!(parse(&partial(id, variant)), Some((id, variant, false)));
        }
        assert_eq!(parse(&incoming(id)), Some((id, Variant::Whole, false)));
        assert_eq!(parse("notes.txt"), None);
    }

    #[test]
    fn a_folder_reads_back_what_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let files = DiskFiles::new(folder.path().join("attachments"));
        assert_eq!(files.list().unwrap(), []);
        assert_eq!(files.size("x").unwrap(), None);
        files.create("x").unwrap().write_all(b"Hallo").unwrap();
        files.append("x").unwrap().write_all(b" Welt").unwrap();
        files.rename("x", "y").unwrap();
        files.sync_folder().unwrap();
        assert_eq!(files.read_at("y", 6, 100).unwrap(), b"Welt");
        assert_eq!(files.size("y").unwrap(), Some(10));
        assert_eq!(files.list().unwrap().len(), 1);
        files.remove("y").unwrap();
        files.remove("y").unwrap();
    }
}
