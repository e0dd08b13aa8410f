//! The signalling nodes: all of the role but its listener.

use super::{
    bad_events::Ear,
    line::{self, Line},
    record::Record,
    replay::Replay,
    serving::Site,
};
use crate::{
    Access, Config, Edges, Limits, Timing,
    access::Rights,
    context::Context,
    keeper,
    session::{Outbox, Session},
};
use cluster::discovery::MemoryDiscovery;
use model::{NodeId, UserId};
use std::{net::SocketAddr, sync::Arc};
use tokio::{task::JoinSet, time::Instant};

pub(super) struct Node {
    config: Config,
    edges: Edges,
    began: Instant,
    pub(super) site: Site,
    pub(super) ear: Arc<Ear>,
    alive: Option<Alive>,
}

struct Alive {
    context: Arc<Context>,
    /// All that ends when the process dies.
    tasks: JoinSet<()>,
    replays: Vec<Arc<Replay>>,
}

impl Node {
    pub(super) fn new(nth: usize, site: &Site, ear: &Arc<Ear>, discovery: &MemoryDiscovery) -> Self {
        let config = Config {
            node: NodeId::parse(&format!("signal-{nth}")).unwrap(),
            dc: if nth.is_multiple_of(2) { "a" } else { "b" }.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            allowed_origins: Vec::new(),
            access: Access::everybody(),
            limits: Limits::default(),
            timing: Timing::default(),
            pressure: metrics::Pressure::default(),
        };
        let edges =
            Edges { dialer: site.dialer(), discovery: Arc::new(discovery.clone()), events: ear.clone() };
        let (site, ear) = (site.clone(), Arc::clone(ear));
        Self { config, edges, began: Instant::now(), site, ear, alive: None }
    }

    pub(super) fn name(&self) -> &str {
        self.config.node.as_str()
    }

    /// A run of the node. Later ones have higher connection numbers.
    pub(super) fn start(&mut self) {
        self.die();
        let started = u64::try_from(self.began.elapsed().as_micros()).unwrap() + 1;
        let context = Context::numbered(&self.config, self.edges.clone(), started);
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper::run(Arc::clone(&context)));
        tasks.spawn(keeper::beat(Arc::clone(&context)));
        self.alive = Some(Alive { context, tasks, replays: Vec::new() });
    }

    /// The process dies, without a word.
    pub(super) fn die(&mut self) {
        let Some(alive) = self.alive.take() else { return };
        drop(alive.tasks);
        alive.replays.iter().for_each(|replay| replay.closed("the node died"));
    }

    /// A client connects. None where the node is dead.
    pub(super) fn connect(&mut self, uid: &UserId, replay: Replay) -> Option<Line> {
        let alive = self.alive.as_mut()?;
        let context = Arc::clone(&alive.context);
        let stop = context.stop.child_token();
        let outbox = Outbox::new(Arc::clone(&context.metrics), context.limits.queue_bytes);
        let session = Session::new(uid.clone(), context.new_owner(), Rights::all(), stop, outbox);
        let (owner, replay) = (session.owner.clone(), Arc::new(replay));
        alive.replays.push(Arc::clone(&replay));
        let (requests, serving) = line::open(context, Arc::new(session), Arc::clone(&replay));
        alive.tasks.spawn(serving);
        Some(Line { owner, replay, requests })
    }

    /// Whether a task of it panicked.
    pub(super) fn look(&mut self, record: &Record) {
        while let Some(ended) = self.alive.as_mut().and_then(|alive| alive.tasks.try_join_next()) {
            if let Err(error) = ended {
                record.wrong(format_args!("{}: {error}", self.config.node));
            }
        }
    }
}
