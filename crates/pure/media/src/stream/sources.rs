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

/// The SSRCs of one publisher.
#[derive(Debug)]
pub(crate) struct Sources {
    bound: Vec<(u32, Role)>,
}

impl Sources {
    /// What the offer declares. Simulcast layers by SSRC count too: whichever is sent is the track.
    pub(crate) fn new(tracks: &[&ReceiveTrack]) -> Self {
        let mut bound = Vec::new();
        for (index, track) in tracks.iter().enumerate() {
            for source in &track.sources {
                bound.push((source.ssrc, Role::Media(index)));
                bound.extend(source.rtx_ssrc.map(|ssrc| (ssrc, Role::Rtx(index))));
            }
        }
        bound.truncate(MAX_BOUND);
        Self { bound }
    }

    /// What a packet is, which is authentic; its SSRC is bound if it was not.
    #[inline]
    pub(crate) fn role(&mut self, header: &Header, packet: &[u8], tracks: &[Track]) -> Option<Role> {
        if let Some(&(_, role)) = self.bound.iter().find(|(ssrc, _)| *ssrc == header.ssrc) {
            return Some(role);
        }
        let role = by_mid(header, packet, tracks).or_else(|| by_payload_type(header, tracks))?;
        if self.bound.len() >= MAX_BOUND {
            return None;
        }
        self.bound.push((header.ssrc, role));
        Some(role)
    }
}

/// By the name of the m-line that the packet carries (RFC 8843 section 9.2).
fn by_mid(header: &Header, packet: &[u8], tracks: &[Track]) -> Option<Role> {
    let index = tracks.iter().position(|track| {
        let named = track.line.extensions.mid.and_then(|id| header.extensions(packet).find(id));
        named.zip(track.line.mid.as_ref()).is_some_and(|(value, mid)| value == mid.as_str().as_bytes())
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
    if track.line.payload_type == payload_type {
        Some(Role::Media(index))
    } else if track.line.rtx_payload_type == Some(payload_type) {
        Some(Role::Rtx(index))
    } else {
        None
    }
}
