//! Synthetic publishers and subscribers against a running server: what arrives, how late, and what it costs.
//!
//! [`client`] is one peer connection without socket and clock: it runs as well in virtual time inside one process.

pub mod client;
