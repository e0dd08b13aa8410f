//! What of a stream goes elsewhere, to its branches on other routers and to the tape; and what comes to a branch.

use super::chunks::ChunkPool;
use super::track::Track;
use super::{Stream, cache};
use crate::branch::{BranchId, Copied, Copies, Report};
use crate::tape::{TapId, Tape, TapedPacket, TappedTrack};
use sdp::Codec;
use std::time::Instant;

impl Stream {
    /// Copies what came to its branches.
    pub(crate) fn copy_fresh(&mut self) {
        for (_, copies) in &mut self.branches {
            copies.begin(self.fresh_since);
            for fresh in &self.fresh {
                if let Some(track) = self.tracks.get(fresh.track) {
                    copy(track, fresh.track, &fresh.entry, copies);
                }
            }
        }
    }

    /// Copies a packet that a branch lacks, if it is still here.
    pub(crate) fn copy_again(&mut self, branch: BranchId, track: usize, number: u64) {
        let Some((_, copies)) = self.branches.iter_mut().find(|(id, _)| *id == branch) else { return };
        let found = self.tracks.get(track).and_then(|found| Some((found, found.cache.find(number)?)));
        if let Some((found, entry)) = found {
            copy(found, track, &entry, copies);
        }
    }

    /// A packet from the root, to which it came at `since`. False: it was here already, or cannot be used.
    pub(crate) fn receive_copy(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        since: Instant,
        copied: &Copied<'_>,
    ) -> bool {
        self.live = true;
        let Some(track) = self.tracks.get_mut(copied.track) else { return false };
        let Some(entry) = track.receive_copy(pool, now, copied) else { return false };
        self.freshen(since, copied.track, entry);
        true
    }

    /// A sender report from the root.
    pub(crate) fn receive_report(&mut self, now: Instant, report: &Report) {
        let Some(track) = self.tracks.get_mut(report.track) else { return };
        track.copied_report(now, report);
        self.observe_clock(report.at, report.track, report.info.ntp);
    }

    /// Begins to copy its audio to the tape, or stops.
    pub(crate) fn set_tap(&mut self, tap: Option<TapId>) {
        self.tap = tap;
    }

    /// Whether its audio is copied to the tape.
    pub(crate) fn is_tapped(&self) -> bool {
        self.tap.is_some()
    }

    /// The tracks that a tap takes.
    pub(crate) fn tapped_tracks(&self) -> Vec<TappedTrack> {
        let opus = self.tracks.iter().enumerate().filter(|(_, track)| track.line.codec == Codec::Opus);
        let channels = |track: &Track| if track.line.fmtp.is_stereo() { 2 } else { 1 };
        opus.map(|(index, track)| TappedTrack { index, channels: channels(track) }).collect()
    }

    /// Copies what came in this batch to the tape, where it is tapped.
    pub(crate) fn tape_fresh(&self, now: Instant, tape: &mut Tape) {
        let Some(tap) = self.tap else { return };
        for fresh in &self.fresh {
            let Some(track) = self.tracks.get(fresh.track) else { continue };
            if track.line.codec != Codec::Opus {
                continue;
            }
            let Some(packet) = track.cache.packet(&fresh.entry) else { continue };
            let Some(payload) = fresh.entry.frame.sound(packet.payload()) else { continue };
            tape.push(&TapedPacket {
                tap,
                track: fresh.track,
                at: now,
                number: fresh.entry.number,
                timestamp: fresh.entry.header.timestamp,
                payload,
            });
        }
    }
}

fn copy(track: &Track, index: usize, entry: &cache::Entry, copies: &mut Copies) {
    let Some(packet) = track.cache.packet(entry) else { return };
    copies.push(&Copied {
        track: index,
        number: entry.number,
        header: entry.header,
        frame: entry.frame,
        padding: entry.padding,
        bytes: packet.data(),
    });
}
