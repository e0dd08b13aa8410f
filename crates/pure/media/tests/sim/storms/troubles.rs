//! What befalls everybody, one thing after the other.

use super::device::Role;
use super::scene::Scene;
use super::script::Trouble;
use super::tally;
use std::time::Duration;

/// Devices in one run, but for two who come in the end.
pub(super) const MAX_DEVICES: usize = 12;

impl Scene {
    pub(super) fn make_trouble(&mut self) {
        let Some(trouble) = self.script.trouble(&mut self.dice) else { return };
        self.tally.add(&format!("{trouble:?}"));
        let device = self.dice.below(self.devices.len() as u64) as usize;
        if trouble != Trouble::Stranger {
            self.digest.note(self.now - self.start, &(trouble, device));
        }
        match trouble {
            Trouble::Rebinding => self.rebind(device, true),
            Trouble::Move => self.change_network(device),
            Trouble::Outage => self.cut(device, 200, 12_000),
            Trouble::LongOutage => self.cut(device, 12_000, 80_000),
            Trouble::Standstill => {
                let lasts = Duration::from_millis(5 + self.dice.below(2_500));
                self.still_until.get_or_insert(self.now + lasts);
                self.untimed.extend(self.publishers());
            }
            Trouble::SetClock => {
                let forward = self.dice.chance(50);
                self.clocks.set(forward);
            }
            Trouble::SetTheirClock => self.set_their_clock(device),
            Trouble::Leap => {
                self.clocks.leap();
                self.untimed.extend(self.publishers());
            }
            Trouble::Come if self.devices.len() >= MAX_DEVICES => {}
            Trouble::Come if self.dice.chance(35) => self.publish(),
            Trouble::Come => self.subscribe(),
            Trouble::Leave => self.leave(device),
            Trouble::Restart => self.restart(device),
            Trouble::Stranger => self.be_strange(),
        }
    }

    fn rebind(&mut self, at: usize, same_host: bool) {
        let old = self.devices[at].address();
        let known = self.vacant.len();
        let address = self.address(Some(old).filter(|_| same_host));
        if self.vacant.len() < known {
            self.tally.add(tally::REUSED);
        }
        self.by_address.remove(&old);
        self.vacant.push(old);
        self.by_address.insert(address, at);
        self.devices[at].rename(address);
    }

    fn change_network(&mut self, at: usize) {
        self.rebind(at, false);
        let (up, down) = (self.script.link(&mut self.dice), self.script.link(&mut self.dice));
        let device = &mut self.devices[at];
        (device.up, device.down, device.cut_until) = (up, down, None);
        self.cut(at, 1, 3_000);
    }

    /// For so many milliseconds nothing comes through, one way or both.
    fn cut(&mut self, at: usize, from: u64, to: u64) {
        let lasts = Duration::from_millis(from + self.dice.below(to - from));
        let ways = 1 + self.dice.below(3);
        let device = &mut self.devices[at];
        if device.cut_until.is_none() {
            device.cut_until = Some((self.now + lasts, device.up, device.down));
            (device.up.cut, device.down.cut) = (ways & 1 > 0, ways & 2 > 0);
        }
    }

    fn set_their_clock(&mut self, device: usize) {
        let by = if self.dice.chance(50) { 3_600_i64 } else { -3_600 };
        let at = if matches!(self.devices[device].role, Role::Publisher(_)) { device } else { 0 };
        let device = &mut self.devices[at];
        device.ntp = device.ntp.moved(by << 32);
    }
}
