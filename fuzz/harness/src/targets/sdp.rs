//! An offer and the answers to it: in the offer's order, nothing that was not offered, and readable in its turn.

use sdp::{
    Capabilities, Codec, Direction, Extension, Fingerprint, Fmtp, HostCandidate, Local, MediaSection, Msid,
    Name, Offer, Section, Session, TrackOffer, answer, limits, negotiate,
};

const UFRAG: &str = "serversname";
const PWD: &str = "the-servers-password-of-any-length";

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let offer = match Offer::parse(text) {
        Ok(offer) => offer,
        // What is wrong is told in few words, whatever was sent.
        Err(error) => return assert!(error.to_string().len() < 400),
    };
    bounded(&offer, text);
    let mut tracks = vec![track(Codec::Opus, 1001, "stereo=1"), track(Codec::Vp8, 2001, "")];
    match negotiate::publish(&offer, &Capabilities::default()) {
        Ok(session) => {
            answered(&offer, &session, text.len());
            tracks.extend(session.receiving().map(|received| TrackOffer {
                fmtp: received.line.fmtp.clone(),
                ..track(received.line.codec, 3001, "")
            }));
        }
        Err(error) => told(&error),
    }
    match negotiate::subscribe(&offer, &tracks, &Capabilities::default()) {
        Ok(session) => answered(&offer, &session, text.len()),
        Err(error) => told(&error),
    }
}

fn told(error: &sdp::SdpError) {
    assert!(error.to_string().len() < 100 * limits::MAX_SECTIONS, "{error}");
}

fn track(codec: Codec, ssrc: u32, fmtp: &str) -> TrackOffer {
    TrackOffer {
        codec,
        fmtp: Fmtp::from(fmtp),
        ssrc,
        rtx_ssrc: (codec == Codec::Vp8).then_some(ssrc + 1),
        cname: Name::cleaned("anna"),
        msid: Msid { stream: Name::cleaned("anna"), track: Some(Name::cleaned("track")) },
    }
}

fn bounded(offer: &Offer, text: &str) {
    assert!(text.len() <= limits::MAX_BYTES);
    assert!((1..=limits::MAX_SECTIONS).contains(&offer.media.len()));
    assert!(offer.bundles.len() <= limits::MAX_BUNDLES);
    for (index, section) in offer.media.iter().enumerate() {
        assert_eq!(section.index, index);
        assert!(section.payloads.len() <= limits::MAX_PAYLOAD_TYPES);
        assert!(section.payloads.iter().all(|payload| payload.number < 128));
        assert!(section.sources.len() <= limits::MAX_SSRCS);
        assert!(section.rids.len() <= limits::MAX_RIDS);
        assert!(section.extensions.len() <= 2 * limits::MAX_EXTENSIONS);
        assert!(section.extensions.iter().all(|extension| extension.id > 0));
        assert!(section.transport.candidates.len() <= limits::MAX_CANDIDATES);
        let same_mid = |other: &&MediaSection| section.mid.is_some() && other.mid == section.mid;
        assert_eq!(offer.media.iter().filter(same_mid).count(), usize::from(section.mid.is_some()));
    }
}

/// The answer to an offer, read as an offer.
fn answered(offer: &Offer, session: &Session, offered_bytes: usize) {
    assert_eq!(session.sections.len(), offer.media.len());
    assert!(
        (4..=256).contains(&session.remote.ice.ufrag.len())
            && (22..=256).contains(&session.remote.ice.pwd.len())
    );
    assert!(!session.remote.fingerprints.is_empty());
    assert!(session.check_restart(session).is_err(), "an ICE restart without new credentials");
    let fingerprint = Fingerprint::sha256([0xcd; 32]);
    let addr = ([192, 0, 2, 7], 40_001).into();
    let candidates = [HostCandidate::udp(addr), HostCandidate::tcp(addr)];
    let local = Local {
        ice_ufrag: UFRAG,
        ice_pwd: PWD,
        fingerprint: &fingerprint,
        candidates: &candidates,
        session_id: u64::MAX,
        session_version: 1,
    };
    let text = answer::write(session, &local);
    assert!(text.len() <= 2 * offered_bytes + 1_500 * (1 + offer.media.len()), "{} bytes", text.len());
    let unlike = |line: &str| line.contains(['\r', '\n', '\0']) || line.get(1..2) != Some("=");
    assert!(!text.split_terminator("\r\n").any(unlike), "a line of the answer is none: {text}");
    let too_long = |line: &str| line.len() > limits::MAX_LINE_BYTES;
    if text.len() > limits::MAX_BYTES || text.lines().any(too_long) {
        return;
    }
    let read = Offer::parse(&text).unwrap_or_else(|error| panic!("{error} in the answer\n{text}"));
    assert!(read.ice_lite);
    assert_eq!(read.media.len(), offer.media.len());
    let lines = offer.media.iter().zip(&read.media).zip(&session.sections);
    lines.for_each(|((offered, answered), section)| line(offered, answered, section));
    let bundle = read.bundles.first();
    assert_eq!(bundle, session.bundle.as_ref());
    if let Some(mids) = bundle {
        let group =
            offer.bundles.iter().find(|group| group.contains(&mids[0])).expect("a group that was offered");
        assert!(mids.iter().all(|mid| group.contains(mid)));
    }
}

fn line(offered: &MediaSection, answered: &MediaSection, section: &Section) {
    assert_eq!((&answered.media, &answered.protocol), (&offered.media, &offered.protocol));
    assert_eq!(answered.mid, offered.mid);
    let Some(agreed) = section.line() else {
        assert_eq!(answered.port, 0);
        return;
    };
    assert_ne!(answered.port, 0);
    let may = |direction: Direction| match section {
        Section::Receive(_) => (direction == Direction::RecvOnly) && offered.direction.sends(),
        Section::Send(_) => (direction == Direction::SendOnly) && offered.direction.receives(),
        _ => direction == Direction::Inactive,
    };
    assert!(may(answered.direction), "{:?} to {:?}", answered.direction, offered.direction);
    assert_eq!(answered.transport.ice_ufrag.as_deref(), Some(UFRAG));
    assert_eq!(answered.transport.ice_pwd.as_deref(), Some(PWD));
    assert!(answered.rtcp_mux && offered.rtcp_mux && (offered.rtcp_rsize || !answered.rtcp_rsize));
    for payload in &answered.payloads {
        let known =
            offered.payloads.iter().find(|other| other.number == payload.number).expect("it was offered");
        assert_eq!((payload.codec(), payload.retransmits()), (known.codec(), known.retransmits()));
        assert_eq!(payload.repeats(), known.repeats());
        let (says, said) = (&payload.feedback, &known.feedback);
        assert!(!says.nack || said.nack, "feedback that was not offered");
        assert!(!says.pli || said.pli);
        assert!(!says.transport_cc || said.transport_cc);
        assert!(!says.remb || said.remb);
    }
    assert!(answered.payloads.iter().any(|payload| payload.number == agreed.payload_type));
    layers(offered, answered, section);
    assert_eq!(answered.extmap_allow_mixed, agreed.two_byte_extensions);
    assert!(offered.extmap_allow_mixed || !answered.extmap_allow_mixed);
    for extension in &answered.extensions {
        let offers = |other: &sdp::ExtMap| other.id == extension.id && other.uri == extension.uri;
        assert!(offered.extensions.iter().any(offers), "an extension that was not offered");
        assert!(Extension::ALL.iter().any(|known| known.uri() == &*extension.uri));
    }
}

/// The layers that the answer asks for are those that were agreed on, and offered.
fn layers(offered: &MediaSection, answered: &MediaSection, section: &Section) {
    let Section::Receive(track) = section else {
        return assert!(answered.rids.is_empty());
    };
    assert!(track.layers.len() <= limits::MAX_LAYERS);
    assert!(track.layers.is_empty() || track.line.extensions.rid.is_some());
    let asked: Vec<_> = answered.rids.iter().map(|rid| &rid.id).collect();
    assert_eq!(asked, track.layers.iter().map(|layer| &layer.rid).collect::<Vec<_>>());
    for layer in &track.layers {
        assert!(offered.rids.iter().any(|rid| rid.id == layer.rid), "a layer without a=rid");
        assert!(
            offered.simulcast.iter().flatten().any(|known| known == layer),
            "a layer that was not offered"
        );
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/pure/sdp/src/fixtures");
    let files = std::fs::read_dir(folder).expect("the fixtures of sdp");
    let mut seeds: Vec<_> = files
        .map(|file| file.expect("a fixture").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "sdp"))
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a fixture"))
        })
        .collect();
    seeds.push(("small".into(), small().into_bytes()));
    seeds
}

fn small() -> String {
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\r\na=group:BUNDLE 0 1\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=ice-ufrag:user\r\n\
         a=ice-pwd:a-password-of-22-characters\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=fmtp:111 stereo=1\r\na=extmap:1 {}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n\
         a=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
         a=rtcp-fb:96 nack\r\na=rtcp-fb:* nack pli\r\na=ssrc-group:FID 1 2\r\na=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\n",
        Extension::Mid.uri()
    )
}
