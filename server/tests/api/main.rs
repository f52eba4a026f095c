//! The HTTP API through the router, with a clock that the test moves.

mod access;
mod house;
mod lifecycle;
mod problems;
mod realtime;
mod replay;
