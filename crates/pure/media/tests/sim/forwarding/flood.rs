//! Fairness, by counting: what one call does is bounded, so a flood on one stream takes its own packets' share and
//! keeps nobody else waiting.

use super::call::{Call, incoming};
use media::{DatagramSink, SendBatch};
use rtp::packet::is_rtcp;
use rtp::srtp::Profile;
use sdp::Kind;
use std::net::SocketAddr;
use std::time::Duration;

/// Datagrams that a worker hands over at once.
const BATCH: usize = 64;

const FLOOD: usize = 10_000;

/// Subscribers of the stream that floods.
const CROWD: usize = 5;

/// Destinations in the order in which datagrams leave.
#[derive(Default)]
struct Order(Vec<(SocketAddr, bool)>);

impl DatagramSink for Order {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| (datagram.to, is_rtcp(datagram.data))));
    }
}

#[test]
fn a_flood_of_one_stream_keeps_no_other_waiting() {
    let mut call = Call::new(None);
    call.publish(&[Kind::Audio]);
    call.publish(&[Kind::Audio]);
    (0..CROWD).for_each(|_| call.subscribe(0, &[Kind::Audio], Profile::AeadAes128Gcm));
    call.subscribe(1, &[Kind::Audio], Profile::AeadAes128Gcm);
    let (quiet_source, quiet) = (call.publishers[1].client.address, call.subscribers[CROWD].0.address);
    // Packets of a quarter of an hour, all at once; one in a while is of the quiet stream.
    let from = call.now;
    call.now += Duration::from_millis(20) * FLOOD as u32;
    let produced = call.media();
    call.now = from;
    let of = |source: bool| produced.iter().filter(move |(from, _)| (*from == quiet_source) == source);
    let mut quiet_packets = of(true).cloned();
    let flood: Vec<_> = of(false).cloned().collect();
    assert_eq!(flood.len(), FLOOD + 1);

    let mut reports = 0;
    for (at, packets) in flood.chunks(BATCH - 1).enumerate() {
        let mut datagrams = packets.to_vec();
        datagrams.insert(at % (packets.len() + 1), quiet_packets.next().unwrap());
        let mut sent = Order::default();
        let wall = call.wall();
        call.router.receive(call.now, wall, &mut incoming(&mut datagrams), &mut sent);
        // A frame's packets may wait for the rest of it, but not beyond this.
        call.now += Duration::from_millis(1);
        let (now, wall) = (call.now, call.wall());
        call.router.handle_timeout(now, wall, &mut sent);
        let media = sent.0.iter().filter(|(_, rtcp)| !rtcp);
        assert!(media.clone().count() <= packets.len() * CROWD + 1);
        assert_eq!(media.filter(|(to, _)| *to == quiet).count(), 1, "batch {at}");
        reports += sent.0.iter().filter(|(to, rtcp)| *rtcp && *to == quiet_source).count();
        assert!(sent.0.len() <= BATCH * CROWD + 20, "{} datagrams by one call", sent.0.len());
        assert!(
            call.router.poll_timeout().is_none_or(|next| next > call.now),
            "nothing that was due is left"
        );
    }
    // It took 160 ms: a report to the quiet publisher was due after 200 ms, feedback after 100.
    assert!(reports > 0, "the quiet publisher hears of its packets");
    assert!(call.router.stats().drops < 10, "what is authentic is taken");
}
