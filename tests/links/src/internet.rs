//! All hosts and their lines. Each hangs on the net by one line; between the lines there is nothing that anybody would
//! notice.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::conditions::Conditions;
use crate::host::Host;
use crate::line::Line;

/// 198.18.0.0/15 is for tests of networks (RFC 2544 appendix C.2.2): nobody else has it. The third byte is the host's.
const NET: [u8; 2] = [198, 18];

/// Packets of one host that are taken before the others' turn.
const BATCH: usize = 64;

struct Access {
    host: Host,
    /// From the host, and to it.
    from: Line,
    to: Line,
}

pub(crate) struct Internet(Vec<Access>);

impl Internet {
    pub(crate) fn start(names: &[String], seed: u64) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for (number, name) in (0_u8..=254).zip(names) {
            let host = Host::start(name, address(number, 1)).with_context(|| format!("host {name}"))?;
            let seed = seed.wrapping_mul(1000) + 2 * u64::from(number);
            all.push(Access { host, from: Line::new(seed), to: Line::new(seed + 1) });
        }
        ensure!(all.len() == names.len(), "at most 255 hosts");
        Ok(Self(all))
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.0.iter().map(|access| &access.host)
    }

    /// Each host by its name: a process in its namespace, and its address.
    pub(crate) fn describe(&self) -> Value {
        let host = |host: &Host| (host.name.clone(), json!({ "pid": host.pid(), "address": host.address() }));
        Value::Object(self.hosts().map(host).collect())
    }

    /// Takes what hosts have sent, and hands them what has arrived.
    pub(crate) fn turn(&mut self, now: Duration) -> anyhow::Result<()> {
        for access in &mut self.0 {
            for _ in 0..BATCH {
                let Some(packet) = access.host.tun.receive()? else { break };
                access.from.send(now, packet);
            }
        }
        for number in 0..self.0.len() {
            while let Some(packet) = self.0.get_mut(number).and_then(|access| access.from.receive(now)) {
                // What is for nobody is dropped, as anywhere.
                let Some(access) = destination(&packet).and_then(|number| self.0.get_mut(number)) else {
                    continue;
                };
                access.to.send(now, packet);
            }
        }
        for access in &mut self.0 {
            while let Some(packet) = access.to.receive(now) {
                access.host.tun.send(&packet)?;
            }
        }
        Ok(())
    }

    /// When the next turn is due, if no host sends anything before.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.iter().flat_map(|access| [access.from.next(), access.to.next()]).flatten().min()
    }

    /// Does what a line of the control pipe says.
    pub(crate) fn obey(&mut self, now: Duration, order: &str) -> anyhow::Result<Value> {
        let mut words = order.split_whitespace();
        match words.next() {
            Some(direction @ ("from" | "to")) => {
                let access = self.find(words.next())?;
                let line = if direction == "from" { &mut access.from } else { &mut access.to };
                let mut conditions = line.conditions().clone();
                conditions.change(words)?;
                line.change(now, conditions);
            }
            Some("cut") => {
                let access = self.find(words.next())?;
                access.from.cut();
                access.to.cut();
            }
            Some("mend") => {
                let access = self.find(words.next())?;
                access.from.mend();
                access.to.mend();
            }
            Some("calm") => {
                let access = self.find(words.next())?;
                for line in [&mut access.from, &mut access.to] {
                    line.mend();
                    line.change(now, Conditions::default());
                }
            }
            Some("move") => {
                let access = self.find(words.next())?;
                let [_, _, number, last] = access.host.address().octets();
                access.host.readdress(address(number, last.wrapping_add(1).max(1)))?;
                return Ok(json!({ "address": access.host.address() }));
            }
            Some("counts") => {
                let access = self.find(words.next())?;
                return Ok(json!({ "from": counts(&mut access.from), "to": counts(&mut access.to) }));
            }
            _ => bail!("expected from HOST …, to HOST …, cut, mend, calm, move or counts HOST"),
        }
        Ok(json!({}))
    }

    fn find(&mut self, name: Option<&str>) -> anyhow::Result<&mut Access> {
        let name = name.context("which host?")?;
        self.0.iter_mut().find(|access| access.host.name == name).with_context(|| format!("no host {name:?}"))
    }
}

fn address(host: u8, last: u8) -> Ipv4Addr {
    Ipv4Addr::new(NET[0], NET[1], host, last)
}

/// The number of the host that an IPv4 packet is for (RFC 791 section 3.1).
fn destination(packet: &[u8]) -> Option<usize> {
    match packet.get(16..20)? {
        &[first, second, host, _] if packet.first()? >> 4 == 4 && [first, second] == NET => Some(host.into()),
        _ => None,
    }
}

fn counts(line: &mut Line) -> Value {
    let longest = line.take_longest_wait().as_secs_f64() * 1e3;
    let counts = line.counts();
    json!({
        "packets": counts.packets, "bytes": counts.bytes, "dropped": counts.dropped, "lost": counts.lost,
        "cut": counts.cut, "longestWaitMs": longest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_find_the_host_of_their_destination() {
        let mut packet = [0; 28];
        packet[0] = 0x45;
        packet[16..20].copy_from_slice(&[198, 18, 2, 77]);
        assert_eq!(destination(&packet), Some(2), "whatever its last byte is");
        packet[16] = 10;
        assert_eq!(destination(&packet), None, "another net");
        packet[16] = 198;
        packet[0] = 0x60;
        assert_eq!(destination(&packet), None, "IPv6");
        assert_eq!(destination(&packet[..19]), None, "too short");
    }
}
