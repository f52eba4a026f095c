//! The core for Kotlin and Swift, by way of UniFFI. Thin on purpose: a wrapper that decides something about tickets or chat
//! means that the core lacks a method.
//!
//! The foreign side pulls. What can be watched is an object with `next()`, the current value first, and `cancel()`; nothing
//! here calls back, except to ask for a token and to hand over lines of the log. Every `async fn` only starts the work on
//! the library's own runtime and waits for it, so that a caller that gives up in the middle hurts nothing.
//!
//! The generated names are no public API: each platform has a façade of its own over them.

#[cfg(target_os = "android")]
mod android;
mod article;
mod attachments;
mod client;
mod config;
mod conversations;
mod error;
mod events;
mod faq;
mod input;
mod log;
mod login;
mod message;
mod outbox;
mod pump;
mod runtime;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;
mod watches;

pub use article::*;
pub use attachments::*;
pub use client::*;
pub use config::*;
pub use conversations::*;
pub use error::*;
pub use events::*;
pub use faq::*;
pub use input::*;
pub use log::*;
pub use login::*;
pub use message::*;
pub use outbox::*;
pub use runtime::{FfiCancel, live_handles};
pub use stream::*;
pub use timeline::*;
pub use watches::*;

uniffi::setup_scaffolding!();
