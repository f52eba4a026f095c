//! The protocol's rules, over HTTP alone.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod access;
mod bad_input;
mod identity;
mod push;
mod replay;
mod uploads;
