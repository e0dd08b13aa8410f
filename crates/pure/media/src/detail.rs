//! What an operator can see of one stream.

use crate::network::Network;
use crate::stream::Stream;
use crate::stream::track::Track;
use crate::subscription::Subscription;
use crate::subscription::outgoing::OutgoingTrack;
use crate::transport::Transport;
use model::ids::SubscriptionId;
use slab::Slab;
use std::time::Duration;

/// A stream, its tracks and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDetail {
    /// Whether its publisher's transport stands.
    pub connected: bool,
    /// Whether it has sent media.
    pub live: bool,
    /// Whether it is recorded.
    pub recorded: bool,
    /// In the offer's order.
    pub tracks: Vec<TrackDetail>,
    /// In no certain order.
    pub subscriptions: Vec<SubscriptionDetail>,
}

/// What came of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackDetail {
    /// `audio` or `video`.
    pub kind: String,
    /// As SDP names it.
    pub codec: String,
    /// Which simulcast layer it is, if it is one of several.
    pub rid: Option<String>,
    /// Height of its picture in pixels, where that is known.
    pub height: Option<u16>,
    /// Under the present SSRC, as the next three: packets that came.
    pub packets: u64,
    /// Their bytes, RTP headers included.
    pub bytes: u64,
    /// Packets that never came; negative where more came twice.
    pub lost: i64,
    /// Interarrival jitter.
    pub jitter: Duration,
}

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionDetail {
    /// Its name.
    pub sid: SubscriptionId,
    /// Whether its transport stands.
    pub connected: bool,
    /// Media packets sent, modulo 2^32 for each track.
    pub packets: u64,
    /// Packets that it says it has lost.
    pub lost: u64,
    /// The latest that its reports gave.
    pub round_trip: Option<Duration>,
    /// The simulcast layer that it gets, where there are several.
    pub rid: Option<String>,
    /// None of its video is sent, because its network carries too little.
    pub paused: bool,
    /// What its network carries, in bits per second, for all its subscriptions together, where that is known.
    pub estimate: Option<u64>,
}

impl StreamDetail {
    pub(crate) fn of<'a>(
        stream: &Stream,
        subscriptions: impl Iterator<Item = &'a Subscription>,
        networks: &Slab<Network>,
    ) -> Self {
        Self {
            connected: stream.transport().is_some_and(Transport::is_connected),
            live: stream.is_live(),
            recorded: stream.is_tapped(),
            tracks: stream.tracks.iter().map(track).collect(),
            subscriptions: subscriptions
                .map(|one| subscription(one, stream, networks.get(one.network)))
                .collect(),
        }
    }
}

fn track(track: &Track) -> TrackDetail {
    let stats = track.stats();
    TrackDetail {
        kind: track.line.kind.to_string(),
        codec: track.line.codec.to_string(),
        rid: rid(track),
        height: track.heights.iter().flatten().max().copied(),
        packets: stats.map_or(0, rtp::stats::ReceiverStats::packets),
        bytes: stats.map_or(0, rtp::stats::ReceiverStats::bytes),
        lost: stats.map_or(0, rtp::stats::ReceiverStats::lost),
        jitter: track.jitter().unwrap_or_default(),
    }
}

fn rid(track: &Track) -> Option<String> {
    track.layer.as_ref().map(|layer| layer.rid.to_string())
}

fn subscription(
    subscription: &Subscription,
    stream: &Stream,
    network: Option<&Network>,
) -> SubscriptionDetail {
    let tracks = &subscription.tracks;
    let sources = tracks.iter().filter_map(|track| track.selection.segments.source());
    let mut rids = sources.filter_map(|source| stream.tracks.get(source).and_then(rid));
    SubscriptionDetail {
        sid: subscription.sid.clone(),
        connected: subscription.transport.is_connected(),
        packets: tracks.iter().map(|track| u64::from(track.packets)).sum(),
        lost: tracks.iter().map(OutgoingTrack::reported_lost).sum(),
        round_trip: subscription.round_trip,
        rid: rids.next(),
        paused: subscription.paused,
        estimate: network.and_then(Network::estimate),
    }
}
