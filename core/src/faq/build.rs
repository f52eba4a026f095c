//! The build of an index: how far it is, and its end before time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use beistand_protocol::faq::Locale;

use super::verify::FaqError;
use crate::observe::Observable;

/// How far a build is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The language that is built.
    pub locale: Locale,
    /// Articles that are done.
    pub done: u32,
    /// Articles in all.
    pub total: u32,
}

/// Told of each article; asks whether to go on.
pub(crate) struct Build {
    progress: Observable<Option<Progress>>,
    cancels: Arc<AtomicU64>,
    /// How often builds had been cancelled when this one was asked for.
    at: u64,
}

/// An observer draws at most this many steps.
const STEPS: usize = 100;

impl Build {
    pub fn new(progress: &Observable<Option<Progress>>, cancels: &Arc<AtomicU64>) -> Self {
        Self { progress: progress.clone(), cancels: cancels.clone(), at: cancels.load(Ordering::SeqCst) }
    }

    /// Whether nobody has cancelled.
    pub fn go_on(&self) -> Result<(), FaqError> {
        if self.cancels.load(Ordering::SeqCst) == self.at { Ok(()) } else { Err(FaqError::Cancelled) }
    }

    /// `done` of `total` articles are built.
    pub fn step(&self, locale: &Locale, done: usize, total: usize) -> Result<(), FaqError> {
        self.go_on()?;
        if done.is_multiple_of((total / STEPS).max(1)) || done == total {
            let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
            let progress = Progress { locale: locale.clone(), done: count(done), total: count(total) };
            self.progress.set(Some(progress));
        }
        Ok(())
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        self.progress.set(None);
    }
}
