//! Answers without a network: the FAQ of an app in a file of its own, searched on the phone, drawn from typed blocks.
//!
//! What is published travels as signed parcels (`verify`), is stored with its search index in one transaction
//! (`cache`), and is refreshed behind the back of whoever reads (`fetch`). [`Faq`] is what an app calls.

mod build;
mod cache;
mod compound;
pub(crate) mod feedback;
mod fetch;
mod images;
mod index;
mod language;
mod markdown;
mod query;
#[cfg(test)]
mod samples;
mod seed;
mod service;
mod snippet;
mod state;
mod suggest;
#[cfg(test)]
mod tests;
mod text;
mod titles;
pub(crate) mod verify;
mod vocabulary;

pub use build::Progress;
pub use markdown::{Alignment, Block, Picture, Span, Target, blocks, plain};
pub use seed::FaqSeed;
pub use service::{ArticleEntry, ArticleView, CollectionView, Faq, FaqStatus, Hit, SearchOptions, SearchResults};
pub use snippet::{Highlight, Snippet};
pub(crate) use state::{FaqState, resume, wake};
pub use verify::FaqError;
