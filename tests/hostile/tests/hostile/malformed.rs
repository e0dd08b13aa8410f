//! RTP and RTCP that contradict themselves, in the clear: for who has keys to seal them with.

/// A packet, and how many bytes of it are its header where it is sealed.
pub(crate) type Rtp = (Vec<u8>, usize);

/// As the guest's offers name them.
const OPUS: u8 = 111;
const VP8: u8 = 96;
const RTX: u8 = 97;

/// Where the packets of one publisher begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources {
    pub(crate) audio: u32,
    pub(crate) video: u32,
    pub(crate) rtx: u32,
}

/// RTP of every kind of wrong, with numbers from `sequence` on.
pub(crate) fn rtp(sources: Sources, sequence: u16) -> Vec<Rtp> {
    let mut packets = Vec::new();
    let mut add = |first: u8, kind: u8, ssrc: u32, header: &[u8], payload: &[u8]| {
        let number = sequence.wrapping_add(packets.len() as u16).to_be_bytes();
        let mut packet = vec![0x80 | first, kind, number[0], number[1], 0, 0, 9, 9];
        packet.extend(ssrc.to_be_bytes());
        packet.extend(header);
        let length = packet.len();
        packet.extend(payload);
        packets.push((packet, length));
    };
    for ssrc in [sources.video, sources.audio] {
        let kind = if ssrc == sources.video { VP8 } else { OPUS };
        let body = [0x90, 0x80, 1, 0x10, 2, 2, 0x9d, 1, 0x2a, 4];
        // Padding of 0 bytes, of as many as there are, of one more, and of 255.
        for count in [0, 11, 12, 255] {
            add(0x20, kind, ssrc, &[], &[&body[..], &[count]].concat());
        }
        add(0x20, kind, ssrc, &[], &[]);
        // Extensions: longer than the packet, elements longer than their block, without end, of no length, reserved.
        add(0x10, kind, ssrc, &[], &[0xbe, 0xde, 0xff, 0xff, 1, 2, 3, 4]);
        for block in [
            [0xbe, 0xde, 0, 1, 0x4f, 1, 2, 3],
            [0x10, 0, 0, 1, 4, 255, 1, 2],
            [0xbe, 0xde, 0, 1, 0xf3, 1, 2, 3],
        ] {
            add(0x10, kind, ssrc, &block, &body);
        }
        add(0x10, kind, ssrc, &[0xbe, 0xde, 0, 0], &body);
        add(0x10, kind, ssrc, &[0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9], &body);
        add(0x10, kind, ssrc, &[], &[0xbe]);
        // Contributing sources: some that are not there, all that there can be.
        add(0x0f, kind, ssrc, &[], &body);
        add(0x0f, kind, ssrc, &[7; 60], &body);
        add(0x3f, kind, ssrc, &[7; 60], &[]);
        add(0, kind, ssrc, &[], &[]);
        add(0, 77, ssrc, &[], &body);
    }
    // Descriptors cut short, with every bit, with every field.
    for length in 0..7 {
        add(0, VP8, sources.video, &[], &[0xff; 7][..length]);
        add(0, VP8, sources.video, &[], &[0x90, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xfe][..length]);
    }
    // Retransmissions of nothing, of half a number, of what never was, and of themselves.
    for payload in [&[][..], &[1], &[0xff, 0xff], &[0, 1, 0x90, 0x80]] {
        add(0, RTX, sources.rtx, &[], payload);
        add(0x20, RTX, sources.rtx, &[], payload);
        add(0, RTX, sources.video, &[], payload);
    }
    // More sources than anybody has, and all as long as a datagram can be on its way.
    for ssrc in 0..200 {
        add(0x80, VP8, 0x5000_0000 + ssrc, &[], &[0x10; 1400]);
    }
    packets
}

/// RTCP of every kind of wrong. `media` are the sources that it may be about.
pub(crate) fn rtcp(own: u32, media: &[u32]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let own = own.to_be_bytes();
    let mut add = |first: u8, kind: u8, words: Option<u16>, body: &[&[u8]]| {
        let body = body.concat();
        let words = words.unwrap_or((body.len() / 4) as u16).to_be_bytes();
        packets.push([&[first, kind, words[0], words[1]], &body[..]].concat());
    };
    for kind in 192..=223 {
        // Counts of what is not there, a length beyond the end, padding of no bytes and of too many.
        for count in [0x80, 0x81, 0x9f] {
            add(count, kind, None, &[&own]);
        }
        add(0x81, kind, Some(0xffff), &[&own]);
        add(0x81, kind, Some(0), &[&own]);
        add(0xa1, kind, None, &[&own, &[0; 4]]);
        add(0xa1, kind, None, &[&own, &[255; 4]]);
        add(0x41, kind, None, &[&own]);
    }
    // SDES: a name longer than the packet, items without end. BYE: a reason beyond the end.
    add(0x81, 202, None, &[&own, &[1, 200, b'a', b'b']]);
    add(0x82, 202, None, &[&own, &[1, 2, b'a', b'b', 1, 1, b'c', 1]]);
    add(0x81, 203, None, &[&own, &[255, b'x', b'y', b'z']]);
    // XR: a block that is longer than all of it.
    add(0x80, 207, None, &[&own, &[4, 0, 0xff, 0xff, 1, 2, 3, 4]]);
    for source in media.iter().chain(&[0, u32::MAX]) {
        let source = source.to_be_bytes();
        // NACK of everything there can be, in any order, and of nothing.
        let everything: Vec<u8> =
            (0..340u32).flat_map(|n| [((n * 191) >> 8) as u8, (n * 191) as u8, 0xff, 0xff]).collect();
        add(0x81, 205, None, &[&own, &source, &everything]);
        add(0x81, 205, None, &[&own, &source]);
        // Transport-wide feedback: of 65,535 packets, in runs of 8,191 without their times; of none; cut short.
        for count in [[0xff, 0xff], [0, 0]] {
            add(
                0x8f,
                205,
                None,
                &[&own, &source, &[0, 0], &count, &[0xff, 0xff, 0xff, 1], &[0x5f, 0xff].repeat(10)],
            );
            add(0x8f, 205, None, &[&own, &source, &[0, 0], &count, &[0, 0, 0, 1]]);
        }
        add(0x8f, 205, None, &[&own, &source]);
        // FIR: cut, a hundred times the same, REMB: of 255 sources that are not there, of the highest rate.
        add(0x84, 206, None, &[&own, &[0; 4], &source]);
        add(0x84, 206, None, &[&own, &[0; 4], &[&source[..], &[1, 0, 0, 0]].concat().repeat(100)]);
        add(0x8f, 206, None, &[&own, &[0; 4], b"REMB", &[255, 0xff, 0xff, 0xff]]);
        add(0x8f, 206, None, &[&own, &[0; 4], b"REM"]);
        // Reports of losses that cannot be.
        add(0x81, 201, None, &[&own, &source, &[0xff; 20]]);
        add(0x81, 201, None, &[&own, &source, &[0x7f; 12]]);
        add(0x81, 200, None, &[&own, &[0xff; 20], &source, &[0xff; 20]]);
    }
    let reports = [0x80, 201, 0, 1, own[0], own[1], own[2], own[3]].repeat(150);
    packets.push(reports);
    packets
}
