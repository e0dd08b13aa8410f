//! ICE restarts (RFC 8445, section 9): a later offer of the same peer, with new ICE credentials. All else goes on as it is:
//! DTLS, SRTP, and what is sent and received on each m-line.

use crate::error::SdpError;
use crate::offer::Source;
use crate::session::{ReceiveTrack, Section, SendTrack, Session};
use crate::transport::Remote;

impl Session {
    /// Checks that this session, negotiated from a later offer, is `earlier` with ICE begun anew: `self.remote` has new
    /// credentials, and everything else is as it was agreed on. For a subscriber, negotiate it with the same tracks.
    ///
    /// Free to change are the candidates, what the application calls its tracks, and which layers are paused.
    ///
    /// # Errors
    /// [`SdpError::NoRestart`] and [`SdpError::Changed`]: what is not so.
    pub fn check_restart(&self, earlier: &Self) -> Result<(), SdpError> {
        self.remote.check_restart(&earlier.remote)?;
        if self.sections.len() != earlier.sections.len() {
            return Err(SdpError::NoRestart("as many m-lines as before"));
        }
        for (index, (now, before)) in self.sections.iter().zip(&earlier.sections).enumerate() {
            section(now, before).map_err(|what| SdpError::Changed { index, what })?;
        }
        if self.bundle == earlier.bundle { Ok(()) } else { Err(SdpError::NoRestart("the same BUNDLE group")) }
    }
}

impl Remote {
    fn check_restart(&self, earlier: &Self) -> Result<(), SdpError> {
        // RFC 8839, section 4.4.1.1.1: both change.
        if self.ice.ufrag == earlier.ice.ufrag || self.ice.pwd == earlier.ice.pwd {
            return Err(SdpError::NoRestart("a new a=ice-ufrag and a new a=ice-pwd"));
        }
        // RFC 8842, section 4: others would be of a new DTLS association.
        let (now, before) = (&self.fingerprints, &earlier.fingerprints);
        let same = now.iter().all(|it| before.contains(it)) && before.iter().all(|it| now.contains(it));
        if same { Ok(()) } else { Err(SdpError::NoRestart("the same a=fingerprint")) }
    }
}

/// The error is what is not the same.
fn section(now: &Section, before: &Section) -> Result<(), &'static str> {
    match (now, before) {
        (Section::Receive(now), Section::Receive(before)) => received(now, before)?,
        (Section::Send(now), Section::Send(before)) => sent(now, before)?,
        (Section::Idle(_), Section::Idle(_)) => {}
        (Section::Rejected(_), Section::Rejected(_)) => return Ok(()),
        _ => return Err("direction, or use at all"),
    }
    if now.line() == before.line() { Ok(()) } else { Err("mid, codec, payload type, feedback or extension") }
}

fn received(now: &ReceiveTrack, before: &ReceiveTrack) -> Result<(), &'static str> {
    let rids = |track: &ReceiveTrack| track.layers.iter().map(|layer| layer.rid.clone()).collect::<Vec<_>>();
    if rids(now) != rids(before) {
        return Err("list of simulcast layers");
    }
    // Where none were declared, any may have been bound since.
    let known = !now.sources.is_empty() && !before.sources.is_empty();
    if known && ssrcs(&now.sources) != ssrcs(&before.sources) {
        return Err("SSRC");
    }
    Ok(())
}

fn ssrcs(sources: &[Source]) -> Vec<(u32, Option<u32>)> {
    sources.iter().map(|source| (source.ssrc, source.rtx_ssrc)).collect()
}

fn sent(now: &SendTrack, before: &SendTrack) -> Result<(), &'static str> {
    let numbers = |track: &SendTrack| (track.track, track.offered.ssrc, track.offered.rtx_ssrc);
    if numbers(now) == numbers(before) { Ok(()) } else { Err("track to be sent") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::Extension;
    use crate::fixtures::{self, stereo_stream, with};
    use crate::negotiate::{self, Capabilities};
    use crate::offer::Offer;

    fn publish(text: &str) -> Session {
        negotiate::publish(&Offer::parse(text).unwrap(), &Capabilities::default()).unwrap()
    }

    fn subscribe(text: &str) -> Session {
        let offer = Offer::parse(text).unwrap();
        negotiate::subscribe(&offer, &stereo_stream(), &Capabilities::default()).unwrap()
    }

    /// The offer that Chromium (156) makes after `restartIce()`: new ICE credentials, and without the header extensions that
    /// were not agreed on.
    fn restarted(text: &str) -> String {
        let lines = text.lines().map(|line| match line.split_once(':') {
            Some(("a=ice-ufrag", _)) => "a=ice-ufrag:Anew\r\n".to_owned(),
            Some(("a=ice-pwd", _)) => "a=ice-pwd:another-password-of-any-length\r\n".to_owned(),
            Some(("a=candidate", _)) => String::new(),
            Some(("a=extmap", value)) if !Extension::ALL.iter().any(|known| value.ends_with(known.uri())) => {
                String::new()
            }
            _ => format!("{line}\r\n"),
        });
        lines.collect()
    }

    #[test]
    fn new_credentials_and_nothing_else_are_a_restart() {
        for text in fixtures::PUBLISHERS {
            let (before, now) = (publish(text), publish(&restarted(text)));
            assert_eq!(now.check_restart(&before), Ok(()));
            assert_eq!((now.sections, now.bundle), (before.sections, before.bundle));
            assert_eq!(now.remote.fingerprints, before.remote.fingerprints);
            assert_eq!(now.remote.ice.ufrag, "Anew");
        }
        for text in fixtures::SUBSCRIBERS {
            let (before, now) = (subscribe(text), subscribe(&restarted(text)));
            assert_eq!(now.check_restart(&before), Ok(()));
            assert_eq!(now.sections, before.sections);
        }
    }

    #[test]
    fn without_new_credentials_there_is_no_restart() {
        let before = publish(fixtures::CHROME_PUBLISH);
        let expected = Err(SdpError::NoRestart("a new a=ice-ufrag and a new a=ice-pwd"));
        assert_eq!(before.check_restart(&before), expected);
        let halfway = with(fixtures::CHROME_PUBLISH, "a=ice-ufrag:zW19", "a=ice-ufrag:Anew");
        assert_eq!(publish(&halfway).check_restart(&before), expected);
    }

    #[test]
    fn what_goes_on_must_not_change() {
        let before = publish(fixtures::CHROME_SIMULCAST);
        let offer = restarted(fixtures::CHROME_SIMULCAST);
        let error = |from: &str, to: &str| {
            publish(&with(&offer, from, to)).check_restart(&before).unwrap_err().to_string()
        };
        let kept = "an ICE restart keeps what was agreed on, found another";
        let line = "mid, codec, payload type, feedback or extension";
        assert_eq!(error("a=ssrc:1497617 ", "a=ssrc:7 "), format!("m-line 0: {kept} SSRC"));
        assert_eq!(error("send q;h;f", "send q;f;h"), format!("m-line 1: {kept} list of simulcast layers"));
        assert_eq!(error("a=extmap:4 urn", "a=extmap:7 urn"), format!("m-line 0: {kept} {line}"));
        assert_eq!(error("a=rtcp-fb:96 nack pli\r\n", ""), format!("m-line 1: {kept} {line}"));
        // The sound stands still, and the data channel is gone.
        let (sound, rest) = offer.split_once("a=sendonly").unwrap();
        let still = publish(&format!("{sound}a=inactive{rest}")).check_restart(&before);
        assert_eq!(still, Err(SdpError::Changed { index: 0, what: "direction, or use at all" }));
        let (shorter, _) = offer.split_once("m=application").unwrap();
        let shorter = with(shorter, "BUNDLE 0 1 2", "BUNDLE 0 1");
        let expected = Err(SdpError::NoRestart("as many m-lines as before"));
        assert_eq!(publish(&shorter).check_restart(&before), expected);
    }

    #[test]
    fn a_subscriber_goes_on_with_the_same_tracks() {
        let before = subscribe(fixtures::CHROME_SUBSCRIBE);
        let offer = Offer::parse(&restarted(fixtures::CHROME_SUBSCRIBE)).unwrap();
        let mut tracks = stereo_stream();
        tracks[1].ssrc += 10;
        let now = negotiate::subscribe(&offer, &tracks, &Capabilities::default()).unwrap();
        assert_eq!(now.check_restart(&before), Err(SdpError::Changed { index: 1, what: "track to be sent" }));
    }

    #[test]
    fn another_certificate_is_another_connection() {
        let before = publish(fixtures::CHROME_PUBLISH);
        let offer = with(&restarted(fixtures::CHROME_PUBLISH), "sha-256 8B:", "sha-256 8C:");
        let expected = Err(SdpError::NoRestart("the same a=fingerprint"));
        assert_eq!(publish(&offer).check_restart(&before), expected);
    }

    #[test]
    fn the_names_of_tracks_and_paused_layers_may_change() {
        let before = publish(fixtures::CHROME_SIMULCAST);
        let offer = with(&restarted(fixtures::CHROME_SIMULCAST), "send q;h;f", "send q;h;~f");
        let now = publish(&with(&offer, "a=msid:6e481452-f285-47f6-8a4f-07acd39e0833 ", "a=msid:- "));
        assert_eq!(now.check_restart(&before), Ok(()));
        assert_ne!(now.sections, before.sections);
    }
}
