//! Sender reports while clocks are set: what they say is right, or they say nothing.

use super::call::Call;
use rtp::NtpTime;
use rtp::rtcp::{self, Packet};
use rtp::srtp::Profile;
use sdp::Kind;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A little more than the time between two reports.
const LATER: Duration = Duration::from_millis(1_050);
const ROUND: Duration = Duration::from_millis(2_050);
const HOUR: Duration = Duration::from_secs(3_600);

/// Both tracks for a second; then reports on these come, and a second later the subscriber gets reports of its own: the
/// timestamps in them.
fn reported(call: &mut Call, ntp: NtpTime, tracks: &[usize]) -> Vec<u32> {
    let address = call.publishers[0].client.address;
    call.pass(SECOND);
    let mut datagrams: Vec<_> = call.media().into_iter().map(|(_, data)| data).collect();
    let (now, publisher) = (call.now, &mut call.publishers[0]);
    datagrams.extend(tracks.iter().map(|track| publisher.report(now, ntp, *track).unwrap()));
    call.receive(address, &mut datagrams);
    let sent = call.pass(LATER);
    let (client, _) = &mut call.subscribers[0];
    let (_, receiver) = client.keys.as_mut().unwrap();
    let mut reports = Vec::new();
    for (_, mut data) in sent.into_iter().filter(|(to, data)| *to == client.address && data[0] >= 128) {
        let opened = receiver.open_rtcp(&mut data).unwrap();
        for packet in rtcp::packets(&data[..opened.len]).flatten() {
            if let Packet::SenderReport(report) = packet {
                reports.push(report.info.rtp);
            }
        }
    }
    reports
}

#[test]
fn a_publisher_whose_clock_is_set_does_not_lose_its_sync() {
    let mut call = Call::new(None);
    call.publish(&[Kind::Audio, Kind::Video]);
    call.subscribe(0, &[Kind::Audio, Kind::Video], Profile::AeadAes128Gcm);
    let now = call.now;
    call.publishers[0].rest_until(now);
    let ntp = NtpTime::from_bits(3_900_000_000 << 32);
    let [audio, video] = reported(&mut call, ntp, &[0, 1])[..] else { panic!("a report on each track") };
    // Set by an hour, and only one track is reported on since.
    let set = ntp + HOUR + ROUND;
    let [later] = reported(&mut call, set, &[0])[..] else {
        panic!("a report on what is known, and no other")
    };
    let ms = |ticks: u32, per_ms: u32| ticks / per_ms;
    assert!((2_040..2_060).contains(&ms(later.wrapping_sub(audio), 48)), "{audio} {later}");
    let [_, later] = reported(&mut call, set + ROUND, &[0, 1])[..] else { panic!("both are known") };
    assert!((4_090..4_110).contains(&ms(later.wrapping_sub(video), 90)), "{video} {later}");
}
