//! Moves media: sockets, workers, and the service that commands them.
//!
//! An [`Sfu`] is a set of workers, each a thread with one UDP port and a
//! [`media::Router`] of its own, and the gRPC service through which signalling
//! nodes command them. A stream and its subscribers live on one worker, so that
//! no packet ever crosses threads.
//!
//! - `socket`: datagrams in and out, many per system call. `tcp`: the same for those who have only TCP.
//! - `worker`: the loop of one thread; `mailbox`: how commands reach it.
//! - `directory`: which stream and which subscription is where, and whose.
//! - `notices`: what signalling nodes are told of their clients' media.
//! - `service`: the calls; `workers`: what they do. `reporter`: what the register is told.
//! - `presence`: how others know of it; `stage`: how far it is in its life.
//! - `recorder`: audio into files.
//! - `load`, `gauge`: how busy it is. `metrics`: what it counts.
//! - `view`: what an operator can see of it.
//! - `addresses`: what clients are told to send to.

mod addresses;
mod branches;
mod directory;
mod events;
mod gauge;
mod load;
mod mailbox;
mod metrics;
mod notices;
mod placement;
mod presence;
mod recorder;
mod registers;
mod reporter;
mod service;
mod socket;
mod stage;
mod start;
mod tcp;
mod view;
mod worker;
mod workers;

pub use addresses::AddressError;
pub use media::{Estimation, Limits, SdpBounds, SubscriptionDetail, TrackDetail};
pub use metrics::WorkerMetrics;
pub use recorder::{Keeper, NotTaken, RECORDING_INDEX, RecordConfig, RecorderError, RecorderStats};
pub use service::SfuService;
pub use start::{Config, Sfu, StartError, TcpConfig};
pub use view::{StreamView, View};
pub use worker::{SocketStats, WorkerStats};
