//! Why an SFU cannot start.

use std::io;

use media::IdentityError;

use crate::addresses::AddressError;
use crate::recorder::RecorderError;

/// Why an SFU did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the port.
    #[error(
        "UDP port {port} is in use by another program (sfu.port is that of the first of {workers} workers)"
    )]
    PortInUse {
        /// Which one.
        port: u16,
        /// How many workers there are to be.
        workers: usize,
    },
    /// A worker's socket could not be opened.
    #[error("cannot open UDP port {port}: {source}")]
    Socket {
        /// Which one.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// Somebody else has the TCP port.
    #[error("TCP port {port} is in use by another program, or by another part of this one (sfu.tcp_port)")]
    TcpPortInUse {
        /// Which one.
        port: u16,
    },
    /// The TCP port could not be opened.
    #[error("cannot open TCP port {port}: {source}")]
    TcpSocket {
        /// Which one.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The ports go beyond the last one.
    #[error("sfu.port {port} leaves no room for {workers} workers below 65536")]
    PortRange {
        /// The first port.
        port: u16,
        /// How many workers there are to be.
        workers: usize,
    },
    /// Nothing to announce.
    #[error(transparent)]
    Addresses(#[from] AddressError),
    /// No certificate could be made.
    #[error("cannot make the DTLS certificate: {0}")]
    Identity(#[from] IdentityError),
    /// No thread or event descriptor could be made.
    #[error("cannot start a media worker: {0}")]
    Worker(#[source] io::Error),
    /// Nothing can be recorded.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
}
