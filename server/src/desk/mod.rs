//! The rules of the desk, pure: what a write does to a conversation, who may set which status, and by what a replay is
//! known. The store asks them inside its transaction, so every store follows the same rules.

pub mod digest;
pub mod rules;
