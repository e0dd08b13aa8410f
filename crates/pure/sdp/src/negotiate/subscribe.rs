//! What the server sends to a subscriber.

use crate::error::{Rejection, SdpError};
use crate::format;
use crate::negotiate::line::{self, Choice};
use crate::negotiate::shared_transport::{SharedTransport, bundle_of};
use crate::negotiate::{Capabilities, TrackOffer, clashes, remote};
use crate::offer::{Direction, MediaSection, Offer};
use crate::session::{Line, Section, SendTrack, Session};

pub(super) fn negotiate(
    offer: &Offer,
    tracks: &[TrackOffer],
    capabilities: &Capabilities,
) -> Result<Session, SdpError> {
    let subscriber = Subscriber { offer, tracks, capabilities };
    let Some(first) = offer.media.iter().find(|section| subscriber.refusal(section).is_none()) else {
        return Err(subscriber.takes_nothing());
    };
    let transport = SharedTransport::of(offer, first);
    let assigned = subscriber.assign(&transport);
    let answer = |section: &MediaSection| match assigned.iter().find(|sent| sent.line.index == section.index)
    {
        Some(sent) => Section::Send(sent.clone()),
        None => subscriber.leave(&transport, section),
    };
    let sections: Vec<Section> = offer.media.iter().map(answer).collect();
    clashes::check(&sections)?;
    let bundle = transport.answered(&sections);
    Ok(Session { remote: remote::of(offer, &sections, bundle.as_deref())?, sections, bundle })
}

struct Subscriber<'a> {
    offer: &'a Offer,
    tracks: &'a [TrackOffer],
    capabilities: &'a Capabilities,
}

impl<'a> Subscriber<'a> {
    /// Puts each track on the first free m-line that takes it.
    fn assign(&self, transport: &SharedTransport<'_>) -> Vec<SendTrack> {
        let mut assigned: Vec<SendTrack> = Vec::new();
        for (index, track) in self.tracks.iter().enumerate() {
            let is_free = |section: &MediaSection| {
                transport.carries(section) && assigned.iter().all(|sent| sent.line.index != section.index)
            };
            let mut free = self.offer.media.iter().filter(|section| is_free(section));
            if let Some(choice) = free.find_map(|section| self.takes(section, track).ok()) {
                let line = self.agree(&choice, track);
                assigned.push(SendTrack { line, track: index, offered: track.clone() });
            }
        }
        assigned
    }

    fn takes(&self, section: &'a MediaSection, track: &TrackOffer) -> Result<Choice<'a>, Rejection> {
        let bundled = bundle_of(self.offer, section).is_some();
        let choice = line::choose(section, bundled, |codec, fmtp| {
            codec == track.codec
                && format::is_same(codec, &track.fmtp, fmtp)
                && self.capabilities.codecs.contains(&codec)
        })?;
        if section.direction.receives() { Ok(choice) } else { Err(Rejection::Direction) }
    }

    /// The answer describes what the server will send: stereo only if the stream is, and never unasked.
    fn agree(&self, choice: &Choice<'_>, track: &TrackOffer) -> Line {
        let mut line = choice.agree(Direction::receives, self.capabilities);
        if !track.fmtp.is_stereo() {
            line.fmtp = line.fmtp.only(|name| name != "stereo" && name != "sprop-stereo");
        }
        if track.rtx_ssrc.is_none() {
            line.rtx_payload_type = None;
        }
        line
    }

    /// An m-line without a track.
    fn leave(&self, transport: &SharedTransport<'_>, section: &MediaSection) -> Section {
        let bundled = bundle_of(self.offer, section).is_some();
        match line::choose(section, bundled, |codec, _| self.capabilities.codecs.contains(&codec)) {
            Err(why) => line::reject(section, why),
            Ok(_) if !transport.carries(section) => line::reject(section, Rejection::OtherTransport),
            Ok(choice) => Section::Idle(choice.agree(Direction::receives, self.capabilities)),
        }
    }

    /// Why no track can go on the m-line; `None`: one can.
    fn refusal(&self, section: &'a MediaSection) -> Option<Rejection> {
        let mut why = match section.kind {
            Some(_) => Rejection::NoTrack,
            None => Rejection::Kind,
        };
        for track in self.tracks.iter().filter(|track| Some(track.codec.kind()) == section.kind) {
            match self.takes(section, track) {
                Ok(_) => return None,
                Err(rejection) => why = rejection,
            }
        }
        Some(why)
    }

    fn takes_nothing(&self) -> SdpError {
        let refusal = |section: &'a MediaSection| Some((section.index, self.refusal(section)?));
        let lines: Vec<_> = self.offer.media.iter().filter_map(refusal).collect();
        if lines.iter().any(|(_, why)| *why == Rejection::NoSharedCodec) {
            return SdpError::NoSharedCodec { codecs: self.codecs() };
        }
        SdpError::Unusable { expected: "an m-line that receives what the stream sends", lines }
    }

    fn codecs(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in self.tracks.iter().map(|track| track.codec.to_string()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" and ")
    }
}
