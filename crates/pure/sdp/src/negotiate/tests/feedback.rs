//! Which feedback is agreed on, and what depends on it.

use super::{publish, subscribe};
use crate::codec::Codec;
use crate::feedback::Feedback;
use crate::fixtures::{self, track, with};

#[test]
fn feedback_and_extensions_are_those_that_both_sides_know() {
    let session = publish(fixtures::CHROME_PUBLISH).unwrap();
    let lines: Vec<_> = session.receiving().map(|track| &track.line).collect();
    assert_eq!(lines[0].feedback, Feedback { transport_cc: true, ..Feedback::NONE });
    assert_eq!(lines[1].feedback, Feedback { remb: false, ..Feedback::VIDEO });
    let audio = lines[0].extensions;
    assert_eq!((audio.mid, audio.rid, audio.audio_level), (Some(4), None, Some(1)));
    let video = lines[1].extensions;
    assert_eq!((video.mid, video.rid, video.audio_level), (Some(4), Some(10), None));
    assert_eq!((video.abs_send_time, video.transport_cc), (Some(2), Some(3)));

    let session = publish(fixtures::AIORTC_PUBLISH).unwrap();
    let video = &session.receiving().nth(1).unwrap().line;
    assert!(video.feedback.nack && video.feedback.pli && !video.feedback.fir && !video.feedback.transport_cc);
    assert!(!video.rtcp_rsize);
}

#[test]
fn transport_cc_is_agreed_on_with_both_its_halves_or_not_at_all() {
    let uri = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    for text in [
        with(fixtures::CHROME_PUBLISH, uri, "urn:something-else"),
        with(fixtures::CHROME_PUBLISH, " transport-cc\r\n", " goog-remb\r\n"),
    ] {
        for track in publish(&text).unwrap().receiving() {
            assert!(!track.line.feedback.transport_cc);
            assert_eq!(track.line.extensions.transport_cc, None);
        }
    }
}

#[test]
fn a_subscriber_without_transport_cc_may_tell_its_bandwidth() {
    let picture = [track(Codec::Vp8, 1, "")];
    let remb = |text: &str| {
        let session = subscribe(text, &picture).unwrap();
        let feedback = session.sending().next().unwrap().line.feedback;
        (feedback.transport_cc, feedback.remb)
    };
    assert_eq!(remb(fixtures::CHROME_SUBSCRIBE), (true, false));
    let older = with(fixtures::CHROME_SUBSCRIBE, " transport-cc\r\n", " x\r\n");
    assert_eq!(remb(&older), (false, true));
    assert_eq!(remb(&with(&older, " goog-remb\r\n", " x\r\n")), (false, false));
    assert_eq!(remb(fixtures::AIORTC_SUBSCRIBE), (false, true));
    // The other half of transport-cc is not there.
    let uri = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    assert_eq!(remb(&with(fixtures::CHROME_SUBSCRIBE, uri, "urn:something-else")), (false, true));
    // From a publisher it is not taken: the server would have to make the estimate.
    let publisher = with(fixtures::CHROME_PUBLISH, " transport-cc\r\n", " x\r\n");
    assert!(publish(&publisher).unwrap().receiving().all(|track| !track.line.feedback.remb));
}

#[test]
fn retransmissions_need_nack() {
    let text = with(fixtures::CHROME_PUBLISH, "a=rtcp-fb:96 nack\r\n", "");
    let session = publish(&text).unwrap();
    assert_eq!(session.receiving().nth(1).unwrap().line.rtx_payload_type, None);
}
