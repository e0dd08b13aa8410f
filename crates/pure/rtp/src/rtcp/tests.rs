//! Compounds from the wire; and what is written is what is read.

use super::*;
use crate::{NoRoom, NtpTime};
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    let mut out = [0xee; 8000];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).unwrap();
    assert_eq!(writer.len() % 4, 0);
    writer.written().to_vec()
}

fn block() -> impl Strategy<Value = ReportBlock> {
    (any::<[u32; 5]>(), any::<u8>(), -0x80_0000i32..0x80_0000).prop_map(
        |(words, fraction_lost, total_lost)| {
            let [ssrc, highest_sequence, jitter, last_sr, delay_since_last_sr] = words;
            ReportBlock {
                ssrc,
                fraction_lost,
                total_lost,
                highest_sequence,
                jitter,
                last_sr,
                delay_since_last_sr,
            }
        },
    )
}

proptest! {
    #[test]
    fn reports(
        ssrc in any::<u32>(),
        (ntp, rtp, packet_count, bytes) in any::<(u64, u32, u32, u32)>(),
        blocks in prop::collection::vec(block(), 0..70),
    ) {
        let info = SenderInfo { ntp: NtpTime::from_bits(ntp), rtp, packets: packet_count, bytes };
        let compound = written(|writer| {
            writer.sender_report(ssrc, &info, &blocks)?;
            writer.receiver_report(ssrc, &blocks)
        });
        let (mut in_sender_report, mut in_all) = (Vec::new(), Vec::new());
        for (n, packet) in packets(&compound).enumerate() {
            match packet.unwrap() {
                Packet::SenderReport(report) => {
                    prop_assert_eq!((n, report.ssrc, report.info), (0, ssrc, info));
                    in_sender_report.extend(report.reports);
                }
                Packet::ReceiverReport(report) => {
                    prop_assert_eq!(report.ssrc, ssrc);
                    in_all.extend(report.reports);
                }
                other => panic!("{other:?}"),
            }
        }
        in_sender_report.extend(in_all);
        prop_assert_eq!(in_sender_report, [&blocks[..], &blocks[..]].concat());
    }

    #[test]
    fn names_and_goodbyes(
        ssrcs in prop::collection::vec(any::<u32>(), 1..40),
        cname in "[a-zé]{0,60}",
        reason in "[ -~]{0,255}",
    ) {
        let compound = written(|writer| {
            writer.source_description(&ssrcs, &cname)?;
            writer.goodbye(&ssrcs, &reason)
        });
        let (mut described, mut gone) = (Vec::new(), Vec::new());
        for packet in packets(&compound) {
            match packet.unwrap() {
                Packet::SourceDescription(description) => {
                    for chunk in description.chunks() {
                        prop_assert_eq!(chunk.cname(), Some(cname.as_bytes()));
                        described.push(chunk.ssrc);
                    }
                }
                Packet::Goodbye(goodbye) => {
                    let expected = Some(reason.as_bytes()).filter(|reason| !reason.is_empty());
                    prop_assert_eq!(goodbye.reason, expected);
                    gone.extend(goodbye.sources);
                }
                other => panic!("{other:?}"),
            }
        }
        prop_assert_eq!(&described, &ssrcs);
        prop_assert_eq!(&gone, &ssrcs);
    }

    #[test]
    fn lost_packets(start in any::<u16>(), steps in prop::collection::vec(1u16..40, 0..200)) {
        let mut next = start;
        let mut lost = vec![start];
        lost.extend(steps.iter().map(|step| { next = next.wrapping_add(*step); next }));
        let compound = written(|writer| writer.nack(1, 2, &lost));
        let Some(Ok(Packet::Nack(nack))) = packets(&compound).next() else { panic!() };
        prop_assert_eq!((nack.sender, nack.media), (1, 2));
        prop_assert_eq!(nack.lost.collect::<Vec<_>>(), lost);
    }

    #[test]
    fn key_frame_requests_and_bitrates(
        media in any::<u32>(),
        entries in prop::collection::vec(any::<(u32, u8)>(), 0..20),
        bitrate in prop_oneof![any::<u64>(), 0u64..10_000_000],
        ssrcs in prop::collection::vec(any::<u32>(), 0..255),
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(ssrc, sequence)| FirEntry { ssrc, sequence }).collect();
        let compound = written(|writer| {
            writer.pli(1, media)?;
            writer.fir(1, &entries)?;
            writer.remb(1, bitrate, &ssrcs)
        });
        let all: Vec<_> = packets(&compound).map(Result::unwrap).collect();
        prop_assert_eq!(all[0], Packet::Pli(Pli { sender: 1, media }));
        let (Packet::Fir(fir), Packet::Remb(remb)) = (all[1], all[2]) else { panic!() };
        prop_assert_eq!(fir.entries.collect::<Vec<_>>(), entries);
        prop_assert!(remb.bitrate <= bitrate && bitrate - remb.bitrate <= bitrate >> 17);
        prop_assert_eq!(remb.ssrcs.collect::<Vec<_>>(), ssrcs);
    }

    #[test]
    fn transport_feedback(
        (base, reference, count) in any::<(u16, u32, u8)>(),
        statuses in prop::collection::vec(
            prop_oneof![3 => Just(vec![None; 9]), 3 => (0i16..256).prop_map(|d| vec![Some(d); 8]),
                1 => any::<i16>().prop_map(|d| vec![Some(d)]), 1 => Just(vec![None])],
            1..60,
        ),
    ) {
        let statuses: Vec<Status> = statuses.concat();
        let reference_time = reference & 0x00ff_ffff;
        let part = FeedbackPart { media: 2, base, reference_time, feedback_count: count, statuses: &statuses };
        let compound = written(|writer| writer.transport_cc(1, &part));
        let Some(Ok(Packet::TransportCc(feedback))) = packets(&compound).next() else { panic!() };
        prop_assert_eq!((feedback.sender, feedback.media, feedback.base), (1, 2, base));
        prop_assert_eq!((feedback.reference_time, feedback.feedback_count), (reference_time, count));
        prop_assert_eq!(usize::from(feedback.count), statuses.len());
        let mut ticks = i64::from(reference_time) * 256;
        let mut expected = Vec::new();
        for (n, status) in statuses.iter().enumerate() {
            if let Some(delta) = status {
                ticks += i64::from(*delta);
                expected.push(Arrival { sequence: base.wrapping_add(n as u16), ticks });
            }
        }
        let (mut one_by_one, mut at_once) = (feedback.arrivals(), Vec::new());
        feedback.arrivals().for_each(|arrival| at_once.push(arrival));
        prop_assert_eq!(&at_once, &expected);
        prop_assert_eq!(std::iter::from_fn(|| one_by_one.next()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn without_room_nothing_is_written(room in 0usize..120) {
        let mut out = vec![0; room];
        let mut writer = Writer::new(&mut out);
        let blocks = [ReportBlock::default(); 33];
        prop_assert_eq!(writer.receiver_report(1, &blocks), Err(NoRoom));
        prop_assert!(writer.is_empty());
        prop_assert_eq!(writer.pli(1, 2).is_ok(), room >= 12);
        prop_assert_eq!(writer.len(), if room >= 12 { 12 } else { 0 });
    }
}

/// One run-length chunk of 8191 lost packets after the other, in the fewest bytes: work must follow the bytes.
#[test]
fn a_claim_of_many_lost_packets_costs_nothing() {
    let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    bytes.extend([0x1f, 0xff].repeat(8)); // 65,528 lost
    bytes.extend([0x20, 7, 1, 2, 3, 4, 5, 6, 7, 0]); // and 7 that arrived
    bytes.extend([0; 2]);
    bytes[3] = (bytes.len() / 4 - 1) as u8;
    let Some(Ok(Packet::TransportCc(feedback))) = packets(&bytes).next() else { panic!() };
    let arrivals: Vec<_> = feedback.arrivals().collect();
    assert_eq!(feedback.count, 65_535);
    assert_eq!((arrivals.len(), arrivals[0].sequence, arrivals[6].ticks), (7, 65_528, 28));
}

#[test]
fn statuses_beyond_the_packet_and_reserved_ones_are_refused() {
    let head = [0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0];
    let parse = |chunk: [u8; 4]| {
        let bytes = [&head[..], &chunk[..]].concat();
        let first = packets(&bytes).next().unwrap();
        first.is_ok()
    };
    assert!(!parse([0x20, 9, 1, 1]), "nine deltas announced, two there");
    assert!(!parse([0x60, 9, 0, 0]), "the reserved symbol");
    assert!(!parse([0x00, 1, 0x00, 1]), "two of nine statuses");
    assert!(parse([0x00, 9, 0, 0]));
}

/// A browser's first compound: an empty RR and an SDES, then a PLI.
const COMPOUND: &[u8] = &[
    0x80, 201, 0, 1, 0, 0, 0, 1, // RR of 1
    0x81, 202, 0, 3, 0, 0, 0, 1, 1, 3, b'a', b'b', b'c', 0, 0, 0, // CNAME abc, null, padding
    0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9, // PLI of 1 for 9
];

#[test]
fn a_compound_packet_by_packet() {
    let all: Vec<_> = packets(COMPOUND).map(Result::unwrap).collect();
    assert!(matches!(all[0], Packet::ReceiverReport(report) if report.ssrc == 1));
    let Packet::SourceDescription(description) = all[1] else { panic!() };
    assert_eq!(description.chunks().next().unwrap().cname(), Some(&b"abc"[..]));
    assert_eq!(all[2], Packet::Pli(Pli { sender: 1, media: 9 }));
    assert_eq!(all.len(), 3);
}

#[test]
fn unknown_ones_are_skipped_and_torn_ones_end_it() {
    let mut bytes = vec![0x80, 204, 0, 1, 1, 2, 3, 4]; // APP
    bytes.extend([0x83, 205, 0, 1, 1, 2, 3, 4]); // a feedback type that nobody knows
    bytes.extend([0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, b'o', b'w', b'n', b'!']); // not REMB
    bytes.extend(COMPOUND);
    assert_eq!(packets(&bytes).count(), 3);
    bytes.truncate(bytes.len() - 1);
    let all: Vec<_> = packets(&bytes).collect();
    assert_eq!(all.len(), 3);
    assert_eq!(all[2], Err(Malformed::TooShort("the end of an RTCP packet")));
}

#[test]
fn a_malformed_packet_does_not_hide_the_next() {
    let mut bytes = vec![0x82, 201, 0, 1, 0, 0, 0, 1]; // announces two blocks, has none
    bytes.extend(COMPOUND);
    let all: Vec<_> = packets(&bytes).collect();
    assert!(all[0].is_err() && all[1..].iter().all(Result::is_ok));
    assert_eq!(all.len(), 4);
}

#[test]
fn padding_is_taken_off() {
    let bytes = [0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 4];
    assert_eq!(packets(&bytes).next(), Some(Ok(Packet::Pli(Pli { sender: 1, media: 9 }))));
    let lying = [0xa1, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9];
    assert_eq!(packets(&lying).next(), Some(Err(Malformed::Padding(9))));
}

proptest! {
    #[test]
    fn nothing_panics(
        mut bytes in prop::collection::vec(any::<u8>(), 4..200),
        kind in 199u8..208,
        count in 0u8..64,
        body in any::<bool>(),
    ) {
        if body {
            bytes.truncate(bytes.len() / 4 * 4);
            (bytes[0], bytes[1], bytes[2]) = (0x80 | count, kind, 0);
            bytes[3] = (bytes.len() / 4 - 1) as u8;
        }
        for packet in packets(&bytes).flatten() {
            match packet {
                Packet::SenderReport(report) => report.reports.for_each(drop),
                Packet::ReceiverReport(report) => report.reports.for_each(drop),
                Packet::SourceDescription(description) => {
                    description.chunks().for_each(|chunk| chunk.items().for_each(drop));
                }
                Packet::Goodbye(goodbye) => goodbye.sources.for_each(drop),
                Packet::Nack(nack) => nack.lost.for_each(drop),
                Packet::Fir(fir) => fir.entries.for_each(drop),
                Packet::TransportCc(feedback) => feedback.arrivals().for_each(drop),
                Packet::Remb(remb) => remb.ssrcs.for_each(drop),
                Packet::Pli(_) => {}
            }
        }
    }
}
