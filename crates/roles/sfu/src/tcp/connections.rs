//! The connections of one worker: which have something to read, which is where a datagram goes, which are closed.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use media::{DatagramGroup, Protocol, Router};
use rustc_hash::FxHashMap;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::connection::{Connection, Taken};
use super::door::Newcomer;
use super::framing::MAX_FRAME;
use super::{GREETING, IDLE};

/// What is read of a connection before the others have their turn.
pub(crate) const READ_BYTES: usize = 16 * 1024;

/// Connections that are looked at before datagrams, commands and timers have their turn.
const READY: usize = 64;

/// How often those are looked for that are closed: not exactly in time, but all together.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

// The beginning of a frame never fills the buffer.
const _: () = assert!(READ_BYTES > MAX_FRAME);

/// What a worker counts of its connections, all since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TcpStats {
    /// Datagrams queued.
    pub(crate) sent: u64,
    /// Not queued: the peer's network takes no more.
    pub(crate) congested: u64,
    /// Not queued: the connection is gone.
    pub(crate) refused: u64,
    /// Datagrams read.
    pub(crate) received: u64,
}

/// All connections that this worker was given.
#[derive(Debug)]
pub(crate) struct Connections {
    epoll: OwnedFd,
    all: FxHashMap<u64, Connection>,
    /// By where they come from and lead to: the latest one.
    by_path: HashMap<(SocketAddr, IpAddr), u64>,
    /// Numbers are never used twice: what the kernel says of one that is gone concerns no other.
    next: u64,
    /// With frames that were queued since the last flush.
    fresh: Vec<u64>,
    swept: Option<Instant>,
    pub(crate) stats: TcpStats,
}

/// What was read of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    pub(crate) source: SocketAddr,
    pub(crate) local: IpAddr,
    /// So many bytes of the buffer.
    pub(crate) len: usize,
    /// Nothing will follow.
    pub(crate) ended: bool,
}

impl Connections {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            all: FxHashMap::default(),
            by_path: HashMap::new(),
            next: 0,
            fresh: Vec::new(),
            swept: None,
            stats: TcpStats::default(),
        })
    }

    /// Can be read from when one of them can be read from, or written to again.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// One more. Its first frame, which has been read, comes back.
    pub(crate) fn add(&mut self, now: Instant, newcomer: Newcomer) -> io::Result<(Arrived, Vec<u8>)> {
        let Newcomer { stream, source, local, first, place } = newcomer;
        let id = self.next;
        self.next += 1;
        epoll::add(&self.epoll, &stream, EventData::new_u64(id), EventFlags::IN)?;
        self.all.insert(id, Connection::new(now, stream, (source, local), place));
        // The kernel has no two: that one is gone, and nobody has noticed yet.
        if let Some(old) = self.by_path.insert((source, local), id) {
            self.all.remove(&old);
        }
        self.stats.received += 1;
        Ok((Arrived { source, local, len: first.len(), ended: false }, first))
    }

    /// Those that can be read from; those that can be written to again are written to.
    pub(crate) fn ready(&mut self) -> Vec<u64> {
        let mut events: Vec<Event> = Vec::with_capacity(READY);
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if let Err(error) = epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&at_once)) {
            tracing::debug!(%error, "cannot look for data");
        }
        let mut readable = Vec::new();
        for event in events {
            let (flags, id) = (event.flags, event.data.u64());
            if flags.contains(EventFlags::OUT) {
                self.flush_one(id);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                readable.push(id);
            }
        }
        readable
    }

    /// Reads of one; `None`: it is gone.
    pub(crate) fn read(&mut self, id: u64, buffer: &mut [u8]) -> Option<Arrived> {
        let connection = self.all.get_mut(&id)?;
        let taken = connection.read(buffer);
        let (len, ended) = match taken {
            Taken::Bytes(len) => (len, false),
            Taken::End => (0, true),
        };
        Some(Arrived { source: connection.source, local: connection.local, len, ended })
    }

    /// What was read has been taken, so many datagrams of it, and this is left; `None`: what is left is no frame, and the
    /// connection is to be closed.
    pub(crate) fn keep(&mut self, now: Instant, id: u64, datagrams: u64, rest: Option<&[u8]>) -> bool {
        let Some(connection) = self.all.get_mut(&id) else { return false };
        self.stats.received += datagrams;
        if datagrams > 0 {
            connection.heard = now;
        }
        match rest {
            Some(rest) => connection.keep(rest),
            None => connection.place.note_unwelcome(),
        }
        rest.is_some()
    }

    /// Closes one.
    pub(crate) fn close(&mut self, id: u64) {
        let Some(connection) = self.all.remove(&id) else { return };
        let path = (connection.source, connection.local);
        if self.by_path.get(&path) == Some(&id) {
            self.by_path.remove(&path);
        }
    }

    /// Queues datagrams; [`flush`](Self::flush) sends them.
    pub(crate) fn send(&mut self, group: DatagramGroup<'_>) {
        let found = self.by_path.get(&(group.to, group.from)).copied();
        let connection = found.and_then(|id| Some((id, self.all.get_mut(&id)?)));
        let Some((id, connection)) = connection else {
            self.stats.refused += group.count() as u64;
            return;
        };
        for datagram in group.datagrams() {
            let queued = connection.queue(datagram.data);
            *(if queued { &mut self.stats.sent } else { &mut self.stats.congested }) += 1;
        }
        if self.fresh.last() != Some(&id) {
            self.fresh.push(id);
        }
    }

    /// Sends what was queued, as far as the network takes it now.
    pub(crate) fn flush(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        for id in fresh.drain(..) {
            self.flush_one(id);
        }
        self.fresh = fresh;
    }

    fn flush_one(&mut self, id: u64) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        let waits = connection.flush();
        if waits != connection.watched {
            connection.watched = waits;
            let interest = if waits { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            // Where this fails, the descriptor is broken, and a read says so.
            let _ = epoll::modify(&self.epoll, &connection.stream, EventData::new_u64(id), interest);
        }
    }

    /// When [`sweep`](Self::sweep) is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let swept = self.swept.filter(|_| !self.all.is_empty());
        swept.map(|swept| swept + SWEEP_INTERVAL)
    }

    /// Those whose time is over: nothing authentic came of them, or nothing at all.
    pub(crate) fn sweep(&mut self, now: Instant, router: &Router) -> Vec<u64> {
        if self.swept.is_some_and(|swept| now < swept + SWEEP_INTERVAL) {
            return Vec::new();
        }
        self.swept = Some(now);
        let mut over = Vec::new();
        for (&id, connection) in &mut self.all {
            if router.has_peer_at(connection.source, connection.local, Protocol::Tcp) {
                connection.known = now;
            }
            let unknown = now >= connection.known + GREETING;
            if unknown || now >= connection.heard + IDLE {
                over.push(id);
                connection.place.note_unwelcome();
            }
        }
        over
    }

    /// Where one comes from and leads to.
    pub(crate) fn path(&self, id: u64) -> Option<(SocketAddr, IpAddr)> {
        self.all.get(&id).map(|connection| (connection.source, connection.local))
    }
}
