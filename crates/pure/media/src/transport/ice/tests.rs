//! Checks from the peer, from others, and from those who have overheard one.

use super::*;
use crate::batch::{DatagramSink, SendBatch};
use crate::{Stats, epoch};

const PWD: &str = "the-servers-own-password";

/// What is sent in answer.
#[derive(Default)]
struct Kept(Vec<(Path, Vec<u8>)>);

impl DatagramSink for Kept {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(
            batch.iter().map(|datagram| (Path::udp(datagram.to, datagram.from), datagram.data.to_vec())),
        );
    }
}

fn ice() -> Ice {
    let ours = IceSecrets { ufrag: "ours".into(), pwd: PWD.into() };
    let theirs = sdp::IceCredentials { ufrag: "theirs".into(), pwd: "the-peers-own-password".into() };
    Ice::new(ours, &theirs)
}

fn path(host: usize) -> Path {
    Path::udp(SocketAddr::from(([192, 0, 2, 1], 1000 + host as u16)), [10, 0, 0, 1].into())
}

/// A check from there, and the answer.
fn answered(
    ice: &mut Ice,
    path: Path,
    username: &str,
    (controlling, nominates): (bool, bool),
    pwd: &str,
) -> (Option<Checked>, Option<Vec<u8>>) {
    let message = StunMessage::binding_request(username, TransId::new(), controlling, 5, 100, nominates);
    handled(ice, path, &message, pwd)
}

/// This check from there, and the answer.
fn handled(
    ice: &mut Ice,
    path: Path,
    message: &StunMessage<'_>,
    pwd: &str,
) -> (Option<Checked>, Option<Vec<u8>>) {
    let id = message.trans_id();
    let mut bytes = [0; 200];
    let len = message.to_bytes(Some(pwd.as_bytes()), &mut bytes, hmac_sha1).unwrap();
    let (mut batch, mut kept, mut stats) = (SendBatch::new(), Kept::default(), Stats::default());
    let mut out = Outbox::new(&mut batch, &mut kept, &mut stats);
    let checked = ice.handle(epoch(), path, &StunMessage::parse(&bytes[..len]).unwrap(), &mut out);
    drop(out);
    let reply = kept.0.pop().map(|(to, reply)| {
        assert_eq!(to, path);
        assert_eq!(StunMessage::parse(&reply).unwrap().trans_id(), id);
        reply
    });
    assert!(kept.0.is_empty());
    (checked, reply)
}

fn check(ice: &mut Ice, path: Path, controlling: bool, nominates: bool, pwd: &str) -> Option<Checked> {
    answered(ice, path, "ours:theirs", (controlling, nominates), pwd).0
}

#[test]
fn the_latest_nomination_wins() {
    let mut ice = ice();
    assert!(check(&mut ice, path(1), true, false, PWD).unwrap().moved);
    assert_eq!(ice.selected(), Some(path(1)), "better than nothing");
    check(&mut ice, path(2), true, false, PWD).unwrap();
    ice.prefer(path(2));
    assert_eq!(ice.selected(), Some(path(2)), "where DTLS comes from");
    assert!(check(&mut ice, path(1), true, true, PWD).unwrap().moved);
    ice.prefer(path(2));
    assert_eq!(ice.selected(), Some(path(1)));
    assert!(check(&mut ice, path(3), true, true, PWD).unwrap().moved);
    assert_eq!(ice.selected(), Some(path(3)));
    assert!(!check(&mut ice, path(3), true, true, PWD).unwrap().moved);
}

#[test]
fn what_stands_behind_the_integrity_is_not_looked_at() {
    let mut ice = ice();
    check(&mut ice, path(1), true, true, PWD).unwrap();
    let message = StunMessage::binding_request("ours:theirs", TransId::new(), true, 5, 100, false);
    let mut bytes = [0; 200];
    let len = message.to_bytes(Some(PWD.as_bytes()), &mut bytes, hmac_sha1).unwrap();
    // USE-CANDIDATE in the place of FINGERPRINT (RFC 8489 section 14.5), and the length that goes with it.
    let mut appended = bytes[..len - 8].to_vec();
    appended.extend([0, 0x25, 0, 0]);
    let length = (appended.len() - 20) as u16;
    appended[2..4].copy_from_slice(&length.to_be_bytes());
    let (mut batch, mut kept, mut stats) = (SendBatch::new(), Kept::default(), Stats::default());
    let mut out = Outbox::new(&mut batch, &mut kept, &mut stats);
    let appended = StunMessage::parse(&appended).unwrap();
    assert!(!ice.handle(epoch(), path(2), &appended, &mut out).unwrap().moved);
    assert_eq!(ice.selected(), Some(path(1)));
}

#[test]
fn the_answer_says_where_the_peer_was_seen_and_is_authentic() {
    let (_, reply) = answered(&mut ice(), path(1), "ours:theirs", (true, true), PWD);
    let reply = reply.unwrap();
    let reply = StunMessage::parse(&reply).unwrap();
    assert!(reply.is_successful_binding_response());
    assert_eq!(reply.mapped_address(), Some(path(1).remote));
    assert!(reply.verify(PWD.as_bytes(), hmac_sha1) && !reply.verify(b"another", hmac_sha1));
}

#[test]
fn who_is_not_the_peer_gets_nothing_and_a_wrong_role_no_path() {
    let mut ice = ice();
    for (username, pwd) in
        [("ours:theirs", "another-password-altogether"), ("ours:other", PWD), ("other:theirs", PWD)]
    {
        let (checked, reply) = answered(&mut ice, path(1), username, (true, true), pwd);
        assert!(checked.is_none() && reply.is_none(), "{username}");
    }
    let (refused, reply) = answered(&mut ice, path(1), "ours:theirs", (false, false), PWD);
    assert!(!refused.unwrap().validated);
    let reply = reply.unwrap();
    assert_eq!(StunMessage::parse(&reply).unwrap().error_code().map(|(code, _)| code), Some(487));
    assert_eq!((ice.selected(), ice.last_check(), ice.is_validated(path(1))), (None, None, false));
}

#[test]
fn a_copy_of_a_check_does_nothing_and_is_answered_to_the_peer_alone() {
    let mut ice = ice();
    let old = StunMessage::binding_request("ours:theirs", TransId::new(), true, 5, 100, true);
    assert!(handled(&mut ice, path(1), &old, PWD).0.unwrap().moved);
    ice.last_check = None;
    for _ in 0..REMEMBERED - 1 {
        let (checked, reply) = handled(&mut ice, path(2), &old, PWD);
        assert!(checked.is_none() && reply.is_none());
        check(&mut ice, path(1), true, false, PWD).unwrap();
    }
    assert_eq!((ice.selected(), ice.is_validated(path(2))), (Some(path(1)), false));
    ice.last_check = None;
    let (checked, reply) = handled(&mut ice, path(1), &old, PWD);
    assert!(!checked.unwrap().validated && reply.is_some(), "the answer may have been lost");
    assert_eq!(ice.last_check(), None, "nobody has consented to anything");
    assert_eq!(ice.seen.len(), REMEMBERED);
    check(&mut ice, path(1), true, false, PWD).unwrap();
    assert_eq!(ice.seen.len(), REMEMBERED, "no more are remembered");
}

#[test]
fn a_peer_of_countless_addresses_fills_nothing() {
    let mut ice = ice();
    check(&mut ice, path(0), true, true, PWD).unwrap();
    let mut known = std::collections::HashSet::from([path(0)]);
    for host in 1..1000 {
        let checked = check(&mut ice, path(host), true, false, PWD).unwrap();
        known.insert(path(host));
        checked.forgotten.iter().for_each(|path| assert!(known.remove(path)));
        assert!(known.len() <= MAX_PATHS, "{}", known.len());
        assert_eq!(ice.paths().collect::<std::collections::HashSet<_>>(), known);
    }
    assert_eq!(ice.selected(), Some(path(0)));
    assert!(check(&mut ice, path(0), true, true, PWD).unwrap().validated);
}
