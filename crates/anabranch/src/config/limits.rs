//! `[limits]`: what one client, and all of them, may take.

use std::ops::RangeInclusive;
use std::time::Duration;

use model::room::limits::{MAX_STREAMS_PER_USER, MAX_USERS, RoomLimits};

use super::error::ConfigError;
use super::layers::Layers;

/// More than one process has file descriptors for.
const MAX_CONNECTIONS: usize = 1_000_000;

/// Requests, rooms, subscriptions: more than that is no limit.
const MANY: usize = 1_000_000;

/// In seconds: no handshake takes longer.
const MAX_HANDSHAKE: i64 = 300;

/// In bytes: the lists of a full room must fit.
const MIN_QUEUE: usize = 64 * 1024;

/// In bytes, for one client.
const MAX_QUEUE: usize = 1024 * 1024 * 1024;

/// In MiB.
const MAX_MEMORY: i64 = 1 << 30;

/// In milliseconds.
const MAX_KEY_FRAME_INTERVAL: i64 = 10_000;

/// The limits of all roles; each takes its own.
#[derive(Debug)]
pub struct Limits {
    /// How long TLS and the request that becomes a WebSocket may take together.
    pub handshake: Duration,
    /// What a signalling node bears.
    pub signal: signal::Limits,
    /// What a room bears.
    pub room: RoomLimits,
    /// What each worker of an SFU bears.
    pub media: sfu::Limits,
    /// TCP connections of an SFU for media.
    pub tcp_connections: usize,
    /// Those of one address.
    pub tcp_connections_per_address: usize,
    /// Bytes in RAM beyond which nothing new is taken; `None`: most of what the process may have.
    pub memory: Option<u64>,
}

impl Layers {
    pub(super) fn limits(&self) -> Result<Limits, ConfigError> {
        let handshake = self.number("limits", "handshake", 1..=MAX_HANDSHAKE)?.unsigned_abs();
        Ok(Limits {
            handshake: Duration::from_secs(handshake),
            signal: self.signal_limits()?,
            room: RoomLimits {
                users: self.count("users", 1..=MAX_USERS)?,
                streams_per_user: self.count("streams", 1..=MAX_STREAMS_PER_USER)?,
            },
            media: self.media_limits()?,
            tcp_connections: self.count("tcp_connections", 1..=MAX_CONNECTIONS)?,
            tcp_connections_per_address: self.count("tcp_connections_per_address", 1..=MAX_CONNECTIONS)?,
            memory: self
                .optional("limits", "memory", |layers, section, key| {
                    layers.number(section, key, 1..=MAX_MEMORY)
                })?
                .map(|mebibytes| mebibytes.unsigned_abs() << 20),
        })
    }

    fn signal_limits(&self) -> Result<signal::Limits, ConfigError> {
        Ok(signal::Limits {
            connections: self.count("connections", 1..=MAX_CONNECTIONS)?,
            connections_per_address: self.count("connections_per_address", 1..=MAX_CONNECTIONS)?,
            half_open: self.count("handshakes", 1..=MAX_CONNECTIONS)?,
            request_burst: self.count("request_burst", 1..=MANY)? as u32,
            requests_per_second: self.count("requests", 1..=MANY)? as u32,
            rooms: self.count("rooms", 1..=MANY)?,
            subscriptions: self.count("subscriptions", 1..=MANY)?,
            queue_bytes: self.count("queue", MIN_QUEUE..=MAX_QUEUE)?,
        })
    }

    fn media_limits(&self) -> Result<sfu::Limits, ConfigError> {
        let interval = self.number("limits", "key_frame_interval", 1..=MAX_KEY_FRAME_INTERVAL)?;
        Ok(sfu::Limits {
            transports: self.count("transports", 1..=MANY)?,
            half_open: self.count("half_open", 1..=MANY)?,
            half_open_per_address: self.count("half_open_per_address", 1..=MANY)?,
            sdp: sfu::SdpBounds {
                bytes: self.count("sdp", 1..=sfu::SdpBounds::default().bytes)?,
                sections: self.count("sdp_lines", 1..=sfu::SdpBounds::default().sections)?,
            },
            retransmissions: self.number("limits", "retransmissions", 0..=100)? as u8,
            key_frame_interval: Duration::from_millis(interval.unsigned_abs()),
            ..sfu::Limits::default()
        })
    }

    fn count(&self, key: &'static str, range: RangeInclusive<usize>) -> Result<usize, ConfigError> {
        let (first, last) = range.into_inner();
        self.number("limits", key, first as i64..=last as i64).map(|count| count as usize)
    }
}
