//! The registers: the real service and the real sweeper, over a bad store and bad events.

use super::{
    bad_events::Mouth,
    bad_store::BadStore,
    gate::Gate,
    serving::{Serving, Site},
};
use cluster::{Discovery, Lease, NodeInfo, Role, discovery::MemoryDiscovery};
use model::NodeId;
use std::{future::pending, sync::Arc};
use tokio::task::AbortHandle;
use tonic::service::Routes;

pub(super) struct Register {
    name: String,
    store: Arc<BadStore>,
    events: Arc<Mouth>,
    sites: Arc<[Site]>,
    discovery: MemoryDiscovery,
    alive: Option<Alive>,
    lease: Option<Lease>,
}

struct Alive {
    _serving: Serving,
    sweeper: AbortHandle,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

impl Register {
    pub(super) fn new(
        nth: usize,
        store: Arc<BadStore>,
        events: Arc<Mouth>,
        sites: &Arc<[Site]>,
        discovery: &MemoryDiscovery,
    ) -> Self {
        let (name, sites, discovery) = (format!("register-{nth}"), Arc::clone(sites), discovery.clone());
        Self { name, store, events, sites, discovery, alive: None, lease: None }
    }

    pub(super) async fn start(&mut self) {
        // A gate here would do nothing: the store has one in front of it.
        let register = register::Register::new(self.store.clone(), self.events.clone());
        let service = Routes::new(register.service());
        let serving = Serving::start(&self.name, &service, &Gate::default(), &self.sites).await;
        let sweeper = register.sweep(pending());
        self.alive = Some(Alive { _serving: serving, sweeper: tokio::spawn(sweeper).abort_handle() });
        self.lease = Some(self.discovery.register(node(Role::Register, &self.name, "a")).await.unwrap());
    }

    /// It dies; discovery finds out, or does not yet.
    pub(super) fn die(&mut self, known: bool) {
        self.alive = None;
        if known {
            self.lease = None;
        }
    }

    /// Shut while it stands still.
    pub(super) fn standstill(&self) -> Gate {
        self.store.standstill.clone()
    }
}

pub(super) fn node(role: Role, name: &str, dc: &str) -> NodeInfo {
    NodeInfo {
        id: NodeId::parse(name).unwrap(),
        dc: dc.into(),
        role,
        address: format!("inproc://{name}").into(),
        load: 0.0,
        draining: false,
    }
}
