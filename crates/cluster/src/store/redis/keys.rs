//! Where a room is kept.
//!
//! Rooms are spread over buckets by their id. All keys of a bucket have one hash tag, so that in a Redis
//! Cluster one script may change a room and its bucket's indexes in one step. No key has to be searched
//! for: a sweep asks every bucket for what is in its indexes.

use model::{NodeId, RoomId};

use crate::encode::encode;

/// How many buckets there are: enough to spread over any cluster, few enough to be asked all in one go.
/// Another number would find none of the rooms that are there.
pub(super) const BUCKETS: usize = 256;

/// The key of the runs: a hash of run and the number of its last beat.
pub(super) const RUNS: &str = "{anabranch:runs}:runs";

/// Between the fields of a record or an index entry: no id has a control character.
pub(super) const SEPARATOR: char = '\u{1f}';

/// What goes over [`BUCKETS`] for the key of the runs, which is in none of them.
pub(super) const RUNS_BUCKET: usize = BUCKETS;

/// The bucket of a room: FNV-1a of its id, folded to a byte. Any hash would do, as long as it stays.
pub(super) fn bucket_of(rid: &RoomId) -> usize {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = rid.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    hash.to_be_bytes().iter().fold(0, |folded: u8, byte| folded ^ byte).into()
}

/// What a script on a room works with, in the order of `scripts/prelude.lua`.
///
/// - `meta`: version, weight of the state, weight of the log, run of the server that wrote last
/// - `users`: uid → signal, connection, since, mids
/// - `streams`: mid → uid, sfu, info
/// - `seen`, `held`: users and streams by the time they were last heard of
/// - `log`: the last events
/// - of the bucket: `due`: rooms by the time at which something may expire; `nodes`: what each node speaks
///   for or holds; `last`: the highest version said of a room that is not there
pub(super) fn keys_of(rid: &RoomId) -> [String; 9] {
    let (bucket, room) = (bucket_of(rid), encode(rid.as_str()));
    let of_room = |what: &str| format!("{{anabranch:{bucket:02x}}}:{what}:{room}");
    [
        of_room("meta"),
        of_room("users"),
        of_room("streams"),
        of_room("seen"),
        of_room("held"),
        of_room("log"),
        due(bucket),
        nodes(bucket),
        format!("{{anabranch:{bucket:02x}}}:last"),
    ]
}

/// The rooms of a bucket by the time at which something may expire.
pub(super) fn due(bucket: usize) -> String {
    format!("{{anabranch:{bucket:02x}}}:due")
}

/// What each node speaks for or holds in the rooms of a bucket.
pub(super) fn nodes(bucket: usize) -> String {
    format!("{{anabranch:{bucket:02x}}}:nodes")
}

/// The entries of `nodes` for the connections of a signalling node below a number: from, and up to.
pub(super) fn signal_range(signal: &NodeId, before: u64) -> (String, String) {
    let s = SEPARATOR;
    (format!("[s{s}{signal}{s}"), format!("(s{s}{signal}{s}{before:020}"))
}

/// The entries of `nodes` for an SFU: from, and up to.
pub(super) fn sfu_range(sfu: &NodeId) -> (String, String) {
    let s = SEPARATOR;
    // The character after the separator.
    (format!("[f{s}{sfu}{s}"), format!("(f{s}{sfu}\u{20}"))
}

/// The room of an entry of `nodes`.
pub(super) fn room_of_entry(entry: &str) -> Option<RoomId> {
    let mut fields = entry.split(SEPARATOR);
    let rid = match fields.next()? {
        "s" => fields.nth(2)?,
        _ => fields.nth(1)?,
    };
    RoomId::parse(rid).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_spread_over_the_buckets_and_stay_where_they_are() {
        let mut count = [0; BUCKETS];
        for n in 0..25_600 {
            count[bucket_of(&RoomId::parse(&format!("room {n}")).unwrap())] += 1;
        }
        assert!(count.iter().all(|n| (50..200).contains(n)), "{count:?}");
        assert_eq!(bucket_of(&RoomId::parse("room").unwrap()), 0x9d);
    }

    #[test]
    fn no_id_reaches_beyond_its_own_place_in_a_key() {
        let keys = keys_of(&RoomId::parse("a}:meta:{b*?").unwrap());
        for key in &keys[..6] {
            assert!(key.ends_with(":a%7D%3Ameta%3A%7Bb%2A%3F"), "{key}");
        }
    }

    #[test]
    fn the_entries_of_one_node_are_those_between_its_bounds() {
        let node = |id: &str| NodeId::parse(id).unwrap();
        let (from, to) = signal_range(&node("s1"), 70);
        let entry =
            |signal: &str, connection: u64| format!("s\x1f{signal}\x1f{connection:020}\x1froom\x1fann");
        let inside = |entry: &String| entry.as_str() >= &from[1..] && entry.as_str() < &to[1..];
        assert!(inside(&entry("s1", 0)) && inside(&entry("s1", 69)));
        for outside in
            [entry("s1", 70), entry("s1", u64::MAX), entry("s", 1), entry("s10", 1), entry("s1-", 1)]
        {
            assert!(!inside(&outside), "{outside}");
        }
        assert_eq!(room_of_entry(&entry("s1", 7)), RoomId::parse("room").ok());
        let (from, to) = sfu_range(&node("f"));
        let stream = |sfu: &str| format!("f\x1f{sfu}\x1froom\x1fm1");
        assert!(*stream("f") >= from[1..] && *stream("f") < to[1..]);
        assert!(*stream("f1") > to[1..] && *stream("f-") > to[1..]);
        assert_eq!(room_of_entry(&stream("f")), RoomId::parse("room").ok());
    }
}
