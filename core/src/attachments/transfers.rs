//! How far files have got: one observable for each that somebody asks about or that is on its way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use beistand_protocol::AttachmentId;

use crate::model::Transfer;
use crate::observe::Observable;

/// All transfers of a client.
#[derive(Clone, Default)]
pub(crate) struct Transfers {
    known: Arc<Mutex<HashMap<AttachmentId, Observable<Transfer>>>>,
    /// Counts those who were shown: what moves for somebody before is seen by nobody.
    turn: Arc<AtomicU64>,
}

impl Transfers {
    /// How far a file has got.
    pub(crate) fn of(&self, id: AttachmentId) -> Observable<Transfer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody looks at and does not move is forgotten, so that a long life does not collect them.
        known.retain(|_, transfer| transfer.is_held());
        known.entry(id).or_insert_with(|| Observable::new(Transfer::default())).clone()
    }

    /// A file sets out.
    pub(crate) fn begin(&self, id: AttachmentId, total: u64) -> Moving {
        let transfer = self.of(id);
        let moving = Moving { transfer, begun: self.turn.load(Ordering::SeqCst), turn: self.turn.clone() };
        moving.set(|transfer| Transfer { total, active: true, ..transfer });
        moving
    }

    /// A file sets out for somebody who is not shown.
    pub(crate) fn begin_unseen(&self) -> Moving {
        Moving { transfer: Observable::new(Transfer::default()), begun: 0, turn: Arc::default() }
    }

    /// Somebody else is shown from now on: whoever observes a file sees no more of it.
    pub(crate) fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.turn.fetch_add(1, Ordering::SeqCst);
        for (_, transfer) in known.drain() {
            transfer.set(Transfer::default());
        }
    }
}

/// A file on its way; it no longer is once this is dropped, however that comes about.
pub(crate) struct Moving {
    transfer: Observable<Transfer>,
    begun: u64,
    turn: Arc<AtomicU64>,
}

impl Moving {
    /// So many bytes have arrived.
    pub(crate) fn at(&self, done: u64) {
        self.set(|transfer| Transfer { done, ..transfer });
    }

    fn set(&self, change: impl FnOnce(Transfer) -> Transfer) {
        if self.turn.load(Ordering::SeqCst) == self.begun {
            self.transfer.set(change(self.transfer.get()));
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.set(|transfer| Transfer { active: false, ..transfer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_protocol::UnixMillis;

    #[test]
    fn whoever_asked_early_sees_the_way_and_what_nobody_has_is_forgotten() {
        let transfers = Transfers::default();
        let id = |n| AttachmentId::mint(UnixMillis(1), [n; 10]);
        let asked_early = transfers.of(id(1));
        drop(transfers.of(id(2)));
        let moving = transfers.begin(id(1), 9);
        moving.at(4);
        assert_eq!(asked_early.get(), Transfer { done: 4, total: 9, active: true });
        assert_eq!(transfers.known.lock().unwrap().len(), 1);
    }
}
