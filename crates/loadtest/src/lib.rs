//! Synthetic publishers and subscribers against a running server: what arrives, how late, and what it costs.
//!
//! [`run`] does a whole test. [`Load`] holds a load steady, lets it grow, and measures it as often as one likes.
//! [`client`] is one peer connection without socket and clock: it runs as well in virtual time inside one process.
//!
//! Publishers and subscribers live in this process, so a packet's delay is the difference of two readings of one clock.

pub mod client;
mod connection;
mod emitter;
mod error;
mod frames;
mod histogram;
mod load;
mod media_thread;
mod options;
pub mod process;
mod reception;
mod report;
mod sample;
mod sequence_log;
mod signalling;
mod socket;
mod stage;
mod stamp;
mod token;
mod totals;

pub use error::{ConnectError, LoadError};
pub use histogram::Histogram;
pub use load::{Connections, Ending, Load, Measurement};
pub use options::{BadOption, MAX_PACKET, MIN_PACKET, Options, Peer};
pub use report::Report;
pub use sample::{GeneratorUse, Sample, ServerUse};
pub use sequence_log::{Place, SequenceLog};
pub use signalling::SignallingError;
pub use stamp::{STAMP, Stamp};
pub use token::TokenMaker;
pub use totals::{Totals, TrackTotals};

/// Sets up the load, measures it once, and takes it down again.
///
/// # Errors
/// [`LoadError`]: there was no load at all. What went wrong with parts of it is in the report.
pub fn run(options: &Options) -> Result<Report, LoadError> {
    let mut load = Load::start(options)?;
    load.rest(options.warm_up);
    let measurement = load.measure(options.duration);
    Ok(Report { options: options.clone(), measurement, ending: load.stop() })
}
