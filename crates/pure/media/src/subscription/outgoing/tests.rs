//! What a subscriber gets for the first time, and again.

use super::again::Grant;
use super::*;
use crate::batch::{DatagramSink, SendBatch};
use crate::stream::chunks::ChunkPool;
use crate::stream::frame::Frame;
use crate::subscription::selection::Scene;
use crate::{Stats, epoch};
use rtp::srtp::{MasterKey, Profile, Receiver};
use rtp::write::write_packet;
use rtp::{Header, NtpTime};
use sdp::{Capabilities, Codec, Msid, Name, Offer, Section, TrackOffer};

#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl DatagramSink for Kept {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| datagram.data.to_vec()));
    }
}

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n\
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

/// A track of a subscriber that offers RTX or not.
fn track(rtx: bool) -> OutgoingTrack {
    let name = Name::cleaned("x");
    let offered = TrackOffer {
        codec: Codec::Vp8,
        fmtp: sdp::Fmtp::default(),
        ssrc: 0x1111,
        rtx_ssrc: rtx.then_some(0x2222),
        cname: name.clone(),
        msid: Msid { stream: name, track: None },
    };
    let offer = Offer::parse(OFFER).unwrap();
    let session = sdp::negotiate::subscribe(&offer, &[offered], &Capabilities::default()).unwrap();
    let Section::Send(track) = &session.sections[0] else { panic!("it is sent") };
    let extensions = sdp::ExtensionIds::default();
    let (layers, random, retransmissions) = (0..1, [0x7ffe, 0x7fff], 25);
    OutgoingTrack::new(track, &Origin { layers, extensions: &extensions, random, retransmissions })
}

fn meter(sequence: &mut u64) -> Meter<'_> {
    Meter { sequence, departures: None, kind: bwe::PacketKind::Media }
}

/// The publisher's side of it.
fn line() -> sdp::Line {
    let offer = Offer::parse(&OFFER.replace("recvonly", "sendonly")).unwrap();
    let session = sdp::negotiate::publish(&offer, &Capabilities::default()).unwrap();
    session.receiving().next().unwrap().line.clone()
}

/// Three packets of a key frame, forwarded, and then two of them again. Returns what was sent.
fn sent(profile: Profile, rtx: bool) -> (Vec<Vec<u8>>, Receiver) {
    let key = MasterKey::new(profile, &vec![7; profile.key_len()], &vec![8; profile.salt_len()]).unwrap();
    let sender = Sender::new(&key).unwrap();
    let mut track = track(rtx);
    let mut pool = ChunkPool::default();
    let mut tracks = [crate::stream::track::Track::new(line(), None, 1 << 20, Duration::from_millis(200))];
    let path = Path::udp(([192, 0, 2, 1], 5000).into(), [192, 0, 2, 9].into());
    let (mut batch, mut kept, mut stats) = (SendBatch::new(), Kept::default(), Stats::default());
    let mut out = Outbox::new(&mut batch, &mut kept, &mut stats);
    let mut sequence = 0;
    for number in 0..3u64 {
        let fields = Fields { marker: false, payload_type: 100, sequence: 9, timestamp: 8, ssrc: 7 };
        let mut bytes = [0; 100];
        let payload = [0x10, number as u8, 1, 2, 3];
        let written = write_packet(&fields, &[], &payload, &mut bytes).unwrap();
        let header = Header::parse(&bytes[..written.len]).unwrap();
        let packet = RtpPacket::new(header, &bytes[..written.len]).unwrap();
        let frame = Frame::plain(number == 0);
        let entry = tracks[0].cache.insert(&mut pool, epoch(), 500 + number, &packet, frame).unwrap();
        let scene = Scene { now: epoch(), tracks: &tracks, theirs: None };
        let time = AbsSendTime::at(NtpTime::from_bits(number << 32));
        let mut departure = Departure { path, sender: &sender, time, meter: meter(&mut sequence) };
        let (place, _) = track.selection.admit(&scene, 0, &entry).unwrap();
        track.send(&tracks[0].cache, &entry, &place, &mut departure, &mut out);
    }
    let time = AbsSendTime::at(NtpTime::from_bits(9 << 32));
    let mut departure = Departure { path, sender: &sender, time, meter: meter(&mut sequence) };
    // What may still get padding is not repaired.
    let scene = Scene { now: epoch(), tracks: &tracks, theirs: None };
    assert_eq!(track.grant(&scene, 0x7ffe, None, false), Grant::No);
    tracks[0].cache.forwarded();
    let scene = Scene { now: epoch(), tracks: &tracks, theirs: None };
    for sequence in [0x7ffe, 0x8000, 0x8000, 0x8001, 5] {
        if matches!(track.grant(&scene, sequence, None, false), Grant::Yes { .. }) {
            track.repair(&scene, sequence, &mut departure, &mut out);
        }
    }
    drop(out);
    assert_eq!((stats.media_out, stats.retransmissions), (3, 2));
    (kept.0, Receiver::new(&key).unwrap())
}

#[test]
fn without_rtx_the_same_bits_are_sent_again() {
    for profile in Profile::ALL {
        let (packets, _) = sent(profile, false);
        assert_eq!(packets[3], packets[0]);
        assert_eq!(packets[4], packets[2]);
    }
}

#[test]
fn with_rtx_the_original_is_inside() {
    for profile in Profile::ALL {
        let (mut packets, mut receiver) = sent(profile, true);
        let mut opened = Vec::new();
        for packet in &mut packets {
            let header = Header::parse(packet).unwrap();
            let len = receiver.open_rtp(&header, packet).unwrap().len;
            opened.push((header.ssrc, header.payload_type, header.sequence, packet[..len].to_vec()));
        }
        let media: Vec<_> =
            opened[..3].iter().map(|(ssrc, pt, sequence, _)| (*ssrc, *pt, *sequence)).collect();
        assert_eq!(media, [(0x1111, 96, 0x7ffe), (0x1111, 96, 0x7fff), (0x1111, 96, 0x8000)]);
        let (ssrc, payload_type, sequence, bytes) = &opened[4];
        assert_eq!((*ssrc, *payload_type, *sequence), (0x2222, 97, 0x8000));
        let packet = RtpPacket::parse(bytes).unwrap();
        let original = rtp::rtx::unwrap(&packet).unwrap();
        assert_eq!((original.sequence, original.payload[1]), (0x8000, 2));
        // Each has a transport-wide number of its own, and the name of its m-line.
        let numbers: Vec<_> = opened
            .iter()
            .map(|(_, _, _, bytes)| {
                let packet = RtpPacket::parse(bytes).unwrap();
                assert_eq!(packet.extensions().find(4), Some(&b"0"[..]));
                rtp::extension::transport_sequence(packet.extensions().find(3).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    }
}
