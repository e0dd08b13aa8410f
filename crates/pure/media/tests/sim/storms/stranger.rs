//! Somebody who hears everything on the way, has no key and no password, and may send from any address.

use super::scene::{SERVER, Scene};
use super::tally;
use crate::network::InFlight;
use std::net::SocketAddr;
use std::time::Duration;

/// He keeps every check, and one in so many packets of media.
const KEPT: usize = 10;

#[derive(Default)]
pub(super) struct Stranger {
    /// Whose they were, and the checks.
    checks: Vec<(usize, Vec<u8>)>,
    /// Media and reports.
    media: Vec<(usize, Vec<u8>)>,
    heard: usize,
}

impl Stranger {
    /// A datagram has come to the router: it may be a check that counted, or be of a device.
    pub(super) fn overhear(&mut self, check: Option<usize>, owner: Option<usize>, flight: &InFlight) {
        if let Some(whose) = check {
            return self.checks.push((whose, flight.data.clone()));
        }
        let Some(owner) = owner.filter(|_| flight.data.first() >= Some(&128)) else { return };
        self.heard += 1;
        if self.heard.is_multiple_of(KEPT) {
            self.media.push((owner, flight.data.clone()));
        }
    }
}

impl Scene {
    fn strange_address(&mut self) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, self.dice.below(4) as u8], 6_000 + self.dice.below(3) as u16))
    }

    /// One that a device has, or had.
    fn borrowed_address(&mut self) -> SocketAddr {
        let device = self.dice.below(self.devices.len() as u64) as usize;
        let addresses = &self.devices[device].addresses;
        addresses[self.dice.below(addresses.len() as u64) as usize]
    }

    fn any_check(&mut self) -> Option<(usize, Vec<u8>)> {
        let count = self.stranger.checks.len() as u64;
        (count > 0).then(|| self.stranger.checks[self.dice.below(count) as usize].clone())
    }

    fn slip_in(&mut self, from: SocketAddr, data: Vec<u8>) {
        let at = self.now + Duration::from_millis(1 + self.dice.below(20));
        self.flights.post(at, from, SERVER, data);
    }

    /// The stranger does something.
    pub(super) fn be_strange(&mut self) {
        let own = self.strange_address();
        let borrowed = self.borrowed_address();
        match self.dice.below(6) {
            0 | 1 => {
                let Some((_, check)) = self.any_check() else { return };
                let (from, what) = if self.dice.chance(50) {
                    (own, tally::COPIES)
                } else {
                    (borrowed, tally::COPIES_IN_NAME)
                };
                self.tally.add(what);
                self.slip_in(from, check);
            }
            2 => {
                let Some((_, mut check)) = self.any_check() else { return };
                // All that the integrity covers, and itself; behind it is the fingerprint, 8 bytes.
                let at = self.dice.below(check.len() as u64 - 8) as usize;
                check[at] ^= 1 << self.dice.below(8);
                self.tally.add(tally::FORGERIES);
                let from = if self.dice.chance(50) { own } else { borrowed };
                self.slip_in(from, check);
            }
            3 => {
                let first = [0, 1, 20, 22, 63, 128, 144, 200, 255][self.dice.below(9) as usize];
                let len = 1 + self.dice.below(80) as usize;
                let mut junk: Vec<u8> = (0..len).map(|_| self.dice.roll() as u8).collect();
                junk[0] = first;
                self.tally.add(tally::JUNK);
                // Before there are keys, whoever forges an address can spoil a handshake.
                let from = if first < 64 || self.dice.chance(50) { own } else { borrowed };
                self.slip_in(from, junk);
            }
            _ => {
                let count = self.stranger.media.len() as u64;
                if count > 0 {
                    let (whose, mut packet) = self.stranger.media[self.dice.below(count) as usize].clone();
                    if self.dice.chance(20) {
                        let at = self.dice.below(packet.len() as u64) as usize;
                        packet[at] ^= 1 << self.dice.below(8);
                    }
                    self.tally.add(tally::REPLAYS);
                    let from = if self.dice.chance(80) { self.devices[whose].address() } else { own };
                    self.slip_in(from, packet);
                }
            }
        }
    }
}
