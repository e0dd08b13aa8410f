//! What a seed decides: how bad the networks are, how publishers and subscribers behave, and what happens when.

use super::publisher::Habits;
use super::scene::Scene;
use crate::network::Dice;
use sdp::Kind;
use std::time::Duration;

/// The end is quiet, so that everybody is seen to get what it needs.
pub(super) const CALM: Duration = Duration::from_millis(1_500);

/// Streams and subscriptions in one run.
const MAX_STREAMS: usize = 4;
const MAX_SUBSCRIBERS: usize = 9;

#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    pub(super) length: Duration,
    pub(super) streams: usize,
    pub(super) habits: Habits,
    /// Percent.
    pub(super) loss_up: u64,
    pub(super) loss_down: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
    pub(super) swaps: u64,
    /// Microseconds: how long the router may be left alone, and how far apart the packets of a frame come.
    pub(super) turn: u64,
    pub(super) spread: u64,
    /// The largest batch.
    pub(super) batch: u64,
    /// Actions in ten thousand turns.
    restless: u64,
    /// Subscribers fall silent and come back.
    pauses: bool,
    sound_alone: bool,
}

impl Script {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let pauses = dice.chance(20);
        let mut some =
            |percent: u64, up_to: u64| if dice.chance(percent) { dice.below(up_to + 1) } else { 0 };
        let (loss_up, loss_down, duplicates) = (some(70, 15), some(80, 10), some(50, 15));
        let (late, swaps) = (some(50, 15), some(50, 30));
        let habits = Habits {
            nothing: some(40, 15),
            foreign: some(20, 8),
            leaps: some(15, 2) + some(12, 25),
            keys: some(50, 8),
            late_starts: 40,
            frame_packets: 1 + some(100, 7),
            even: some(100, 1) == 1,
            pace: 1,
        };
        let length = 3_500 + some(100, 2_500) + if pauses { 22_000 } else { 0 };
        Self {
            length: Duration::from_millis(length),
            streams: 1 + some(60, 2) as usize,
            habits,
            loss_up,
            loss_down,
            duplicates,
            late,
            swaps,
            turn: if some(40, 1) == 1 { 600 } else { 3_900 },
            spread: some(40, 2_000),
            batch: [1, 8, 64, 400][some(100, 3) as usize],
            restless: if pauses { 20 } else { 50 + some(100, 250) },
            pauses,
            sound_alone: some(10, 1) == 1,
        }
    }

    pub(super) fn kinds(&self, dice: &mut Dice) -> Vec<Kind> {
        if self.sound_alone {
            return vec![Kind::Audio];
        }
        match dice.below(6) {
            0 => vec![Kind::Video],
            1 => vec![Kind::Video, Kind::Audio, Kind::Video],
            _ => vec![Kind::Audio, Kind::Video],
        }
    }

    /// Perhaps something happens.
    pub(super) fn act(&self, scene: &mut Scene) {
        if scene.calm {
            return;
        }
        let streams: Vec<usize> = (0..scene.streams.len()).filter(|&at| !scene.streams[at].ended).collect();
        let Some(&stream) = streams.get(scene.dice.below(streams.len() as u64) as usize) else {
            return scene.publish();
        };
        if scene.subscribers.len() < 2 * streams.len() {
            return scene.subscribe(stream);
        }
        if scene.dice.below(10_000) < self.restless {
            self.do_something(scene, stream);
        }
    }

    fn do_something(&self, scene: &mut Scene, stream: usize) {
        let live: Vec<usize> =
            (0..scene.subscribers.len()).filter(|&at| !scene.subscribers[at].left).collect();
        let subscriber = live.get(scene.dice.below(live.len() as u64) as usize).copied();
        match (scene.dice.below(20), subscriber) {
            (0, _) if scene.streams.len() < MAX_STREAMS => scene.publish(),
            (1, _) if scene.streams.len() < MAX_STREAMS => scene.unpublish(stream),
            (2..=4, _) => scene.change_source(stream),
            (5 | 6, Some(subscriber)) => scene.unsubscribe(subscriber),
            (7..=9, Some(subscriber)) => ask(scene, subscriber),
            (10..=14, Some(subscriber)) if self.pauses => fall_silent(scene, subscriber),
            _ if scene.subscribers.len() < MAX_SUBSCRIBERS => scene.subscribe(stream),
            _ => {}
        }
    }
}

fn ask(scene: &mut Scene, subscriber: usize) {
    let one = &scene.subscribers[subscriber];
    if !one.is_live() {
        return;
    }
    let line = scene.dice.below(one.tap.lines.len() as u64) as usize;
    if scene.dice.chance(60) {
        return scene.ask_for_key_frame(subscriber, line);
    }
    // What was sent long ago, and what never was.
    let any = (scene.subscribers[subscriber].newest(line) + 9).saturating_sub(scene.dice.below(2_000));
    scene.ask_for(subscriber, line, vec![any, any + 9, any + 40]);
}

/// No checks for some 16 to 19 s.
fn fall_silent(scene: &mut Scene, subscriber: usize) {
    let until = scene.now + Duration::from_millis(16_000 + scene.dice.below(3_000));
    scene.subscribers[subscriber].next_check = until;
}
