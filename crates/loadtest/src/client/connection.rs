//! The client itself: what comes in, what is due, what happened.

use super::agreement::Remote;
use super::arrivals::Arrivals;
use super::dtls::{Driven, Dtls, Ending};
use super::ice::{CONSENT_TIMEOUT, Ice, Send};
use super::receiving::Receiving;
use super::secrets::IceSecrets;
use super::sending::Sending;
use super::{CONNECT_TIMEOUT, ClientError, Clock, Identity};
use rtp::{Header, packet, srtp};
use sdp::{Fingerprint, Kind};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often reports go out (RFC 3550 section 6.2 allows it with this bandwidth).
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Media may flow from now on.
    Connected,
    /// The peer asks for a key frame of this track, counted among those that are sent.
    KeyFrameWanted {
        /// Which one.
        track: usize,
    },
    /// It is over.
    Closed(CloseReason),
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CloseReason {
    /// The peer said goodbye.
    ByPeer,
    /// No handshake, or not with the peer that signalling named.
    HandshakeFailed,
    /// Not connected within [`CONNECT_TIMEOUT`].
    NeverConnected,
    /// The peer has not answered for 30 s (RFC 7675).
    ConsentLost,
}

/// What a client is made of, whatever its tracks.
pub(super) struct Parts {
    pub(super) identity: Arc<Identity>,
    pub(super) secrets: IceSecrets,
    pub(super) remote: Remote,
    pub(super) active: bool,
    pub(super) clock: Clock,
    pub(super) cname: String,
}

/// A peer connection.
#[derive(Debug)]
pub struct Client {
    identity: Arc<Identity>,
    pub(super) ice: Ice,
    dtls: Option<Dtls>,
    dtls_due: Option<Instant>,
    expected: Vec<Fingerprint>,
    active: bool,
    candidates: Vec<SocketAddr>,
    pub(super) keys: Option<(srtp::Sender, srtp::Receiver)>,
    pub(super) sending: Vec<Sending>,
    pub(super) receiving: Vec<Receiving>,
    /// Where the peer is to hear when its packets arrived.
    pub(super) arrivals: Option<Arrivals>,
    pub(super) clock: Clock,
    pub(super) cname: String,
    pub(super) transport_sequence: u16,
    made: Instant,
    pub(super) report_due: Option<Instant>,
    pub(super) events: VecDeque<Event>,
    closed: bool,
    pub(super) unauthentic: u64,
    pub(super) given_up: u64,
    pub(super) asked: u64,
}

impl Client {
    pub(super) fn new(
        now: Instant,
        parts: Parts,
        sending: Vec<Sending>,
        receiving: Vec<Receiving>,
    ) -> Result<Self, ClientError> {
        let candidates = parts.remote.candidates;
        if candidates.is_empty() {
            return Err(ClientError::sdp("no candidate that can be reached over UDP"));
        }
        Ok(Self {
            identity: parts.identity,
            ice: Ice::new(now, parts.secrets, &parts.remote.ice, candidates.clone()),
            dtls: None,
            dtls_due: None,
            expected: parts.remote.fingerprints,
            active: parts.active,
            candidates,
            keys: None,
            sending,
            arrivals: Arrivals::of(&receiving),
            receiving,
            clock: parts.clock,
            cname: parts.cname,
            transport_sequence: 0,
            made: now,
            report_due: None,
            events: VecDeque::new(),
            closed: false,
            unauthentic: 0,
            given_up: 0,
            asked: 0,
        })
    }

    /// Where the peer may be, the preferred address first.
    #[must_use]
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// Where media goes to, once ICE has found it.
    #[must_use]
    pub fn destination(&self) -> Option<SocketAddr> {
        self.ice.selected()
    }

    /// Whether media may flow.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.keys.is_some() && !self.closed
    }

    /// The profile that was agreed on.
    #[must_use]
    pub fn profile(&self) -> Option<srtp::Profile> {
        self.keys.as_ref().map(|(sender, _)| sender.profile())
    }

    /// The kinds of the tracks that are sent.
    pub fn sending(&self) -> impl Iterator<Item = Kind> + '_ {
        self.sending.iter().map(|track| track.kind)
    }

    /// The kinds of the tracks that are received.
    pub fn receiving(&self) -> impl Iterator<Item = Kind> + '_ {
        self.receiving.iter().map(|track| track.kind)
    }

    /// Packets that were not authentic.
    #[must_use]
    pub fn unauthentic(&self) -> u64 {
        self.unauthentic
    }

    /// Packets that were asked for in vain, and how often any was asked for.
    #[must_use]
    pub fn repairs(&self) -> (u64, u64) {
        (self.given_up, self.asked)
    }

    /// The oldest event that was not taken yet.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` once it is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let missing = self.receiving.iter().filter_map(Receiving::poll_timeout);
        let feedback = self.arrivals.as_ref().and_then(Arrivals::poll_timeout);
        let rest = [Some(self.ice.poll_timeout()), self.dtls_due, self.report_due, feedback];
        missing.chain(rest.into_iter().flatten()).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, send: Send<'_>) {
        if self.closed {
            return;
        }
        if let Some(reason) = self.expired(now) {
            return self.end(reason);
        }
        self.ice.handle_timeout(now, send);
        if self.dtls_due.is_some_and(|due| due <= now) {
            self.drive_dtls(now, None, send);
        }
        if self.report_due.is_some_and(|due| due <= now) {
            self.report_due = Some(now + REPORT_INTERVAL);
            self.report(now, send);
        }
        self.ask_for_missing(now, send);
        self.feed_back(now, send);
    }

    /// Handles a datagram. `Some`: it is RTP, and the caller's to give to [`receive`](Self::receive), or to lose.
    pub fn handle(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
        send: Send<'_>,
    ) -> Option<Header> {
        if self.closed {
            return None;
        }
        // By the first byte, RFC 7983 section 7.
        match datagram.first() {
            Some(128..=191) if packet::is_rtcp(datagram) => self.control(now, datagram, send),
            Some(128..=191) => return Header::parse(datagram).ok(),
            Some(20..=63) => self.drive_dtls(now, Some(datagram), send),
            Some(0..=3) if self.ice.handle(now, source, datagram, send) && self.active => {
                self.drive_dtls(now, None, send);
            }
            _ => {}
        }
        None
    }

    /// Says goodbye: BYE and the end of DTLS. No event follows.
    pub fn close(&mut self, now: Instant, send: Send<'_>) {
        if self.closed {
            return;
        }
        self.goodbye(send);
        if let (Some(dtls), Some(to)) = (&mut self.dtls, self.ice.selected()) {
            dtls.close(now, &mut |record| send(to, record));
        }
        self.closed = true;
    }

    fn expired(&self, now: Instant) -> Option<CloseReason> {
        match self.keys {
            None if now >= self.made + CONNECT_TIMEOUT => Some(CloseReason::NeverConnected),
            Some(_) if now >= self.ice.heard() + CONSENT_TIMEOUT => Some(CloseReason::ConsentLost),
            _ => None,
        }
    }

    fn end(&mut self, reason: CloseReason) {
        self.closed = true;
        self.events.push_back(Event::Closed(reason));
    }

    fn drive_dtls(&mut self, now: Instant, datagram: Option<&[u8]>, send: Send<'_>) {
        let Some(to) = self.ice.selected() else { return };
        // Made when it is needed: an address that answers is needed first.
        let (identity, active) = (&self.identity, self.active);
        let expected = &mut self.expected;
        let dtls =
            self.dtls.get_or_insert_with(|| Dtls::new(now, identity, std::mem::take(expected), active));
        let mut send = |record: &[u8]| send(to, record);
        let driven = match datagram {
            Some(datagram) => dtls.receive(now, datagram, &mut send),
            None => dtls.handle_timeout(now, &mut send),
        };
        self.digest(now, driven);
    }

    fn digest(&mut self, now: Instant, driven: Driven) {
        self.dtls_due = driven.timeout;
        if let Some(keys) = driven.keys
            && self.keys.is_none()
        {
            self.keys = Some(keys);
            self.report_due = Some(now + REPORT_INTERVAL);
            self.events.push_back(Event::Connected);
        }
        match driven.ended {
            Some(Ending::Closed) => self.end(CloseReason::ByPeer),
            Some(Ending::Failed) => self.end(CloseReason::HandshakeFailed),
            None => {}
        }
    }
}
