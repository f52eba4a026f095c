//! Editing the FAQ as files, and what phones get of it. A folder of Markdown (or one file of JSON) becomes a
//! [`FaqImport`](crate::store::faq::FaqImport), drafts become a folder again, and a publication becomes a signed parcel.
//! Reading is pure but for [`Source`], which hands out files; whoever writes to the store is [`editing`].

pub mod editing;
mod export;

mod fault;
mod folder;
mod front_matter;
mod json;

mod links;
pub(crate) mod parcels;
mod picture;
pub mod signing;
mod source;

pub use export::{ExportError, folder as export_folder};
pub use fault::{Fault, Faults};
pub use folder::read as read_folder;
pub use json::{FILE_BYTES as JSON_BYTES, read as read_json, write as write_json};
pub use parcels::gzip;
pub use source::{Embedded, Folder, Source};
