//! The core of Beistand, an in-app support SDK: tickets and chat that work without a network, and an outbox that loses and
//! doubles nothing.
//!
//! A [`Client`] is cheap to build and starts nothing by itself. Its services hold the parts: [`Conversations`] (tickets
//! and chat), [`Outbox`] (what waits, and what a person decides about it). Commands return once they are safe on disk;
//! what the network does later is observed, with the current value first and then what changes.
//!
//! Inside, decisions are pure and tested against an oracle: [`outbox::machine`], [`outbox::policy`] and [`sync::merge`]
//! know neither network nor database nor clock.

mod acting;
pub mod api;
pub mod attachments;
pub mod client;
pub mod clock;
pub mod config;
pub mod conversations;
pub mod error;
pub mod faq;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
pub mod login;
pub mod model;
pub mod observe;
pub mod outbox;
mod push;
pub(crate) mod realtime;
pub(crate) mod registration;
pub mod store;
pub mod sync;

pub use attachments::{AttachmentSource, Attachments};
pub use beistand_protocol as protocol;
pub use client::{Client, ClientBuilder};
pub use config::Settings;
pub use conversations::{ConversationList, Conversations, Difference, Earlier, Opened, Timeline};
pub use error::{Error, ErrorKind, Result, RetryKind};
pub use faq::{Faq, FaqError, FaqSeed, SearchOptions};
pub use login::{LoggedOut, LoginError, Logout, TokenError, TokenProvider, TokenReason, Who};
pub use model::{
    Attachment, AttachmentState, ClientEvent, Connection, Conversation, Message, MessageBody, MessageDraft,
    MessageState, OperationKind, OutboxItem, OutboxState, TicketDraft, Transfer, Typing,
};
pub use observe::{Observable, Subscription};
pub use outbox::{FlushOutcome, Outbox};

/// The code of the guide, compiled with every run of the tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Guide;

/// The code of the page on the FAQ.
#[cfg(doctest)]
#[doc = include_str!("../../docs/faq.md")]
struct FaqGuide;
