//! The shared memory of a database in WAL mode: regions all its connections see, and eight locks between them.
//!
//! A connection reads and writes a region through a pointer, without asking, for as long as it has it mapped. So a
//! region never moves, and lives until its last holder lets go: also past a crash, when the disk has long forgotten it
//! and new connections share new ones.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use rusqlite::ffi::SQLITE_SHM_NLOCK;

use super::lock::Holder;
use super::state::Refusal;

const SLOTS: usize = SQLITE_SHM_NLOCK as usize;

/// One piece of zeroed memory at a fixed address.
pub(super) struct Region {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: The region owns its allocation and Rust code never reads or writes it; SQLite, which does, orders its
// accesses by the locks below and by memory barriers.
unsafe impl Send for Region {}
// SAFETY: As above; through a shared reference only the address can be had.
unsafe impl Sync for Region {}

impl Region {
    fn new(size: usize) -> Option<Self> {
        // Page-aligned like a mapped file, which is what SQLite would have from the operating system.
        let layout = Layout::from_size_align(size, 4096).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: The layout's size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { start, layout })
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: Allocated in `new` with this layout and freed only here.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    Shared,
    Exclusive,
}

#[derive(Default)]
pub(super) struct Shm {
    regions: Vec<Arc<Region>>,
    users: Vec<User>,
}

/// One connection, with a bit for each slot it has locked.
struct User {
    holder: Holder,
    shared: u8,
    exclusive: u8,
}

impl Shm {
    /// The region of this number, for the holder to keep as long as it may use the address. A missing one is made
    /// when `extend` says so, together with those before it, else `None`.
    pub(super) fn map(
        &mut self,
        holder: Holder,
        number: usize,
        size: usize,
        extend: bool,
    ) -> Result<Option<Arc<Region>>, Refusal> {
        self.user(holder);
        while extend && self.regions.len() <= number {
            self.regions.push(Arc::new(Region::new(size).ok_or(Refusal::Dead)?));
        }
        Ok(self.regions.get(number).cloned())
    }

    /// Locks slots `first..first + count`, all or none of them. A shared lock held already is fine.
    pub(super) fn lock(&mut self, holder: Holder, first: usize, count: usize, how: Sharing) -> Result<(), Refusal> {
        let wanted = mask(first, count);
        let taken = self.users.iter().filter(|user| user.holder != holder).any(|user| match how {
            Sharing::Shared => user.exclusive & wanted != 0,
            Sharing::Exclusive => (user.exclusive | user.shared) & wanted != 0,
        });
        let user = self.user(holder);
        // SQLite never goes from shared to exclusive or back without letting go in between.
        let crossed = match how {
            Sharing::Shared => user.exclusive & wanted != 0,
            Sharing::Exclusive => user.shared & wanted != 0,
        };
        if taken || crossed {
            return Err(Refusal::Busy);
        }
        match how {
            Sharing::Shared => user.shared |= wanted,
            Sharing::Exclusive => user.exclusive |= wanted,
        }
        Ok(())
    }

    pub(super) fn unlock(&mut self, holder: Holder, first: usize, count: usize) {
        let freed = !mask(first, count);
        let user = self.user(holder);
        user.shared &= freed;
        user.exclusive &= freed;
    }

    /// The holder leaves with all its locks; true when it was the last, so that the memory is to be forgotten.
    pub(super) fn leave(&mut self, holder: Holder) -> bool {
        self.users.retain(|user| user.holder != holder);
        self.users.is_empty()
    }

    fn user(&mut self, holder: Holder) -> &mut User {
        let at = self.users.iter().position(|user| user.holder == holder).unwrap_or_else(|| {
            self.users.push(User { holder, shared: 0, exclusive: 0 });
            self.users.len() - 1
        });
        &mut self.users[at]
    }
}

fn mask(first: usize, count: usize) -> u8 {
    (first..(first + count).min(SLOTS)).fold(0, |mask, slot| mask | 1 << slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_locks_add_up_and_an_exclusive_one_is_alone() {
        let mut shm = Shm::default();
        shm.lock(1, 3, 1, Sharing::Shared).unwrap();
        shm.lock(2, 3, 1, Sharing::Shared).unwrap();
        assert_eq!(shm.lock(3, 3, 1, Sharing::Exclusive), Err(Refusal::Busy));
        shm.unlock(1, 3, 1);
        assert_eq!(shm.lock(3, 3, 1, Sharing::Exclusive), Err(Refusal::Busy), "one of two is still there");
        shm.unlock(2, 3, 1);
        shm.lock(3, 3, 1, Sharing::Exclusive).unwrap();
        assert_eq!(shm.lock(1, 3, 1, Sharing::Shared), Err(Refusal::Busy));
    }

    #[test]
    fn a_range_is_locked_whole_or_not_at_all() {
        let mut shm = Shm::default();
        shm.lock(1, 4, 1, Sharing::Exclusive).unwrap();
        assert_eq!(shm.lock(2, 3, 5, Sharing::Exclusive), Err(Refusal::Busy));
        shm.lock(3, 3, 1, Sharing::Exclusive).unwrap();
        assert_eq!(shm.lock(2, 7, 1, Sharing::Shared), Ok(()));
    }

    #[test]
    fn a_region_stays_where_it_is_while_more_are_added() {
        let mut shm = Shm::default();
        assert!(shm.map(1, 0, 32768, false).unwrap().is_none(), "nothing there and not asked to make it");
        let first = shm.map(1, 0, 32768, true).unwrap().unwrap();
        let later = shm.map(2, 40, 32768, true).unwrap().unwrap();
        let again = shm.map(2, 0, 32768, false).unwrap().unwrap();
        assert_eq!(first.start(), again.start());
        assert_ne!(first.start(), later.start());
        assert!(!shm.leave(1));
        assert!(shm.leave(2));
    }
}
