//! Counters of one router, all since its start unless said otherwise.

use crate::Histogram;

/// Plain numbers, read by the owner when it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Published streams now.
    pub streams: u64,
    /// Subscriptions now.
    pub subscriptions: u64,
    /// Transports with a finished DTLS handshake now.
    pub connected: u64,
    /// Transports that are not connected yet.
    pub half_open: u64,
    /// Checks that got no answer because their address had too many of those.
    pub half_open_refused: u64,
    /// Datagrams that arrived.
    pub datagrams_in: u64,
    /// Bytes that arrived, without headers of UDP, TCP and IP.
    pub bytes_in: u64,
    /// Datagrams handed to the sink.
    pub datagrams_out: u64,
    /// Bytes handed to the sink, without headers of UDP, TCP and IP.
    pub bytes_out: u64,
    /// Media packets accepted from publishers, repairs included.
    pub media_in: u64,
    /// Media packets sent to subscribers, retransmissions not included.
    pub media_out: u64,
    /// Packets that publishers were asked to send again.
    pub nacks_sent: u64,
    /// Packets that subscribers asked for again.
    pub nacks_received: u64,
    /// Retransmissions sent to subscribers.
    pub retransmissions: u64,
    /// Packets of nothing but padding, sent to subscribers to see what their networks carry.
    pub padding_out: u64,
    /// How often a subscriber was given another layer of a picture, or none, or one again.
    pub layer_changes: u64,
    /// How often the video of a subscription stopped because its network carried too little.
    pub pauses: u64,
    /// Key frames asked of publishers (PLI or FIR).
    pub key_frame_requests_sent: u64,
    /// Key frames asked for by subscribers (PLI or FIR).
    pub key_frame_requests_received: u64,
    /// Packets that publishers sent and that never came, by their own numbers.
    pub lost_in: u64,
    /// Packets that subscribers say they did not get.
    pub lost_out: u64,
    /// Round trips to subscribers, by their reports.
    pub round_trips: Histogram,
    /// Interarrival jitter of what publishers send, once a second and track.
    pub jitter_in: Histogram,
    /// The same of what subscribers get, by their reports.
    pub jitter_out: Histogram,
    /// From the moment a key frame is wanted of a publisher until it comes.
    pub key_frame_waits: Histogram,
    /// Packets copied to branches on other routers.
    pub copies_out: u64,
    /// Packets that branches got from their roots.
    pub copies_in: u64,
    /// Datagrams dropped on arrival: strangers, broken, not authentic, replayed, over a limit.
    pub drops: u64,
    /// DTLS handshakes finished.
    pub handshakes: u64,
}
