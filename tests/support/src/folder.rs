//! The folder of attachments on a simulated disk: it loses with the power what was not synced, like the database beside it.

use std::collections::HashSet;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beistand_core::attachments::files::{FileStore, FileWriter, Listed};
use beistand_core::store::FolderOfFiles;

use crate::disk::Disk;

/// A folder of one simulated disk, as one life of an app has it: after a crash or a kill it changes nothing any more, though
/// a thread of that life may still be at work.
pub struct DiskFolder {
    disk: Disk,
    folder: String,
    life: u64,
    /// What came to be in this life, and is young.
    made: Mutex<HashSet<String>>,
}

impl DiskFolder {
    /// The folder of that name.
    pub fn new(disk: &Disk, folder: &str) -> Self {
        Self { disk: disk.clone(), folder: folder.to_owned(), life: disk.generation(), made: Mutex::default() }
    }

    /// The same, as a client takes it.
    pub fn of_a_client(disk: &Disk, folder: &str) -> FolderOfFiles {
        FolderOfFiles(Arc::new(Self::new(disk, folder)))
    }

    fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    fn alive(&self) -> io::Result<()> {
        if self.disk.generation() == self.life { Ok(()) } else { Err(io::Error::other("this life has ended")) }
    }

    fn made(&self) -> MutexGuard<'_, HashSet<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self, name: &str, whole: Vec<u8>) -> io::Result<Box<dyn FileWriter>> {
        self.alive()?;
        let path = self.place(name);
        self.disk.write_file(&path, &whole)?;
        self.made().insert(name.to_owned());
        Ok(Box::new(DiskWriter { disk: self.disk.clone(), life: self.life, path, whole }))
    }

    fn contents(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.contents(&self.place(name)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct DiskWriter {
    disk: Disk,
    life: u64,
    path: String,
    whole: Vec<u8>,
}

impl Write for DiskWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.disk.generation() != self.life {
            return Err(io::Error::other("this life has ended"));
        }
        self.whole.extend_from_slice(bytes);
        self.disk.write_file(&self.path, &self.whole)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileWriter for DiskWriter {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync_file(&self.path)
    }
}

impl FileStore for DiskFolder {
    fn create(&self, name: &str) -> io::Result<Box<dyn FileWriter>> {
        self.writer(name, Vec::new())
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn FileWriter>> {
        self.writer(name, self.disk.contents(&self.place(name)).unwrap_or_default())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.contents(name)?)))
    }

    fn read_at(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let contents = self.contents(name)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(contents.len());
        Ok(contents[from..contents.len().min(from.saturating_add(most))].to_vec())
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.disk.contents(&self.place(name)).map(|contents| contents.len() as u64))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.alive()?;
        self.disk.rename(&self.place(from), &self.place(to))?;
        self.made().insert(to.to_owned());
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder(&self.folder)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.alive()?;
        match self.disk.remove(&self.place(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn list(&self) -> io::Result<Vec<Listed>> {
        let prefix = format!("{}/", self.folder);
        let names = self.disk.files();
        Ok(names
            .iter()
            .filter_map(|path| {
                let name = path.strip_prefix(&prefix)?.to_owned();
                let size = self.disk.contents(path)?.len() as u64;
                // This disk keeps no times. What another life left behind is old enough to be a stray, and what is being
                // fetched is worth going on with; what this life has just made may be about to be committed.
                let age = if self.made().contains(&name) { Duration::ZERO } else { Duration::from_secs(2 * 3600) };
                Some(Listed { name, size, age })
            })
            .collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place(name).into()
    }
}
