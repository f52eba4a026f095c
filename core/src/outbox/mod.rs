//! The outbox: what a person sent is never lost, never doubled, never reordered inside its conversation, and never silent
//! about its state.
//!
//! It rests on four things. **Safe first**: a row and its local echo are committed before `send` returns, and no network
//! is awaited. **One name**: every row carries an id that it keeps for ever, so a server that has it already says so
//! instead of storing it twice. **Frozen**: before the first byte leaves, the exact request is stored and marked as
//! perhaps delivered; from then on it is only repeated or followed, never changed. **One truth**: [`machine`] decides, as
//! a function of state, event and time; `worker` only carries out what it says, and tells it nothing that is not
//! committed.

pub(crate) mod actions;
pub mod machine;
pub(crate) mod outcome;
pub mod payload;
pub mod policy;
pub(crate) mod service;
pub(crate) mod worker;

pub use outcome::Outcome;
pub use service::{FlushOutcome, Outbox};
