//! ICE-lite: which addresses are the peer's, and which of them it wants to use.
//!
//! The crate `is` reads and writes STUN. Its agent is not used: it keeps pairs and candidates for checks that a lite
//! agent never makes, and the choice of the path is another here. The latest check with USE-CANDIDATE wins at once,
//! where that agent would keep to a dead pair of higher priority for 15 s; a controlling peer sends the attribute to a
//! lite agent only on the pair that it has selected (RFC 8445 section 8.1.1), so this is what it asks for.

use crate::batch::Outbox;
use crate::secrets::IceSecrets;
use aws_lc_rs::hmac;
use is::stun::{StunMessage, TransId};
use is::{Candidate, Protocol};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// The most paths of one transport. One more, and all but the selected one are forgotten: an honest peer's come back
/// with its next check; a hostile one, which must know the password, gains nothing.
pub(crate) const MAX_PATHS: usize = 32;

/// The latest checks that are remembered, so that a copy of one does nothing: those of five minutes, where a peer checks
/// every 2.5 s. Somebody on the path who has kept an older one can turn the media away until the peer's next check.
const REMEMBERED: usize = 128;

/// A remote address, and the local address at which it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) remote: SocketAddr,
    pub(crate) local: IpAddr,
}

/// What an authentic connectivity check led to. It was answered.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The address is the peer's: it was validated now or before.
    pub(crate) validated: bool,
    /// Addresses that are no longer considered the peer's.
    pub(crate) forgotten: Vec<SocketAddr>,
    /// Media has another way to go from now on.
    pub(crate) moved: bool,
}

/// The ICE state of one transport.
#[derive(Debug)]
pub(crate) struct Ice {
    local: IceSecrets,
    /// The peer's name.
    remote_ufrag: String,
    paths: Vec<Path>,
    selected: Option<Path>,
    nominated: bool,
    last_check: Option<Instant>,
    /// The transactions of the latest checks.
    seen: VecDeque<TransId>,
}

impl Ice {
    pub(crate) fn new(local: IceSecrets, remote: &sdp::IceCredentials) -> Self {
        Self {
            local,
            remote_ufrag: remote.ufrag.clone(),
            paths: Vec::new(),
            selected: None,
            nominated: false,
            last_check: None,
            seen: VecDeque::new(),
        }
    }

    /// Our name: what the peer's checks carry first in USERNAME.
    pub(crate) fn ufrag(&self) -> &str {
        &self.local.ufrag
    }

    /// Where to send, and the only place to take media from.
    pub(crate) fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// When the peer was last heard with valid credentials.
    pub(crate) fn last_check(&self) -> Option<Instant> {
        self.last_check
    }

    /// The addresses that are the peer's.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.paths.iter().map(|path| path.remote)
    }

    /// Whether the peer has proven that this path is its own.
    pub(crate) fn is_validated(&self, path: Path) -> bool {
        self.paths.contains(&path)
    }

    /// Takes the path that DTLS came on as long as the peer has nominated none: browsers begin the handshake before
    /// the check that nominates.
    pub(crate) fn prefer(&mut self, path: Path) {
        if !self.nominated && self.is_validated(path) {
            self.selected = Some(path);
        }
    }

    /// Handles a STUN message, and answers along the path that it came on. `None`: not authentic, not a check, or a copy of
    /// one from an address that is not the peer's.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        path: Path,
        message: &StunMessage<'_>,
        out: &mut Outbox<'_>,
    ) -> Option<Checked> {
        let for_us = message.is_binding_request()
            && message.split_username() == Some((&self.local.ufrag, &self.remote_ufrag));
        if !for_us || !message.verify(self.local.pwd.as_bytes(), hmac_sha1) {
            return None;
        }
        // A check that comes again was repeated by its sender, who lacks the answer, or by somebody who overheard it, from
        // wherever he likes: it shows nothing about who is where.
        let id = message.trans_id();
        let again = self.came_before(id);
        if again && !self.is_validated(path) {
            return None;
        }
        // A lite agent is never the controlling one towards a full one (RFC 8445 section 6.1.1): whoever claims to be
        // controlled is told so, and gets nothing else.
        let wrong_role = message.ice_controlled().is_some();
        let reply = if wrong_role {
            StunMessage::binding_role_conflict_reply(id)
        } else {
            StunMessage::binding_reply(id, path.remote)
        };
        out.write(path, |buffer| reply.to_bytes(Some(self.local.pwd.as_bytes()), buffer, hmac_sha1).ok());
        if wrong_role || again {
            return Some(Checked::default());
        }
        self.last_check = Some(now);
        let forgotten = self.remember(path);
        let before = self.selected;
        if message.use_candidate() {
            self.nominated = true;
            self.selected = Some(path);
        } else if self.selected.is_none() {
            self.selected = Some(path);
        }
        Some(Checked { validated: true, forgotten, moved: before != self.selected })
    }

    /// Remembers a transaction, unless it is known.
    fn came_before(&mut self, id: TransId) -> bool {
        if self.seen.contains(&id) {
            return true;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(id);
        false
    }

    fn remember(&mut self, path: Path) -> Vec<SocketAddr> {
        if self.is_validated(path) {
            return Vec::new();
        }
        let mut forgotten = Vec::new();
        if self.paths.len() >= MAX_PATHS {
            let selected = self.selected;
            let is_selected = |path: &Path| Some(*path) == selected;
            forgotten.extend(self.paths.iter().filter(|path| !is_selected(path)).map(|path| path.remote));
            forgotten.retain(|&address| {
                selected.is_none_or(|path| path.remote != address) && address != path.remote
            });
            self.paths.retain(is_selected);
        }
        self.paths.push(path);
        forgotten
    }
}

/// HMAC-SHA1 of the parts, one behind the other.
fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().first_chunk().copied().unwrap_or_default()
}

/// Whether an address can be announced at all: not if it is a multicast one, for example.
pub(crate) fn is_candidate(address: SocketAddr) -> bool {
    Candidate::host(address, Protocol::Udp).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{DatagramSink, SendBatch};
    use crate::{Stats, epoch};

    const PWD: &str = "the-servers-own-password";

    /// What is sent in answer.
    #[derive(Default)]
    struct Kept(Vec<(Path, Vec<u8>)>);

    impl DatagramSink for Kept {
        fn send(&mut self, batch: &SendBatch) {
            self.0.extend(batch.iter().map(|datagram| {
                (Path { remote: datagram.to, local: datagram.from }, datagram.data.to_vec())
            }));
        }
    }

    fn ice() -> Ice {
        let ours = IceSecrets { ufrag: "ours".into(), pwd: PWD.into() };
        let theirs = sdp::IceCredentials { ufrag: "theirs".into(), pwd: "the-peers-own-password".into() };
        Ice::new(ours, &theirs)
    }

    fn path(host: usize) -> Path {
        Path { remote: SocketAddr::from(([192, 0, 2, 1], 1000 + host as u16)), local: [10, 0, 0, 1].into() }
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
        let mut known = std::collections::HashSet::from([path(0).remote]);
        for host in 1..1000 {
            let checked = check(&mut ice, path(host), true, false, PWD).unwrap();
            known.insert(path(host).remote);
            checked.forgotten.iter().for_each(|address| assert!(known.remove(address)));
            assert!(known.len() <= MAX_PATHS, "{}", known.len());
            assert_eq!(ice.addresses().collect::<std::collections::HashSet<_>>(), known);
        }
        assert_eq!(ice.selected(), Some(path(0)));
        assert!(check(&mut ice, path(0), true, true, PWD).unwrap().validated);
    }
}
