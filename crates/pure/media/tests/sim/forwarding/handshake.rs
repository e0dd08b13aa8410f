//! A handshake has as much time as the connect timeout says.

use super::call::Call;
use rtp::srtp::Profile;
use sdp::Kind;
use std::time::Duration;

#[test]
fn who_hears_nothing_for_half_of_the_time_still_connects() {
    let mut call = Call::new(None);
    call.publish(&[Kind::Audio]);
    // Meanwhile it repeats its message, and the router its answer, seven times each.
    call.deafness = Duration::from_secs(15);
    call.subscribe(0, &[Kind::Audio], Profile::AeadAes128Gcm);
    assert_eq!(call.router.stats().handshakes, 2);
}
