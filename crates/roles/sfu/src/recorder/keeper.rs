//! Who takes complete files.

use std::path::Path;

/// Takes files that are complete, to keep them elsewhere. Called on threads of the recorder: it may use the disk, but not
/// wait for anybody.
pub trait Keeper: Send + Sync {
    /// Takes files that belong together, as paths below the recorder's folder. What is handed over more than once is read
    /// again.
    ///
    /// # Errors
    /// Whether it is worth another try.
    fn take(&self, files: &[&Path]) -> Result<(), NotTaken>;

    /// Whether it has these files already, or is about to take them.
    fn knows(&self, files: &[&Path]) -> bool;
}

/// Files were not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// They may be handed over again.
    #[error("{0}")]
    Now(String),
    /// They will not be taken at another time either.
    #[error("{0}")]
    Ever(String),
}
