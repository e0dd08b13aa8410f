//! What a subscriber says and asks: losses, key frames, round trip, what its network carries.

use super::Subscription;
use super::meter::Meter;
use super::outgoing::Departure;
use super::outgoing::again::Grant;
use super::selection::Scene;
use crate::batch::Outbox;
use crate::moment::Moment;
use crate::network::{Network, Waiting, What};
use crate::transport::ice::Path;
use bwe::pacer::Priority;
use bwe::{Bitrate, PacketKind, PeerTime};
use rtp::extension::AbsSendTime;
use rtp::rtcp::{self, Nack, Packet, ReportBlocks, TransportFeedback};
use rtp::{NtpTime, stats};
use std::time::Instant;

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
    /// More or less may be sent than before, perhaps.
    pub(crate) estimated: bool,
    /// Repairs wait for their turn.
    pub(crate) held: bool,
}

/// What is around a subscription while it is listened to.
pub(crate) struct Around<'a> {
    /// Its index.
    pub(crate) index: usize,
    pub(crate) scene: &'a Scene<'a>,
    pub(crate) network: &'a mut Network,
}

impl Subscription {
    /// RTCP packets from the subscriber, still encrypted. Lost packets are sent again. False: dropped.
    pub(crate) fn receive_rtcp(
        &mut self,
        moment: Moment,
        path: Path,
        data: &mut [u8],
        around: &mut Around<'_>,
        asked: &mut Asked,
        out: &mut Outbox<'_>,
    ) -> bool {
        let Some(opened) = self.transport.open_rtcp(path, data) else { return false };
        let compound = data.get(..opened.len).unwrap_or_default();
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                Packet::ReceiverReport(report) => self.note_reports(moment.wall, report.reports, out),
                Packet::SenderReport(report) => self.note_reports(moment.wall, report.reports, out),
                Packet::Nack(nack) => self.repair(moment, &nack, around, asked, out),
                Packet::TransportCc(feedback) => {
                    asked.estimated |= self.note_arrivals(moment, &feedback, around.network);
                }
                Packet::Remb(remb) => {
                    asked.estimated |= self.note_remb(moment.now, Bitrate::bps(remb.bitrate), around.network);
                }
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
            track.loss.report(block.fraction_lost);
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

    /// What arrived, and when. False: it is about nothing of ours, or nothing follows from it.
    fn note_arrivals(
        &mut self,
        moment: Moment,
        feedback: &TransportFeedback<'_>,
        network: &mut Network,
    ) -> bool {
        let Some(leg) = self.leg.filter(|_| self.counts()) else { return false };
        let Some(said) = self.feedback.unwrap(feedback, self.transport_sequence.saturating_sub(1)) else {
            return false;
        };
        let arrivals = said.arrivals.map(|(number, ticks)| (number, PeerTime::from_ticks(ticks)));
        network.feedback(moment.now, leg, bwe::reports(said.first, said.count, arrivals));
        network.is_estimated()
    }

    /// What the receiver says that it may be sent. False: nothing follows from that.
    fn note_remb(&mut self, now: Instant, bitrate: Bitrate, network: &mut Network) -> bool {
        if !std::mem::replace(&mut self.remb, true) {
            network.told_of(now, self);
        }
        let Some(leg) = self.leg else { return false };
        network.remb(now, leg, bitrate);
        network.is_estimated()
    }

    fn repair(
        &mut self,
        moment: Moment,
        nack: &Nack<'_>,
        around: &mut Around<'_>,
        asked: &mut Asked,
        out: &mut Outbox<'_>,
    ) {
        let Around { index, scene, network } = around;
        let Self { transport, tracks, transport_sequence, round_trip, leg, serial, .. } = self;
        let Some(track) = tracks.iter().position(|track| track.ssrc == nack.media) else { return };
        // Sound that was sent again counts as not lost where it has no numbers of its own.
        let doubly = tracks.iter().any(|track| track.loss.is_much());
        let Some(outgoing) = tracks.get_mut(track) else { return };
        let Some((path, sender)) = transport.sending() else { return };
        let time = AbsSendTime::at(moment.wall);
        for sequence in nack.lost {
            out.count(|stats| stats.nacks_received += 1);
            let (bytes, copies) = match outgoing.grant(scene, sequence, *round_trip, doubly) {
                Grant::Yes { bytes, copies } => (bytes, copies),
                Grant::No => continue,
                Grant::NotHere { source, number } => {
                    if asked.missing.len() < MAX_MISSING {
                        asked.missing.push((source, number));
                    }
                    continue;
                }
            };
            for _ in 0..copies {
                if !network.passes(moment.now, bytes) {
                    let what = What::Repair(sequence);
                    let waiting = Waiting { subscription: *index, serial: *serial, track, what };
                    asked.held |= network.hold(moment.now, waiting, bytes, Priority::Retransmission);
                    continue;
                }
                let meter = Meter {
                    sequence: transport_sequence,
                    departures: leg.and_then(|leg| network.estimator.departures(moment.now, leg)),
                    kind: PacketKind::Media,
                };
                let mut departure = Departure { path, sender, time, meter };
                outgoing.repair(scene, sequence, &mut departure, out);
            }
        }
    }

    /// A request to a track. A FIR that was sent again, with the number that it had, is one request.
    fn want(&mut self, ssrc: u32, fir: Option<u8>, asked: &mut Asked) {
        let Some(track) = self.tracks.iter_mut().find(|track| track.ssrc == ssrc) else { return };
        if fir.is_some() && std::mem::replace(&mut track.last_fir, fir) == fir {
            return;
        }
        // A key frame of what is not sent would help nobody.
        let Some(source) = track.selection.wanted().map(|_| track.selection.source()) else { return };
        if !asked.key_frames.contains(&source) {
            asked.key_frames.push(source);
        }
    }
}
