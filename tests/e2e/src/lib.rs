//! End to end: a phone and the real server, held against an oracle that knows what the person did.
//!
//! [`schedule`] plays seeded runs in one process under virtual time; the tests beside it use real processes.

pub mod oracle;
pub mod schedule;
