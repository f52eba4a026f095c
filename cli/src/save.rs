//! Where a fetched file goes: a file that is there whole or not at all, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{Read, Stdout, Write};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};

/// A file on its way to where it was asked for.
pub enum Saving {
    /// Beside its place under another name, until it is whole.
    File {
        /// Where it is written.
        part: PathBuf,
        /// Where it belongs.
        place: PathBuf,
        /// Open while it is written.
        file: Option<File>,
    },
    /// Whoever reads standard output.
    Stdout(Stdout),
}

impl Saving {
    /// Begins to save to a place; `-` is standard output.
    pub fn begin(place: &Path) -> Result<Self, Failure> {
        if place == Path::new("-") {
            return Ok(Self::Stdout(std::io::stdout()));
        }
        if place.is_dir() || place.file_name().is_none() {
            return Err(Failure::usage("usage", "-o names a folder; a file is needed. Nothing was fetched."));
        }
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = place.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&part).map_err(|_| unwritable())?;
        Ok(Self::File { part, place: place.to_path_buf(), file: Some(file) })
    }

    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match self {
            Self::File { file: Some(file), .. } => file.write_all(bytes),
            Self::File { file: None, .. } => Ok(()),
            Self::Stdout(out) => out.write_all(bytes),
        };
        written.map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
            _ => unwritable(),
        })
    }

    /// Everything is there: the file takes its place.
    pub fn finish(mut self) -> Result<(), Failure> {
        match &mut self {
            Self::File { part, place, file } => {
                let synced = file.take().map_or(Ok(()), |file| file.sync_all());
                synced.and_then(|()| std::fs::rename(part, place)).map_err(|_| unwritable())
            }
            Self::Stdout(out) => out.flush().map_err(|_| unwritable()),
        }
    }

    /// A whole file that lies on this machine.
    pub fn copy(mut self, from: &Path) -> Result<u64, Failure> {
        let mut source = File::open(from).map_err(|_| unwritable())?;
        let (mut piece, mut copied) = (vec![0; 64 * 1024], 0);
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    self.write(&piece[..count])?;
                    copied += count as u64;
                }
                Err(_) => return Err(unwritable()),
            }
        }
        self.finish().map(|()| copied)
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        if let Self::File { part, file, .. } = self
            && file.take().is_some()
        {
            // What is not whole is of no use; if it cannot be removed, its name says what it is.
            let _ = std::fs::remove_file(part);
        }
    }
}

fn unwritable() -> Failure {
    Failure::new(Exit::Failed, "output", "The file cannot be written there. Nothing was left behind; see -o.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("foto.jpg");
        let mut saving = Saving::begin(&place).unwrap();
        saving.write(b"half").unwrap();
        drop(saving);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut saving = Saving::begin(&place).unwrap();
        saving.write(b"whole").unwrap();
        saving.finish().unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_no_place_for_a_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Saving::begin(folder.path()), Err(failure) if failure.exit == Exit::Usage));
    }
}
