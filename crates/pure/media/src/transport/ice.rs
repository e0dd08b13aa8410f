//! ICE-lite: which addresses are the peer's, and which of them it wants to use.
//!
//! The crate `is` reads and writes STUN. Its agent is not used: it keeps pairs and candidates for checks that a lite
//! agent never makes, and the choice of the path is another here. The latest check with USE-CANDIDATE wins at once,
//! where that agent would keep to a dead pair of higher priority for 15 s; a controlling peer sends the attribute to a
//! lite agent only on the pair that it has selected (RFC 8445 section 8.1.1), so this is what it asks for.

mod credentials;

use crate::batch::{Outbox, Protocol};
use crate::secrets::IceSecrets;
use credentials::{Credentials, hmac_sha1};
use is::Candidate;
use is::stun::{StunMessage, TransId};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// The most paths of one transport. One more, and all but the selected one are forgotten: an honest peer's come back
/// with its next check; a hostile one, which must know the password, gains nothing.
pub(crate) const MAX_PATHS: usize = 32;

/// The latest checks that are remembered, so that a copy of one does nothing: those of five minutes, where a peer
/// checks every 2.5 s. Somebody on the path who has kept an older one can turn the media away until the peer's next
/// check.
const REMEMBERED: usize = 128;

/// A remote address, the local address at which it was heard, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Path {
    pub(crate) remote: SocketAddr,
    pub(crate) local: IpAddr,
    pub(crate) protocol: Protocol,
}

impl Path {
    #[cfg(test)]
    pub(crate) fn udp(remote: SocketAddr, local: IpAddr) -> Self {
        Self { remote, local, protocol: Protocol::Udp }
    }

    /// Whether it leads to the same peer, if from another address of ours.
    pub(crate) fn leads_where(&self, other: &Self) -> bool {
        self.remote == other.remote && self.protocol == other.protocol
    }
}

/// What an authentic connectivity check led to. It was answered.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The address is the peer's: it was validated now or before.
    pub(crate) validated: bool,
    /// Paths that are no longer considered the peer's.
    pub(crate) forgotten: Vec<Path>,
    /// Media has another way to go from now on.
    pub(crate) moved: bool,
    /// It was the first one of a restart: this name of ours is not used any more.
    pub(crate) retired: Option<String>,
}

/// The ICE state of one transport.
#[derive(Debug)]
pub(crate) struct Ice {
    current: Credentials,
    /// Those of a restart that nobody has used yet.
    next: Option<Credentials>,
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
            current: Credentials::new(local, remote),
            next: None,
            paths: Vec::new(),
            selected: None,
            nominated: false,
            last_check: None,
            seen: VecDeque::new(),
        }
    }

    /// Our names, of which one is what the peer's checks carry first in USERNAME.
    pub(crate) fn ufrags(&self) -> impl Iterator<Item = &str> {
        [Some(&self.current), self.next.as_ref()].into_iter().flatten().map(|one| one.local.ufrag.as_str())
    }

    /// From now on checks with these credentials count too, and the first of them ends those of before. Returns our
    /// name in a restart that this one replaces.
    pub(crate) fn restart(&mut self, local: IceSecrets, remote: &sdp::IceCredentials) -> Option<String> {
        let replaced = self.next.replace(Credentials::new(local, remote));
        replaced.map(|credentials| credentials.local.ufrag)
    }

    /// Nobody has used the credentials of the restart: they count no more. Returns our name in it.
    pub(crate) fn give_up_restart(&mut self) -> Option<String> {
        self.next.take().map(|credentials| credentials.local.ufrag)
    }

    /// Where to send, and the only place to take media from.
    pub(crate) fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// When the peer was last heard with valid credentials.
    pub(crate) fn last_check(&self) -> Option<Instant> {
        self.last_check
    }

    /// The paths that are the peer's.
    pub(crate) fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.paths.iter().copied()
    }

    /// There is no such path any more: its connection is closed. The next check, on whatever path, shows where to send.
    pub(crate) fn lose(&mut self, path: Path) {
        self.paths.retain(|other| *other != path);
        if self.selected == Some(path) {
            self.selected = None;
            self.nominated = false;
        }
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

    /// Handles a STUN message, and answers along the path that it came on. `None`: not authentic, not a check, or a
    /// copy of one from an address that is not the peer's.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        path: Path,
        message: &StunMessage<'_>,
        out: &mut Outbox<'_>,
    ) -> Option<Checked> {
        let is_next = self.confirms(message)?;
        // A check that comes again was repeated by its sender, who lacks the answer, or by somebody who overheard it,
        // from wherever he likes: it shows nothing about who is where.
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
        let pwd = self.credentials(is_next).pwd();
        out.write(path, |buffer| reply.to_bytes(Some(pwd), buffer, hmac_sha1).ok());
        if wrong_role || again {
            return Some(Checked::default());
        }
        self.last_check = Some(now);
        let (retired, mut forgotten) = if is_next { self.take_up(path) } else { (None, Vec::new()) };
        forgotten.extend(self.remember(path));
        let before = self.selected;
        if message.use_candidate() {
            self.nominated = true;
            self.selected = Some(path);
        } else if self.selected.is_none() {
            self.selected = Some(path);
        }
        Some(Checked { validated: true, forgotten, moved: before != self.selected, retired })
    }

    /// Whether it is the credentials of a restart that confirm a check; `None`: no credentials do, or it is no check.
    fn confirms(&self, message: &StunMessage<'_>) -> Option<bool> {
        if !message.is_binding_request() {
            return None;
        }
        if self.current.confirm(message) {
            return Some(false);
        }
        self.next.as_ref().is_some_and(|next| next.confirm(message)).then_some(true)
    }

    fn credentials(&self, next: bool) -> &Credentials {
        self.next.as_ref().filter(|_| next).unwrap_or(&self.current)
    }

    /// The first check of a restart came, on this path. Media stays where it goes until the peer says otherwise (RFC
    /// 8445 section 9); all else that was shown with the credentials of before is shown no more. Returns our name of
    /// before, and the paths.
    fn take_up(&mut self, path: Path) -> (Option<String>, Vec<Path>) {
        let Some(next) = self.next.take() else { return (None, Vec::new()) };
        let before = std::mem::replace(&mut self.current, next);
        self.nominated = false;
        (Some(before.local.ufrag), self.forget_all_but_selected(path))
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

    fn remember(&mut self, path: Path) -> Vec<Path> {
        if self.is_validated(path) {
            return Vec::new();
        }
        let full = self.paths.len() >= MAX_PATHS;
        let forgotten = if full { self.forget_all_but_selected(path) } else { Vec::new() };
        self.paths.push(path);
        forgotten
    }

    /// Returns the paths that are not the peer's any more, unless they lead where this one or the selected one does.
    fn forget_all_but_selected(&mut self, path: Path) -> Vec<Path> {
        let selected = self.selected;
        let leads_there = |one: &Path| {
            one.leads_where(&path) || selected.is_some_and(|selected| one.leads_where(&selected))
        };
        let forgotten = self.paths.iter().copied().filter(|one| !leads_there(one)).collect();
        self.paths.retain(|one| Some(*one) == selected);
        forgotten
    }
}

/// Whether an address can be announced at all: not if it is a multicast one, for example.
pub(crate) fn is_candidate(address: SocketAddr) -> bool {
    Candidate::host(address, is::Protocol::Udp).is_ok()
}

#[cfg(test)]
mod tests;
