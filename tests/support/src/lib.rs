//! Beistand.

pub mod disk;
