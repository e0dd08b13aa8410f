//! What a register counts.

use cluster::Role;
use metrics::{Calls, Counts};
use model::{Notice, RoomEvent};
use prometheus_client::registry::Registry;
use rpc::metered::REGISTER_METHODS;

/// Why users and streams are taken out of rooms without anybody's asking, as the metrics name it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Swept {
    /// Nobody has mentioned them for too long.
    Expired,
    /// Their node is gone.
    LeftBehind,
}

impl Swept {
    const ALL: [Self; 2] = [Self::Expired, Self::LeftBehind];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::LeftBehind => "left_behind",
        }
    }
}

/// The numbers of one register. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) calls: Calls,
    dead_nodes: Counts,
    users: Counts,
    streams: Counts,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: Calls::new("method", REGISTER_METHODS),
            dead_nodes: Counts::new("role", [Role::Signal, Role::Sfu].map(Role::as_str)),
            users: Counts::new("reason", Swept::ALL.map(Swept::name)),
            streams: Counts::new("reason", Swept::ALL.map(Swept::name)),
        }
    }
}

impl Metrics {
    /// A node was found dead.
    pub(crate) fn dead(&self, role: Role) {
        self.dead_nodes.add(role.as_str());
    }

    /// A change that nobody asked for.
    pub(crate) fn swept(&self, event: &RoomEvent, why: Swept) {
        for notice in &*event.notices {
            match notice {
                Notice::PeerLeave { .. } => self.users.add(why.name()),
                Notice::StreamRemove { .. } => self.streams.add(why.name()),
                _ => {}
            }
        }
    }

    /// Adds all of them to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.calls.register(registry, "register_request", "Calls of nodes");
        let help = "Nodes that this register found dead, by role";
        self.dead_nodes.register(registry, "register_dead_nodes", help);
        let help = "Users that this register took out of rooms unasked, by reason";
        self.users.register(registry, "register_swept_users", help);
        let help = "Streams that this register took out of rooms unasked, by reason";
        self.streams.register(registry, "register_swept_streams", help);
    }
}
