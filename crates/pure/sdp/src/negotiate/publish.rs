//! What the server receives from a publisher.

use crate::error::{Rejection, SdpError};
use crate::negotiate::line::{self, Choice};
use crate::negotiate::shared_transport::{SharedTransport, bundle_of};
use crate::negotiate::{Capabilities, clashes, layers, remote};
use crate::offer::{Direction, MediaSection, Offer};
use crate::session::{ReceiveTrack, Section, Session};

pub(super) fn negotiate(offer: &Offer, capabilities: &Capabilities) -> Result<Session, SdpError> {
    let choices: Vec<_> = offer.media.iter().map(|section| choose(offer, section, capabilities)).collect();
    let pairs = || offer.media.iter().zip(&choices);
    let first = pairs().find(|(section, choice)| choice.is_ok() && section.direction.sends());
    let Some((first, _)) = first else {
        let why = |(section, choice): (&MediaSection, &Result<Choice<'_>, Rejection>)| {
            (section.index, choice.as_ref().err().copied().unwrap_or(Rejection::Direction))
        };
        let expected = "an m-line that sends Opus, VP8, VP9, H264 or AV1";
        return Err(SdpError::Unusable { expected, lines: pairs().map(why).collect() });
    };
    let transport = SharedTransport::of(offer, first);
    let sections: Vec<Section> = pairs()
        .map(|(section, choice)| match choice {
            Err(why) => line::reject(section, *why),
            Ok(_) if !transport.carries(section) => line::reject(section, Rejection::OtherTransport),
            Ok(choice) => accept(section, choice, capabilities),
        })
        .collect();
    clashes::check(&sections)?;
    let bundle = transport.answered(&sections);
    Ok(Session { remote: remote::of(offer, &sections, bundle.as_deref())?, sections, bundle })
}

fn choose<'a>(
    offer: &Offer,
    section: &'a MediaSection,
    capabilities: &Capabilities,
) -> Result<Choice<'a>, Rejection> {
    let bundled = bundle_of(offer, section).is_some();
    line::choose(section, bundled, |codec, _| capabilities.codecs.contains(&codec))
}

fn accept(section: &MediaSection, choice: &Choice<'_>, capabilities: &Capabilities) -> Section {
    let mut line = choice.agree(Direction::sends, capabilities);
    // The server makes no estimate of what it could receive.
    line.feedback.remb = false;
    if !section.direction.sends() {
        return Section::Idle(line);
    }
    let msid = section.msid.clone().or_else(|| section.sources.first()?.msid.clone());
    let layers = layers::agree(section, &line, capabilities);
    Section::Receive(ReceiveTrack { line, sources: section.sources.clone(), msid, layers })
}
