//! Beistand.
fn main() {}
