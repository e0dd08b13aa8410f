//! RTCP into buffers of any size: a packet is written whole or not at all, and is read back as it was meant.

use super::named;
use crate::script::Script;
use rtp::rtcp::{self, FirEntry, Packet, ReportBlock, SenderInfo, Writer};
use rtp::{NoRoom, NtpTime};

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut buffer = vec![0xaa; usize::from(script.u16() & 0x0fff)];
    let size = buffer.len();
    let mut writer = Writer::new(&mut buffer);
    let mut read = 0;
    while !script.is_empty() {
        let before = writer.written().to_vec();
        let said = Said::by(&mut script);
        match said.write(&mut writer) {
            Err(NoRoom) => assert_eq!(writer.written(), before, "nothing is written by halves"),
            Ok(()) => {
                assert!(writer.len() <= size && writer.len().is_multiple_of(4));
                assert_eq!(&writer.written()[..before.len()], before);
                let packets: Vec<_> = rtcp::packets(&writer.written()[before.len()..]).collect();
                said.check(&packets.iter().map(|packet| packet.expect("as we write it")).collect::<Vec<_>>());
                read += packets.len();
            }
        }
    }
    assert_eq!(rtcp::packets(writer.written()).count(), read);
}

/// What is to be written.
#[derive(Debug)]
enum Said {
    Sender(u32, SenderInfo, Vec<ReportBlock>),
    Receiver(u32, Vec<ReportBlock>),
    Description(Vec<u32>, String),
    Goodbye(Vec<u32>, String),
    Nack(u32, u32, Vec<u16>),
    Pli(u32, u32),
    Fir(u32, Vec<FirEntry>),
    Remb(u32, u64, Vec<u32>),
}

impl Said {
    fn by(script: &mut Script<'_>) -> Self {
        let ssrcs = |script: &mut Script<'_>| script.list(70, Script::u32);
        match script.below(8) {
            0 => Self::Sender(script.u32(), info(script), script.list(70, block)),
            1 => Self::Receiver(script.u32(), script.list(70, block)),
            2 => Self::Description(ssrcs(script), text(script)),
            3 => Self::Goodbye(ssrcs(script), text(script)),
            4 => Self::Nack(script.u32(), script.u32(), script.list(200, Script::u16)),
            5 => Self::Pli(script.u32(), script.u32()),
            6 => {
                let entry =
                    |script: &mut Script<'_>| FirEntry { ssrc: script.u32(), sequence: script.byte() };
                Self::Fir(script.u32(), script.list(70, entry))
            }
            _ => Self::Remb(script.u32(), script.u64() >> script.below(64), ssrcs(script)),
        }
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        match self {
            Self::Sender(ssrc, info, blocks) => writer.sender_report(*ssrc, info, blocks),
            Self::Receiver(ssrc, blocks) => writer.receiver_report(*ssrc, blocks),
            Self::Description(ssrcs, cname) => writer.source_description(ssrcs, cname),
            Self::Goodbye(ssrcs, reason) => writer.goodbye(ssrcs, reason),
            Self::Nack(sender, media, lost) => writer.nack(*sender, *media, lost),
            Self::Pli(sender, media) => writer.pli(*sender, *media),
            Self::Fir(sender, entries) => writer.fir(*sender, entries),
            Self::Remb(sender, bitrate, ssrcs) => writer.remb(*sender, *bitrate, ssrcs),
        }
    }

    /// The packets say what was meant; long lists are spread over several.
    fn check(&self, packets: &[Packet<'_>]) {
        match self {
            Self::Sender(ssrc, info, blocks) => {
                let Some(Packet::SenderReport(first)) = packets.first() else { panic!("{packets:?}") };
                assert_eq!((first.ssrc, first.info), (*ssrc, *info));
                let all: Vec<_> = first.reports.chain(receiver_blocks(*ssrc, &packets[1..])).collect();
                assert_eq!(all, cut(blocks));
            }
            Self::Receiver(ssrc, blocks) => {
                assert!(!packets.is_empty());
                assert_eq!(receiver_blocks(*ssrc, packets).collect::<Vec<_>>(), cut(blocks));
            }
            Self::Description(ssrcs, cname) => {
                let chunks = packets.iter().flat_map(|packet| match packet {
                    Packet::SourceDescription(one) => one.chunks(),
                    other => panic!("{other:?}"),
                });
                let read: Vec<_> = chunks.map(|chunk| (chunk.ssrc, chunk.cname().unwrap())).collect();
                let meant: Vec<_> = ssrcs.iter().map(|ssrc| (*ssrc, cname.as_bytes())).collect();
                assert_eq!(read, meant);
            }
            Self::Goodbye(ssrcs, reason) => {
                let mut sources = Vec::new();
                for packet in packets {
                    let Packet::Goodbye(one) = packet else { panic!("{packet:?}") };
                    sources.extend(one.sources);
                    assert_eq!(one.reason.unwrap_or_default(), reason.as_bytes());
                }
                assert_eq!(sources, *ssrcs);
            }
            Self::Nack(sender, media, lost) => {
                let [Packet::Nack(one)] = packets else { panic!("{packets:?}") };
                assert_eq!((one.sender, one.media), (*sender, *media));
                assert!(lost.iter().all(|number| one.lost.clone().any(|asked| asked == *number)));
                assert!(one.lost.clone().all(|asked| lost.contains(&asked)));
            }
            Self::Pli(sender, media) => {
                let [Packet::Pli(one)] = packets else { panic!("{packets:?}") };
                assert_eq!((one.sender, one.media), (*sender, *media));
            }
            Self::Fir(sender, entries) => {
                let [Packet::Fir(one)] = packets else { panic!("{packets:?}") };
                assert!(one.sender == *sender && one.entries.eq(entries.iter().copied()));
            }
            Self::Remb(sender, bitrate, ssrcs) => {
                let [Packet::Remb(one)] = packets else { panic!("{packets:?}") };
                assert!(one.sender == *sender && one.ssrcs.eq(ssrcs.iter().copied()));
                assert!(one.bitrate <= *bitrate && bitrate - one.bitrate <= bitrate >> 17);
            }
        }
    }
}

fn receiver_blocks<'p>(ssrc: u32, packets: &'p [Packet<'p>]) -> impl Iterator<Item = ReportBlock> + 'p {
    packets.iter().flat_map(move |packet| match packet {
        Packet::ReceiverReport(one) if one.ssrc == ssrc => one.reports,
        other => panic!("{other:?}"),
    })
}

/// What 24 bits hold of a loss.
fn cut(blocks: &[ReportBlock]) -> Vec<ReportBlock> {
    let cut = |block: &ReportBlock| ReportBlock {
        total_lost: block.total_lost.clamp(-0x80_0000, 0x7f_ffff),
        ..*block
    };
    blocks.iter().map(cut).collect()
}

fn info(script: &mut Script<'_>) -> SenderInfo {
    let ntp = NtpTime::from_bits(script.u64());
    SenderInfo { ntp, rtp: script.u32(), packets: script.u32(), bytes: script.u32() }
}

fn block(script: &mut Script<'_>) -> ReportBlock {
    ReportBlock {
        ssrc: script.u32(),
        fraction_lost: script.byte(),
        total_lost: script.u32().cast_signed(),
        highest_sequence: script.u32(),
        jitter: script.u32(),
        last_sr: script.u32(),
        delay_since_last_sr: script.u32(),
    }
}

/// Also some that are longer than the 255 bytes that there is room for.
fn text(script: &mut Script<'_>) -> String {
    let text = String::from_utf8_lossy(script.chunk()).into_owned();
    text.repeat(1 + script.below(2))
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let of = |kind: u8, rest: &[u8]| [&[0x04, 0xb0, kind][..], rest].concat();
    named([
        (
            "sender-report",
            of(0, &[0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 7, 1, 9, 9, 9]),
        ),
        ("many-blocks", [of(1, &[0, 0, 0, 1, 40]), vec![5; 25 * 40]].concat()),
        ("description", of(2, &[2, 0, 0, 0, 1, 0, 0, 0, 2, 4, b'a', b'n', b'n', b'a', 0])),
        ("goodbye", of(3, &[1, 0, 0, 0, 1, 4, b'a', b'n', b'n', b'a', 1])),
        ("nack", of(4, &[0, 0, 0, 1, 0, 0, 0, 2, 4, 0, 5, 0, 6, 0, 22, 0xff, 0xff])),
        ("pli", of(5, &[0, 0, 0, 1, 0, 0, 0, 2])),
        ("fir", of(6, &[0, 0, 0, 1, 1, 0, 0, 0, 2, 7])),
        ("remb", of(7, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0x12, 0xd6, 0x87, 0, 1, 0, 0, 0, 2])),
        ("remb-huge", of(7, &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 1, 0, 0, 0, 2])),
        ("no-room", vec![0, 15, 5, 0, 0, 0, 1, 0, 0, 0, 2, 5, 0, 0, 0, 1, 0, 0, 0, 2]),
    ])
}
