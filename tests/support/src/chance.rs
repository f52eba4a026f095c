//! Seeded chance: the same seed, the same run.

use std::sync::{Arc, Mutex, PoisonError};

use beistand_core::clock::Entropy;

/// A generator that is shared by everything in one simulated world.
#[derive(Clone, Debug)]
pub struct Chance {
    rng: Arc<Mutex<fastrand::Rng>>,
}

impl Chance {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))) }
    }

    /// Uses the generator.
    pub fn with<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// True with the given probability.
    pub fn happens(&self, probability: f64) -> bool {
        self.with(|rng| rng.f64() < probability)
    }

    /// A number in a range.
    pub fn below(&self, bound: u64) -> u64 {
        self.with(|rng| rng.u64(..bound.max(1)))
    }
}

impl Entropy for Chance {
    fn fill(&self, buffer: &mut [u8]) {
        self.with(|rng| rng.fill(buffer));
    }
}
