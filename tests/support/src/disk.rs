//! A disk in memory, for SQLite and for the attachment files beside it, that can lose power, fill up or fail.
//!
//! Killing a process proves nothing about `synchronous`: the page cache outlives it. This disk keeps two versions of
//! everything, what a program reads back and what has surely reached the platter; on a power loss only the second
//! stays, with a random part of the rest, sector by sector. Every draw comes from the seed, so one thread's schedule
//! replays exactly.
//!
//! [`Disk`] is the handle tests hold. `state` is the machine (files, locks, power), `content` one file's bytes,
//! `names` the folders, `lock` and `shm` what connections share, `vfs` the glue that lets SQLite open files here.

mod content;
mod lock;
mod names;
#[allow(unsafe_code)]
mod shm;
mod state;
#[cfg(test)]
mod tests;
#[allow(unsafe_code)]
mod vfs;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::state::{Refusal, State};
use self::vfs::Registration;

/// An in-memory disk under a SQLite VFS of its own.
///
/// A clone is another handle on the same disk. The VFS stays registered while a handle or a file opened through it is
/// alive; what is left afterwards is a record of some 250 bytes, because a connection without an open file may still
/// point at it.
///
/// Paths are compared byte for byte and folders exist by being named: `"app/a.db"` and `"./app/a.db"` are two files.
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

/// What all handles and all open files of one disk have in common.
struct Shared {
    /// Tells disks apart within the process.
    id: u64,
    registration: Registration,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking test thread must not turn every later answer into a second panic inside SQLite.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// A new, empty, powered disk without a size limit. All randomness (what a power loss keeps, what corruption
    /// looks like) follows from `seed`.
    ///
    /// # Panics
    /// When SQLite cannot register the VFS, which it only refuses when it is out of memory.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new_cyclic(|disk| Shared {
            id,
            registration: Registration::new(&format!("beistand-disk-{id}"), disk.clone()),
            state: Mutex::new(State::new(seed)),
        });
        Self { shared }
    }

    /// The name to open connections with: the `vfs` argument of `Connection::open_with_flags_and_vfs`, or `?vfs=` in
    /// a URI. Unique in the process.
    #[must_use]
    pub fn vfs_name(&self) -> &str {
        self.shared.registration.name()
    }

    /// Opens a connection to `path` on this disk with rusqlite's default flags, creating the database when missing.
    ///
    /// # Errors
    /// Whatever SQLite reports; `SQLITE_IOERR` while the power is off.
    pub fn open(&self, path: &str) -> rusqlite::Result<rusqlite::Connection> {
        rusqlite::Connection::open_with_flags_and_vfs(path, rusqlite::OpenFlags::default(), self.vfs_name())
    }

    /// The power fails and comes back at once. Open files are dead from here on: everything through them answers
    /// `SQLITE_IOERR` and touches nothing. Each file becomes what was synced plus a random part of what was not;
    /// shared memory and locks are gone. New connections can be opened straight away.
    ///
    /// When the power is already off, this only brings it back.
    pub fn crash(&self) {
        self.shared.state().crash();
    }

    /// Arms a power failure in the midst of the `n`-th operation from now (see [`Disk::operations`]; 1 is the very
    /// next, 0 counts as 1). That operation and everything after it answers `SQLITE_IOERR` until [`Disk::reboot`];
    /// its own bytes may or may not have made it.
    pub fn crash_after_writes(&self, n: u64) {
        self.shared.state().arm(n);
    }

    /// Brings the power back and disarms [`Disk::crash_after_writes`] and [`Disk::fail_sync`]. Files opened before
    /// the failure stay dead. On a powered disk it only disarms.
    pub fn reboot(&self) {
        self.shared.state().reboot();
    }

    /// Which life of the disk this is: every crash, reboot and kill begins another. What holds the number of an earlier one
    /// belongs to a process that is dead.
    pub fn generation(&self) -> u64 {
        self.shared.state().generation()
    }

    /// Whether an armed power failure has happened and [`Disk::reboot`] has not been called since. (After
    /// [`Disk::crash`] the power is on again, so this is false.)
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        !self.shared.state().is_powered()
    }

    /// The process is killed: open files are dead, locks and shared memory are gone, yet every written byte and every
    /// rename stays, because the page cache outlives the process. What was unsynced stays unsynced.
    pub fn kill(&self) {
        self.shared.state().kill();
    }

    /// How many operations that change the disk were tried so far: writes, truncations, syncs, deletions and renames,
    /// by SQLite and by the methods here. A run without a crash tells how many crash points its schedule has.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.state().operations()
    }

    /// Limits the disk to `bytes` in all; `None` lifts the limit. A write that would grow a file over it is refused
    /// whole with `SQLITE_FULL` (or [`io::ErrorKind::StorageFull`]); overwriting in place always works. A limit below
    /// [`Disk::used`] takes nothing away.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.shared.state().set_capacity(bytes);
    }

    /// Bytes in all files that have a name or are held open, as a program sees them.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.shared.state().used()
    }

    /// The next `n` syncs (of SQLite files, of files and of folders) answer `SQLITE_IOERR_FSYNC` and make nothing
    /// durable; the bytes stay readable and unsynced.
    pub fn fail_sync(&self, n: u32) {
        self.shared.state().fail_syncs(n);
    }

    /// Changes every byte in `offset..offset + len`, cut at the file's end, of each file whose path ends in
    /// `path_suffix`; as damage on the platter, it needs no sync. Returns how many files were changed.
    pub fn corrupt(&self, path_suffix: &str, offset: u64, len: u64) -> usize {
        self.shared.state().corrupt(path_suffix, offset, len)
    }

    /// The paths of all files, sorted; without temporary files, which have no name.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.shared.state().paths()
    }

    /// A file's bytes as a program would read them (also with the power off), or `None` when there is no such file.
    #[must_use]
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        self.shared.state().contents(path)
    }

    /// Whether there is a file of this name, be it empty.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.shared.state().exists(path)
    }

    /// Creates the file or replaces its content. As with a plain write, nothing is durable before
    /// [`Disk::sync_file`]. One operation.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] over the capacity (the old content then stays); another error while the power
    /// is off.
    pub fn write_file(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.shared.state().write_file(path, bytes).map_err(Into::into)
    }

    /// Makes a file's content and its creation durable, as `fsync` does; a rename of it needs [`Disk::sync_folder`].
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] without such a file; another error while the power is off or after
    /// [`Disk::fail_sync`].
    pub fn sync_file(&self, path: &str) -> io::Result<()> {
        self.shared.state().sync_path(path).map_err(Into::into)
    }

    /// Makes all creations, deletions and renames of names directly in this folder durable, as `fsync` on a directory
    /// does. The folder of a path is what stands before its last `/`; of a path without one, the empty string.
    ///
    /// # Errors
    /// While the power is off or after [`Disk::fail_sync`].
    pub fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.shared.state().sync_folder(folder).map_err(Into::into)
    }

    /// Renames a file, replacing what had the new name. Atomic; may be undone by a power loss until
    /// [`Disk::sync_folder`].
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] without a file `from`; another error while the power is off.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.shared.state().rename(from, to).map_err(Into::into)
    }

    /// Deletes a name; whoever has the file open keeps it. May be undone by a power loss until
    /// [`Disk::sync_folder`].
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] without such a file; another error while the power is off.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        self.shared.state().remove(path, false).map_err(Into::into)
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("vfs_name", &self.vfs_name()).finish_non_exhaustive()
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Dead => io::Error::other("the disk has no power"),
            Refusal::Missing => io::Error::new(io::ErrorKind::NotFound, "no such file on the disk"),
            Refusal::Full => io::Error::new(io::ErrorKind::StorageFull, "the disk is full"),
            Refusal::SyncFailed => io::Error::other("the sync failed"),
            Refusal::Busy => io::Error::new(io::ErrorKind::ResourceBusy, "the file is locked"),
        }
    }
}
