//! A viewer: says what arrives, asks for what does not, and looks at the pictures as a decoder would.

use super::bottleneck::Bottleneck;
use crate::forwarding::client::Client;
use crate::forwarding::offer::{Ids, Line};
use model::ids::SubscriptionId;
use rtp::sequence::ExtendedSequence;
use rtp::twcc::ArrivalLog;
use rtp::vp8::Descriptor;
use rtp::{Header, RtpPacket};
use sdp::Kind;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Who speaks in its RTCP.
const OWN_SSRC: u32 = 99;
const FEEDBACK: Duration = Duration::from_millis(60);
/// What is missing is looked for so often, asked for again after this, and given up after that.
const LOOK: Duration = Duration::from_millis(20);
const ASK_AGAIN: Duration = Duration::from_millis(60);
const GIVE_UP: Duration = Duration::from_millis(800);
/// A picture that is late by more than this stands still.
const FREEZE: Duration = Duration::from_millis(250);
const TRANSPORT_CC: u8 = 3;

/// What a viewer says of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// When each packet has come.
    Arrivals,
    /// When each packet of the sound has come: its video has no numbers of that kind, because lost packets of it are
    /// sent again as they were.
    OfSound,
    /// When each packet of the video has come: lost packets of its sound are sent again as they were.
    OfPictures,
    /// How many bits a second it may be sent (REMB).
    Bitrate,
}

impl Words {
    /// Its offer.
    pub(crate) fn said(self, offer: String) -> String {
        if self == Self::Bitrate { offer.replace(" transport-cc", " goog-remb") } else { offer }
    }
}

/// A packet of the video.
#[derive(Clone, Copy)]
struct Piece {
    timestamp: u32,
    marker: bool,
    begins: bool,
    key: bool,
    picture: u16,
    base_layer: u8,
    temporal: u8,
    layer: u8,
}

/// A frame that was shown.
#[derive(Clone, Copy)]
struct Shown {
    at: Instant,
    piece: Piece,
}

#[derive(Default)]
struct Counts {
    frames: u32,
    freezes: u32,
    switches: u32,
    audio: u32,
    audio_lost: u32,
}

pub(crate) struct Viewer {
    pub(crate) client: Client,
    pub(crate) network: Bottleneck,
    pub(crate) sid: SubscriptionId,
    pub(crate) paused: bool,
    words: Words,
    /// In bits per second, where it says so and has something to say.
    pub(crate) bitrate: Option<u64>,
    /// Of audio, video, retransmissions.
    ssrcs: [Option<u32>; 3],
    arrivals: ArrivalLog,
    numbers: ExtendedSequence,
    pieces: BTreeMap<u64, Piece>,
    /// The next number that the decoder takes; it waits for a key frame until there is one.
    next: Option<u64>,
    highest: u64,
    missing: BTreeMap<u64, (Instant, Option<Instant>)>,
    wants_key: bool,
    shown: Option<Shown>,
    sound: Option<u16>,
    counts: Counts,
    next_feedback: Instant,
    pub(crate) next_look: Instant,
}

impl Viewer {
    pub(crate) fn lines(words: Words) -> [Line; 2] {
        let transport_cc = if words == Words::Bitrate { 0 } else { TRANSPORT_CC };
        let line = |kind, mid: &str, payload_type, rtx| Line {
            kind,
            mid: mid.to_owned(),
            payload_type,
            rtx,
            nack: kind == Kind::Video || words == Words::OfPictures,
            ids: Ids { mid: 1, abs_send_time: 2, transport_cc, audio_level: 0 },
            ssrcs: None,
        };
        let rtx = (words != Words::OfSound).then_some(97);
        [line(Kind::Audio, "0", 111, None), line(Kind::Video, "1", 96, rtx)]
    }

    pub(crate) fn new(
        now: Instant,
        client: Client,
        network: Bottleneck,
        sid: SubscriptionId,
        (ssrcs, words): ([Option<u32>; 3], Words),
    ) -> Self {
        Self {
            client,
            network,
            sid,
            paused: false,
            words,
            bitrate: None,
            ssrcs,
            arrivals: ArrivalLog::new(),
            numbers: ExtendedSequence::new(),
            pieces: BTreeMap::new(),
            next: None,
            highest: 0,
            missing: BTreeMap::new(),
            wants_key: false,
            shown: None,
            sound: None,
            counts: Counts::default(),
            next_feedback: now + FEEDBACK,
            next_look: now,
        }
    }

    pub(crate) fn begin_measuring(&mut self) {
        self.counts = Counts::default();
    }

    /// Of the picture that is shown.
    pub(crate) fn height(&self) -> u16 {
        self.shown.map_or(0, |shown| super::HEIGHTS[usize::from(shown.piece.layer)])
    }

    pub(crate) fn frames(&self) -> u32 {
        self.counts.frames
    }

    /// Those that are over, and the one that is not.
    pub(crate) fn freezes(&self) -> u32 {
        let stands = self.shown.is_none_or(|shown| self.next_look > shown.at + FREEZE + LOOK);
        self.counts.freezes + u32::from(stands && !self.paused)
    }

    pub(crate) fn switches(&self) -> u32 {
        self.counts.switches
    }

    pub(crate) fn audio(&self) -> u32 {
        self.counts.audio
    }

    pub(crate) fn audio_lost(&self) -> u32 {
        self.counts.audio_lost
    }

    /// A datagram has come through.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        if rtp::packet::is_rtcp(datagram) {
            return;
        }
        let mut bytes = datagram.to_vec();
        let header = Header::parse(&bytes).unwrap();
        let (_, receiver) = self.client.keys.as_mut().unwrap();
        let len = receiver.open_rtp(&header, &mut bytes).expect("authentic, and under a new index").len;
        let packet = RtpPacket::new(header, &bytes[..len]).unwrap();
        let number = packet.extensions().find(TRANSPORT_CC).and_then(rtp::extension::transport_sequence);
        let place = self.ssrcs.iter().position(|ssrc| *ssrc == Some(header.ssrc));
        let counts = match self.words {
            Words::Arrivals => true,
            Words::OfSound => place == Some(0),
            Words::OfPictures => place != Some(0),
            Words::Bitrate => false,
        };
        assert_eq!(number.is_some(), counts, "{place:?}");
        number.into_iter().for_each(|number| self.arrivals.received(now, number));
        match place {
            Some(0) => self.hear(header.sequence),
            Some(1) => self.take(now, header, header.sequence, packet.payload()),
            Some(2) => {
                // Padding has no original.
                if let Some(original) = rtp::rtx::unwrap(&packet) {
                    self.take(now, header, original.sequence, original.payload);
                }
            }
            _ => unreachable!("a stranger's SSRC"),
        }
        self.show(now);
    }

    fn hear(&mut self, sequence: u16) {
        let lost = self.sound.map_or(0, |before| sequence.wrapping_sub(before).wrapping_sub(1));
        self.counts.audio += 1;
        self.counts.audio_lost += u32::from(lost);
        self.sound = Some(sequence);
    }

    fn take(&mut self, now: Instant, header: Header, sequence: u16, payload: &[u8]) {
        let number = self.numbers.extend(sequence);
        let read = Descriptor::parse(payload).unwrap();
        let piece = Piece {
            timestamp: header.timestamp,
            marker: header.marker,
            begins: read.is_frame_start(),
            key: read.is_key_frame_start(),
            picture: read.picture_id.unwrap().value,
            base_layer: read.base_layer_index.unwrap(),
            temporal: read.temporal_layer.unwrap(),
            layer: payload[read.len + 10],
        };
        if self.highest > 0 && number > self.highest {
            self.missing.extend((self.highest + 1..number).map(|lost| (lost, (now, None))));
        }
        self.highest = self.highest.max(number);
        self.missing.remove(&number);
        self.pieces.insert(number, piece);
    }

    /// Shows the frames that are whole, in their order.
    fn show(&mut self, now: Instant) {
        loop {
            let Some(next) = self.next else {
                // Nothing was shown yet, or something was lost for good: a key frame begins anew.
                let Some((&number, _)) = self.pieces.iter().find(|(_, piece)| piece.key) else { return };
                self.next = Some(number);
                self.pieces = self.pieces.split_off(&number);
                self.wants_key = false;
                continue;
            };
            let end = (next..).map_while(|number| self.pieces.get(&number).map(|piece| (number, *piece)));
            let Some((end, last)) = end.into_iter().find(|(_, piece)| piece.marker) else { break };
            let first = self.pieces[&next];
            self.judge(now, first, last);
            self.pieces = self.pieces.split_off(&(end + 1));
            self.next = Some(end + 1);
        }
        let first_missing = self.next.and_then(|next| self.missing.range(next..).next());
        let stuck = first_missing.is_some_and(|(_, (since, _))| now >= *since + GIVE_UP);
        if stuck {
            (self.next, self.wants_key) = (None, true);
            self.missing.clear();
            self.pieces.clear();
        }
    }

    /// A frame is whole, and its turn.
    fn judge(&mut self, now: Instant, first: Piece, last: Piece) {
        assert!(first.begins && first.timestamp == last.timestamp, "a frame in one piece");
        if let Some(Shown { at, piece: before }) = self.shown {
            let later = first.timestamp.wrapping_sub(before.timestamp).cast_signed();
            assert!(later > 0, "timestamps run on: {later}");
            if !first.key {
                assert_eq!(first.layer, before.layer, "a layer begins with a key frame");
                assert_eq!(first.picture, (before.picture + 1) & 0x7fff, "picture ids run on");
                let base = before.base_layer.wrapping_add(u8::from(first.temporal == 0));
                assert_eq!(first.base_layer, base, "TL0PICIDX runs on");
            }
            self.counts.switches += u32::from(first.layer != before.layer);
            let frozen = now.saturating_duration_since(at) > FREEZE && !self.paused;
            self.counts.freezes += u32::from(frozen);
        } else {
            assert!(first.key);
        }
        self.counts.frames += 1;
        self.shown = Some(Shown { at: now, piece: first });
    }

    /// What it has to say by now.
    pub(crate) fn speak(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        if self.next_look > now {
            return said;
        }
        self.next_look = now + LOOK;
        self.show(now);
        let mut more = self.next_feedback <= now;
        if more {
            self.next_feedback = now + FEEDBACK;
        }
        let video = self.ssrcs[1].unwrap();
        if let Some(bitrate) = self.bitrate.filter(|_| more && self.words == Words::Bitrate) {
            said.push(self.client.rtcp(|writer| {
                writer.receiver_report(OWN_SSRC, &[]).unwrap();
                writer.remb(OWN_SSRC, bitrate, &[video]).unwrap();
            }));
        }
        let Self { client, arrivals, .. } = self;
        while more {
            more = false;
            let compound = client.rtcp(|writer| {
                writer.receiver_report(OWN_SSRC, &[]).unwrap();
                more = arrivals.write(OWN_SSRC, video, writer).unwrap_or(false);
            });
            said.push(compound);
        }
        let mut lost = Vec::new();
        for (number, (_, asked)) in &mut self.missing {
            if asked.is_none_or(|asked| now >= asked + ASK_AGAIN) && lost.len() < 100 {
                *asked = Some(now);
                lost.push(*number as u16);
            }
        }
        if !lost.is_empty() {
            said.push(self.client.rtcp(|writer| writer.nack(OWN_SSRC, video, &lost).unwrap()));
        }
        if self.wants_key && self.next_feedback == now + FEEDBACK {
            said.push(self.client.rtcp(|writer| writer.pli(OWN_SSRC, video).unwrap()));
        }
        said
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { frames, freezes, switches, audio, audio_lost } = self.counts;
        write!(
            f,
            "{} over {} kbit/s: {} lines, {frames} frames, {freezes} freezes, {switches} switches, {audio} of audio \
             ({audio_lost} lost), waits for {:?} of {:?}{}",
            self.sid,
            self.network.kbps,
            self.height(),
            self.next,
            self.highest,
            if self.paused { ", paused" } else { "" }
        )
    }
}
