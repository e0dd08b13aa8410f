//! The records that the scripts write, read back: users and streams. (Events are as [`crate::codec`] has them.)
//!
//! A record is its fields with [`SEPARATOR`] in between. What is no such record, because something else
//! wrote into this Redis, is answered as none.

use model::{MediaInfo, NodeId, Owner, Stream, StreamId, User, UserId};

use super::keys::SEPARATOR;

/// A user: signal, connection, since, and then mids, which nobody but the scripts needs.
pub(super) fn read_user(uid: &str, record: &str) -> Option<User> {
    let mut fields = record.split(SEPARATOR);
    let signal = NodeId::parse(fields.next()?).ok()?;
    let owner = Owner { signal, connection: fields.next()?.parse().ok()? };
    Some(User { uid: UserId::parse(uid).ok()?, owner, since: fields.next()?.parse().ok()? })
}

/// A stream: uid, SFU, info.
pub(super) fn read_stream(mid: &str, record: &str) -> Option<Stream> {
    let mut fields = record.splitn(3, SEPARATOR);
    Some(Stream {
        mid: StreamId::parse(mid).ok()?,
        uid: UserId::parse(fields.next()?).ok()?,
        sfu: NodeId::parse(fields.next()?).ok()?,
        info: MediaInfo::parse(fields.next()?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_script_wrote_is_no_record() {
        assert!(read_user("ann", "s1\u{1f}7\u{1f}1\u{1f}m1").is_some());
        for garbage in ["", "s1", "s1\u{1f}x\u{1f}1", "\u{1f}7\u{1f}1"] {
            assert_eq!(read_user("ann", garbage), None);
        }
        assert_eq!(read_stream("m1", "ann\u{1f}f1\u{1f}no json"), None);
    }
}
