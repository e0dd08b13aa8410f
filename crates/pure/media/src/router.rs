//! The one type that a worker drives: everything of one UDP port.

mod arrivals;
mod branches;
mod deadlines;
mod demand;
mod endings;
mod forwarding;
mod half_open;
mod holdings;
mod networks;
mod offers;
mod restarts;
mod transports;

use crate::batch::{Outbox, Protocol};
use crate::branch::{BranchId, Copies, Outline, Wish};
use crate::demux::Demux;
use crate::moment::Moment;
use crate::network::Network;
use crate::preference::{NetworkId, Preference, Wanted};
use crate::stream::Stream;
use crate::stream::chunks::ChunkPool;
use crate::subscription::Subscription;
use crate::tape::{TapId, Tape, Tapped};
use crate::timers::Timers;
use crate::transport::Transport;
use crate::transport::ice::Path;
use crate::{Config, DatagramSink, Event, Holdings, Incoming, MediaError, SendBatch, Stats, StreamDetail};
use half_open::HalfOpen;
use model::ids::{StreamId, SubscriptionId};
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

/// Timers fire at most this often: what is due sooner waits for it. Packets are worth a wake-up at once, timers not.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// Whose ICE begins anew: see [`Router::restart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart<'a> {
    /// A publisher's.
    Publish(&'a StreamId),
    /// A subscriber's.
    Subscription(&'a SubscriptionId),
}

/// Streams and subscriptions of one UDP port, and of those connections over TCP that its owner gives it.
///
/// Time is passed in: `now` is monotonic, `wall` the time of day at the same moment (sender reports carry it).
/// After each call, events are drained with [`poll_event`](Self::poll_event), and [`poll_timeout`](Self::poll_timeout)
/// says when [`handle_timeout`](Self::handle_timeout) is due.
///
/// Addresses are told apart exactly: on a dual-stack socket the owner turns IPv4-mapped IPv6 addresses into IPv4 ones
/// before they come in here, and back when they leave. Each peer connection must have a remote address of its own, over
/// each protocol.
#[derive(Debug)]
pub struct Router {
    core: Core,
    batch: SendBatch,
    stats: Stats,
    /// The latest `now`.
    last_call: Option<Instant>,
}

/// Everything but what is being sent, so that both can be borrowed at once.
#[derive(Debug)]
struct Core {
    config: Config,
    streams: Slab<Stream>,
    subscriptions: Slab<Subscription>,
    /// The next subscription's number.
    serial: u64,
    networks: Slab<Network>,
    by_network: HashMap<NetworkId, usize>,
    /// What was offered to the network that was looked at last, for its memory.
    offers: networks::Offers,
    by_mid: HashMap<StreamId, usize>,
    by_sid: HashMap<SubscriptionId, usize>,
    demux: Demux,
    half_open: HalfOpen,
    timers: Timers,
    /// For the packets of all streams.
    chunks: ChunkPool,
    /// Drained by the owner after each call; at most a few per transport can wait.
    events: VecDeque<Event>,
    /// Streams with packets that are still to be forwarded.
    dirty: Vec<usize>,
    /// When the first of them has waited long enough for the rest of its frame.
    held_until: Option<Instant>,
    /// What tapped streams sent since the owner last took it.
    tape: Tape,
    /// What goes to other routers.
    crossing: branches::Crossing,
}

impl Router {
    /// A router without any stream.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let core = Core {
            config,
            streams: Slab::new(),
            subscriptions: Slab::new(),
            serial: 0,
            networks: Slab::new(),
            by_network: HashMap::new(),
            offers: networks::Offers::default(),
            by_mid: HashMap::new(),
            by_sid: HashMap::new(),
            demux: Demux::default(),
            half_open: HalfOpen::default(),
            timers: Timers::default(),
            chunks: ChunkPool::default(),
            events: VecDeque::new(),
            dirty: Vec::new(),
            held_until: None,
            tape: Tape::default(),
            crossing: branches::Crossing::default(),
        };
        Self { core, batch: SendBatch::new(), stats: Stats::default(), last_call: None }
    }

    /// Takes a publisher's offer and returns the answer. The publisher has 30 s to connect.
    ///
    /// # Errors
    /// [`UnusableSdp`](crate::MediaErrorKind::UnusableSdp), [`Limit`](crate::MediaErrorKind::Limit), or
    /// [`Internal`](crate::MediaErrorKind::Internal) for a `mid` in use.
    pub fn publish(&mut self, now: Instant, mid: &StreamId, offer: &str) -> Result<String, MediaError> {
        self.core.publish(now, mid, offer)
    }

    /// Takes a subscriber's offer for a published stream and returns the answer. The subscriber has 30 s to connect.
    ///
    /// # Errors
    /// [`NoSuchStream`](crate::MediaErrorKind::NoSuchStream), [`UnusableSdp`](crate::MediaErrorKind::UnusableSdp)
    /// (also when no codec is shared), [`Limit`](crate::MediaErrorKind::Limit), or
    /// [`Internal`](crate::MediaErrorKind::Internal) for a `sid` in use.
    pub fn subscribe(
        &mut self,
        now: Instant,
        mid: &StreamId,
        sid: &SubscriptionId,
        offer: &str,
        wanted: Wanted,
    ) -> Result<String, MediaError> {
        self.core.subscribe(now, mid, sid, offer, wanted)
    }

    /// Says anew which layers a subscription is to get. False where there is none of that name.
    pub fn prefer(&mut self, now: Instant, sid: &SubscriptionId, preference: Preference) -> bool {
        self.core.prefer(now, sid, preference)
    }

    /// Takes an offer that restarts ICE (RFC 8445 section 9) for a connection that is here, and returns the answer:
    /// with another name and password, and otherwise as the first one. DTLS and media go on. The credentials of before
    /// count until the first check with the new ones. Where none comes within 30 s, the new ones are dropped, and
    /// nothing has happened.
    ///
    /// # Errors
    /// [`NoSuchStream`](crate::MediaErrorKind::NoSuchStream) or
    /// [`NoSuchSubscription`](crate::MediaErrorKind::NoSuchSubscription); or
    /// [`UnusableSdp`](crate::MediaErrorKind::UnusableSdp), where the offer changes more than ICE (m-lines, their numbers,
    /// the certificate), or the ufrag is the same as before.
    pub fn restart(&mut self, now: Instant, restart: Restart<'_>, offer: &str) -> Result<String, MediaError> {
        self.core.restart(now, restart, offer)
    }

    /// Ends a stream and all its subscriptions, each of which is reported as ended
    /// ([`StreamGone`](crate::EndReason::StreamGone)). Peers get BYE and the end of DTLS. False where there is no such
    /// stream.
    pub fn unpublish(&mut self, now: Instant, mid: &StreamId, sink: &mut impl DatagramSink) -> bool {
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.unpublish(now, mid, &mut out)
    }

    /// Ends a subscription. False where there is none of that name.
    pub fn unsubscribe(&mut self, now: Instant, sid: &SubscriptionId, sink: &mut impl DatagramSink) -> bool {
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.unsubscribe(now, sid, &mut out)
    }

    /// Keeps back whatever comes of a stream from now on, from subscribers, branches and tape alike; or lets it through
    /// again, video from its next key frame on, which is asked for. False where no such stream is published here.
    pub fn mute(&mut self, now: Instant, mid: &StreamId, muted: bool, sink: &mut impl DatagramSink) -> bool {
        let Some(&index) = self.core.by_mid.get(mid) else { return false };
        let Some(stream) = self.core.streams.get_mut(index).filter(|stream| !stream.is_branch()) else {
            return false;
        };
        if let Some(heard) = stream.mute(now, muted) {
            self.core.events.push_back(heard.event(&stream.mid));
        }
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.forget_key_frames(index);
        self.core.ask_for_key_frames(now, index, &mut out);
        true
    }

    /// Copies a stream's Opus packets to the tape from now on, under this name; `None` ends that. Answers what is
    /// tapped, or `None` where there is no such stream.
    pub fn tap(&mut self, mid: &StreamId, tap: Option<TapId>) -> Option<Tapped> {
        let stream = self.core.streams.get_mut(*self.core.by_mid.get(mid)?)?;
        stream.set_tap(tap);
        Some(Tapped { live: stream.is_live(), tracks: stream.tapped_tracks() })
    }

    /// What tapped streams sent since the last call; `None`: nothing. To be taken after each
    /// [`receive`](Self::receive).
    pub fn take_tape(&mut self) -> Option<Tape> {
        (!self.core.tape.is_empty()).then(|| std::mem::take(&mut self.core.tape))
    }

    /// Copies what comes of a published stream for a branch of it on another router, from now on; its owner takes it
    /// with [`take_copies`](Self::take_copies). Answers what [`graft`](Self::graft) there wants to know; `None` where
    /// no such stream is published here.
    pub fn branch_out(&mut self, mid: &StreamId, branch: BranchId) -> Option<Outline> {
        self.core.branch_out(mid, branch)
    }

    /// Copies nothing for this branch any more.
    pub fn cut_branch(&mut self, mid: &StreamId, branch: BranchId) {
        self.core.cut_branch(mid, branch);
    }

    /// What a branch is to get; to be called until there is nothing more, after each call that may forward.
    pub fn take_copies(&mut self) -> Option<(BranchId, Copies)> {
        self.core.take_copies()
    }

    /// Copies that are no longer needed, for their memory.
    pub fn give_back(&mut self, copies: Copies) {
        self.core.crossing.give_back(copies);
    }

    /// A branch's wish has come.
    pub fn grant(
        &mut self,
        now: Instant,
        mid: &StreamId,
        branch: BranchId,
        wish: Wish,
        sink: &mut impl DatagramSink,
    ) {
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.grant(now, mid, branch, wish, &mut out);
    }

    /// Begins a branch of a stream that another router has: it can be subscribed to here, and is ended by
    /// [`unpublish`](Self::unpublish), or by itself when nobody has subscribed for 10 s
    /// ([`BranchEnded`](Event::BranchEnded)).
    ///
    /// # Errors
    /// [`Limit`](crate::MediaErrorKind::Limit), or [`Internal`](crate::MediaErrorKind::Internal) where the stream is
    /// here already.
    pub fn graft(
        &mut self,
        now: Instant,
        mid: &StreamId,
        branch: BranchId,
        outline: &Outline,
    ) -> Result<(), MediaError> {
        self.core.graft(now, mid, branch, outline)
    }

    /// Copies for a branch have come.
    pub fn receive_copies(
        &mut self,
        now: Instant,
        wall: SystemTime,
        mid: &StreamId,
        copies: &Copies,
        sink: &mut impl DatagramSink,
    ) {
        self.last_call = Some(now);
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.receive_copies(Moment::new(now, wall), mid, copies, &mut out);
    }

    /// A wish of a branch, for its root; to be called until there is none, after each other call.
    pub fn poll_wish(&mut self) -> Option<(BranchId, Wish)> {
        self.core.crossing.pop_wish()
    }

    /// Ends everything, as [`unpublish`](Self::unpublish) would one by one, without any event: the worker stops.
    pub fn shut_down(&mut self, now: Instant, sink: &mut impl DatagramSink) {
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.shut_down(now, &mut out);
    }

    /// A connection over TCP, from this address to that local one, is closed: nothing is sent there any more, and a new
    /// one from the same address begins as a stranger's.
    pub fn disconnected(&mut self, source: SocketAddr, local: IpAddr) {
        self.core.lose_path(Path { remote: source, local, protocol: Protocol::Tcp });
    }

    /// Whether a peer that is here has shown that it is there.
    #[must_use]
    pub fn has_peer_at(&self, source: SocketAddr, local: IpAddr, protocol: Protocol) -> bool {
        self.core.demux.by_path(Path { remote: source, local, protocol }).is_some()
    }

    /// Handles datagrams that arrived, in order.
    pub fn receive(
        &mut self,
        now: Instant,
        wall: SystemTime,
        batch: &mut [Incoming<'_>],
        sink: &mut impl DatagramSink,
    ) {
        self.last_call = Some(now);
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.receive(Moment::new(now, wall), batch, &mut out);
    }

    /// Does what is due by now.
    pub fn handle_timeout(&mut self, now: Instant, wall: SystemTime, sink: &mut impl DatagramSink) {
        self.last_call = Some(now);
        let mut out = Outbox::new(&mut self.batch, sink, &mut self.stats);
        self.core.handle_timeout(Moment::new(now, wall), &mut out);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next: when packets have waited long enough for the rest of
    /// their frame, and otherwise at least 1 ms after the latest call of it or of [`receive`](Self::receive); `None`
    /// while nothing waits. May be earlier than anything is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = self.core.timers.next();
        let next = next.map(|next| self.last_call.map_or(next, |last| next.max(last + MIN_TIMEOUT)));
        next.into_iter().chain(self.core.held_until).min()
    }

    /// The oldest event that was not taken yet.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// What can be seen of a stream; `None`: there is none of that name.
    #[must_use]
    pub fn describe(&self, mid: &StreamId) -> Option<StreamDetail> {
        let stream = self.core.streams.get(*self.core.by_mid.get(mid)?)?;
        let subscriptions = stream.subscribers.iter().filter_map(|index| self.core.subscriptions.get(*index));
        Some(StreamDetail::of(stream, subscriptions, &self.core.networks))
    }

    /// What lies in its tables and queues.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        self.core.holdings()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let connected = self
            .core
            .streams
            .iter()
            .filter(|(_, stream)| stream.transport().is_some_and(Transport::is_connected))
            .count()
            + self.core.subscriptions.iter().filter(|(_, one)| one.transport.is_connected()).count();
        Stats {
            streams: self.core.streams.len() as u64,
            subscriptions: self.core.subscriptions.len() as u64,
            connected: connected as u64,
            half_open: self.core.half_open.len() as u64,
            ..self.stats
        }
    }
}
