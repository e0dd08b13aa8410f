//! What a subscriber says and asks: losses, key frames, round trip.

use super::Subscription;
use super::outgoing::Departure;
use crate::batch::Outbox;
use crate::moment::Moment;
use crate::stream::track::Track;
use crate::transport::ice::Path;
use rtp::extension::AbsSendTime;
use rtp::rtcp::{self, Nack, Packet, ReportBlocks};
use rtp::{NtpTime, stats};

/// Packets not in the cache that one datagram can ask for. It has room for thousands; whoever lacks so much needs a key
/// frame.
const MAX_MISSING: usize = 64;

/// What a subscriber asked for that its stream has to give.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Tracks of the stream that need a key frame.
    pub(crate) key_frames: Vec<usize>,
    /// Packets that are not in the cache: track of the stream, and number.
    pub(crate) missing: Vec<(usize, u64)>,
}

impl Subscription {
    /// RTCP packets from the subscriber, still encrypted. Lost packets are sent again. False: dropped.
    pub(crate) fn receive_rtcp(
        &mut self,
        moment: Moment,
        path: Path,
        data: &mut [u8],
        tracks: &[Track],
        asked: &mut Asked,
        out: &mut Outbox<'_>,
    ) -> bool {
        let Some(opened) = self.transport.open_rtcp(path, data) else { return false };
        let compound = data.get(..opened.len).unwrap_or_default();
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                Packet::ReceiverReport(report) => self.note_reports(moment.wall, report.reports, out),
                Packet::SenderReport(report) => self.note_reports(moment.wall, report.reports, out),
                Packet::Nack(nack) => self.repair(moment, &nack, tracks, asked, out),
                Packet::Pli(pli) => {
                    out.count(|stats| stats.key_frame_requests_received += 1);
                    self.want(pli.media, None, asked);
                }
                Packet::Fir(fir) => {
                    for entry in fir.entries {
                        out.count(|stats| stats.key_frame_requests_received += 1);
                        self.want(entry.ssrc, Some(entry.sequence), asked);
                    }
                }
                _ => {}
            }
        }
        true
    }

    fn note_reports(&mut self, wall: NtpTime, reports: ReportBlocks<'_>, out: &mut Outbox<'_>) {
        for block in reports {
            let Some(track) = self.tracks.iter_mut().find(|track| track.ssrc == block.ssrc) else { continue };
            let lost = track.note_losses(block.total_lost);
            out.count(|stats| {
                stats.lost_out += lost;
                stats.jitter_out.record(track.duration_of(block.jitter));
            });
            if let Some(round_trip) = stats::round_trip(wall, &block) {
                out.count(|stats| stats.round_trips.record(round_trip));
                self.round_trip = Some(round_trip);
            }
        }
    }

    fn repair(
        &mut self,
        moment: Moment,
        nack: &Nack<'_>,
        sources: &[Track],
        asked: &mut Asked,
        out: &mut Outbox<'_>,
    ) {
        let Self { transport, tracks, transport_sequence, round_trip, .. } = self;
        let Some(outgoing) = tracks.iter_mut().find(|track| track.ssrc == nack.media) else { return };
        let Some(source) = sources.get(outgoing.source()) else { return };
        let Some((path, sender)) = transport.sending() else { return };
        let time = AbsSendTime::at(moment.wall);
        let mut departure = Departure { path, sender, time, next_sequence: transport_sequence };
        for sequence in nack.lost {
            out.count(|stats| stats.nacks_received += 1);
            let missing =
                outgoing.repair(moment.now, sequence, *round_trip, &source.cache, &mut departure, out);
            if let Some(number) = missing.filter(|_| asked.missing.len() < MAX_MISSING) {
                asked.missing.push((outgoing.source(), number));
            }
        }
    }

    /// A request to a track. A FIR that was sent again, with the number that it had, is one request.
    fn want(&mut self, ssrc: u32, fir: Option<u8>, asked: &mut Asked) {
        let Some(track) = self.tracks.iter_mut().find(|track| track.ssrc == ssrc) else { return };
        if fir.is_some() && std::mem::replace(&mut track.last_fir, fir) == fir {
            return;
        }
        if !asked.key_frames.contains(&track.source()) {
            asked.key_frames.push(track.source());
        }
    }
}
