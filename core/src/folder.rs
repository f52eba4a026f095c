//! One client a folder in a process: two would each believe to be alone. (Between processes the worker's lock decides who
//! sends; see the outbox.)

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// The folders that are claimed, by their one name and VFS.
static CLAIMED: Mutex<Option<HashSet<(PathBuf, String)>>> = Mutex::new(None);

/// This process's claim on a folder; given back when dropped.
pub(crate) struct FolderClaim(PathBuf, String);

impl FolderClaim {
    /// Claims a folder (of a named VFS), unless another client of this process has it.
    pub(crate) fn claim(folder: PathBuf, vfs: Option<&str>) -> Result<Self> {
        let folder = one_name(std::path::absolute(&folder).unwrap_or(folder));
        let name = vfs.unwrap_or_default().to_owned();
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        if !claimed.get_or_insert_default().insert((folder.clone(), name.clone())) {
            return Err(Error::new(ErrorKind::FolderInUse, "another client of this process uses the data folder"));
        }
        Ok(Self(folder, name))
    }
}

/// A folder may have several names, before and after it is made: what exists of its path is named without links.
fn one_name(folder: PathBuf) -> PathBuf {
    for ancestor in folder.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return folder.strip_prefix(ancestor).map_or_else(|_| folder.clone(), |rest| real.join(rest));
        }
    }
    folder
}

impl Drop for FolderClaim {
    fn drop(&mut self) {
        if let Some(claimed) = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            claimed.remove(&(std::mem::take(&mut self.0), std::mem::take(&mut self.1)));
        }
    }
}
