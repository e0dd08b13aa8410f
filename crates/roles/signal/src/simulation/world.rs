//! The cluster: signalling nodes, registers and SFUs, over one store.

use super::{
    bad_events::{Ear, Mouth},
    bad_store::BadStore,
    climate::Climate,
    device::Device,
    dice::Dice,
    gate::Gate,
    nodes::Node,
    record::Record,
    registers::Register,
    replay::Listener,
    serving::Site,
    sfus::{Running, TinySfu},
};
use cluster::{discovery::MemoryDiscovery, store::MemoryStore};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

pub(super) const ROOMS: [&str; 2] = ["tea", "tango"];

const REGISTERS: usize = 2;
const SFUS: usize = 2;

/// The clients' uids: two of them have two clients.
const UIDS: [&str; 6] = ["ada", "ada", "ben", "ben", "cleo", "dan"];

/// Where the store's clock begins, in microseconds.
const EPOCH: u64 = 1_000_000_000_000;

pub(super) struct World {
    pub(super) climate: Climate,
    pub(super) record: Arc<Record>,
    pub(super) truth: Arc<MemoryStore>,
    pub(super) outage: Gate,
    pub(super) nodes: Vec<Mutex<Node>>,
    pub(super) registers: Vec<tokio::sync::Mutex<Register>>,
    pub(super) sfus: Vec<TinySfu>,
    _running: Vec<Running>,
}

impl World {
    pub(super) async fn new(dice: &Dice, told: bool) -> Arc<Self> {
        let (climate, record) = (Climate::of(dice), Arc::new(Record::new(told)));
        record.note(|| format!("{climate:?}"));
        let (began, outage, discovery) = (Instant::now(), Gate::default(), MemoryDiscovery::default());
        let clock = move || EPOCH + u64::try_from(began.elapsed().as_micros()).unwrap();
        let truth = Arc::new(MemoryStore::with_clock(Arc::new(clock)));
        let count = if dice.chance(500) { 2 } else { 3 };
        // The last one is where the SFUs are.
        let sites: Arc<[Site]> = (0..=count).map(|_| Site::default()).collect();

        let ears: Arc<[Arc<Ear>]> = (0..count).map(|_| Ear::new(&climate, dice.fork(), &record)).collect();
        let mut registers = Vec::new();
        for nth in 0..REGISTERS {
            let store = BadStore {
                truth: Arc::clone(&truth),
                outage: outage.clone(),
                standstill: Gate::default(),
                climate: climate.clone(),
                dice: dice.fork(),
                record: Arc::clone(&record),
            };
            let mouth = Arc::new(Mouth(Arc::clone(&ears)));
            let mut register = Register::new(nth, Arc::new(store), mouth, &sites, &discovery);
            register.start().await;
            registers.push(tokio::sync::Mutex::new(register));
        }
        let (mut sfus, mut running) = (Vec::new(), Vec::new());
        for nth in 0..SFUS {
            let sfu = TinySfu::new(nth, &truth, &sites[count], dice.fork(), &record);
            running.push(sfu.start(&sites[..count], &discovery, if nth == 0 { "a" } else { "b" }).await);
            sfus.push(sfu);
        }
        let nodes = (0..count).map(|nth| Node::new(nth, &sites[nth], &ears[nth], &discovery));
        let nodes: Vec<_> = nodes.map(Mutex::new).collect();
        nodes.iter().for_each(|node| node.lock().start());
        Arc::new(Self { climate, record, truth, outage, nodes, registers, sfus, _running: running })
    }

    pub(super) fn sfu(&self, id: &str) -> &TinySfu {
        self.sfus.iter().find(|sfu| sfu.id.as_str() == id).unwrap()
    }

    /// The clients.
    pub(super) fn devices(self: &Arc<Self>, dice: &Dice) -> Vec<Device> {
        let device = |(nth, uid): (usize, &&str)| {
            let listener = Listener {
                name: format!("{uid}-{nth}"),
                uid: (*uid).to_owned(),
                rivalled: UIDS.iter().filter(|other| *other == uid).count() > 1,
                said: Arc::default(),
                record: Arc::clone(&self.record),
            };
            Device::new(listener, self, dice.fork())
        };
        UIDS.iter().enumerate().map(device).collect()
    }
}
