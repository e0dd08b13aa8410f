//! Who is where, computed plainly: by the checks that really were the peers', each counted once, when it came first.
//!
//! What the router sends must go to where this says, and to nobody who has not shown that it is there more than came
//! from there.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Without a check for so long nothing is sent any more, and the address may be another's.
pub(super) const PAUSE_AFTER: Duration = Duration::from_secs(15);

/// Without a check for so long it is over.
pub(super) const CONSENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Whoever is not connected for so long after the answer never will be.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A transport of the router's; times are the host's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transport {
    pub(super) made: Instant,
    pub(super) alive: bool,
    pub(super) selected: Option<SocketAddr>,
    pub(super) heard: Option<Instant>,
    /// Restarts of ICE: the one whose credentials the peer uses, and the latest whose came.
    latest: u64,
    current: u64,
    /// When the latest restart was asked for, if nobody has taken it up and there is still time.
    pub(super) waiting: Option<Instant>,
    /// Somebody else's handshake came from where it is: until there are keys nothing tells one from the other.
    pub(super) disturbed: bool,
}

/// A check that a peer made: whose it is, and whether it came.
#[derive(Debug)]
struct Check {
    transport: usize,
    generation: u64,
    came: bool,
}

#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) transports: Vec<Transport>,
    checks: HashMap<Vec<u8>, Check>,
    /// Messages of handshakes, and whose they are.
    handshakes: HashMap<Vec<u8>, usize>,
    /// By address: the latest who has shown that it is there.
    owners: HashMap<SocketAddr, usize>,
    proved: HashSet<SocketAddr>,
    /// Restarts that were taken up.
    pub(super) taken_up: usize,
    /// By address: bytes that came from there, and bytes that went there.
    unproved: HashMap<SocketAddr, (usize, usize)>,
}

impl Paths {
    pub(super) fn add(&mut self, made: Instant) {
        self.transports.push(Transport {
            made,
            alive: true,
            selected: None,
            heard: None,
            latest: 0,
            current: 0,
            waiting: None,
            disturbed: false,
        });
    }

    /// The router has answered a restart of ICE: from now on the peer checks with other credentials.
    pub(super) fn restarted(&mut self, now: Instant, transport: usize) {
        let one = &mut self.transports[transport];
        one.latest += 1;
        one.waiting = Some(now);
    }

    /// So many restarts wait by the router's count, after it was told the time: the oldest of the others were
    /// forgotten.
    pub(super) fn forget_restarts(&mut self, now: Instant, left: usize) {
        let mut waiting: Vec<&mut Transport> =
            self.transports.iter_mut().filter(|one| one.alive && one.waiting.is_some()).collect();
        waiting.sort_by_key(|one| one.waiting);
        assert!(left <= waiting.len(), "{left} restarts wait");
        let forgotten = waiting.len() - left;
        for one in waiting.into_iter().take(forgotten) {
            let asked = one.waiting.take().unwrap();
            assert!(now >= asked + CONNECT_TIMEOUT, "it had time");
        }
    }

    /// How many restarts wait.
    pub(super) fn waiting(&self) -> usize {
        self.transports.iter().filter(|one| one.alive && one.waiting.is_some()).count()
    }

    /// A peer makes a check.
    pub(super) fn made(&mut self, transport: usize, check: &[u8]) {
        let generation = self.transports[transport].latest;
        self.checks.insert(check.to_vec(), Check { transport, generation, came: false });
    }

    /// A peer sends a message of its handshake.
    pub(super) fn shakes_hands(&mut self, transport: usize, message: &[u8]) {
        self.handshakes.insert(message.to_vec(), transport);
    }

    /// A datagram comes to the router. Answers whose check it is, if it is one that never came before and counts, and
    /// when the one before it came.
    pub(super) fn came(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<(usize, Option<Instant>)> {
        if !self.proved.contains(&from) {
            self.unproved.entry(from).or_default().0 += datagram.len();
        }
        let foreign = self.handshakes.get(datagram).zip(self.owners.get(&from));
        if let Some((sender, owner)) = foreign.filter(|(sender, owner)| sender != owner) {
            [*sender, *owner].iter().for_each(|at| self.transports[*at].disturbed = true);
        }
        let check = self.checks.get(datagram).filter(|check| !check.came)?;
        let (transport, generation) = (check.transport, check.generation);
        if self.is_taken(now, from, transport) || !self.transports[transport].alive {
            return None;
        }
        let one = self.transports[transport];
        let taken_up = generation == one.latest && one.waiting.is_some();
        if generation != one.current && !taken_up {
            return None;
        }
        self.checks.get_mut(datagram)?.came = true;
        let one = &mut self.transports[transport];
        if taken_up {
            (one.current, one.waiting) = (generation, None);
            self.taken_up += 1;
        }
        let before = one.heard.replace(now);
        one.selected = Some(from);
        self.owners.insert(from, transport);
        self.proved.insert(from);
        Some((transport, before))
    }

    /// Whether an address is another's who was heard from there just now.
    pub(super) fn is_taken(&self, now: Instant, address: SocketAddr, by: usize) -> bool {
        self.free_at(address, by).is_some_and(|free| now < free)
    }

    /// When an address that is another's will be free.
    pub(super) fn free_at(&self, address: SocketAddr, by: usize) -> Option<Instant> {
        let owner = *self.owners.get(&address)?;
        let other = Some(&self.transports[owner]).filter(|other| owner != by && other.alive)?;
        (other.selected == Some(address)).then_some(other.heard? + PAUSE_AFTER)
    }

    /// The router sends to this address.
    pub(super) fn sent(&mut self, to: SocketAddr, len: usize) {
        if !self.proved.contains(&to) {
            let (came, went) = self.unproved.entry(to).or_default();
            *went += len;
            assert!(went <= came, "{went} bytes to {to}, from where {came} came and no check");
        }
    }

    /// Whose media goes to this address: of several, of whom all but one have been silent for long, that one first.
    pub(super) fn at(&self, address: SocketAddr) -> Vec<usize> {
        let is_here = |at: &usize| {
            let one = &self.transports[*at];
            one.alive && one.selected == Some(address)
        };
        let mut here: Vec<usize> = (0..self.transports.len()).filter(is_here).collect();
        here.sort_by_key(|at| std::cmp::Reverse(self.transports[*at].heard));
        here
    }

    pub(super) fn ended(&mut self, transport: usize) {
        self.transports[transport].alive = false;
    }
}
