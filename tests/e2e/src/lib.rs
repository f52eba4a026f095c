//! End to end: a phone and the real server, held against an oracle that knows what the person did.
//!
//! [`schedule`] plays seeded runs in one process under virtual time, [`identities`] every order of logins and logouts,
//! [`processes`] seeded runs of real processes that are killed; [`seeds`] plays many of either.

pub mod identities;
pub mod oracle;
pub mod processes;
pub mod readings;
pub mod schedule;
pub mod seeds;
