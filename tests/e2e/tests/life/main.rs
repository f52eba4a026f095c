//! A client's life on real files and real sockets: how it begins, pauses and ends, what it makes of a damaged file, and
//! what goes over the wire.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends at the first surprise, and tells its figures"
)]

mod app;
mod beginning;
mod damage;
mod ending;
mod live;
mod pause;
mod push;
mod signing;
mod wire;
