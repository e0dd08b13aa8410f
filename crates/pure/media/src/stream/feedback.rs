//! What a publisher is told and asked: reports, lost packets, arrival times, key frames.

use super::publisher::Publisher;
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
        let Some(media) = tracks.iter().find_map(super::Track::ssrc) else { return };
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
            let Some(ssrc) = track.ssrc() else { continue };
            let feedback = track.line.feedback;
            if !(feedback.pli || feedback.fir) || !track.key_frames.ask(now) {
                continue;
            }
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
            if track.key_frames.ask(now) {
                wishes.push(Wish::KeyFrame { track: index });
            }
        }
    }
}
