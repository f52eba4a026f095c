//! Which name leads to which file, now and after a power loss.
//!
//! Creating, deleting and renaming change a folder, which is synced on its own: until then each such change may or may
//! not survive. A rename survives whole or not at all. Syncing a new file makes its creation durable together with what
//! happened in that folder before it, as SQLite's own unix VFS does by syncing the folder with a new journal or WAL:
//! without that, a journal deleted earlier could come back beside a newer log and undo it.

use std::collections::{BTreeMap, HashSet};

use fastrand::Rng;

use super::content::Chance;

pub(super) type FileId = u64;

#[derive(Default)]
pub(super) struct Names {
    now: BTreeMap<String, FileId>,
    durable: BTreeMap<String, FileId>,
    /// In the order they happened; applied to `durable` they give `now`.
    unsynced: Vec<Entry>,
}

enum Entry {
    Create { path: String, file: FileId },
    Remove { path: String, file: FileId },
    Rename { from: String, to: String, file: FileId },
}

impl Entry {
    fn paths(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Entry::Create { path, .. } | Entry::Remove { path, .. } => (path, None),
            Entry::Rename { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }

    fn file(&self) -> FileId {
        match self {
            Entry::Create { file, .. } | Entry::Remove { file, .. } | Entry::Rename { file, .. } => *file,
        }
    }

    /// Applies the entry, unless the name leads elsewhere because an entry before this one was lost.
    fn apply(self, names: &mut BTreeMap<String, FileId>) {
        match self {
            Entry::Create { path, file } => {
                names.insert(path, file);
            }
            Entry::Remove { path, file } => {
                if names.get(&path) == Some(&file) {
                    names.remove(&path);
                }
            }
            Entry::Rename { from, to, file } => {
                if names.get(&from) == Some(&file) {
                    names.remove(&from);
                    names.insert(to, file);
                }
            }
        }
    }
}

/// What stands before the last `/`.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Names {
    pub(super) fn get(&self, path: &str) -> Option<FileId> {
        self.now.get(path).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, FileId)> {
        self.now.iter().map(|(path, file)| (path.as_str(), *file))
    }

    /// Whether a name leads to this file now.
    pub(super) fn lead_to(&self, file: FileId) -> bool {
        self.now.values().any(|named| *named == file)
    }

    /// Every file that has a name or could have one after a power loss.
    pub(super) fn mentioned(&self) -> HashSet<FileId> {
        let named = self.now.values().chain(self.durable.values()).copied();
        named.chain(self.unsynced.iter().map(Entry::file)).collect()
    }

    pub(super) fn create(&mut self, path: &str, file: FileId) {
        self.now.insert(path.to_owned(), file);
        self.unsynced.push(Entry::Create { path: path.to_owned(), file });
    }

    /// False when there is no such name.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        let Some(file) = self.now.remove(path) else { return false };
        self.unsynced.push(Entry::Remove { path: path.to_owned(), file });
        true
    }

    /// False when there is no such name.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(file) = self.now.remove(from) else { return false };
        self.now.insert(to.to_owned(), file);
        self.unsynced.push(Entry::Rename { from: from.to_owned(), to: to.to_owned(), file });
        true
    }

    pub(super) fn sync_folder(&mut self, folder: &str) {
        self.settle(|_, entry| entry.paths().any(|path| folder_of(path) == folder));
    }

    /// A file was synced: if its creation was not durable yet, it is now.
    pub(super) fn sync_creation(&mut self, file: FileId) {
        let born = self.unsynced.iter().enumerate().rev().find_map(|(at, entry)| match entry {
            Entry::Create { path, file: created } if *created == file => Some((at, folder_of(path).to_owned())),
            _ => None,
        });
        if let Some((born, folder)) = born {
            self.settle(|at, entry| at <= born && entry.paths().any(|path| folder_of(path) == folder));
        }
    }

    pub(super) fn lose_power(&mut self, rng: &mut Rng) {
        let chance = Chance::draw(rng);
        for entry in std::mem::take(&mut self.unsynced) {
            if chance.falls(rng) {
                entry.apply(&mut self.durable);
            }
        }
        self.now.clone_from(&self.durable);
    }

    /// Makes the wanted entries durable, and with them the earlier ones that touch the same names: an entry cannot
    /// reach the disk without what it builds on.
    fn settle(&mut self, wanted: impl Fn(usize, &Entry) -> bool) {
        let mut touched: HashSet<String> = HashSet::new();
        let mut settled = vec![false; self.unsynced.len()];
        for (at, entry) in self.unsynced.iter().enumerate().rev() {
            if wanted(at, entry) || entry.paths().any(|path| touched.contains(path)) {
                settled[at] = true;
                touched.extend(entry.paths().map(str::to_owned));
            }
        }
        for (entry, settled) in std::mem::take(&mut self.unsynced).into_iter().zip(settled) {
            if settled {
                entry.apply(&mut self.durable);
            } else {
                self.unsynced.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states seen after a power loss over many seeds.
    fn outcomes(prepare: impl Fn(&mut Names)) -> Vec<Vec<(String, FileId)>> {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut names = Names::default();
            prepare(&mut names);
            names.lose_power(&mut Rng::with_seed(seed));
            seen.insert(names.iter().map(|(path, file)| (path.to_owned(), file)).collect::<Vec<_>>());
        }
        seen.into_iter().collect()
    }

    fn at(path: &str, file: FileId) -> Vec<(String, FileId)> {
        vec![(path.to_owned(), file)]
    }

    #[test]
    fn an_unsynced_creation_or_deletion_happens_or_not() {
        assert_eq!(outcomes(|names| names.create("a", 1)), [vec![], at("a", 1)]);
        let deleted = outcomes(|names| {
            names.create("a", 1);
            names.sync_folder("");
            names.remove("a");
        });
        assert_eq!(deleted, [vec![], at("a", 1)]);
    }

    #[test]
    fn an_unsynced_rename_is_whole_or_undone() {
        let renamed = outcomes(|names| {
            names.create("a", 1);
            names.create("b", 2);
            names.sync_folder("");
            names.rename("a", "b");
        });
        assert_eq!(renamed, [vec![("a".to_owned(), 1), ("b".to_owned(), 2)], at("b", 1)]);
    }

    #[test]
    fn a_synced_folder_stays_as_it_is() {
        let synced = outcomes(|names| {
            names.create("dir/a", 1);
            names.rename("dir/a", "dir/b");
            names.create("elsewhere", 2);
            names.remove("elsewhere");
            names.sync_folder("dir");
        });
        assert!(synced.iter().all(|state| state.contains(&("dir/b".to_owned(), 1))), "{synced:?}");
        assert!(synced.iter().all(|state| !state.contains(&("dir/a".to_owned(), 1))), "{synced:?}");
    }

    #[test]
    fn syncing_a_new_file_settles_what_happened_to_its_folder_before() {
        let reborn = outcomes(|names| {
            names.create("journal", 1);
            names.sync_creation(1);
            names.remove("journal");
            names.create("wal", 2);
            names.sync_creation(2);
            names.remove("wal");
        });
        assert_eq!(reborn, [vec![], at("wal", 2)], "the deleted journal must not come back beside the log");
    }

    #[test]
    fn a_synced_rename_into_another_folder_never_loses_the_file() {
        let moved = outcomes(|names| {
            names.create("new/a", 1);
            names.rename("new/a", "kept/a");
            names.sync_folder("kept");
        });
        assert_eq!(moved, [at("kept/a", 1)]);
    }
}
