//! The reference server of Beistand: visitor API, agent API and sockets over one SQLite file.
//!
//! A request goes `api` (routes and their errors) → `desk` (pure rules) → `store` (a command, one transaction) and comes
//! back after COMMIT; a hint goes `store` → `bus` → `realtime`. [`Server`] ties them together, for the binary and for
//! tests that drive it in their own process.

mod api;
pub mod bus;
pub mod clock;
pub mod config;
pub mod demo;
mod desk;
pub mod faq;
mod files;
pub mod identity;
pub mod listener;
pub mod manage;
pub mod metrics;
mod passwords;
pub mod push;
pub mod realtime;
mod server;
pub mod store;

pub use clock::{Clock, SystemClock};
pub use config::{ConfigError, ServerConfig};
pub use desk::digest;
pub use realtime::InProcessSocket;
pub use server::{Server, StartError};
pub use store::{Execution, Store, StoreOptions};
