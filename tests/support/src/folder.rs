//! The folder of attachments on a simulated disk: it loses with the power what was not synced, like the database beside it.

use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use beistand_core::attachments::files::{FileStore, FileWriter, Listed};
use beistand_core::store::FolderOfFiles;

use crate::disk::Disk;

/// A folder of one simulated disk.
pub struct DiskFolder {
    disk: Disk,
    folder: String,
}

impl DiskFolder {
    /// The folder of that name.
    pub fn new(disk: &Disk, folder: &str) -> Self {
        Self { disk: disk.clone(), folder: folder.to_owned() }
    }

    /// The same, as a client takes it.
    pub fn of_a_client(disk: &Disk, folder: &str) -> FolderOfFiles {
        FolderOfFiles(Arc::new(Self::new(disk, folder)))
    }

    fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    fn contents(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.contents(&self.place(name)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct DiskWriter {
    disk: Disk,
    path: String,
    whole: Vec<u8>,
}

impl Write for DiskWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
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
        let path = self.place(name);
        self.disk.write_file(&path, &[])?;
        Ok(Box::new(DiskWriter { disk: self.disk.clone(), path, whole: Vec::new() }))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn FileWriter>> {
        let path = self.place(name);
        let whole = self.disk.contents(&path).unwrap_or_default();
        self.disk.write_file(&path, &whole)?;
        Ok(Box::new(DiskWriter { disk: self.disk.clone(), path, whole }))
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
        self.disk.rename(&self.place(from), &self.place(to))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder(&self.folder)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
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
                // This disk keeps no times, and no second process works on it: a stray is one at once, and what is being
                // fetched is worth going on with.
                Some(Listed { name, size, age: Duration::from_secs(2 * 3600) })
            })
            .collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place(name).into()
    }
}
