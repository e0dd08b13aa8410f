//! One thread: sleeps until there is something to do, and does a bounded amount
//! of it before it looks around again, so that a flood of packets delays neither
//! commands nor timers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use std::{io, thread};

use media::{
    Config, DatagramGroup, DatagramSink, Event, Forwarded, Histogram, Incoming, Protocol, Restart, Router,
    SendBatch,
};
use model::ids::StreamId;
use rustix::time::{ClockId, clock_gettime};

use crate::branches::Branches;
use crate::mailbox::{Command, Inbox, Restarted};
use crate::recorder::{Recorder, Taps};
use crate::socket::{MediaSocket, Outgoing, RECEIVE_SLOTS, ReceiveBuffers, SendBuffers};
use crate::tcp::{Arrived, Connections, Frames, Newcomer, READ_BYTES, TcpStats};

/// Commands handled before datagrams get their turn. One takes some 100 µs.
const COMMANDS_PER_TURN: usize = 16;

/// Batches of datagrams taken from the socket before commands and timers get their turn.
const BATCHES_PER_TURN: usize = 4;

/// Datagrams after which no further batch is taken in a turn: a batch is some, or, where the kernel has put many
/// together, a thousand.
const DATAGRAMS_PER_TURN: usize = 256;

/// Datagrams that are routed before what they lead to is sent.
const ROUTED: usize = 64;

/// How often a full send buffer is worth a line in the log.
const CONGESTION_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The pause after an error that repeats itself at once, so that it does not
/// spin a core and fill the log.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What a worker tells its owner.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Something happened to a stream or a subscription.
    Media(Event),
    /// A stream is muted, or no longer.
    Muted {
        /// The stream.
        mid: StreamId,
        /// Nobody hears it.
        muted: bool,
    },
    /// The worker lost all its streams and subscriptions, and went on without.
    Lost,
}

/// The numbers of one worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerStats {
    /// What the router counts.
    pub media: media::Stats,
    /// What the socket counts.
    pub socket: SocketStats,
    /// Processor time of its thread.
    pub cpu: Duration,
    /// Media packets, from when they were taken from the socket until their copies were handed to it: what left in one
    /// system call counts as the first of it.
    pub forwarding: Histogram,
    /// Packets that found no room on their way to another worker.
    pub not_copied: u64,
}

/// Datagrams of one socket, and of the connections beside it, since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketStats {
    /// Handed to the kernel.
    pub sent: u64,
    /// In so many groups of one size and one destination.
    pub groups: u64,
    /// Not sent: the send buffer stayed full.
    pub congested: u64,
    /// Not sent: the kernel refused the destination.
    pub refused: u64,
    /// Not taken in: larger than 2048 bytes, or without an address.
    pub unusable: u64,
    /// Those of `sent` that left over TCP.
    pub tcp_sent: u64,
    /// Those that came over TCP.
    pub tcp_received: u64,
    /// TCP connections now.
    pub tcp_connections: u64,
}

/// Starts a worker's thread. It ends when its mailbox says so.
pub(crate) fn start(
    name: String,
    socket: MediaSocket,
    config: Config,
    inbox: Inbox,
    recorder: Option<Recorder>,
    mut tell: impl FnMut(Happening) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let connections = config.tcp.is_some().then(Connections::new).transpose()?;
    thread::Builder::new().name(name).spawn(move || {
        let mut outlet = Outlet::new(socket, connections);
        while let Err(_panic) = catch_unwind(AssertUnwindSafe(|| {
            let taps = Taps::new(recorder.clone());
            Worker::new(&mut outlet, &inbox, config.clone(), taps, &mut tell).run();
        })) {
            // Its message and place were printed by the panic hook.
            tracing::error!("a bug: a media worker panicked; its streams ended and it starts afresh");
            tell(Happening::Lost);
            thread::sleep(ERROR_PAUSE);
        }
    })
}

struct Worker<'a, F> {
    router: Router,
    outlet: &'a mut Outlet,
    received: ReceiveBuffers,
    /// What is read of a connection.
    read: Box<[u8]>,
    inbox: &'a Inbox,
    taps: Taps,
    branches: Branches,
    tell: &'a mut F,
}

impl<'a, F: FnMut(Happening)> Worker<'a, F> {
    fn new(outlet: &'a mut Outlet, inbox: &'a Inbox, config: Config, taps: Taps, tell: &'a mut F) -> Self {
        Self {
            router: Router::new(config),
            received: ReceiveBuffers::new(),
            read: vec![0; if outlet.connections.is_some() { READ_BYTES } else { 0 }].into(),
            outlet,
            inbox,
            taps,
            branches: Branches::default(),
            tell,
        }
    }

    fn run(mut self) {
        let mut commands_wait = false;
        while !self.inbox.is_stopping() {
            let connections_wait = self.sleep(commands_wait);
            commands_wait = self.take_commands();
            self.take_datagrams();
            if connections_wait {
                self.take_frames();
            }
            self.take_copies();
            self.run_timers();
            self.hand_on();
        }
        self.router.shut_down(Instant::now(), self.outlet);
    }

    /// Whether there is something to do for the connections.
    fn sleep(&self, commands_wait: bool) -> bool {
        let now = Instant::now();
        let connections = self.outlet.connections.as_ref();
        let timeout = if commands_wait {
            Some(Duration::ZERO)
        } else {
            let due = [self.router.poll_timeout(), connections.and_then(Connections::due)];
            due.into_iter().flatten().min().map(|due| due.saturating_duration_since(now))
        };
        let descriptor = connections.map(Connections::descriptor);
        match self.outlet.socket.wait(self.inbox.waker(), descriptor, timeout) {
            Ok(ready) => ready.other,
            Err(error) => {
                tracing::error!(%error, "cannot wait for datagrams");
                thread::sleep(ERROR_PAUSE);
                false
            }
        }
    }

    /// True when there may be more.
    fn take_commands(&mut self) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let Some(command) = self.inbox.take() else { return false };
            self.obey(command);
        }
        true
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Publish { mid, offer, record, reply } => {
                let answer = self.router.publish(now, &mid, &offer);
                let added = answer.is_ok();
                if let Some(subject) = record.filter(|_| added) {
                    self.taps.start(&mut self.router, subject);
                }
                if reply.send(answer).is_err() && added {
                    self.unpublish(now, &mid);
                }
            }
            Command::Record { subject, reply } => {
                let _ = reply.send(self.taps.start(&mut self.router, subject));
            }
            Command::Mute { mid, muted, reply } => {
                let found = self.router.mute(now, &mid, muted, self.outlet);
                if found {
                    // Who spoke before did so before.
                    self.hand_on();
                    (self.tell)(Happening::Muted { mid, muted });
                }
                let _ = reply.send(found);
            }
            Command::StopRecording { mid, reply } => {
                self.taps.stop(&mut self.router, &mid);
                let _ = reply.send(());
            }
            Command::Subscribe { mid, sid, offer, wanted, reply } => {
                let answer = self.router.subscribe(now, &mid, &sid, &offer, wanted);
                let added = answer.is_ok();
                if reply.send(answer).is_err() && added {
                    self.router.unsubscribe(now, &sid, self.outlet);
                }
            }
            Command::Prefer { sid, preference, reply } => {
                let _ = reply.send(self.router.prefer(now, &sid, preference));
            }
            Command::Restart { what, offer, reply } => {
                let what = match &what {
                    Restarted::Stream(mid) => Restart::Publish(mid),
                    Restarted::Subscription(sid) => Restart::Subscription(sid),
                };
                let _ = reply.send(self.router.restart(now, what, &offer));
            }
            Command::Unpublish { mid, reply } => {
                self.unpublish(now, &mid);
                // The subscriptions' ends are known before the answer.
                self.hand_on_events();
                let _ = reply.send(());
            }
            Command::Unsubscribe { sid, reply } => {
                self.router.unsubscribe(now, &sid, self.outlet);
                let _ = reply.send(());
            }
            Command::BranchOut { mid, root, reply } => {
                let outline = self.router.branch_out(&mid, root.branch());
                if outline.is_some() {
                    self.branches.add_root(mid, root);
                }
                let _ = reply.send(outline);
            }
            Command::Graft { mid, tip, outline, reply } => {
                let grafted = self.router.graft(now, &mid, tip.branch(), &outline);
                if grafted.is_ok() {
                    self.branches.add_tip(mid, tip);
                }
                let _ = reply.send(grafted);
            }
            Command::Welcome { newcomer } => self.welcome(now, newcomer),
            Command::Describe { mid, reply } => {
                let _ = reply.send(self.router.describe(&mid));
            }
            Command::Stats { reply } => {
                let socket = self.outlet.stats(self.received.unusable());
                let (media, forwarding) = (self.router.stats(), self.outlet.forwarding);
                let not_copied = self.branches.dropped();
                let _ = reply.send(WorkerStats { media, socket, cpu: thread_time(), forwarding, not_copied });
            }
        }
    }

    fn unpublish(&mut self, now: Instant, mid: &StreamId) {
        self.router.unpublish(now, mid, self.outlet);
        self.taps.ended(mid);
        self.branches.ended(mid);
    }

    fn take_datagrams(&mut self) {
        let mut taken = 0;
        for _ in 0..BATCHES_PER_TURN {
            let count = self.outlet.socket.receive(&mut self.received).unwrap_or_else(|error| {
                tracing::error!(%error, "cannot receive datagrams");
                thread::sleep(ERROR_PAUSE);
                0
            });
            if count > 0 {
                taken += self.route();
                self.hand_on();
            }
            if count < RECEIVE_SLOTS || taken >= DATAGRAMS_PER_TURN {
                return;
            }
        }
    }

    /// Routes what was received. Returns how many datagrams that were.
    fn route(&mut self) -> usize {
        let mut datagrams = self.received.datagrams();
        let mut routed = 0;
        loop {
            let mut filled = 0;
            let mut batch: [Incoming<'_>; ROUTED] = std::array::from_fn(|_| match datagrams.next() {
                Some(datagram) => {
                    filled += 1;
                    let (source, local) = (datagram.source, datagram.local);
                    Incoming { source, local, protocol: Protocol::Udp, data: datagram.data }
                }
                None => nothing(),
            });
            let batch = batch.get_mut(..filled).unwrap_or_default();
            let now = Instant::now();
            self.router.receive(now, SystemTime::now(), batch, self.outlet);
            routed += filled;
            if filled < ROUTED {
                return routed;
            }
        }
    }

    /// Somebody has come over TCP. The kernel knows no other connection from his address: what was there is gone.
    fn welcome(&mut self, now: Instant, newcomer: Newcomer) {
        let Some(connections) = &mut self.outlet.connections else { return };
        match connections.add(now, newcomer) {
            Ok((Arrived { source, local, .. }, mut first)) => {
                self.router.disconnected(source, local);
                let mut batch = [Incoming { source, local, protocol: Protocol::Tcp, data: &mut first }];
                self.router.receive(now, SystemTime::now(), &mut batch, self.outlet);
            }
            Err(error) => tracing::debug!(%error, "a TCP connection could not be taken in"),
        }
    }

    /// Takes what has come over TCP: a little of each connection.
    fn take_frames(&mut self) {
        let ready = self.outlet.connections.as_mut().map(Connections::ready).unwrap_or_default();
        for id in ready {
            self.read_one(id);
            self.hand_on();
        }
    }

    fn read_one(&mut self, id: u64) {
        let Some(connections) = &mut self.outlet.connections else { return };
        let Some(Arrived { source, local, len, ended }) = connections.read(id, &mut self.read) else {
            return;
        };
        let mut frames = Frames::new(self.read.get_mut(..len).unwrap_or_default());
        let incoming = |data| Incoming { source, local, protocol: Protocol::Tcp, data };
        let mut batch: Vec<Incoming<'_>> = frames.by_ref().map(incoming).collect();
        let now = Instant::now();
        self.router.receive(now, SystemTime::now(), &mut batch, self.outlet);
        let datagrams = batch.len() as u64;
        drop(batch);
        let Some(connections) = &mut self.outlet.connections else { return };
        if ended || !connections.keep(now, id, datagrams, frames.rest()) {
            self.close(id);
        }
    }

    fn close(&mut self, id: u64) {
        let Some(connections) = &mut self.outlet.connections else { return };
        if let Some((source, local)) = connections.path(id) {
            connections.close(id);
            self.router.disconnected(source, local);
        }
    }

    fn run_timers(&mut self) {
        let now = Instant::now();
        let connections = self.outlet.connections.as_mut();
        let over = connections.map(|connections| connections.sweep(now, &self.router)).unwrap_or_default();
        over.into_iter().for_each(|id| self.close(id));
        if self.router.poll_timeout().is_some_and(|due| due <= now) {
            self.router.handle_timeout(now, SystemTime::now(), self.outlet);
        }
    }

    /// What comes from other workers, and goes to them.
    fn take_copies(&mut self) {
        self.branches.take_in(&mut self.router, self.outlet);
    }

    fn hand_on(&mut self) {
        self.branches.hand_over(&mut self.router);
        self.hand_on_events();
    }

    fn hand_on_events(&mut self) {
        let events: Vec<Event> = std::iter::from_fn(|| self.router.poll_event()).collect();
        self.taps.follow(&mut self.router, &events);
        for event in events {
            if let Event::StreamEnded { mid, .. } | Event::BranchEnded { mid } = &event {
                self.branches.ended(mid);
            }
            (self.tell)(Happening::Media(event));
        }
    }
}

/// The processor time of the calling thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Fills the places of a batch that are not used.
fn nothing<'a>() -> Incoming<'a> {
    let ip = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Incoming { source: SocketAddr::new(ip, 0), local: ip, protocol: Protocol::Udp, data: &mut [] }
}

/// Where the router's datagrams leave.
struct Outlet {
    socket: MediaSocket,
    /// `None`: nothing comes over TCP.
    connections: Option<Connections>,
    buffers: SendBuffers,
    stats: SocketStats,
    /// How long media took through this worker.
    forwarding: Histogram,
    congestion_logged: Option<Instant>,
}

impl Outlet {
    fn new(socket: MediaSocket, connections: Option<Connections>) -> Self {
        Self {
            socket,
            connections,
            buffers: SendBuffers::new(),
            stats: SocketStats::default(),
            forwarding: Histogram::default(),
            congestion_logged: None,
        }
    }

    /// What was counted, with what the socket could not use.
    fn stats(&self, unusable: u64) -> SocketStats {
        let connections = self.connections.as_ref();
        let tcp = connections.map(|connections| connections.stats).unwrap_or_default();
        let TcpStats { sent, congested, refused, received } = tcp;
        SocketStats {
            sent: self.stats.sent + sent,
            congested: self.stats.congested + congested,
            refused: self.stats.refused + refused,
            unusable,
            tcp_sent: sent,
            tcp_received: received,
            tcp_connections: connections.map_or(0, Connections::len) as u64,
            ..self.stats
        }
    }

    fn log_congestion(&mut self) {
        if self.congestion_logged.is_none_or(|at| at.elapsed() >= CONGESTION_LOG_INTERVAL) {
            self.congestion_logged = Some(Instant::now());
            tracing::warn!(
                dropped = self.stats.congested,
                "the send buffer stayed full and media was dropped: the network is too slow, or net.core.wmem_max too small"
            );
        }
    }
}

impl DatagramSink for Outlet {
    fn send(&mut self, batch: &SendBatch) {
        let (udp, tcp) = (|group: &DatagramGroup<'_>| group.protocol == Protocol::Udp, Protocol::Tcp);
        let outgoing = batch
            .groups()
            .filter(udp)
            .map(|DatagramGroup { to, from, data, segment, .. }| Outgoing { to, from, data, segment });
        let report = self.socket.send(&mut self.buffers, outgoing);
        if let Some(connections) = &mut self.connections {
            batch.groups().filter(|group| group.protocol == tcp).for_each(|group| connections.send(group));
            connections.flush();
        }
        let Forwarded { datagrams, since } = batch.forwarded();
        if let Some(since) = since {
            self.forwarding.record_many(since.elapsed(), datagrams);
        }
        self.stats.sent += report.sent;
        self.stats.groups += report.groups;
        self.stats.congested += report.congested;
        self.stats.refused += report.refused;
        if report.congested > 0 {
            self.log_congestion();
        }
    }
}
