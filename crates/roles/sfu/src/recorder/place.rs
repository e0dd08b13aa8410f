//! Where recordings are: `DIR/ROOM/USER/START-RANDOM.opus`. Whatever an id holds, its folder is one below the one
//! above it, and no other id's.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use aws_lc_rs::digest::{SHA256, digest};
use model::ids::{RoomId, UserId};

use super::utc;

/// A folder's name may have 255 bytes on most file systems.
const MAX_NAME: usize = 200;

/// Of a longer one, so much is kept to be read; a hash tells it from others.
const READABLE: usize = 120;

/// The ending of a recording's name.
pub(super) const OPUS: &str = "opus";

/// A recording's file, and what is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Both below the recorder's folder, without ending.
    base: PathBuf,
}

impl Place {
    /// For a recording that begins at this time. The random number tells it from others.
    pub(super) fn new(rid: &RoomId, uid: &UserId, start: SystemTime, random: u32) -> Self {
        let name = format!("{}-{random:08x}", utc::file_name(start));
        Self { base: room(rid).join(folder(uid.as_str())).join(name) }
    }

    /// Of a file that is there already, below the recorder's folder. `None`: it has no name of a recording.
    pub(super) fn of(audio: &Path) -> Option<Self> {
        let name = audio.file_name()?.to_str()?.strip_suffix(OPUS)?.strip_suffix('.')?;
        is_ours(name).then(|| Self { base: audio.with_file_name(name) })
    }

    /// The recording.
    pub(super) fn audio(&self) -> PathBuf {
        self.with(OPUS)
    }

    /// What is told about it.
    pub(super) fn sidecar(&self) -> PathBuf {
        self.with("json")
    }

    // The name has a dot of its own: `with_extension` would cut it.
    fn with(&self, ending: &str) -> PathBuf {
        let mut path = self.base.clone().into_os_string();
        path.push(".");
        path.push(ending);
        path.into()
    }
}

/// Whether a name is one of ours, without its ending: `20261129T123456.789Z-0123abcd`.
fn is_ours(name: &str) -> bool {
    const FORM: &[u8] = b"00000000T000000.000Z-xxxxxxxx";
    let fits = |(&byte, &form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        _ => byte == form,
    };
    name.len() == FORM.len() && name.as_bytes().iter().zip(FORM).all(fits)
}

/// A room's folder, below the recorder's.
pub(super) fn room(rid: &RoomId) -> PathBuf {
    PathBuf::from(folder(rid.as_str()))
}

/// The name of an id's folder: letters, digits, `_` and `-` stay, any other byte becomes `%XX`.
fn folder(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _always = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > MAX_NAME {
        name.truncate(READABLE);
        // No short name has this character.
        name.push('~');
        for byte in digest(&SHA256, id.as_bytes()).as_ref() {
            let _always = write!(name, "{byte:02x}");
        }
    }
    name
}

/// Makes the recorder's folder, and sees that it can be written to.
pub(super) fn prepare(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, b"")?;
    fs::remove_file(probe)
}

/// Writes a file in one step: whoever reads it sees the old contents or the new ones. With `sync` that holds when the
/// power fails, too.
pub(super) fn write_whole(path: &Path, contents: &[u8], sync: bool) -> io::Result<()> {
    // Another process, which should not be here, writes a file of its own.
    let random = getrandom::u32().map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{random:08x}.new"));
    let new = PathBuf::from(name);
    let written = write_new(&new, contents, sync).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written?;
    let folder = path.parent().filter(|_| sync);
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn write_new(new: &Path, contents: &[u8], sync: bool) -> io::Result<()> {
    let mut file = File::create_new(new)?;
    file.write_all(contents)?;
    if sync { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::path::Component;
    use std::time::UNIX_EPOCH;

    use super::*;

    fn place(rid: &str, uid: &str) -> Place {
        Place::new(&RoomId::parse(rid).unwrap(), &UserId::parse(uid).unwrap(), UNIX_EPOCH, 0xabc)
    }

    #[test]
    fn plain_ids_can_be_read() {
        let place = place("tea-room_1", "ann");
        assert_eq!(place.audio(), Path::new("tea-room_1/ann/19700101T000000.000Z-00000abc.opus"));
        assert_eq!(place.sidecar(), Path::new("tea-room_1/ann/19700101T000000.000Z-00000abc.json"));
        assert_eq!(Place::of(&place.audio()), Some(place));
    }

    #[test]
    fn files_of_others_are_told_by_their_names() {
        let all = [
            "tea/ann/song.opus",
            "tea/ann/.opus",
            "tea/ann/19700101T000000.000Z-00000abc.ogg",
            "tea/ann/19700101T000000.000Z-00000abc.opus.unreadable",
            "tea/ann/19700101T000000.000Z-00000ABC.opus",
            "tea/ann/19700101T000000.000Z-00000abc (copy).opus",
        ];
        assert!(all.iter().all(|path| Place::of(Path::new(path)).is_none()));
    }

    #[test]
    fn no_id_leaves_its_folder_or_is_taken_for_another() {
        let long = "é".repeat(64);
        let ids =
            ["..", ".", "../../etc", "a/b", "a b", "a%20b", "%2E", "-", "a~b", long.as_str(), "ébé", "*?\"'"];
        let mut seen = std::collections::BTreeSet::new();
        for id in ids {
            let path = place(id, id).audio();
            let parts: Vec<_> = path.components().collect();
            assert_eq!(parts.len(), 3, "{path:?}");
            assert!(parts.iter().all(|part| matches!(part, Component::Normal(name) if name.len() <= 255)));
            assert!(seen.insert(path), "{id}");
        }
    }
}
