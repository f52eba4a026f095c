//! The disk as SQLite sees it: the C table `sqlite3_vfs` over `state`; that of an open file is in `file`.
//!
//! Each function translates its arguments, asks the state under its lock and translates the answer; no decision about
//! files is made here. A panic would abort the process at the border to C, so each is caught and becomes an I/O error.

mod file;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::ffi;

use self::file::OpenFile;
use super::Shared;
use super::state::{Opening, Refusal};

/// The longest path, with its final zero; what SQLite's unix VFS allows.
const MAX_PATH: usize = 512;

/// Julian day zero in the milliseconds SQLite counts: the Unix epoch is Julian day 2440587.5.
const UNIX_EPOCH_JULIAN_MS: i64 = 210_866_760_000_000;

/// A VFS known to SQLite for as long as this lives.
pub(super) struct Registration {
    name: String,
    entry: *mut Entry,
}

/// What SQLite's list of VFSs points at. Leaked: a connection without an open file, or one just looking up the name,
/// may use it after the disk is gone. It then finds that `disk` is no more.
struct Entry {
    vfs: ffi::sqlite3_vfs,
    /// What `vfs` has as its name.
    name: CString,
    disk: Mutex<Weak<Shared>>,
}

// SAFETY: `entry` is never freed; its `vfs` is changed only by SQLite under its own mutex, its `disk` under the mutex.
unsafe impl Send for Registration {}
// SAFETY: As above.
unsafe impl Sync for Registration {}

impl Registration {
    pub(super) fn new(name: &str, disk: Weak<Shared>) -> Self {
        let vfs = ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: size_of::<OpenFile>() as c_int,
            mxPathname: MAX_PATH as c_int,
            pNext: ptr::null_mut(),
            zName: ptr::null(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: Some(dl_open),
            xDlError: Some(dl_error),
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        };
        let c_name = CString::new(name).unwrap_or_default();
        let entry = Box::into_raw(Box::new(Entry { vfs, name: c_name, disk: Mutex::new(disk) }));
        // SAFETY: The entry was just made and nobody else knows it. It is never freed, and SQLite needs it and the
        // name in it until it is unregistered.
        let registered = unsafe {
            (*entry).vfs.zName = (*entry).name.as_ptr();
            (*entry).vfs.pAppData = entry.cast();
            ffi::sqlite3_vfs_register(&raw mut (*entry).vfs, 0)
        };
        assert_eq!(registered, ffi::SQLITE_OK, "SQLite takes the VFS of a new disk");
        Self { name: name.to_owned(), entry }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: Registered in `new` and unregistered only here; the entry itself stays.
        unsafe { ffi::sqlite3_vfs_unregister(&raw mut (*self.entry).vfs) };
        // SAFETY: The entry is never freed.
        let disk = unsafe { &(*self.entry).disk };
        // The weak reference would keep the memory of the disk's shell.
        *disk.lock().unwrap_or_else(PoisonError::into_inner) = Weak::new();
    }
}

/// The disk behind a VFS, unless its last handle and file are gone.
///
/// # Safety
/// `vfs` was registered by [`Registration::new`].
unsafe fn disk_of(vfs: *mut ffi::sqlite3_vfs) -> Option<Arc<Shared>> {
    // SAFETY: pAppData points at the leaked entry, which is never changed through this reference but for its mutex.
    let disk = unsafe { &(*(*vfs).pAppData.cast::<Entry>()).disk };
    disk.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
}

fn code(refusal: Refusal) -> c_int {
    match refusal {
        Refusal::Dead => ffi::SQLITE_IOERR,
        Refusal::Missing => ffi::SQLITE_CANTOPEN,
        Refusal::Full => ffi::SQLITE_FULL,
        Refusal::SyncFailed => ffi::SQLITE_IOERR_FSYNC,
        Refusal::Busy => ffi::SQLITE_BUSY,
    }
}

fn guarded(answer: impl FnOnce() -> Result<c_int, Refusal>) -> c_int {
    match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Ok(code)) => code,
        Ok(Err(refusal)) => code(refusal),
        Err(_) => ffi::SQLITE_IOERR,
    }
}

/// Offsets and sizes come from SQLite as signed numbers; a negative one is a fault no file can serve.
fn index(number: impl TryInto<usize>) -> Result<usize, Refusal> {
    number.try_into().map_err(|_| Refusal::Dead)
}

/// A path from SQLite; `None` for a null pointer, a temporary file.
///
/// # Safety
/// `path` is null or ends in a zero and outlives the returned text.
unsafe fn text<'a>(path: *const c_char) -> Result<Option<&'a str>, Refusal> {
    if path.is_null() {
        return Ok(None);
    }
    // SAFETY: Not null; the rest is the caller's promise.
    unsafe { CStr::from_ptr(path) }.to_str().map(Some).map_err(|_| Refusal::Missing)
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite allocated szOsFile bytes.
    unsafe { OpenFile::clear(file) };
    guarded(|| {
        // SAFETY: SQLite passes the VFS that was registered.
        let disk = unsafe { disk_of(vfs) }.ok_or(Refusal::Missing)?;
        // SAFETY: SQLite's file names end in a zero and outlive the file.
        let path = unsafe { text(name) }?;
        let belongs_to_database = flags & (ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL) != 0;
        // SAFETY: With these flags the name is that of the journal or log of an open database.
        if belongs_to_database && unsafe { OpenFile::is_dead(ffi::sqlite3_database_file_object(name)) } {
            // A connection from before a crash must not make files in the world after it.
            return Err(Refusal::Dead);
        }
        let how = Opening {
            create: flags & ffi::SQLITE_OPEN_CREATE != 0,
            exclusive: flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0,
            delete_on_close: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        };
        let ticket = disk.state().open(path, how)?;
        // SAFETY: As above; `out_flags` is null or writable.
        unsafe {
            OpenFile::fill(file, disk, ticket, path.map(str::to_owned));
            if !out_flags.is_null() {
                *out_flags = flags;
            }
        }
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    guarded(|| {
        // SAFETY: SQLite passes the VFS that was registered and a path that ends in a zero.
        let (disk, path) = unsafe { (disk_of(vfs).ok_or(Refusal::Missing)?, text(name)?) };
        let mut state = disk.state();
        // SQLite does not say which connection deletes. But it never does so without having used that connection's
        // files just before, in the same call: so a connection from before a crash can be told, and kept from
        // deleting the journal of one that came after.
        if file::last_used_here(disk.id).is_some_and(|generation| generation != state.generation()) {
            return Err(Refusal::Dead);
        }
        match path.map_or(Err(Refusal::Missing), |path| state.remove(path, sync_dir != 0)) {
            Err(Refusal::Missing) => Ok(ffi::SQLITE_IOERR_DELETE_NOENT),
            done => done.map(|()| ffi::SQLITE_OK),
        }
    })
}

unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    guarded(|| {
        // SAFETY: SQLite passes the VFS that was registered and a path that ends in a zero.
        let (disk, path) = unsafe { (disk_of(vfs).ok_or(Refusal::Missing)?, text(name)?) };
        let there = path.map_or(Ok(false), |path| disk.state().has_bytes(path))?;
        // SAFETY: SQLite passes a place for the answer.
        unsafe { *out = c_int::from(there) };
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    guarded(|| {
        // SAFETY: SQLite passes a path that ends in a zero.
        let path = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
        if path.len() > index(size)? {
            return Err(Refusal::Missing);
        }
        // SAFETY: `out` has room for `size` bytes, which is enough, and is not part of `name`.
        unsafe { ptr::copy_nonoverlapping(path.as_ptr().cast(), out, path.len()) };
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn dl_open(_: *mut ffi::sqlite3_vfs, _: *const c_char) -> *mut c_void {
    // There are no libraries on this disk, and without one the rest of the family is never called.
    ptr::null_mut()
}

unsafe extern "C" fn dl_error(_: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) {
    if size > 0 {
        // SAFETY: `out` has room for `size` bytes.
        unsafe { *out = 0 };
    }
}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    guarded(|| {
        // SAFETY: SQLite passes the VFS that was registered.
        let disk = unsafe { disk_of(vfs) }.ok_or(Refusal::Missing)?;
        let mut bytes = vec![0; index(size)?];
        disk.state().random_bytes(&mut bytes);
        // SAFETY: `out` has room for `size` bytes.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
        Ok(size)
    })
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    guarded(|| {
        std::thread::sleep(Duration::from_micros(u64::try_from(micros).unwrap_or_default()));
        Ok(micros)
    })
}

fn julian_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH_JULIAN_MS.saturating_add(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, days: *mut f64) -> c_int {
    // SAFETY: SQLite passes a place for the answer.
    unsafe { *days = julian_ms() as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut ffi::sqlite3_vfs, ms: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a place for the answer.
    unsafe { *ms = julian_ms() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
