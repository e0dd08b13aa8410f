//! Where the servers' programs are, and which package has them.

use std::env;
use std::path::PathBuf;

/// Program and Debian package.
const PACKAGES: &[(&str, &str)] = &[
    ("etcd", "etcd-server"),
    ("etcdctl", "etcd-client"),
    ("nats-server", "nats-server"),
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
];

/// Folders that a plain user's PATH lacks.
const ADMIN_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The program's path; a program that is not installed fails with its package's name.
pub fn find(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(ADMIN_FOLDERS.iter().map(PathBuf::from));
    let found = folders.map(|folder| folder.join(program)).find(|candidate| candidate.is_file());
    found.unwrap_or_else(|| {
        let package = PACKAGES.iter().find(|(name, _)| *name == program).map_or(program, |(_, name)| name);
        panic!(
            "`{program}` is not installed; it is in Debian's package {package} \
             (`cargo xtask setup` installs it, or `apt-get install {package}`)"
        )
    })
}
