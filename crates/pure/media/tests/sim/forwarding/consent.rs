//! Consent counts from the latest check, whatever came after it.

use super::call::Call;
use super::subscriber::is_media;
use rtp::srtp::Profile;
use sdp::Kind;
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn a_handshake_is_no_consent() {
    let mut call = Call::new(None);
    call.publish(&[Kind::Audio]);
    call.hesitation = Duration::from_secs(14);
    call.subscribe(0, &[Kind::Audio], Profile::AeadAes128Gcm);
    let subscriber = call.subscribers[0].0.address;
    let publisher = call.publishers[0].client.address;
    let to_subscriber = |call: &mut Call| {
        let mut media: Vec<_> = call.media().into_iter().map(|(_, data)| data).collect();
        let sent = call.receive(publisher, &mut media);
        sent.iter().filter(|(to, data)| *to == subscriber && is_media(data)).count()
    };
    let check = call.publishers[0].client.check();
    call.receive(publisher, &mut [check]);
    let now = call.now;
    call.publishers[0].rest_until(now);
    assert!(to_subscriber(&mut call) > 0);
    call.pass(Duration::from_millis(1_500));
    assert_eq!(to_subscriber(&mut call), 0, "15.5 s after its check nobody knows whether it is still there");
    call.pass(Duration::from_secs(45));
    let stats = call.router.stats();
    assert_eq!((stats.streams, stats.subscriptions), (1, 0), "60.5 s after it, it is gone");
}

/// Somebody is away for so long, and then checks again, from the same address or from another one.
fn away(seconds: u64, moves: bool, publishes: bool) {
    let mut call = Call::new(None);
    call.publish(&[Kind::Video]);
    call.subscribe(0, &[Kind::Video], Profile::AeadAes128Gcm);
    let flows = |call: &mut Call| {
        let (publisher, to) = (call.publishers[0].client.address, call.subscribers[0].0.address);
        let now = call.now;
        call.publishers[0].rest_until(now);
        let mut all = Vec::new();
        for _ in 0..20 {
            let mut media: Vec<_> = call.media().into_iter().map(|(_, data)| data).collect();
            all.extend(call.receive(publisher, &mut media));
            all.extend(call.pass(Duration::from_millis(20)));
        }
        let (media, asked): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, data)| is_media(data));
        let asked = asked.iter().filter(|(at, data)| *at == publisher && data[0] >= 128).count();
        (media.iter().filter(|(at, _)| *at == to).count(), asked)
    };
    let check = |call: &mut Call, publisher: bool| {
        let client = if publisher { &call.publishers[0].client } else { &call.subscribers[0].0 };
        let (from, check) = (client.address, client.check());
        call.receive(from, &mut [check])
    };
    assert!(flows(&mut call).0 > 0);
    // The other one is there all the time.
    for _ in 0..seconds {
        call.pass(Duration::from_secs(1));
        check(&mut call, !publishes);
    }
    assert_eq!(call.router.stats().connected, 2, "{seconds} s");
    if moves {
        let client = if publishes { &mut call.publishers[0].client } else { &mut call.subscribers[0].0 };
        client.address = SocketAddr::from(([127, 0, 9, 9], 9));
    }
    if !publishes {
        assert_eq!(flows(&mut call).0, 0, "to whom nobody hears");
    }
    assert!(!check(&mut call, publishes).is_empty());
    let (media, asked) = flows(&mut call);
    assert!(media > 0 && asked > 0, "{media} packets, and {asked} requests");
}

#[test]
fn who_checks_again_after_30_s_or_45_s_goes_on_from_wherever() {
    for (seconds, moves) in [(30, false), (30, true), (45, false), (45, true), (58, true)] {
        away(seconds, moves, false);
        away(seconds, moves, true);
    }
}
