//! The FAQ.
#![allow(dead_code)]
pub(crate) mod compound;
pub(crate) mod index;
pub(crate) mod language;
pub(crate) mod query;
pub mod snippet;
pub(crate) mod text;
pub(crate) mod vocabulary;
