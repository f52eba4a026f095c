//! Beistand.
