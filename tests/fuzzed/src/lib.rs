//! What fuzzing asks of the code: one function for each target, from any bytes to a panic or none. The fuzzer of `fuzz/`
//! calls them with what it makes up, and `tests/corpus.rs` with everything that was worth keeping, on every run.
//!
//! They panic on purpose: that is how a fuzzer is told.

mod articles;
mod machine;
mod problems;
mod publications;
mod texts;
mod wire;

pub use articles::faq_markdown;
pub use machine::outbox_machine;
pub use problems::problem;
pub use publications::{faq_parcel, is_signed};
pub use texts::{operation_order, upload_headers};
pub use wire::{sync_page, wire};

/// A target: its name, which is that of its corpus too, and what it asks.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("wire", wire),
    ("sync_page", sync_page),
    ("problem", problem),
    ("outbox_machine", outbox_machine),
    ("upload_headers", upload_headers),
    ("operation_order", operation_order),
    ("faq_markdown", faq_markdown),
    ("faq_parcel", faq_parcel),
];
