//! The ports of the control plane: what the roles need from the outside world, each a trait with
//! backends behind it, chosen once, in the wiring.
//!
//! - [`store`]: the truth about all rooms. One atomic step per change.
//! - [`events`]: the fast path of what changed. It may lose, double and reorder.
//! - [`discovery`]: which nodes there are, and how loaded.
//! - [`metered`]: counts what goes through them.

mod codec;
pub mod discovery;
mod encode;
pub mod events;
pub mod metered;
pub mod store;

pub use discovery::{
    Discovery, DiscoveryError, EtcdConfig, EtcdConfigError, EtcdDiscovery, Lease, NodeInfo, Role, choose_sfu,
};
pub use events::{Events, EventsError, NatsConfig, NatsConfigError, NatsEvents, Received, Subscription};
pub use store::{
    Expiry, Joined, KeptAlive, Member, NodeRun, RedisConfig, RedisConfigError, RedisStore, RoomPage,
    RoomSummary, Store, StoreError,
};
