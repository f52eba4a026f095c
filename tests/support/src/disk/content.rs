//! One file's bytes: as programs read them, as the platter surely holds them, and the changes between the two.
//!
//! After a power loss each sector holds one of the versions it had since the last sync: the operating system writes
//! dirty sectors back when and in what order it likes, but a sector is never half of one version and half of another.
//! A write longer than a sector can therefore be torn, and a later write can survive an earlier one elsewhere.

use std::collections::BTreeMap;
use std::ops::Range;

use fastrand::Rng;

/// What a disk writes whole or not at all, in bytes. Also the sector size told to SQLite.
pub(super) const SECTOR: usize = 512;

#[derive(Default)]
pub(super) struct Content {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// In the order they were made; applied to `durable` they give `current`.
    unsynced: Vec<Change>,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Content {
    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }

    pub(super) fn len(&self) -> usize {
        self.current.len()
    }

    /// Fills `buffer` from `offset`, with zeros past the end, and returns how many bytes were there.
    pub(super) fn read(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let there = self.current.get(offset..).unwrap_or_default();
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        buffer[count..].fill(0);
        count
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        place(&mut self.current, offset, bytes, &mut Gap::Zeros);
        self.unsynced.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn resize(&mut self, size: usize) {
        self.current.resize(size, 0);
        self.unsynced.push(Change::Resize(size));
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write { offset, bytes } => place(&mut self.durable, offset, &bytes, &mut Gap::Zeros),
                Change::Resize(size) => self.durable.resize(size, 0),
            }
        }
    }

    /// The file becomes what was synced plus a random part of what was not.
    pub(super) fn lose_power(&mut self, rng: &mut Rng) {
        let changes = std::mem::take(&mut self.unsynced);
        if !changes.is_empty() {
            let chance = Chance::draw(rng);
            // How many of the versions each sector went through reached the platter. A BTreeMap, because the order
            // of the draws is part of what a seed fixes.
            let mut kept: BTreeMap<usize, u64> = BTreeMap::new();
            for change in &changes {
                if let Change::Write { offset, bytes } = change {
                    pieces(*offset, bytes.len()).for_each(|(sector, _)| *kept.entry(sector).or_default() += 1);
                }
            }
            for versions in kept.values_mut() {
                *versions = if chance.falls(rng) { rng.u64(1..=*versions) } else { 0 };
            }

            // File systems fill a hole they journalled with zeros; the bare disk has what was there before.
            let mut gap = if rng.bool() { Gap::Zeros } else { Gap::Stale(rng.fork()) };
            for change in &changes {
                match change {
                    Change::Write { offset, bytes } => {
                        for (sector, part) in pieces(*offset, bytes.len()) {
                            if let Some(left @ 1..) = kept.get_mut(&sector) {
                                *left -= 1;
                                place(&mut self.durable, offset + part.start, &bytes[part], &mut gap);
                            }
                        }
                    }
                    Change::Resize(size) => {
                        if chance.falls(rng) {
                            resize(&mut self.durable, *size, &mut gap);
                        }
                    }
                }
            }
            // The length lives in the file's record, not in its sectors, and can be written back before them.
            if self.durable.len() < self.current.len() && chance.falls(rng) && rng.bool() {
                resize(&mut self.durable, self.current.len(), &mut gap);
            }
        }
        self.current.clone_from(&self.durable);
    }

    /// Changes each byte of the range, cut at the file's end, wherever a copy of it is; false when nothing was there.
    pub(super) fn scribble(&mut self, range: Range<usize>, rng: &mut Rng) -> bool {
        let range = range.start.min(self.len())..range.end.min(self.len());
        for at in range.clone() {
            let damaged = self.current[at] ^ rng.u8(1..);
            self.current[at] = damaged;
            if let Some(byte) = self.durable.get_mut(at) {
                *byte = damaged;
            }
            for change in &mut self.unsynced {
                if let Change::Write { offset, bytes } = change
                    && let Some(byte) = at.checked_sub(*offset).and_then(|at| bytes.get_mut(at))
                {
                    *byte = damaged;
                }
            }
        }
        !range.is_empty()
    }
}

/// How much of the unsynced survives in one file: now and then all or nothing, since "the log made it whole and the
/// database not at all" is worth more than the even mixtures that pure chance gives.
pub(super) struct Chance(f64);

impl Chance {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self(match rng.u8(0..4) {
            0 => 0.0,
            1 => 1.0,
            _ => rng.f64(),
        })
    }

    pub(super) fn falls(&self, rng: &mut Rng) -> bool {
        rng.f64() < self.0
    }
}

/// What stands in a part of a file that was never written.
enum Gap {
    Zeros,
    Stale(Rng),
}

fn place(image: &mut Vec<u8>, offset: usize, bytes: &[u8], gap: &mut Gap) {
    if image.len() < offset {
        resize(image, offset, gap);
    }
    let over = bytes.len().min(image.len() - offset);
    image[offset..offset + over].copy_from_slice(&bytes[..over]);
    image.extend_from_slice(&bytes[over..]);
}

fn resize(image: &mut Vec<u8>, size: usize, gap: &mut Gap) {
    let old = image.len();
    image.resize(size, 0);
    if let (Gap::Stale(rng), Some(grown)) = (gap, image.get_mut(old..)) {
        rng.fill(grown);
    }
}

/// Cuts a write at the sector borders: sector number and the part of the write that falls into it.
fn pieces(offset: usize, len: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let end = offset + len;
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let sector = at / SECTOR;
        let stop = end.min((sector + 1) * SECTOR);
        let part = at - offset..stop - offset;
        at = stop;
        Some((sector, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synced(bytes: &[u8]) -> Content {
        let mut content = Content::default();
        content.write(0, bytes);
        content.sync();
        content
    }

    #[test]
    fn a_write_is_cut_at_sector_borders() {
        let cut: Vec<_> = pieces(500, 600).collect();
        assert_eq!(cut, [(0, 0..12), (1, 12..524), (2, 524..600)]);
        assert_eq!(pieces(512, 0).count(), 0);
    }

    #[test]
    fn a_read_past_the_end_is_short_and_zero_filled() {
        let content = synced(b"abc");
        let mut buffer = [9; 5];
        assert_eq!(content.read(1, &mut buffer), 2);
        assert_eq!(buffer, *b"bc\0\0\0");
        assert_eq!(content.read(7, &mut buffer), 0);
        assert_eq!(buffer, [0; 5]);
    }

    #[test]
    fn a_sector_holds_one_of_its_versions_and_never_a_mixture() {
        for seed in 0..200 {
            let mut content = synced(&[0; SECTOR]);
            for version in 1..=3 {
                content.write(0, &[version; SECTOR / 2]);
                content.write(SECTOR / 2, &[version; SECTOR / 2]);
            }
            content.lose_power(&mut Rng::with_seed(seed));
            let (first, second) = (content.current()[0], content.current()[SECTOR - 1]);
            // The halves were written one after the other, the first one first.
            assert!(first == second || first == second + 1, "seed {seed}: {first} beside {second}");
            assert!(content.current()[..SECTOR / 2].iter().all(|byte| *byte == first), "seed {seed}");
        }
    }

    #[test]
    fn an_unsynced_truncation_happens_or_not() {
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut content = synced(&[7; 2000]);
            content.resize(100);
            content.lose_power(&mut Rng::with_seed(seed));
            lengths.insert(content.len());
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [100, 2000]);
    }

    #[test]
    fn what_was_synced_is_never_touched_by_a_power_loss() {
        for seed in 0..100 {
            let mut content = synced(&[7; 4096]);
            content.write(1024, &[8; 600]);
            content.lose_power(&mut Rng::with_seed(seed));
            assert_eq!(content.current()[..1024], [7; 1024], "seed {seed}");
            assert_eq!(content.current()[1624..], [7; 4096 - 1624], "seed {seed}");
        }
    }

    #[test]
    fn damage_outlives_the_sync_of_an_older_write_and_a_power_loss() {
        let mut rng = Rng::with_seed(1);
        let mut content = synced(&[7; 100]);
        content.write(50, &[8; 20]);
        assert!(content.scribble(45..55, &mut rng));
        let damaged = content.current().to_vec();
        assert!(damaged[45..50].iter().all(|byte| *byte != 7) && damaged[50..55].iter().all(|byte| *byte != 8));
        content.sync();
        content.lose_power(&mut rng);
        assert_eq!(content.current(), damaged);
        assert!(!content.scribble(100..110, &mut rng), "past the end is nothing to damage");
    }
}
