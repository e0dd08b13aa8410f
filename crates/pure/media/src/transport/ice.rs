//! ICE-lite on the crate `is`: which addresses are the peer's, and which of them it wants to use.
//!
//! `is` checks the credentials, writes the replies and knows the pairs. The choice of the path is made here: the
//! latest check with USE-CANDIDATE wins at once, where `is` would keep to a dead pair of higher priority for 15 s.
//! A controlling peer sends that attribute to a lite agent only on the pair that it has selected (RFC 8445 section
//! 8.1.1), so this is what it asks for.

use crate::secrets::IceSecrets;
use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceCreds, Protocol};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// The most paths of one transport. One more, and all but the selected one are forgotten: an honest peer's come back
/// with its next check; a hostile one, which must know the password, gains nothing.
pub(crate) const MAX_PATHS: usize = 32;

/// A remote address, and the local address at which it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) remote: SocketAddr,
    pub(crate) local: IpAddr,
}

/// What an authentic connectivity check led to.
#[derive(Debug)]
pub(crate) struct Checked {
    /// To be sent back along the path that the check came on.
    pub(crate) reply: Vec<u8>,
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
    agent: IceAgent,
    local: IceCreds,
    remote: IceCreds,
    candidates: Vec<SocketAddr>,
    paths: Vec<Path>,
    selected: Option<Path>,
    nominated: bool,
    last_check: Option<Instant>,
}

impl Ice {
    pub(crate) fn new(local: &IceSecrets, remote: &sdp::IceCredentials, candidates: &[SocketAddr]) -> Self {
        let local = IceCreds { ufrag: local.ufrag.clone(), pass: local.pwd.clone() };
        let remote = IceCreds { ufrag: remote.ufrag.clone(), pass: remote.pwd.clone() };
        Self {
            agent: agent(&local, &remote, candidates),
            local,
            remote,
            candidates: candidates.to_vec(),
            paths: Vec::new(),
            selected: None,
            nominated: false,
            last_check: None,
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

    /// Handles a STUN message that carries our name. `None`: not authentic, not a check, or nothing to say.
    pub(crate) fn handle(&mut self, now: Instant, path: Path, message: StunMessage<'_>) -> Option<Checked> {
        if !message.is_binding_request() {
            return None;
        }
        let destination = self.destination(path.local)?;
        let nominates = message.use_candidate();
        // A peer that claims to be controlled gets its 487 from `is`, and nothing else.
        let wrong_role = message.ice_controlled().is_some();
        let packet = StunPacket { proto: Protocol::Udp, source: path.remote, destination, message };
        if !self.agent.handle_packet(now, packet) {
            return None;
        }
        self.agent.handle_timeout(now);
        while self.agent.poll_event().is_some() {}
        let mut reply = None;
        while let Some(transmit) = self.agent.poll_transmit() {
            reply = Some(Vec::from(transmit.contents));
        }
        let reply = reply?;
        if wrong_role {
            return Some(Checked { reply, validated: false, forgotten: Vec::new(), moved: false });
        }
        self.last_check = Some(now);
        let forgotten = self.remember(path);
        let before = self.selected;
        if nominates {
            self.nominated = true;
            self.selected = Some(path);
        } else if self.selected.is_none() {
            self.selected = Some(path);
        }
        Some(Checked { reply, validated: true, forgotten, moved: before != self.selected })
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
            self.agent = agent(&self.local, &self.remote, &self.candidates);
        }
        self.paths.push(path);
        forgotten
    }

    /// The candidate that stands for a local address. Behind address translation the two differ, and `is` answers
    /// only what arrived at a candidate: then it is the first of the same family.
    fn destination(&self, local: IpAddr) -> Option<SocketAddr> {
        let same = self.candidates.iter().find(|candidate| candidate.ip() == local);
        same.or_else(|| self.candidates.iter().find(|candidate| candidate.is_ipv4() == local.is_ipv4()))
            .copied()
    }
}

fn agent(local: &IceCreds, remote: &IceCreds, candidates: &[SocketAddr]) -> IceAgent {
    let mut agent = IceAgent::new(local.clone());
    agent.set_ice_lite(true);
    agent.set_controlling(false);
    // Wins every conflict of roles: a lite agent is never the controlling one towards a full one.
    agent.set_control_tie_breaker(u64::MAX);
    agent.set_remote_credentials(remote.clone());
    for &address in candidates {
        // Addresses that cannot be candidates (multicast, unspecified) are left out here and in the answer.
        if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
            agent.add_local_candidate(candidate);
        }
    }
    agent
}

/// Whether an address can be announced at all.
pub(crate) fn is_candidate(address: SocketAddr) -> bool {
    Candidate::host(address, Protocol::Udp).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;
    use is::stun::TransId;
    use is::{DefaultSha1HmacProvider, Sha1HmacProvider};
    use std::time::Duration;

    const PWD: &str = "the-servers-own-password";

    fn ice() -> Ice {
        let ours = IceSecrets { ufrag: "ours".into(), pwd: PWD.into() };
        let theirs = sdp::IceCredentials { ufrag: "theirs".into(), pwd: "the-peers-own-password".into() };
        Ice::new(
            &ours,
            &theirs,
            &["203.0.113.1:40000".parse().unwrap(), "[2001:db8::1]:40000".parse().unwrap()],
        )
    }

    fn path(host: usize) -> Path {
        Path { remote: SocketAddr::from(([192, 0, 2, 1], 1000 + host as u16)), local: [10, 0, 0, 1].into() }
    }

    /// A check from there.
    fn check(ice: &mut Ice, path: Path, controlling: bool, nominates: bool, pwd: &str) -> Option<Checked> {
        let message =
            StunMessage::binding_request("ours:theirs", TransId::new(), controlling, 5, 100, nominates);
        let mut bytes = [0; 200];
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let len = message.to_bytes(Some(pwd.as_bytes()), &mut bytes, hmac).unwrap();
        ice.handle(epoch(), path, StunMessage::parse(&bytes[..len]).unwrap())
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
    fn a_wrong_password_gets_nothing_and_a_wrong_role_no_path() {
        let mut ice = ice();
        assert!(check(&mut ice, path(1), true, true, "another-password-altogether").is_none());
        let refused = check(&mut ice, path(1), false, false, PWD).unwrap();
        assert!(!refused.validated && !refused.reply.is_empty());
        assert_eq!((ice.selected(), ice.last_check(), ice.is_validated(path(1))), (None, None, false));
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

    #[test]
    fn silence_is_measured_from_the_latest_check() {
        let mut ice = ice();
        check(&mut ice, path(1), true, true, PWD).unwrap();
        assert_eq!(ice.last_check(), Some(epoch()));
        // `is` forgets a silent pair; the next check makes it anew.
        ice.agent.handle_timeout(epoch() + Duration::from_secs(20));
        assert!(check(&mut ice, path(1), true, true, PWD).unwrap().validated);
    }
}
