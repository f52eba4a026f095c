//! The HTTP API through the router, with a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod access;
mod attachments;
mod faq;
mod faq_feedback;
mod faq_import;
mod files;
mod hostile_files;
mod house;
mod identity;
mod lifecycle;
mod problems;
mod push;
mod realtime;
mod replay;
mod scan;
mod sign_off;
mod uploads;
