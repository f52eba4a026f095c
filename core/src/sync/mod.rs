//! Sync: the server's changes in order, behind a cursor. [`merge`] decides what a change means here, and is pure;
//! `puller` asks for pages and applies each in one transaction.

pub(crate) mod apply;
pub mod merge;
pub(crate) mod puller;
