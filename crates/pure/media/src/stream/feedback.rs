//! What a publisher is told and asked: reports, lost packets, arrival times, key frames.

use super::layers::bit;
use super::publisher::Publisher;
use super::track::Track;
use super::{Origin, Stream};
use crate::batch::Outbox;
use crate::branch::Wish;
use rtp::rtcp::{FirEntry, Writer};
use sdp::ReceiveTrack;
use std::time::Instant;

/// Who we are in RTCP towards a publisher, and how it wants to be spoken to.
#[derive(Debug)]
pub(crate) struct FeedbackIdentity {
    ssrc: u32,
    /// Feedback may come without a report in front (RFC 5506).
    reduced_size: bool,
    /// Counts our FIRs, modulo 256.
    fir_sequence: u8,
}

impl FeedbackIdentity {
    pub(super) fn new(tracks: &[&ReceiveTrack], random: [u8; 16]) -> Self {
        let [a, b, c, d, ..] = random;
        Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            reduced_size: tracks.iter().all(|track| track.line.rtcp_rsize),
            fir_sequence: 0,
        }
    }

    /// What must stand in front of feedback.
    fn begin(&self, writer: &mut Writer<'_>) {
        if !self.reduced_size {
            // In an empty buffer there is room for it.
            let _ = writer.receiver_report(self.ssrc, &[]);
        }
    }
}

impl Stream {
    /// Reports on all tracks.
    pub(crate) fn send_reports(&mut self, now: Instant, out: &mut Outbox<'_>) {
        for track in &self.tracks {
            if let Some(jitter) = track.jitter() {
                out.count(|stats| stats.jitter_in.record(jitter));
            }
        }
        let Self { origin: Origin::Publisher(publisher), tracks, .. } = self else { return };
        let Publisher { transport, identity, .. } = &mut **publisher;
        let mut lost = 0;
        transport.send_rtcp(out, |buffer| {
            let mut writer = Writer::new(buffer);
            for track in tracks {
                if let Some(block) = track.report(now) {
                    lost += track.lost_since(&block);
                    let _ = writer.receiver_report(identity.ssrc, &[block]);
                }
            }
            writer.len()
        });
        out.count(|stats| stats.lost_in += lost);
    }

    /// Asks for lost packets. True where some were given up and a key frame is wanted instead.
    pub(crate) fn send_nacks(&mut self, now: Instant, out: &mut Outbox<'_>) -> bool {
        let Self { origin: Origin::Publisher(publisher), tracks, .. } = self else { return false };
        let Publisher { transport, identity, missing, .. } = &mut **publisher;
        let mut given_up = false;
        for track in tracks {
            missing.clear();
            let Some(ssrc) = track.missing(now, missing) else { continue };
            given_up |= track.gave_up(now);
            if missing.is_empty() {
                continue;
            }
            out.count(|stats| stats.nacks_sent += missing.len() as u64);
            transport.send_rtcp(out, |buffer| {
                let mut writer = Writer::new(buffer);
                identity.begin(&mut writer);
                match writer.nack(identity.ssrc, ssrc, missing) {
                    Ok(()) => writer.len(),
                    Err(_) => 0,
                }
            });
        }
        given_up
    }

    /// Tells when packets arrived, for the publisher's bandwidth estimation.
    pub(crate) fn send_transport_feedback(&mut self, out: &mut Outbox<'_>) {
        let Self { origin: Origin::Publisher(publisher), tracks, .. } = self else { return };
        let Publisher { transport, identity, arrivals, .. } = &mut **publisher;
        let Some(media) = tracks.iter().find_map(Track::ssrc) else { return };
        let mut more = true;
        while more {
            more = false;
            transport.send_rtcp(out, |buffer| {
                let mut writer = Writer::new(buffer);
                identity.begin(&mut writer);
                let before = writer.len();
                more = arrivals.write(identity.ssrc, media, &mut writer).unwrap_or(false);
                if writer.len() == before { 0 } else { writer.len() }
            });
        }
    }

    /// Asks for the key frames that are wanted, where it is time to.
    pub(crate) fn send_key_frame_requests(&mut self, now: Instant, out: &mut Outbox<'_>) {
        let Self { origin: Origin::Publisher(publisher), tracks, .. } = self else { return };
        let Publisher { transport, identity, .. } = &mut **publisher;
        if transport.sending().is_none() {
            return;
        }
        for track in tracks {
            let Some(ssrc) = track.key_frame_source().filter(|_| track.key_frames.ask(now)) else { continue };
            let feedback = track.line.feedback;
            out.count(|stats| stats.key_frame_requests_sent += 1);
            transport.send_rtcp(out, |buffer| {
                let mut writer = Writer::new(buffer);
                identity.begin(&mut writer);
                let written = if feedback.pli {
                    writer.pli(identity.ssrc, ssrc)
                } else {
                    identity.fir_sequence = identity.fir_sequence.wrapping_add(1);
                    writer.fir(identity.ssrc, &[FirEntry { ssrc, sequence: identity.fir_sequence }])
                };
                if written.is_ok() { writer.len() } else { 0 }
            });
        }
    }

    /// The same where the root is asked: appends the tracks of which key frames are wanted, where it is time to.
    pub(crate) fn key_frames_to_wish_for(&mut self, now: Instant, wishes: &mut Vec<Wish>) {
        for (index, track) in self.tracks.iter_mut().enumerate() {
            if track.has_key_frames() && track.key_frames.ask(now) {
                wishes.push(Wish::KeyFrame { track: index });
            }
        }
    }

    /// When the publisher, or the root, is next to be asked for a key frame. What cannot be asked for now is looked at
    /// again when that changes: when a track is first heard, or is let through again.
    pub(crate) fn key_frame_timeout(&self) -> Option<Instant> {
        let is_branch = self.is_branch();
        self.tracks.iter().filter_map(|track| next_request(track, is_branch)).min()
    }

    /// Nobody waits for key frames of any tracks but these any more. Bit n is track n.
    pub(crate) fn forget_key_frames_but_of(&mut self, taken: u32) {
        let untaken = |at: usize| bit(at) != 0 && taken & bit(at) == 0;
        let tracks = self.tracks.iter_mut().enumerate().filter(|(at, _)| untaken(*at));
        tracks.for_each(|(_, track)| track.key_frames.forget());
    }
}

fn next_request(track: &Track, is_branch: bool) -> Option<Instant> {
    let can_be_asked = if is_branch { track.has_key_frames() } else { track.key_frame_source().is_some() };
    track.key_frames.next().filter(|_| can_be_asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;
    use crate::stream::chunks::ChunkPool;
    use rtp::{Fields, Header};
    use sdp::{Capabilities, Offer};
    use std::time::Duration;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n";

    fn track(offer: &str) -> Track {
        let session =
            sdp::negotiate::publish(&Offer::parse(offer).unwrap(), &Capabilities::default()).unwrap();
        let line = session.receiving().next().unwrap().line.clone();
        Track::new(line, None, 1 << 20, Duration::from_millis(200))
    }

    fn hear(track: &mut Track) {
        let fields = Fields { marker: false, payload_type: 96, sequence: 9, timestamp: 8, ssrc: 7 };
        let mut bytes = [0; 40];
        let written = rtp::write::write_packet(&fields, &[], &[0, 0, 1], &mut bytes).unwrap();
        let header = Header::parse(&bytes[..written.len]).unwrap();
        let _ = track.receive(&mut ChunkPool::default(), epoch(), 9, header, &bytes[..written.len]);
    }

    #[test]
    fn nobody_wakes_up_for_a_key_frame_that_cannot_be_asked_for() {
        let now = epoch();
        let mut asked = track(OFFER);
        asked.key_frames.want(now);
        assert_eq!(next_request(&asked, false), None, "it was not heard yet");
        assert_eq!(next_request(&asked, true), Some(now), "the root knows it");
        hear(&mut asked);
        assert_eq!(next_request(&asked, false), Some(now));
        asked.mute(now, true);
        assert_eq!((next_request(&asked, false), next_request(&asked, true)), (None, None));
        asked.mute(now, false);
        assert_eq!(next_request(&asked, false), Some(now));

        let mut deaf = track(&OFFER.replace("a=rtcp-fb:96 nack pli\r\n", ""));
        deaf.key_frames.want(now);
        hear(&mut deaf);
        assert_eq!(next_request(&deaf, false), None, "it listens to no request");
    }
}
