//! How much of the disk is left.

use std::path::Path;

use rustix::fs::statvfs;

/// Bytes that are free on the disk of a folder, for who is not root. Where it cannot be found out, writing will tell.
pub(super) fn free(dir: &Path) -> u64 {
    match statvfs(dir) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            tracing::debug!(%error, "cannot find out how much of the disk is free");
            u64::MAX
        }
    }
}
