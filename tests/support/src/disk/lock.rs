//! The five lock levels of a database file, as SQLite's unix VFS keeps them between the connections of one process
//! (<https://www.sqlite.org/lockingv3.html>): many SHARED; one RESERVED beside them; PENDING keeps newcomers out while
//! its holder waits for the readers; EXCLUSIVE is alone.

use super::state::Refusal;

/// Names one open file among all that ever were on the disk.
pub(super) type Holder = u64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

#[derive(Default)]
pub(super) struct Locks(Vec<(Holder, Level)>);

impl Locks {
    pub(super) fn held_by(&self, holder: Holder) -> Level {
        self.0.iter().find(|(held, _)| *held == holder).map_or(Level::None, |(_, level)| *level)
    }

    fn highest_of_others(&self, holder: Holder) -> Level {
        self.0.iter().filter(|(held, _)| *held != holder).map(|(_, level)| *level).max().unwrap_or_default()
    }

    /// Whether anyone, the asker too, is about to write.
    pub(super) fn is_reserved(&self) -> bool {
        self.0.iter().any(|(_, level)| *level >= Level::Reserved)
    }

    /// Raises the holder's lock; a level it has already is fine.
    pub(super) fn raise(&mut self, holder: Holder, wanted: Level) -> Result<(), Refusal> {
        let held = self.held_by(holder);
        if held >= wanted {
            return Ok(());
        }
        let others = self.highest_of_others(holder);
        let free = match wanted {
            Level::None | Level::Shared => others < Level::Pending,
            Level::Reserved | Level::Pending => others < Level::Reserved,
            Level::Exclusive => {
                // A writer announces itself, so that readers run dry instead of starving it. From SHARED there is no
                // announcement: that is a connection rolling back a hot journal or closing the last WAL, and two of
                // those that both waited for the other would never end.
                if others < Level::Reserved && held == Level::Reserved {
                    self.set(holder, Level::Pending);
                }
                others == Level::None
            }
        };
        if !free {
            return Err(Refusal::Busy);
        }
        self.set(holder, wanted);
        Ok(())
    }

    /// Lowers the holder's lock; a level it is below already is fine.
    pub(super) fn lower(&mut self, holder: Holder, wanted: Level) {
        if self.held_by(holder) > wanted {
            self.set(holder, wanted);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn set(&mut self, holder: Holder, level: Level) {
        self.0.retain(|(held, _)| *held != holder);
        if level > Level::None {
            self.0.push((holder, level));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_writer_keeps_new_readers_out_until_the_old_ones_leave() {
        let mut locks = Locks::default();
        locks.raise(1, Level::Shared).unwrap();
        locks.raise(2, Level::Shared).unwrap();
        locks.raise(1, Level::Reserved).unwrap();
        assert_eq!(locks.raise(2, Level::Reserved), Err(Refusal::Busy), "one writer at a time");
        locks.raise(3, Level::Shared).unwrap();
        locks.lower(3, Level::None);

        assert_eq!(locks.raise(1, Level::Exclusive), Err(Refusal::Busy), "a reader is there");
        assert_eq!(locks.held_by(1), Level::Pending);
        assert_eq!(locks.raise(3, Level::Shared), Err(Refusal::Busy), "no newcomers while pending");

        locks.lower(2, Level::None);
        locks.raise(1, Level::Exclusive).unwrap();
        assert!(locks.is_reserved());
        locks.lower(1, Level::Shared);
        assert!(!locks.is_reserved());
        locks.raise(3, Level::Shared).unwrap();
    }

    #[test]
    fn two_shared_holders_that_both_want_all_do_not_block_each_other_for_good() {
        let mut locks = Locks::default();
        locks.raise(1, Level::Shared).unwrap();
        locks.raise(2, Level::Shared).unwrap();
        assert_eq!(locks.raise(1, Level::Exclusive), Err(Refusal::Busy));
        assert_eq!(locks.raise(2, Level::Exclusive), Err(Refusal::Busy));
        locks.lower(1, Level::None);
        locks.raise(2, Level::Exclusive).unwrap();
    }
}
