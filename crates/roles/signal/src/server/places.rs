//! How many connections there may be: in all, and from one address.

use crate::{Limits, metrics::Refused};
use ::metrics::Pressure;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

/// The places of a server.
pub(super) struct Places {
    limits: Limits,
    pressure: Pressure,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Those that have one, so never more than `all`.
    by_source: HashMap<IpAddr, usize>,
}

/// A place, until the last copy of it is dropped; travels with the connection into its session.
#[derive(Clone)]
pub(super) struct Place(#[expect(dead_code, reason = "held, not read")] Arc<Held>);

struct Held {
    source: Option<IpAddr>,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub(super) fn new(limits: Limits, pressure: Pressure) -> Self {
        Self { limits, pressure, taken: Arc::default() }
    }

    /// One for a connection from there.
    pub(super) fn take(&self, from: IpAddr) -> Result<Place, Refused> {
        if self.pressure.is_high() {
            return Err(Refused::Memory);
        }
        let source = source(from);
        let mut taken = self.taken.lock();
        if taken.all >= self.limits.connections {
            return Err(Refused::Full);
        }
        if let Some(source) = source {
            let count = taken.by_source.entry(source).or_default();
            if *count >= self.limits.connections_per_address {
                return Err(Refused::Address);
            }
            *count += 1;
        }
        taken.all += 1;
        Ok(Place(Arc::new(Held { source, taken: Arc::clone(&self.taken) })))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        let Some(source) = self.source else { return };
        let Some(count) = taken.by_source.get_mut(&source) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            taken.by_source.remove(&source);
        }
    }
}

/// What counts as one address: of IPv6 the first 64 bits, since whoever has one has all with these. `None`: the machine
/// itself, on which a proxy may stand in front.
fn source(from: IpAddr) -> Option<IpAddr> {
    match from.to_canonical() {
        from if from.is_loopback() => None,
        IpAddr::V6(from) => Some(IpAddr::V6(Ipv6Addr::from_bits(from.to_bits() & !u128::from(u64::MAX)))),
        from @ IpAddr::V4(_) => Some(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, connections_per_address: usize) -> Places {
        Places::new(Limits { connections, connections_per_address, ..Limits::default() }, Pressure::default())
    }

    fn outcome(places: &Places, from: &str) -> Result<Place, &'static str> {
        places.take(from.parse().unwrap()).map_err(|why| match why {
            Refused::Full => "full",
            Refused::Address => "address",
            _ => "something else",
        })
    }

    #[test]
    fn one_address_cannot_take_all_of_them() {
        let places = places(10, 2);
        let _first = outcome(&places, "192.0.2.1").unwrap();
        let second = outcome(&places, "::ffff:192.0.2.1").unwrap();
        assert_eq!(outcome(&places, "192.0.2.1").err(), Some("address"));
        let _another = outcome(&places, "192.0.2.2").unwrap();
        let copy = second.clone();
        drop(second);
        assert_eq!(outcome(&places, "192.0.2.1").err(), Some("address"), "a copy holds it, too");
        drop(copy);
        assert!(outcome(&places, "192.0.2.1").is_ok());
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let places = places(10, 1);
        let _first = outcome(&places, "2001:db8::1").unwrap();
        assert_eq!(outcome(&places, "2001:db8::ffff:1:2:3").err(), Some("address"));
        assert!(outcome(&places, "2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn the_machine_itself_is_bounded_by_all_alone() {
        let places = places(3, 1);
        let held: Vec<_> =
            ["127.0.0.1", "127.0.0.1", "::1"].map(|from| outcome(&places, from).unwrap()).into();
        assert_eq!(outcome(&places, "127.0.0.1").err(), Some("full"));
        assert_eq!(outcome(&places, "192.0.2.1").err(), Some("full"));
        drop(held);
        assert!(outcome(&places, "192.0.2.1").is_ok());
        assert!(places.taken.lock().by_source.is_empty(), "nothing is left of those who are gone");
    }
}
