//! A timing wheel of two levels (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987): setting, stopping
//! and firing take the same few steps whatever the number of timers, and once a node was used nothing is allocated.
//!
//! The near level has a slot for each tick of the block of 256 ticks in which the wheel stands, the far level one for
//! each of the 255 blocks behind it. Nodes of one slot are linked to each other.

/// Which timer it is: small numbers, for each takes a place in a table.
pub(super) type NodeId = usize;

const SLOTS: usize = 256;
const BLOCK: u64 = SLOTS as u64;

/// No node.
const NONE: u32 = u32::MAX;

/// A node that waits for nothing.
const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    due: u64,
    /// The tick in whose slot it lies: an earlier one where the wheel did not reach so far.
    at: u64,
    previous: u32,
    next: u32,
}

const IDLE: Node = Node { due: NEVER, at: NEVER, previous: NONE, next: NONE };

/// The first node of each slot, and which slots have one.
#[derive(Debug)]
struct Level {
    first: Box<[u32; SLOTS]>,
    occupied: [u64; SLOTS / 64],
}

impl Default for Level {
    fn default() -> Self {
        Self { first: Box::new([NONE; SLOTS]), occupied: [0; SLOTS / 64] }
    }
}

impl Level {
    fn first(&self, slot: usize) -> u32 {
        self.first.get(slot).copied().unwrap_or(NONE)
    }

    fn set_first(&mut self, slot: usize, node: u32) {
        if let (Some(first), Some(word)) = (self.first.get_mut(slot), self.occupied.get_mut(slot / 64)) {
            *first = node;
            let bit = 1 << (slot % 64);
            *word = if node == NONE { *word & !bit } else { *word | bit };
        }
    }

    /// The first occupied slot at or behind this one.
    fn occupied_from(&self, slot: usize) -> Option<usize> {
        let words = self.occupied.iter().enumerate().skip(slot / 64);
        words
            .map(|(index, word)| {
                let before = if index == slot / 64 { !0 << (slot % 64) } else { !0 };
                (index, word & before)
            })
            .find(|(_, word)| *word != 0)
            .map(|(index, word)| index * 64 + word.trailing_zeros() as usize)
    }
}

/// Nodes and when they are due, in ticks.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    nodes: Vec<Node>,
    near: Level,
    far: Level,
    /// Nothing waits for an earlier tick.
    position: u64,
}

/// Where the next node is.
enum Next {
    /// Due at this tick.
    Near(u64),
    /// Due in this block.
    Far(u64),
}

impl Wheel {
    /// When a node is due, if it waits.
    pub(super) fn due(&self, id: NodeId) -> Option<u64> {
        self.nodes.get(id).map(|node| node.due).filter(|&due| due != NEVER)
    }

    /// How many nodes wait.
    pub(super) fn len(&self) -> usize {
        self.nodes.iter().filter(|node| node.due != NEVER).count()
    }

    /// Makes a node wait for a tick, whatever it waited for before. `current` is the tick of today: what is due earlier
    /// is due now.
    pub(super) fn set(&mut self, id: NodeId, tick: u64, current: u64) {
        if self.nodes.len() <= id {
            self.nodes.resize(id + 1, IDLE);
        }
        if self.due(id) == Some(tick) {
            return;
        }
        self.clear(id);
        if tick.saturating_sub(self.position) >= BLOCK {
            self.advance(current);
        }
        let last = (self.position / BLOCK + BLOCK) * BLOCK - 1;
        self.link(id, tick, tick.clamp(self.position, last));
    }

    /// Makes a node wait for nothing.
    pub(super) fn clear(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.due != NEVER) else { return };
        let Node { at, previous, next, .. } = std::mem::replace(node, IDLE);
        if let Some(next) = self.node(next) {
            next.previous = previous;
        }
        if let Some(previous) = self.node(previous) {
            previous.next = next;
        } else {
            let (level, slot) = self.place(at);
            level.set_first(slot, next);
        }
    }

    /// A node that is due at this tick or before, and waits no longer. Ticks come in order.
    pub(super) fn pop(&mut self, current: u64) -> Option<NodeId> {
        loop {
            self.advance(current);
            let first = self.near.first(slot(self.position));
            if self.position > current || first == NONE {
                return None;
            }
            let id = first as NodeId;
            let due = self.due(id)?;
            self.clear(id);
            if due <= self.position {
                return Some(id);
            }
            // The wheel did not reach so far when it was set.
            self.set(id, due, current);
        }
    }

    /// When to look again: never after the next node is due. Earlier by less than a block, unless the wheel did not
    /// reach that node when it was set.
    pub(super) fn next(&self) -> Option<u64> {
        Some(match self.earliest()? {
            Next::Near(tick) => tick,
            Next::Far(block) => block * BLOCK,
        })
    }

    /// Turns the wheel to this tick, or to the first before it for which something waits.
    fn advance(&mut self, current: u64) {
        loop {
            match self.earliest() {
                Some(Next::Near(tick)) if tick <= current => {
                    self.position = tick;
                    return;
                }
                Some(Next::Far(block)) if block * BLOCK <= current => {
                    self.position = block * BLOCK;
                    self.bring_near(slot(block));
                }
                _ => {
                    self.position = self.position.max(current);
                    return;
                }
            }
        }
    }

    /// The wheel has come to a block of the far level.
    fn bring_near(&mut self, slot: usize) {
        let mut id = self.far.first(slot);
        self.far.set_first(slot, NONE);
        while let Some(node) = self.node(id) {
            let Node { due, at, next, .. } = std::mem::replace(node, IDLE);
            self.link(id as NodeId, due, at);
            id = next;
        }
    }

    fn earliest(&self) -> Option<Next> {
        let block = self.position / BLOCK;
        if let Some(slot) = self.near.occupied_from(slot(self.position)) {
            return Some(Next::Near(block * BLOCK + slot as u64));
        }
        let (after, ahead) = (slot(block + 1), |slot: usize| slot as u64);
        let distance = match self.far.occupied_from(after) {
            Some(slot) => ahead(slot) - ahead(after),
            None => ahead(self.far.occupied_from(0)?) + BLOCK - ahead(after),
        };
        Some(Next::Far(block + 1 + distance))
    }

    /// Puts a node that is in no slot into that of a tick.
    fn link(&mut self, id: NodeId, due: u64, at: u64) {
        let Ok(short) = u32::try_from(id) else { return };
        let (level, slot) = self.place(at);
        let next = level.first(slot);
        level.set_first(slot, short);
        if let Some(next) = self.node(next) {
            next.previous = short;
        }
        if let Some(node) = self.nodes.get_mut(id) {
            *node = Node { due, at, previous: NONE, next };
        }
    }

    fn place(&mut self, at: u64) -> (&mut Level, usize) {
        if at / BLOCK == self.position / BLOCK {
            (&mut self.near, slot(at))
        } else {
            (&mut self.far, slot(at / BLOCK))
        }
    }

    fn node(&mut self, id: u32) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }
}

/// The slot of a tick or of a block.
fn slot(number: u64) -> usize {
    usize::try_from(number % BLOCK).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Set(NodeId, u64),
        Clear(NodeId),
        /// So many ticks pass, and at most so many nodes are popped.
        Pass(u64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..20usize, prop_oneof![0..300u64, 0..60_000u64]).prop_map(|(id, wait)| Step::Set(id, wait)),
            1 => (0..20usize).prop_map(Step::Clear),
            3 => (prop_oneof![0..40u64, 0..70_000u64], 0..30usize).prop_map(|(ticks, most)| Step::Pass(ticks, most)),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_map_of_deadlines(steps in prop::collection::vec(step(), 0..200)) {
            let (mut wheel, mut plain, mut now) = (Wheel::default(), BTreeMap::new(), 0);
            let mut reached = true;
            for step in steps {
                match step {
                    Step::Set(id, wait) => {
                        reached &= plain.values().all(|&due: &u64| due >= now);
                        wheel.set(id, now + wait, now);
                        plain.insert(id, now + wait);
                    }
                    Step::Clear(id) => {
                        wheel.clear(id);
                        plain.remove(&id);
                    }
                    Step::Pass(ticks, most) => {
                        now += ticks;
                        for _ in 0..most {
                            let earliest = plain.values().min().copied().filter(|&due| due <= now);
                            let popped = wheel.pop(now);
                            prop_assert_eq!(popped.and_then(|id| plain.remove(&id)), earliest);
                        }
                    }
                }
                let earliest = plain.values().min().copied();
                prop_assert_eq!(wheel.next().is_some(), earliest.is_some());
                if let (Some(next), Some(earliest)) = (wheel.next(), earliest) {
                    // Not late, and early by less than a block, which is what waking up to turn the wheel costs.
                    prop_assert!(next <= earliest, "{} {}", next, earliest);
                    prop_assert!(!reached || earliest - next < BLOCK, "{} {}", next, earliest);
                }
                for id in 0..20 {
                    prop_assert_eq!(wheel.due(id), plain.get(&id).copied());
                }
            }
        }
    }

    #[test]
    fn what_is_set_while_another_has_long_been_overdue_is_not_early() {
        // The host was suspended for an hour.
        let (mut wheel, now) = (Wheel::default(), 3_600_000);
        wheel.set(0, 15_000, 0);
        wheel.set(1, now + 30_000, now);
        assert_eq!(wheel.due(1), Some(now + 30_000));
        assert_eq!((wheel.pop(now), wheel.pop(now)), (Some(0), None));
        assert_eq!((wheel.pop(now + 29_999), wheel.pop(now + 30_000)), (None, Some(1)));
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn setting_again_and_again_takes_no_room() {
        let mut wheel = Wheel::default();
        for tick in 0..100_000 {
            wheel.set(0, tick + 15_000, tick);
            wheel.set(1, tick + 100, tick);
        }
        assert_eq!(wheel.nodes.len(), 2);
        assert_eq!(wheel.next().map(|next| next <= 100_099), Some(true));
    }
}
