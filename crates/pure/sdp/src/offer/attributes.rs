//! The attributes of a session and of an m-line.

use crate::codec::Kind;
use crate::error::{Excerpt, SdpError};
use crate::fingerprint::Fingerprint;
use crate::limits::{MAX_CANDIDATES, MAX_EXTENSIONS, MAX_FINGERPRINTS, MAX_RIDS};
use crate::name::{Mid, Msid};
use crate::offer::lines::Line;
use crate::offer::payloads::Payloads;
use crate::offer::sources::Sources;
use crate::offer::{Direction, ExtMap, MediaSection};
use crate::simulcast::{self, Rid, Unreadable};
use crate::transport::{Setup, Transport};

/// The value of an `a=` line: `<name>` or `<name>:<value>`.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

impl<'a> Attribute<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        Self { name: name.trim_end(), value: value.trim() }
    }
}

pub(super) fn duplicate_mid(line: &Line<'_>, mid: &str) -> SdpError {
    SdpError::DuplicateMid { line: line.number, mid: Excerpt::of(mid) }
}

/// Attributes that may stand in the session, for all m-lines, or in an m-line.
#[derive(Default)]
pub(super) struct Common {
    transport: Transport,
    direction: Option<Direction>,
    extensions: Vec<ExtMap>,
    extmap_allow_mixed: bool,
}

impl Common {
    /// False: not one of these attributes.
    pub(super) fn attribute(&mut self, line: &Line<'_>, attribute: Attribute<'_>) -> Result<bool, SdpError> {
        match attribute.name {
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => self.direction = direction(attribute.name),
            "extmap" => self.extension(line, attribute.value)?,
            "extmap-allow-mixed" => self.extmap_allow_mixed = true,
            _ => return transport(&mut self.transport, line, attribute),
        }
        Ok(true)
    }

    fn extension(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        if self.extensions.len() == MAX_EXTENSIONS {
            return Err(line.too_many("a=extmap lines", MAX_EXTENSIONS));
        }
        let extension = ext_map(value).ok_or_else(|| line.malformed("a=extmap:<id> <uri>"))?;
        self.extensions.push(extension);
        Ok(())
    }
}

fn direction(name: &str) -> Option<Direction> {
    match name {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

/// `<id>[/<direction>] <uri> [<attributes>]`, RFC 8285, section 5.
fn ext_map(value: &str) -> Option<ExtMap> {
    let mut words = value.split_ascii_whitespace();
    let (id, uri) = (words.next()?, words.next()?);
    let (id, direction) = match id.split_once('/') {
        Some((id, name)) => (id, Some(direction(name)?)),
        None => (id, None),
    };
    let id = id.parse().ok().filter(|id| *id != 0)?;
    Some(ExtMap { id, direction, uri: uri.into() })
}

fn transport(transport: &mut Transport, line: &Line<'_>, attribute: Attribute<'_>) -> Result<bool, SdpError> {
    let value = attribute.value;
    match attribute.name {
        "ice-ufrag" => transport.ice_ufrag = Some(ice_word(line, value, 4)?),
        "ice-pwd" => transport.ice_pwd = Some(ice_word(line, value, 22)?),
        "setup" => transport.setup = Some(setup(line, value)?),
        "end-of-candidates" => transport.end_of_candidates = true,
        "candidate" if transport.candidates.len() < MAX_CANDIDATES => {
            transport.candidates.push(format!("candidate:{value}"));
        }
        "fingerprint" => {
            if transport.fingerprints.len() == MAX_FINGERPRINTS {
                return Err(line.too_many("a=fingerprint lines", MAX_FINGERPRINTS));
            }
            let read = Fingerprint::parse(value);
            let read =
                read.map_err(|()| line.malformed("a=fingerprint:<hash function> <hexadecimal digest>"))?;
            transport.fingerprints.extend(read);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// RFC 8839, section 5.4, but with any visible character that does not end a STUN username's part.
fn ice_word(line: &Line<'_>, value: &str, least: usize) -> Result<String, SdpError> {
    let valid = (least..=256).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if valid {
        Ok(value.to_owned())
    } else {
        Err(line.malformed("an ICE ufrag of 4 or password of 22 characters"))
    }
}

fn setup(line: &Line<'_>, value: &str) -> Result<Setup, SdpError> {
    match value {
        "active" => Ok(Setup::Active),
        "passive" => Ok(Setup::Passive),
        "actpass" => Ok(Setup::ActPass),
        _ => Err(line.malformed("a=setup:actpass, active or passive")),
    }
}

pub(super) fn empty_section(index: usize, kind: Option<Kind>, media: &str) -> MediaSection {
    MediaSection {
        index,
        kind,
        media: media.to_owned(),
        port: 0,
        protocol: String::new(),
        formats: Vec::new(),
        mid: None,
        direction: Direction::SendRecv,
        bundle_only: false,
        rtcp_mux: false,
        rtcp_rsize: false,
        transport: Transport::default(),
        payloads: Vec::new(),
        extensions: Vec::new(),
        extmap_allow_mixed: false,
        msid: None,
        sources: Vec::new(),
        rids: Vec::new(),
        simulcast: None,
    }
}

/// An m-line of which more lines may come.
pub(super) struct SectionReader {
    section: MediaSection,
    common: Common,
    payloads: Payloads,
    sources: Sources,
}

impl SectionReader {
    pub(super) fn new(section: MediaSection, payloads: Payloads) -> Self {
        Self { section, common: Common::default(), payloads, sources: Sources::default() }
    }

    pub(super) fn is_named(&self, mid: &str) -> bool {
        self.section.mid.as_ref().is_some_and(|known| known.as_str() == mid)
    }

    pub(super) fn attribute(&mut self, line: &Line<'_>, attribute: Attribute<'_>) -> Result<(), SdpError> {
        let value = attribute.value;
        match attribute.name {
            "mid" => self.section.mid = Some(self.mid(line, value)?),
            "bundle-only" => self.section.bundle_only = true,
            "rtcp-mux" => self.section.rtcp_mux = true,
            "rtcp-rsize" => self.section.rtcp_rsize = true,
            "rtpmap" => self.payloads.map(line, value)?,
            "fmtp" => self.payloads.parameters(line, value)?,
            "rtcp-fb" => self.payloads.feedback(line, value)?,
            "ssrc" => self.sources.ssrc(line, value)?,
            "ssrc-group" => self.sources.group(line, value)?,
            // With several, the first: an m-line carries one track (RFC 8829, section 5.2.1).
            "msid" if self.section.msid.is_none() => self.section.msid = Msid::parse(value),
            "rid" => self.rid(line, value)?,
            "simulcast" => self.simulcast(line, value)?,
            _ => return self.common.attribute(line, attribute).map(|_known| ()),
        }
        Ok(())
    }

    fn mid(&self, line: &Line<'_>, value: &str) -> Result<Mid, SdpError> {
        if self.section.mid.is_some() {
            return Err(line.malformed("one a=mid per m-line"));
        }
        Mid::parse(value).ok_or_else(|| line.malformed("a=mid:<one word of at most 64 bytes>"))
    }

    fn rid(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let rid = Rid::parse(value)
            .ok_or_else(|| line.malformed("a=rid:<id of at most 16 letters, digits, - or _> send or recv"))?;
        match self.section.rids.iter().find(|known| known.id == rid.id) {
            // Said twice, it means the same.
            Some(known) if *known == rid => return Ok(()),
            Some(_) => return Err(line.malformed("one a=rid for each id of an m-line")),
            None => {}
        }
        if self.section.rids.len() == MAX_RIDS {
            return Err(line.too_many("a=rid lines", MAX_RIDS));
        }
        self.section.rids.push(rid);
        Ok(())
    }

    fn simulcast(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let layers = simulcast::sent_layers(value).map_err(|why| match why {
            Unreadable::Malformed => line.malformed("a=simulcast:send <rid>;<rid>"),
            Unreadable::TooMany => line.too_many("layers in a=simulcast", MAX_RIDS),
        })?;
        // RFC 8853, section 5.1.
        if self.section.simulcast.replace(layers).is_some() {
            return Err(line.malformed("one a=simulcast per m-line"));
        }
        Ok(())
    }

    pub(super) fn finish(self, session: &Common) -> MediaSection {
        let Self { section, common, payloads, sources } = self;
        let mut extensions = common.extensions;
        extensions.extend(session.extensions.iter().cloned());
        MediaSection {
            direction: common.direction.or(session.direction).unwrap_or(Direction::SendRecv),
            transport: common.transport.or(&session.transport),
            payloads: payloads.finish(),
            extensions,
            extmap_allow_mixed: common.extmap_allow_mixed || session.extmap_allow_mixed,
            sources: sources.finish(),
            ..section
        }
    }
}
