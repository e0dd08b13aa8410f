//! Puts finished recordings where they are kept: S3-compatible storage, or a folder such as a mounted NFS share.
//!
//! What waits is on disk, so neither a crash nor a storage that is away for days loses an upload; at worst a file
//! is uploaded twice, with the same contents. Files go in order of age, a few at a time, and are tried again for
//! ever; one that cannot go holds up no other. Files that belong together are handed over as one: none of them is
//! removed before all have arrived.

mod archive;
mod bucket;
mod counters;
mod destination;
mod error;
mod failure;
mod file_path;
mod folder;
mod hold;
mod http;
mod pace;
mod queue;
mod settings;
mod source;
mod unit;
mod way;
mod worker;

pub use archive::{Archive, Uploader};
pub use counters::Counters;
pub use error::{AddError, OpenError};
pub use settings::{Index, Settings};

#[cfg(test)]
mod tests;
