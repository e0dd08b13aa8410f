//! RTCP compounds: what is read is bounded by what came, and says the same when it is written and read again.

use super::named;
use rtp::rtcp::{self, FirEntry, Nack, Packet, Remb, ReportBlock, Writer};
use std::collections::BTreeSet;

pub(crate) fn run(data: &[u8]) {
    let mut count = 0;
    for packet in rtcp::packets(data) {
        count += 1;
        if let Ok(packet) = packet {
            check(&packet, data.len());
        }
    }
    // No packet is shorter than its header; where lengths are wrong, what is left of it is one more error.
    assert!(count <= data.len() / 4 + 1);
}

fn check(packet: &Packet<'_>, len: usize) {
    match packet {
        Packet::SenderReport(report) => {
            let blocks: Vec<ReportBlock> = report.reports.collect();
            again(|writer| writer.sender_report(report.ssrc, &report.info, &blocks), packet);
        }
        Packet::ReceiverReport(report) => {
            let blocks: Vec<ReportBlock> = report.reports.collect();
            again(|writer| writer.receiver_report(report.ssrc, &blocks), packet);
        }
        Packet::SourceDescription(description) => {
            let mut items = 0;
            for chunk in description.chunks() {
                items += 1 + chunk.items().count();
                let Some(Ok(cname)) = chunk.cname().map(std::str::from_utf8) else { continue };
                written(
                    |writer| writer.source_description(&[chunk.ssrc], cname),
                    |packet| {
                        let Packet::SourceDescription(read) = packet else { panic!("{packet:?}") };
                        let read: Vec<_> = read.chunks().map(|chunk| (chunk.ssrc, chunk.cname())).collect();
                        assert_eq!(read, [(chunk.ssrc, Some(cname.as_bytes()))]);
                    },
                );
            }
            assert!(items <= len / 2 + 1);
        }
        Packet::Goodbye(goodbye) => {
            let sources: Vec<u32> = goodbye.sources.collect();
            assert!(sources.len() <= 31 && 4 * sources.len() <= len);
            match goodbye.reason.map(std::str::from_utf8) {
                // Nobody leaves, and an empty reason: there are shorter ways to say nothing.
                _ if sources.is_empty() => {}
                Some(Ok("") | Err(_)) => {}
                Some(Ok(reason)) => again(|writer| writer.goodbye(&sources, reason), packet),
                None => again(|writer| writer.goodbye(&sources, ""), packet),
            }
        }
        Packet::Nack(nack) => check_nack(nack, len),
        Packet::Pli(pli) => again(|writer| writer.pli(pli.sender, pli.media), packet),
        Packet::Fir(fir) => {
            let entries: Vec<FirEntry> = fir.entries.collect();
            assert!(8 * entries.len() <= len);
            written(
                |writer| writer.fir(fir.sender, &entries),
                |packet| {
                    let Packet::Fir(read) = packet else { panic!("{packet:?}") };
                    assert!(read.sender == fir.sender && read.entries.eq(entries.iter().copied()));
                },
            );
        }
        Packet::Remb(remb) => check_remb(remb),
        Packet::TransportCc(feedback) => {
            let arrivals: Vec<_> = feedback.arrivals().collect();
            // Each has a delta of a byte at least.
            assert!(arrivals.len() <= len.min(usize::from(feedback.count)));
            let numbers: Vec<u16> =
                arrivals.iter().map(|arrival| arrival.sequence.wrapping_sub(feedback.base)).collect();
            assert!(numbers.is_sorted() && numbers.last().is_none_or(|last| *last < feedback.count));
        }
    }
}

fn check_nack(nack: &Nack<'_>, len: usize) {
    let lost: Vec<u16> = nack.lost.collect();
    assert!(lost.len() <= len / 4 * 17);
    written(
        |writer| writer.nack(nack.sender, nack.media, &lost),
        |packet| {
            let Packet::Nack(read) = packet else { panic!("{packet:?}") };
            assert_eq!((read.sender, read.media), (nack.sender, nack.media));
            let asked: BTreeSet<u16> = lost.iter().copied().collect();
            assert_eq!(read.lost.collect::<BTreeSet<u16>>(), asked);
        },
    );
}

fn check_remb(remb: &Remb<'_>) {
    let ssrcs: Vec<u32> = remb.ssrcs.collect();
    written(
        |writer| writer.remb(remb.sender, remb.bitrate, &ssrcs),
        |packet| {
            let Packet::Remb(read) = packet else { panic!("{packet:?}") };
            assert!(read.sender == remb.sender && read.ssrcs.eq(ssrcs.iter().copied()));
            // What does not fit is cut off behind 18 bits.
            assert!(read.bitrate <= remb.bitrate && remb.bitrate - read.bitrate <= remb.bitrate >> 17);
            assert!(remb.bitrate == u64::MAX || read.bitrate == remb.bitrate);
        },
    );
}

/// Writes what was read; reading that gives the same.
fn again(write: impl FnOnce(&mut Writer<'_>) -> Result<(), rtp::NoRoom>, packet: &Packet<'_>) {
    written(write, |read| {
        // What they borrow is laid out as it came or as we write it.
        let plain = |packet: &Packet<'_>| format!("{packet:?}");
        assert_eq!(plain(read), plain(packet));
    });
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), rtp::NoRoom>, check: impl FnOnce(&Packet<'_>)) {
    let mut buffer = vec![0xaa; 0x4_0000];
    let mut writer = Writer::new(&mut buffer);
    if write(&mut writer).is_err() {
        // The length of a packet has 16 bits, in words.
        return;
    }
    assert_eq!(writer.len() % 4, 0);
    let mut packets = rtcp::packets(writer.written());
    match packets.next() {
        Some(Ok(packet)) => check(&packet),
        other => panic!("{other:?}"),
    }
    assert_eq!(packets.next(), None);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let of = |write: &dyn Fn(&mut Writer<'_>)| {
        let mut buffer = [0; 1200];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer);
        writer.written().to_vec()
    };
    let block = ReportBlock {
        ssrc: 7,
        fraction_lost: 3,
        total_lost: -5,
        highest_sequence: 70_000,
        jitter: 9,
        last_sr: 1,
        delay_since_last_sr: 2,
    };
    let info = rtcp::SenderInfo { ntp: rtp::NtpTime::from_bits(1 << 40), rtp: 5, packets: 6, bytes: 7 };
    named([
        ("sender-report", of(&|writer| writer.sender_report(1, &info, &[block]).unwrap())),
        ("receiver-report", of(&|writer| writer.receiver_report(1, &[block, block]).unwrap())),
        ("empty-report", of(&|writer| writer.receiver_report(1, &[]).unwrap())),
        ("description", of(&|writer| writer.source_description(&[1, 2], "anna").unwrap())),
        ("goodbye", of(&|writer| writer.goodbye(&[1, 2], "enough").unwrap())),
        ("nack", of(&|writer| writer.nack(1, 2, &[5, 6, 22, 65_535, 0]).unwrap())),
        ("pli", of(&|writer| writer.pli(1, 2).unwrap())),
        ("fir", of(&|writer| writer.fir(1, &[FirEntry { ssrc: 2, sequence: 9 }]).unwrap())),
        ("remb", of(&|writer| writer.remb(1, 1_234_567, &[2, 3]).unwrap())),
        (
            "remb-huge",
            [
                &[0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0][..],
                b"REMB",
                &[1, 40 << 2 | 3, 0xff, 0xff, 0, 0, 0, 2],
            ]
            .concat(),
        ),
        (
            "transport-cc",
            vec![
                0xaf, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 7, 0, 0, 3, 1, 0x20, 2, 0xd9, 0x00, 4,
                0xff, 0xfe, 1,
            ],
        ),
        (
            "compound",
            of(&|writer| {
                writer.sender_report(1, &info, &[]).unwrap();
                writer.source_description(&[1], "anna").unwrap();
                writer.nack(1, 2, &[5]).unwrap();
                writer.pli(1, 2).unwrap();
            }),
        ),
        ("padded", vec![0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4]),
        ("unknown-kind", vec![0x80, 207, 0, 1, 1, 2, 3, 4, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]),
    ])
}
