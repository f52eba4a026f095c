//! The disk as a machine: files, who has them open, how much room there is, and whether there is power.
//!
//! Plain Rust under one mutex, so that a power failure strikes between two operations of all threads alike. An open
//! file is a [`Ticket`]; it names the generation it was made in, and every crash or kill begins a new generation, so
//! what was open before can never touch what comes after.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;

use super::content::Content;
use super::lock::{Holder, Level, Locks};
use super::names::{FileId, Names, folder_of};
use super::shm::{Region, Sharing, Shm};

/// The size of a disk without a set capacity: far over any test's need, and small enough that a wild offset is an
/// error rather than the end of this machine's memory.
const UNLIMITED: u64 = 4 << 30;

/// Why the disk did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No power, or the file was opened before a crash or kill.
    Dead,
    Missing,
    Full,
    SyncFailed,
    Busy,
}

/// One open file.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    file: FileId,
    holder: Holder,
    generation: u64,
}

impl Ticket {
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Default)]
pub(super) struct Opening {
    pub create: bool,
    pub exclusive: bool,
    pub delete_on_close: bool,
}

pub(super) struct State {
    rng: Rng,
    /// For `xRandomness`, apart from `rng` so that asking for it moves no crash.
    noise: Rng,
    names: Names,
    files: BTreeMap<FileId, File>,
    /// The last number given to a file or holder; never reused.
    last_id: u64,
    generation: u64,
    powered: bool,
    /// Operations left until the power fails.
    fuse: Option<u64>,
    operations: u64,
    failing_syncs: u32,
    capacity: Option<u64>,
}

#[derive(Default)]
struct File {
    content: Content,
    /// Open tickets of this generation; they keep a file without a name.
    open: usize,
    locks: Locks,
    shm: Shm,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            noise: rng.fork(),
            rng,
            names: Names::default(),
            files: BTreeMap::new(),
            last_id: 0,
            generation: 0,
            powered: true,
            fuse: None,
            operations: 0,
            failing_syncs: 0,
            capacity: None,
        }
    }

    // Power.

    pub(super) fn is_powered(&self) -> bool {
        self.powered
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn arm(&mut self, operations: u64) {
        self.fuse = Some(operations.max(1));
    }

    pub(super) fn crash(&mut self) {
        if self.powered {
            self.lose_power();
        }
        self.reboot();
    }

    pub(super) fn reboot(&mut self) {
        self.powered = true;
        self.fuse = None;
        self.failing_syncs = 0;
    }

    pub(super) fn kill(&mut self) {
        self.generation += 1;
        for file in self.files.values_mut() {
            file.open = 0;
            file.locks.clear();
            file.shm = Shm::default();
        }
        self.forget_unreachable();
    }

    fn lose_power(&mut self) {
        self.powered = false;
        self.names.lose_power(&mut self.rng);
        for file in self.files.values_mut() {
            file.content.lose_power(&mut self.rng);
        }
        // Whatever was open or locked dies as it does with the process.
        self.kill();
    }

    /// Counts an operation that changes the disk and lets `act` do it. If the power fails in its midst, the act has
    /// begun (its changes are among those that may survive) but is never reported as done.
    fn operate<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        if !self.powered {
            return Err(Refusal::Dead);
        }
        self.operations += 1;
        let fails = match &mut self.fuse {
            Some(left) => {
                *left -= 1;
                *left == 0
            }
            None => false,
        };
        if !fails {
            return act(self);
        }
        self.fuse = None;
        // The answer is of no interest: nobody is told.
        let _ = act(self);
        self.lose_power();
        Err(Refusal::Dead)
    }

    /// As [`State::operate`] for a sync, which a failing power or a failing disk leaves without effect.
    fn operate_sync(&mut self, act: impl FnOnce(&mut Self)) -> Result<(), Refusal> {
        let last = self.fuse == Some(1);
        self.operate(|disk| {
            if disk.failing_syncs > 0 {
                disk.failing_syncs -= 1;
                return Err(Refusal::SyncFailed);
            }
            if !last {
                act(disk);
            }
            Ok(())
        })
    }

    // Room.

    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn fail_syncs(&mut self, count: u32) {
        self.failing_syncs = count;
    }

    pub(super) fn set_capacity(&mut self, capacity: Option<u64>) {
        self.capacity = capacity;
    }

    pub(super) fn used(&self) -> u64 {
        let counted = self.files.iter().filter(|(id, file)| file.open > 0 || self.names.lead_to(**id));
        counted.map(|(_, file)| file.content.len() as u64).sum()
    }

    fn check_room(&self, old: usize, new: usize) -> Result<(), Refusal> {
        let growth = new.saturating_sub(old) as u64;
        let room = self.capacity.unwrap_or(UNLIMITED);
        if growth > 0 && self.used().saturating_add(growth) > room { Err(Refusal::Full) } else { Ok(()) }
    }

    // Files by name.

    pub(super) fn paths(&self) -> Vec<String> {
        self.names.iter().map(|(path, _)| path.to_owned()).collect()
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.names.get(path).is_some()
    }

    pub(super) fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.files.get(&self.names.get(path)?)?;
        Some(file.content.current().to_vec())
    }

    /// Whether a file of this name has content: what SQLite means by a journal that exists.
    pub(super) fn has_bytes(&self, path: &str) -> Result<bool, Refusal> {
        if !self.powered {
            return Err(Refusal::Dead);
        }
        let file = self.names.get(path).and_then(|id| self.files.get(&id));
        Ok(file.is_some_and(|file| file.content.len() > 0))
    }

    pub(super) fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Refusal> {
        self.operate(|disk| {
            let known = disk.names.get(path);
            let old = known.and_then(|id| disk.files.get(&id)).map_or(0, |file| file.content.len());
            disk.check_room(old, bytes.len())?;
            let id = known.unwrap_or_else(|| disk.create(Some(path)));
            let content = &mut disk.files.entry(id).or_default().content;
            content.resize(0);
            content.write(0, bytes);
            Ok(())
        })
    }

    pub(super) fn sync_path(&mut self, path: &str) -> Result<(), Refusal> {
        let id = self.names.get(path).ok_or(Refusal::Missing)?;
        self.operate_sync(|disk| disk.sync_content(id))
    }

    pub(super) fn sync_folder(&mut self, folder: &str) -> Result<(), Refusal> {
        self.operate_sync(|disk| {
            disk.names.sync_folder(folder);
            disk.forget_unreachable();
        })
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Refusal> {
        if from == to {
            return if self.exists(from) { Ok(()) } else { Err(Refusal::Missing) };
        }
        self.operate(|disk| if disk.names.rename(from, to) { Ok(()) } else { Err(Refusal::Missing) })
    }

    /// Deletes a name; `durably` syncs its folder in the same breath.
    pub(super) fn remove(&mut self, path: &str, durably: bool) -> Result<(), Refusal> {
        let last = self.fuse == Some(1);
        self.operate(|disk| {
            if !disk.names.remove(path) {
                return Err(Refusal::Missing);
            }
            if durably && !last {
                disk.names.sync_folder(folder_of(path));
            }
            disk.forget_unreachable();
            Ok(())
        })
    }

    pub(super) fn corrupt(&mut self, suffix: &str, offset: u64, len: u64) -> usize {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = usize::try_from(offset.saturating_add(len)).unwrap_or(usize::MAX);
        let hit: Vec<FileId> = self.names.iter().filter(|(path, _)| path.ends_with(suffix)).map(|(_, id)| id).collect();
        let damaged =
            |id: &FileId| self.files.get_mut(id).is_some_and(|file| file.content.scribble(start..end, &mut self.rng));
        hit.iter().copied().filter(damaged).count()
    }

    fn create(&mut self, path: Option<&str>) -> FileId {
        self.last_id += 1;
        self.files.insert(self.last_id, File::default());
        if let Some(path) = path {
            self.names.create(path, self.last_id);
        }
        self.last_id
    }

    fn sync_content(&mut self, id: FileId) {
        self.names.sync_creation(id);
        if let Some(file) = self.files.get_mut(&id) {
            file.content.sync();
        }
        self.forget_unreachable();
    }

    /// Frees what no name leads to, now or after a power loss, and nobody holds.
    fn forget_unreachable(&mut self) {
        let mentioned = self.names.mentioned();
        self.files.retain(|id, file| file.open > 0 || mentioned.contains(id));
    }

    // Open files.

    /// Opens a file; one without a path is temporary and vanishes when it is closed.
    pub(super) fn open(&mut self, path: Option<&str>, how: Opening) -> Result<Ticket, Refusal> {
        if !self.powered {
            return Err(Refusal::Dead);
        }
        let file = match path.and_then(|path| self.names.get(path)) {
            Some(_) if how.create && how.exclusive => return Err(Refusal::Missing),
            Some(file) => file,
            None if path.is_some() && !how.create => return Err(Refusal::Missing),
            None => self.create(path),
        };
        self.files.entry(file).or_default().open += 1;
        if let (true, Some(path)) = (how.delete_on_close, path) {
            self.names.remove(path);
        }
        self.last_id += 1;
        Ok(Ticket { file, holder: self.last_id, generation: self.generation })
    }

    /// Ends a ticket, dead ones included.
    pub(super) fn close(&mut self, ticket: Ticket) {
        if let Ok(file) = self.file(ticket) {
            file.locks.lower(ticket.holder, Level::None);
            file.open -= 1;
            self.leave_shm(ticket);
            self.forget_unreachable();
        }
    }

    fn file(&mut self, ticket: Ticket) -> Result<&mut File, Refusal> {
        if !self.powered || ticket.generation != self.generation {
            return Err(Refusal::Dead);
        }
        self.files.get_mut(&ticket.file).ok_or(Refusal::Dead)
    }

    /// Fills the buffer, with zeros past the end, and returns how many bytes the file had for it.
    pub(super) fn read(&mut self, ticket: Ticket, offset: usize, buffer: &mut [u8]) -> Result<usize, Refusal> {
        Ok(self.file(ticket)?.content.read(offset, buffer))
    }

    pub(super) fn size(&mut self, ticket: Ticket) -> Result<usize, Refusal> {
        Ok(self.file(ticket)?.content.len())
    }

    pub(super) fn write(&mut self, ticket: Ticket, offset: usize, bytes: &[u8]) -> Result<(), Refusal> {
        let old = self.file(ticket)?.content.len();
        self.operate(|disk| {
            disk.check_room(old, offset.saturating_add(bytes.len()))?;
            disk.file(ticket)?.content.write(offset, bytes);
            Ok(())
        })
    }

    pub(super) fn truncate(&mut self, ticket: Ticket, size: usize) -> Result<(), Refusal> {
        let old = self.file(ticket)?.content.len();
        self.operate(|disk| {
            disk.check_room(old, size)?;
            disk.file(ticket)?.content.resize(size);
            Ok(())
        })
    }

    pub(super) fn sync(&mut self, ticket: Ticket) -> Result<(), Refusal> {
        self.file(ticket)?;
        self.operate_sync(|disk| disk.sync_content(ticket.file))
    }

    /// Whether the name the file was opened by now leads elsewhere or nowhere.
    pub(super) fn has_moved(&mut self, ticket: Ticket, path: Option<&str>) -> Result<bool, Refusal> {
        self.file(ticket)?;
        Ok(path.is_some_and(|path| self.names.get(path) != Some(ticket.file)))
    }

    pub(super) fn raise_lock(&mut self, ticket: Ticket, wanted: Level) -> Result<(), Refusal> {
        self.file(ticket)?.locks.raise(ticket.holder, wanted)
    }

    pub(super) fn lower_lock(&mut self, ticket: Ticket, wanted: Level) -> Result<(), Refusal> {
        self.file(ticket)?.locks.lower(ticket.holder, wanted);
        Ok(())
    }

    pub(super) fn lock_held(&mut self, ticket: Ticket) -> Result<Level, Refusal> {
        Ok(self.file(ticket)?.locks.held_by(ticket.holder))
    }

    pub(super) fn is_reserved(&mut self, ticket: Ticket) -> Result<bool, Refusal> {
        Ok(self.file(ticket)?.locks.is_reserved())
    }

    pub(super) fn map_shm(
        &mut self,
        ticket: Ticket,
        number: usize,
        size: usize,
        extend: bool,
    ) -> Result<Option<Arc<Region>>, Refusal> {
        self.file(ticket)?.shm.map(ticket.holder, number, size, extend)
    }

    pub(super) fn lock_shm(&mut self, ticket: Ticket, first: usize, count: usize, how: Sharing) -> Result<(), Refusal> {
        self.file(ticket)?.shm.lock(ticket.holder, first, count, how)
    }

    pub(super) fn unlock_shm(&mut self, ticket: Ticket, first: usize, count: usize) -> Result<(), Refusal> {
        self.file(ticket)?.shm.unlock(ticket.holder, first, count);
        Ok(())
    }

    pub(super) fn leave_shm(&mut self, ticket: Ticket) {
        if let Ok(file) = self.file(ticket)
            && file.shm.leave(ticket.holder)
        {
            file.shm = Shm::default();
        }
    }

    pub(super) fn random_bytes(&mut self, buffer: &mut [u8]) {
        self.noise.fill(buffer);
    }
}
