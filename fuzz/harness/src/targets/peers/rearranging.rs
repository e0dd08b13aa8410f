//! What the owner of the router, and its users, change; and what goes between routers.

use super::{SUBSCRIBER, World, home};
use crate::offer::{Form, Offered, RIDS};
use crate::peer::{Sent, offer};
use crate::script::Script;
use crate::time::wall;
use media::{BranchId, NetworkId, Preference, Restart, TapId, Wanted};
use model::SubscriptionId;

/// Wishes that wait to be taken.
const MAX_WISHES: usize = 256;

impl World {
    /// What the owner of the router, and its users, change.
    pub(super) fn rearrange(&mut self, script: &mut Script<'_>) {
        match script.below(8) {
            0 => drop(self.router.tap(&self.mid, script.bit().then_some(TapId(1)))),
            1 if self.branch.is_none() => {
                let branch = BranchId(7);
                let Some(outline) = self.router.branch_out(&self.mid, branch) else { return };
                self.elsewhere.graft(self.now, &self.mid, branch, &outline).expect("it is not there yet");
                self.branch = Some(branch);
            }
            2 => {
                let sid = SubscriptionId::parse(&format!("eve#{}", script.byte())).expect("an id");
                let offered = Offered { rtx: true, ..self.scene.subscribing() };
                let offer = offer(offered);
                let _ = self.router.subscribe(self.now, &self.mid, &sid, &offer, Wanted::default());
            }
            3 => {
                let sid = SubscriptionId::parse(&format!("eve#{}", script.byte())).expect("an id");
                let mut out = Sent::default();
                self.router.unsubscribe(self.now, &sid, &mut out);
                self.sent(out);
            }
            4 if script.byte() == 4 => {
                let mut out = Sent::default();
                let who = self.somebody(script);
                self.router.unsubscribe(self.now, &self.sid(who), &mut out);
                self.sent(out);
                self.gone[who] = true;
            }
            6 => {
                let mut out = Sent::default();
                self.router.mute(self.now, &self.mid, script.bit(), &mut out);
                self.sent(out);
            }
            5 if script.byte() == 5 => {
                let who = script.below(self.peers.len());
                for datagram in self.peers[who].close(self.now) {
                    self.receive(home(who), datagram);
                }
            }
            _ => {
                let detail = self.router.describe(&self.mid);
                assert_eq!(detail.is_some(), self.router.stats().streams == 1);
            }
        }
    }

    /// Copies and wishes go between the routers.
    pub(super) fn carry(&mut self) {
        while let Some((branch, copies)) = self.router.take_copies() {
            assert_eq!(Some(branch), self.branch);
            let mut out = Sent::default();
            self.elsewhere.receive_copies(self.now, wall(self.now), &self.mid, &copies, &mut out);
            assert!(out.0.is_empty(), "nobody has subscribed there");
            self.router.give_back(copies);
        }
        let mut wishes = 0;
        while let Some((branch, wish)) = self.elsewhere.poll_wish() {
            wishes += 1;
            assert!(wishes <= MAX_WISHES);
            let mut out = Sent::default();
            self.router.grant(self.now, &self.mid, branch, wish, &mut out);
            self.sent(out);
        }
    }

    /// A subscriber says anew what it wants.
    pub(super) fn prefer(&mut self, script: &mut Script<'_>) {
        let (sid, preference) = (self.sid(self.somebody(script)), preference(script));
        self.router.prefer(self.now, &sid, preference);
    }

    /// ICE begins anew, or is asked to with an offer that changes more than that.
    pub(super) fn restart(&mut self, script: &mut Script<'_>) {
        let (who, bits) = (script.below(self.peers.len()), script.byte());
        let agreed = if who < SUBSCRIBER { self.scene.publishing() } else { self.scene.subscribing() };
        let next = self.peers[who].next_generation();
        let offered = match bits % 8 {
            0 => Offered { generation: next.wrapping_sub(1), ..agreed },
            1 => Offered { sends: !agreed.sends, generation: next, ..agreed },
            2 => Offered { rtx: !agreed.rtx, generation: next, ..agreed },
            3 => {
                let form = if agreed.form == Form::Vp9 { Form::Av1 } else { Form::Vp9 };
                Offered { form, generation: next, ..agreed }
            }
            _ => Offered { generation: next, ..agreed },
        };
        let same = bits % 8 > 3;
        let sid = (who >= SUBSCRIBER).then(|| self.sid(who));
        let restart = sid.as_ref().map_or(Restart::Publish(&self.mid), Restart::Subscription);
        let before = self.router.holdings();
        match self.router.restart(self.now, restart, &offer(offered)) {
            Ok(answer) => {
                assert!(same && !self.gone[who], "more has changed than ICE");
                self.peers[who].restarted(&answer);
            }
            Err(error) => {
                assert!(!same || self.gone[who], "{error}");
                assert_eq!(self.router.holdings(), before, "what is refused changes nothing");
            }
        }
    }

    /// Somebody else subscribes, on a network of its own or somebody's; and never connects.
    pub(super) fn join(&mut self, script: &mut Script<'_>) {
        let sid = SubscriptionId::parse(&format!("eve#{}", script.byte())).expect("an id");
        let network = script.bit().then(|| NetworkId(u64::from(script.byte() % 4)));
        let wanted = Wanted { network, preference: preference(script) };
        let _ = self.router.subscribe(self.now, &self.mid, &sid, &offer(self.scene.subscribing()), wanted);
    }
}

fn preference(script: &mut Script<'_>) -> Preference {
    let bits = script.byte();
    let rid = [RIDS[0], RIDS[1], RIDS[2], "none"][usize::from(bits >> 4 & 3)];
    Preference {
        rid: (bits & 1 != 0).then(|| rid.to_owned()),
        max_height: (bits & 2 != 0).then(|| script.u16()),
        max_bitrate: (bits & 4 != 0).then(|| script.u64() >> script.below(64)),
        priority: script.byte(),
    }
}
