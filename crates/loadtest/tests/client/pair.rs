//! Two clients with each other: who answers begins the handshake, who offered is the DTLS server.

use loadtest::client::{
    Client, Clock, Direction, Event, Identity, Kind, Offering, Outgoing, Profile, answer,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Our own offers and answers need no candidates towards an ICE-lite server; a peer of ours does.
fn with_candidate(sdp: &str, address: SocketAddr) -> String {
    let line =
        format!("a=candidate:1 1 udp 1 {} {} typ host\r\na=rtcp-mux\r\n", address.ip(), address.port());
    sdp.replace("a=rtcp-mux\r\n", &line)
}

/// Lets both talk until nothing is due for a while; returns what the second received.
fn talk(
    now: &mut Instant,
    clients: &mut [(&mut Client, SocketAddr); 2],
    queue: &mut Vec<(usize, Vec<u8>)>,
) -> usize {
    let mut packets = 0;
    for _ in 0..200 {
        *now += Duration::from_millis(5);
        let mut next = Vec::new();
        for (to, mut datagram) in queue.drain(..) {
            let source = clients[1 - to].1;
            let client = &mut clients[to].0;
            let header =
                client.handle(*now, source, &mut datagram, &mut |_, out| next.push((1 - to, out.to_vec())));
            if let Some(header) = header {
                packets += usize::from(client.receive(*now, &header, &mut datagram, true).is_some());
            }
        }
        for (index, (client, _)) in clients.iter_mut().enumerate() {
            client.handle_timeout(*now, &mut |_, out| next.push((1 - index, out.to_vec())));
        }
        *queue = next;
    }
    packets
}

#[test]
fn who_answers_receives_what_is_offered_in_the_profile_that_it_offers() {
    for profile in Profile::ALL {
        let mut now = Instant::now();
        let clock = Clock { at: now, wall: SystemTime::UNIX_EPOCH };
        let addresses: [SocketAddr; 2] =
            ["192.0.2.1:1000".parse().unwrap(), "192.0.2.2:1000".parse().unwrap()];
        let identity = Arc::new(Identity::generate(profile).unwrap());
        let offering = Offering::new(&identity, Direction::Publish, &[Kind::Video], "ada").unwrap();
        let offer = with_candidate(offering.sdp(), addresses[0]);
        let (mut receiver, text) = answer(now, clock, &identity, &offer, "ben").unwrap();
        assert!(text.contains("a=setup:active") && text.contains("a=recvonly"), "{text}");
        let mut sender = offering.accept(now, clock, &with_candidate(&text, addresses[1])).unwrap();
        let mut queue = Vec::new();
        let mut clients = [(&mut sender, addresses[0]), (&mut receiver, addresses[1])];
        talk(&mut now, &mut clients, &mut queue);
        assert_eq!(clients[0].0.poll_event(), Some(Event::Connected));
        assert_eq!(clients[1].0.poll_event(), Some(Event::Connected));
        assert_eq!(clients[1].0.profile(), Some(profile));
        let mut buffer = [0; 200];
        for _ in 0..10 {
            let packet = Outgoing { marker: true, timestamp: 1, payload: &[0x10, 0] };
            let len = clients[0].0.send(now, 0, &packet, &mut buffer).unwrap();
            queue.push((1, buffer[..len].to_vec()));
        }
        assert_eq!(talk(&mut now, &mut clients, &mut queue), 10);
    }
}
