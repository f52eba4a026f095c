//! Editing the FAQ as files, and what phones get of it. A folder of Markdown (or one file of JSON) becomes a
//! [`FaqImport`](crate::store::faq::FaqImport), drafts become a folder again, and a publication becomes a signed parcel.
//! Reading is pure but for [`Source`], which hands out files; whoever writes to the store is [`editing`].

pub mod editing;

mod fault;
mod folder;
mod front_matter;

mod links;
pub(crate) mod parcels;
mod picture;
pub mod signing;
mod source;

pub use fault::{Fault, Faults};
pub use folder::read as read_folder;
pub use parcels::gzip;
pub use source::{Embedded, Folder, Source};
