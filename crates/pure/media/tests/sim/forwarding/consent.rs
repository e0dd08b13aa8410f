//! Consent counts from the latest check, whatever came after it.

use super::call::Call;
use super::subscriber::is_media;
use rtp::srtp::Profile;
use sdp::Kind;
use std::time::Duration;

#[test]
fn a_handshake_is_no_consent() {
    let mut call = Call::new();
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
    call.pass(Duration::from_secs(15));
    let stats = call.router.stats();
    assert_eq!((stats.streams, stats.subscriptions), (1, 0), "30.5 s after it, it is gone");
}
