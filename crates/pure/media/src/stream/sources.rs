//! Which track an SSRC belongs to.

use super::track::Track;
use rtp::Header;
use sdp::ReceiveTrack;

/// SSRCs of one publisher. An offer declares two per track at the most; the others were bound by a packet that was
/// authentic. One more is not bound, and its packets are dropped: a publisher that changes its SSRCs so often begins
/// anew.
const MAX_BOUND: usize = 64;

/// What an SSRC carries, and the index of its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Media.
    Media(usize),
    /// Retransmissions (RFC 4588).
    Rtx(usize),
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    ssrc: u32,
    role: Role,
    /// What retransmissions are of: the SSRC that was declared for them, or that they have repaired. When the
    /// publisher goes on under another one, stragglers must not fill the gaps of that: they have other numbers.
    repairs: Option<u32>,
}

/// The SSRCs of one publisher.
#[derive(Debug)]
pub(crate) struct Sources {
    bound: Vec<Bound>,
}

impl Sources {
    /// What the offer declares. Simulcast layers by SSRC count too: whichever is sent is the track.
    pub(crate) fn new(tracks: &[&ReceiveTrack]) -> Self {
        let mut bound = Vec::new();
        let media = super::layers::media_of(tracks.iter().map(|track| track.layers.len().max(1)));
        for (medium, track) in media.into_iter().zip(tracks) {
            // Layers have names; their SSRCs, where an offer declares them, are learnt with those.
            let index = medium.start;
            for source in track.sources.iter().filter(|_| track.layers.is_empty()) {
                bound.push(Bound { ssrc: source.ssrc, role: Role::Media(index), repairs: None });
                let repairs = Some(source.ssrc);
                bound.extend(source.rtx_ssrc.map(|ssrc| Bound { ssrc, role: Role::Rtx(index), repairs }));
            }
        }
        bound.truncate(MAX_BOUND);
        Self { bound }
    }

    /// What a packet is, which is authentic; its SSRC is bound if it was not. `None`: of no track, or a retransmission
    /// of what is no longer its source.
    #[inline]
    pub(crate) fn role(&mut self, header: &Header, packet: &[u8], tracks: &[Track]) -> Option<Role> {
        if let Some(bound) = self.bound.iter().find(|bound| bound.ssrc == header.ssrc) {
            let stale = match bound.role {
                Role::Media(_) => false,
                Role::Rtx(index) => bound.repairs.is_some() && bound.repairs != tracks.get(index)?.ssrc(),
            };
            return (!stale).then_some(bound.role);
        }
        let role = by_mid(header, packet, tracks).or_else(|| by_payload_type(header, tracks))?;
        if self.bound.len() >= MAX_BOUND {
            return None;
        }
        self.bound.push(Bound { ssrc: header.ssrc, role, repairs: None });
        Some(role)
    }

    /// A retransmission under this SSRC has repaired that source.
    pub(crate) fn repaired(&mut self, rtx_ssrc: u32, source: Option<u32>) {
        if let Some(bound) = self.bound.iter_mut().find(|bound| bound.ssrc == rtx_ssrc) {
            bound.repairs = source;
        }
    }
}

/// By the name of the m-line that the packet carries (RFC 8843 section 9.2), and of the layer (RFC 8852).
fn by_mid(header: &Header, packet: &[u8], tracks: &[Track]) -> Option<Role> {
    let named = |id: Option<u8>| id.and_then(|id| header.extensions(packet).find(id));
    let index = tracks.iter().position(|track| {
        let ids = &track.line.extensions;
        let of_line = named(ids.mid)
            .zip(track.line.mid.as_ref())
            .is_some_and(|(value, mid)| value == mid.as_str().as_bytes());
        let of_layer = track.layer.as_ref().is_none_or(|layer| {
            // Retransmissions carry the name of what they repair, under an extension of their own.
            let name = named(ids.rid).or_else(|| named(ids.repaired_rid));
            name == Some(layer.rid.as_bytes())
        });
        of_line && of_layer
    })?;
    role_of(header.payload_type, index, tracks.get(index)?)
}

/// By a payload type that only one track has.
fn by_payload_type(header: &Header, tracks: &[Track]) -> Option<Role> {
    let mut roles =
        tracks.iter().enumerate().filter_map(|(index, track)| role_of(header.payload_type, index, track));
    let role = roles.next()?;
    roles.next().is_none().then_some(role)
}

fn role_of(payload_type: u8, index: usize, track: &Track) -> Option<Role> {
    if track.line.payload_type == payload_type || track.line.red_payload_type == Some(payload_type) {
        Some(Role::Media(index))
    } else if track.line.rtx_payload_type == Some(payload_type) {
        Some(Role::Rtx(index))
    } else {
        None
    }
}
