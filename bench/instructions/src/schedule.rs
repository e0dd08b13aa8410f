//! All datagrams that the clients send in the counted part, made before it.
//!
//! The clients hear nothing of the router meanwhile: their reports repeat what they had heard before, which costs the
//! router the same, and a check for consent that stays unanswered is left out when it is repeated. Feedback on arrivals
//! is left out where nothing is estimated by it; where something is, [`crate::hearing`] has the clients hear.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use media::{Incoming, Protocol};

use crate::call::{Call, Peer, TURN};
use crate::case::Case;

/// The most datagrams that a worker takes from its socket at a time.
const BATCH: usize = 64;

/// What comes, in order: when, from where, and the bytes.
pub(crate) type Datagrams = Vec<(Instant, SocketAddr, Vec<u8>)>;

/// What arrives at one moment.
pub(crate) struct Batch<'a> {
    pub(crate) at: Instant,
    pub(crate) datagrams: Vec<Incoming<'a>>,
}

/// What the counted part gets.
pub(crate) struct Schedule {
    pub(crate) datagrams: Datagrams,
    /// How many of them are media.
    pub(crate) media: u64,
}

impl Schedule {
    /// Lets the clients run on their own for a while; the call stays where it is.
    pub(crate) fn of(call: &mut Call, case: Case, window: Duration) -> Self {
        let (begin, mut datagrams, mut media) = (call.now, Datagrams::new(), 0);
        let mut checked = Vec::new();
        while call.now < begin + window {
            while let Some((at, source, packet)) = call.sealed() {
                if case.has_media() {
                    datagrams.push((at.max(begin), source, packet));
                    media += 1;
                }
            }
            run_clients(call.now, &mut call.peers, &mut checked, &mut datagrams);
            call.now += TURN;
        }
        call.now = begin;
        datagrams.sort_by_key(|(at, ..)| *at);
        Self { datagrams, media }
    }

    /// As a worker gets them: what arrives at one moment together.
    pub(crate) fn batches(datagrams: &mut Datagrams, local: IpAddr) -> Vec<Batch<'_>> {
        let mut batches: Vec<Batch<'_>> = Vec::new();
        for (at, source, data) in datagrams {
            let incoming = Incoming { source: *source, local, protocol: Protocol::Udp, data };
            match batches.last_mut() {
                Some(last) if last.at == *at && last.datagrams.len() < BATCH => last.datagrams.push(incoming),
                _ => batches.push(Batch { at: *at, datagrams: vec![incoming] }),
            }
        }
        batches
    }
}

fn run_clients(now: Instant, peers: &mut [Peer], checked: &mut Vec<SocketAddr>, out: &mut Datagrams) {
    for Peer { client, address, .. } in peers {
        if client.poll_timeout().is_some_and(|due| due <= now) {
            client.handle_timeout(now, &mut |_, datagram| {
                // RFC 7983: STUN begins with 0 to 3.
                let check = datagram.first().is_some_and(|byte| *byte <= 3);
                if is_feedback(datagram) || check && checked.contains(address) {
                    return;
                }
                if check {
                    checked.push(*address);
                }
                out.push((now, *address, datagram.to_vec()));
            });
        }
    }
}

/// Transport feedback, by the header of the compound, which is plain in SRTCP.
fn is_feedback(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 205, ..] if first & 0x1f == 15)
}
