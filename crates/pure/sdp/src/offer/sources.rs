//! Gathers the SSRCs that an m-line declares, and finds out which of them are media and which retransmissions.

use crate::error::SdpError;
use crate::limits::{MAX_SSRC_GROUPS, MAX_SSRCS};
use crate::name::{Msid, Name};
use crate::offer::Source;
use crate::offer::lines::Line;

#[derive(Default)]
pub(super) struct Sources {
    list: Vec<Source>,
    groups: Vec<Group>,
}

/// An SSRC and another that repairs it.
struct Group {
    retransmits: bool,
    media: u32,
    repair: u32,
}

impl Sources {
    /// `<ssrc> <name>[:<value>]`, RFC 5576, section 4.1.
    pub(super) fn ssrc(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let (ssrc, attribute) = value.split_once(' ').unwrap_or((value, ""));
        let ssrc = ssrc.parse().map_err(|_| line.malformed("a=ssrc:<number> <attribute>"))?;
        let source = self.source(line, ssrc)?;
        match attribute.trim().split_once(':') {
            Some(("cname", cname)) => source.cname = Some(Name::cleaned(cname.trim())),
            Some(("msid", msid)) => source.msid = Msid::parse(msid),
            _ => {}
        }
        Ok(())
    }

    /// `<semantics> <ssrc> <ssrc>`, RFC 5576, section 4.2.
    pub(super) fn group(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let mut words = value.split_ascii_whitespace();
        let retransmits = match words.next() {
            Some("FID") => true,
            Some("FEC" | "FEC-FR") => false,
            _ => return Ok(()),
        };
        if self.groups.len() == MAX_SSRC_GROUPS {
            return Err(line.too_many("a=ssrc-group lines", MAX_SSRC_GROUPS));
        }
        let mut ssrc = || words.next().and_then(|word| word.parse().ok());
        let (Some(media), Some(repair)) = (ssrc(), ssrc()) else {
            return Err(line.malformed("a=ssrc-group:FID <ssrc> <ssrc>"));
        };
        self.source(line, media)?;
        self.groups.push(Group { retransmits, media, repair });
        Ok(())
    }

    /// The media sources. An SSRC that repairs another is not one; an SSRC that is said to repair two repairs the
    /// first.
    pub(super) fn finish(self) -> Vec<Source> {
        let Self { mut list, groups } = self;
        list.retain(|source| !groups.iter().any(|group| group.repair == source.ssrc));
        let mut taken: Vec<u32> = Vec::new();
        for group in groups.iter().filter(|group| group.retransmits && group.media != group.repair) {
            let free = !taken.contains(&group.repair);
            let source =
                list.iter_mut().find(|source| source.ssrc == group.media && source.rtx_ssrc.is_none());
            if let (true, Some(source)) = (free, source) {
                source.rtx_ssrc = Some(group.repair);
                taken.push(group.repair);
            }
        }
        list
    }

    fn source(&mut self, line: &Line<'_>, ssrc: u32) -> Result<&mut Source, SdpError> {
        let known = self.list.iter().position(|source| source.ssrc == ssrc);
        if known.is_none() && self.list.len() == MAX_SSRCS {
            return Err(line.too_many("SSRCs in an m-line", MAX_SSRCS));
        }
        let position = known.unwrap_or_else(|| {
            self.list.push(Source { ssrc, rtx_ssrc: None, cname: None, msid: None });
            self.list.len() - 1
        });
        self.list.get_mut(position).ok_or_else(|| line.malformed("a=ssrc:<number> <attribute>"))
    }
}
