//! What a subscriber is told about its tracks: times, names, the end.

use super::Subscription;
use crate::batch::Outbox;
use crate::moment::Moment;
use crate::stream::Stream;
use rtp::rtcp::{SenderInfo, Writer};

impl Subscription {
    /// Reports on all tracks that were sent since the last report and whose times are known. False where one is still
    /// to come.
    ///
    /// The reports carry our clock, the same for all tracks, and the publisher's timestamps at that moment: so audio
    /// and video stay as far apart as the publisher said, however late their packets come.
    pub(crate) fn send_reports(&mut self, moment: Moment, stream: &Stream, out: &mut Outbox<'_>) -> bool {
        let Self { transport, tracks, .. } = self;
        let theirs = stream.clock.theirs(moment.now);
        let mut complete = true;
        transport.send_rtcp(out, |buffer| {
            let mut writer = Writer::new(buffer);
            for track in tracks {
                let source = stream.tracks.get(track.selection.source());
                let timestamp = source.zip(theirs).and_then(|(source, theirs)| source.timestamp_at(theirs));
                let shift = track.selection.segments.shift().unwrap_or_default();
                let timestamp = timestamp.map(|timestamp| timestamp.wrapping_add(shift.timestamp));
                let Some(rtp) = timestamp.filter(|_| track.packets > 0) else {
                    complete = false;
                    continue;
                };
                if track.reported_packets == Some(track.packets) {
                    continue;
                }
                track.reported_packets = Some(track.packets);
                let info = SenderInfo { ntp: moment.wall, rtp, packets: track.packets, bytes: track.octets };
                // What does not fit any more (beyond 20 tracks) is left out.
                let _ = writer.sender_report(track.ssrc, &info, &[]);
                let _ = writer.source_description(&[track.ssrc], stream.name.as_str());
            }
            writer.len()
        });
        complete
    }

    /// Says that all tracks end.
    pub(crate) fn say_goodbye(&mut self, out: &mut Outbox<'_>) {
        let Self { transport, tracks, .. } = self;
        let Some(first) = tracks.first().map(|track| track.ssrc) else { return };
        transport.send_rtcp(out, |buffer| {
            let mut writer = Writer::new(buffer);
            let _ = writer.receiver_report(first, &[]);
            for track in tracks {
                let _ = writer.goodbye(&[track.ssrc], "");
            }
            writer.len()
        });
    }
}
