//! An open file as SQLite sees it: the C table `sqlite3_io_methods` over `state`.
//!
//! No atomic write, no sequential order and no powersafe overwrite is promised to SQLite: it must not lean on what a
//! phone's flash does not give.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use rusqlite::ffi;

use super::super::Shared;
use super::super::content::SECTOR;
use super::super::lock::Level;
use super::super::shm::{Region, Sharing};
use super::super::state::{Refusal, State, Ticket};
use super::{guarded, index};

/// SQLite's file: SQLite owns the memory, we what `handle` points at.
#[repr(C)]
pub(super) struct OpenFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

/// One open file on our side of the border.
struct Handle {
    disk: Arc<Shared>,
    ticket: Ticket,
    path: Option<String>,
    persist_wal: bool,
    /// Keeps the memory alive whose addresses SQLite holds.
    mapped: Vec<Arc<Region>>,
}

impl OpenFile {
    /// Marks the file as not open, so that SQLite does not close it when opening it fails.
    ///
    /// # Safety
    /// `file` points at memory for an `OpenFile`.
    pub(super) unsafe fn clear(file: *mut ffi::sqlite3_file) {
        // SAFETY: The caller's promise.
        unsafe { (*file).pMethods = ptr::null() };
    }

    /// Makes the file an open one.
    ///
    /// # Safety
    /// `file` points at memory for an `OpenFile` that is not open.
    pub(super) unsafe fn fill(file: *mut ffi::sqlite3_file, disk: Arc<Shared>, ticket: Ticket, path: Option<String>) {
        let handle = Box::new(Handle { disk, ticket, path, persist_wal: false, mapped: Vec::new() });
        // Opening is a use of the file, too.
        handle.with(|_, _| ());
        // SAFETY: The caller's promise.
        unsafe {
            (*file.cast::<OpenFile>()).handle = Box::into_raw(handle);
            (*file).pMethods = &raw const METHODS;
        }
    }

    /// Whether this file was opened on a disk of ours before its last crash or kill.
    ///
    /// # Safety
    /// `file` is null or a file that SQLite has allocated, with none of its methods running.
    pub(super) unsafe fn is_dead(file: *mut ffi::sqlite3_file) -> bool {
        // SAFETY: The caller's promise; a file with our methods was filled above.
        unsafe {
            if file.is_null() || !ptr::eq((*file).pMethods, &raw const METHODS) {
                return false;
            }
            let handle = &*(*file.cast::<OpenFile>()).handle;
            handle.with(|state, ticket| ticket.generation() != state.generation())
        }
    }

    /// Where the shared memory lies that the file has mapped.
    #[cfg(test)]
    pub(super) fn mapped(file: *mut ffi::sqlite3_file) -> Vec<*mut u8> {
        // SAFETY: Tests pass the file of an open connection of this thread.
        let handle = unsafe { &*(*file.cast::<OpenFile>()).handle };
        handle.mapped.iter().map(|region| region.start()).collect()
    }
}

impl Handle {
    /// Runs `act` on the disk's state, noting for [`last_used_here`] whose file this thread is busy with.
    fn with<T>(&self, act: impl FnOnce(&mut State, Ticket) -> T) -> T {
        // A thread that is being torn down has no notes left; it closes files but deletes none.
        let _ = LAST_USED.try_with(|last| last.set(Some((self.disk.id, self.ticket.generation()))));
        act(&mut self.disk.state(), self.ticket)
    }
}

thread_local! {
    /// Disk and generation of the file this thread used last.
    static LAST_USED: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// The generation of the file this thread used last, if that was one of this disk.
pub(super) fn last_used_here(disk: u64) -> Option<u64> {
    LAST_USED.try_with(Cell::get).ok().flatten().filter(|(last, _)| *last == disk).map(|(_, generation)| generation)
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 2 has shared memory; memory-mapped I/O (3) would write past the log of unsynced changes.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Runs `answer` with our side of an open file.
///
/// # Safety
/// `file` was filled and not closed since. SQLite never runs two methods of one file at the same time.
unsafe fn with_handle(
    file: *mut ffi::sqlite3_file,
    answer: impl FnOnce(&mut Handle) -> Result<c_int, Refusal>,
) -> c_int {
    // SAFETY: `fill` put a live handle there, and only `close` takes it away; it is used by one method at a time.
    guarded(|| answer(unsafe { &mut *(*file.cast::<OpenFile>()).handle }))
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    guarded(|| {
        // SAFETY: `fill` made the handle with a Box, and SQLite closes a file once.
        let handle = unsafe { Box::from_raw((*file.cast::<OpenFile>()).handle) };
        handle.with(State::close);
        Ok(ffi::SQLITE_OK)
    })
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let answer = |handle: &mut Handle| {
        let (amount, offset) = (index(amount)?, index(offset)?);
        // SAFETY: SQLite passes `amount` bytes of its own; they may be uninitialised, so they are zeroed first.
        let buffer = unsafe {
            ptr::write_bytes(buffer.cast::<u8>(), 0, amount);
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), amount)
        };
        let count = handle.with(|state, ticket| state.read(ticket, offset, buffer))?;
        Ok(if count < amount { ffi::SQLITE_IOERR_SHORT_READ } else { ffi::SQLITE_OK })
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let answer = |handle: &mut Handle| {
        let (amount, offset) = (index(amount)?, index(offset)?);
        // SAFETY: SQLite passes `amount` bytes that nobody changes during the call.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), amount) };
        handle.with(|state, ticket| state.write(ticket, offset, bytes))?;
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let answer = |handle: &mut Handle| {
        let size = index(size)?;
        handle.with(|state, ticket| state.truncate(ticket, size))?;
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, |handle| handle.with(State::sync).map(|()| ffi::SQLITE_OK)) }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    let answer = |handle: &mut Handle| {
        let size = handle.with(State::size)?;
        // SAFETY: SQLite passes a place for the answer.
        unsafe { *out = i64::try_from(size).unwrap_or(i64::MAX) };
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

fn level(lock: c_int) -> Level {
    match lock {
        ffi::SQLITE_LOCK_NONE => Level::None,
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        _ => Level::Exclusive,
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    let answer = |handle: &mut Handle| {
        handle.with(|state, ticket| state.raise_lock(ticket, level(wanted)))?;
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    let answer = |handle: &mut Handle| {
        handle.with(|state, ticket| state.lower_lock(ticket, level(wanted)))?;
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    let answer = |handle: &mut Handle| {
        let reserved = handle.with(State::is_reserved)?;
        // SAFETY: SQLite passes a place for the answer.
        unsafe { *out = c_int::from(reserved) };
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    let answer = |handle: &mut Handle| {
        let number = argument.cast::<c_int>();
        // SAFETY: For each of these operations SQLite documents what `argument` points at.
        unsafe {
            match operation {
                ffi::SQLITE_FCNTL_LOCKSTATE => *number = handle.with(State::lock_held)? as c_int,
                ffi::SQLITE_FCNTL_LAST_ERRNO => *number = 0,
                // A negative number asks; 0 and 1 set.
                ffi::SQLITE_FCNTL_PERSIST_WAL if *number < 0 => *number = c_int::from(handle.persist_wal),
                ffi::SQLITE_FCNTL_PERSIST_WAL => handle.persist_wal = *number > 0,
                ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE => *number = 0,
                ffi::SQLITE_FCNTL_HAS_MOVED => {
                    let path = handle.path.as_deref();
                    *number = c_int::from(handle.with(|state, ticket| state.has_moved(ticket, path))?);
                }
                ffi::SQLITE_FCNTL_VFSNAME => {
                    let name = CString::new(handle.disk.registration.name()).unwrap_or_default();
                    *argument.cast::<*mut c_char>() = ffi::sqlite3_mprintf(c"%s".as_ptr(), name.as_ptr());
                }
                // Hints about sizes to come: nothing is gained by taking them in memory.
                ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE => {}
                _ => return Ok(ffi::SQLITE_NOTFOUND),
            }
        }
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR as c_int
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    0
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let answer = |handle: &mut Handle| {
        // SAFETY: SQLite passes a place for the answer.
        unsafe { *out = ptr::null_mut() };
        let (number, size) = (index(number)?, index(size)?);
        let region = handle.with(|state, ticket| state.map_shm(ticket, number, size, extend != 0))?;
        if let Some(region) = region {
            // SAFETY: As above.
            unsafe { *out = region.start().cast() };
            handle.mapped.push(region);
        }
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    let answer = |handle: &mut Handle| {
        let (first, count) = (index(first)?, index(count)?);
        let how = if flags & ffi::SQLITE_SHM_SHARED != 0 { Sharing::Shared } else { Sharing::Exclusive };
        handle.with(|state, ticket| {
            if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
                state.unlock_shm(ticket, first, count)
            } else {
                state.lock_shm(ticket, first, count, how)
            }
        })?;
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    // The mutex as well, as SQLite's own VFS does: a fence alone orders only what other threads fence too.
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, |handle| Ok(handle.with(|_, _| ffi::SQLITE_OK))) };
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // Whether to delete is of no matter: memory that nobody shares any more holds nothing that is not in the log.
    let answer = |handle: &mut Handle| {
        handle.with(State::leave_shm);
        handle.mapped.clear();
        Ok(ffi::SQLITE_OK)
    };
    // SAFETY: SQLite passes an open file.
    unsafe { with_handle(file, answer) }
}
