//! Reads an offer line by line: what stands before the first m-line counts for the session, the rest for the
//! m-line above it.

use crate::codec::Kind;
use crate::error::SdpError;
use crate::limits::{Bounds, MAX_BUNDLES, MAX_PAYLOAD_TYPES, MAX_SECTIONS};
use crate::name::Mid;
use crate::offer::attributes::{self, Attribute, Common, SectionReader};
use crate::offer::lines::{self, Line};
use crate::offer::payloads::Payloads;
use crate::offer::{MediaSection, Offer};

pub(super) fn offer(text: &str, bounds: Bounds) -> Result<Offer, SdpError> {
    let mut reader = Reader { max_sections: bounds.sections, ..Reader::default() };
    for line in lines::of(text, bounds.bytes)? {
        reader.line(&line?)?;
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    max_sections: usize,
    begun: bool,
    bundles: Vec<Vec<Mid>>,
    ice_lite: bool,
    session: Common,
    sections: Vec<SectionReader>,
}

impl Reader {
    fn line(&mut self, line: &Line<'_>) -> Result<(), SdpError> {
        if !self.begun && (line.kind, line.value.trim_end()) != (b'v', "0") {
            return Err(line.malformed("v=0 as the first line"));
        }
        self.begun = true;
        match line.kind {
            b'm' => self.begin_section(line),
            b'a' => self.attribute(line, Attribute::of(line.value)),
            _ => Ok(()),
        }
    }

    fn begin_section(&mut self, line: &Line<'_>) -> Result<(), SdpError> {
        if self.sections.len() >= self.max_sections {
            return Err(line.too_many("m-lines", self.max_sections));
        }
        self.sections.push(m_line(line, self.sections.len())?);
        Ok(())
    }

    fn attribute(&mut self, line: &Line<'_>, attribute: Attribute<'_>) -> Result<(), SdpError> {
        if attribute.name == "mid" && self.sections.iter().any(|section| section.is_named(attribute.value)) {
            return Err(attributes::duplicate_mid(line, attribute.value));
        }
        match (self.sections.last_mut(), attribute.name) {
            (Some(section), _) => section.attribute(line, attribute),
            (None, "group") => self.group(line, attribute.value),
            (None, "ice-lite") => {
                self.ice_lite = true;
                Ok(())
            }
            // RFC 8839, section 5.1: a candidate belongs to an m-line.
            (None, "candidate") => Ok(()),
            (None, _) => self.session.attribute(line, attribute).map(|_known| ()),
        }
    }

    fn group(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let mut words = value.split_ascii_whitespace();
        if words.next() != Some("BUNDLE") {
            return Ok(());
        }
        if self.bundles.len() == MAX_BUNDLES {
            return Err(line.too_many("BUNDLE groups", MAX_BUNDLES));
        }
        let mut mids = Vec::new();
        for word in words {
            if mids.len() == MAX_SECTIONS {
                return Err(line.too_many("mids in a BUNDLE group", MAX_SECTIONS));
            }
            let mid = Mid::parse(word).ok_or_else(|| line.malformed("a=group:BUNDLE with mids"))?;
            if !mids.contains(&mid) {
                mids.push(mid);
            }
        }
        self.bundles.push(mids);
        Ok(())
    }

    fn finish(self) -> Result<Offer, SdpError> {
        if self.sections.is_empty() {
            return Err(SdpError::Missing("m-line"));
        }
        let session = self.session;
        let media = self.sections.into_iter().map(|section| section.finish(&session)).collect();
        Ok(Offer { bundles: self.bundles, ice_lite: self.ice_lite, media })
    }
}

const M_LINE: &str = "m=<media> <port> <protocol> <formats>";

fn m_line(line: &Line<'_>, index: usize) -> Result<SectionReader, SdpError> {
    let mut words = line.value.split(' ').filter(|word| !word.is_empty());
    let (Some(media), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
        return Err(line.malformed(M_LINE));
    };
    // All of this goes back in the answer.
    if !line.value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(line.malformed(M_LINE));
    }
    let formats: Vec<&str> = words.by_ref().take(MAX_PAYLOAD_TYPES).collect();
    if words.next().is_some() {
        return Err(line.too_many("formats in an m-line", MAX_PAYLOAD_TYPES));
    }
    let port = port.split('/').next().and_then(|port| port.parse().ok());
    let kind = match media {
        "audio" => Some(Kind::Audio),
        "video" => Some(Kind::Video),
        _ => None,
    };
    let payloads = match kind {
        Some(_) if protocol.contains("RTP/") => Payloads::of_formats(line, &formats)?,
        _ => Payloads::default(),
    };
    let section = MediaSection {
        port: port.filter(|_| !formats.is_empty()).ok_or_else(|| line.malformed(M_LINE))?,
        protocol: protocol.to_owned(),
        formats: formats.into_iter().map(str::to_owned).collect(),
        ..attributes::empty_section(index, kind, media)
    };
    Ok(SectionReader::new(section, payloads))
}
