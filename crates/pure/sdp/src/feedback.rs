//! RTCP feedback of a payload type (`a=rtcp-fb`, RFC 4585): only the kinds that the server knows.

/// A set of feedback kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// `nack`: generic NACK.
    pub nack: bool,
    /// `nack pli`: picture loss indication.
    pub pli: bool,
    /// `ccm fir`: full intra request (RFC 5104).
    pub fir: bool,
    /// `transport-cc`: transport-wide congestion control.
    pub transport_cc: bool,
    /// `goog-remb`: the receiver's estimate of its bandwidth, which libwebrtc had before `transport-cc`. Agreed on only with
    /// subscribers, and only where `transport_cc` is not.
    pub remb: bool,
}

impl Feedback {
    /// None at all.
    pub const NONE: Self = Self { nack: false, pli: false, fir: false, transport_cc: false, remb: false };

    /// What is agreed on for video.
    pub const VIDEO: Self = Self { nack: true, pli: true, fir: true, transport_cc: true, remb: true };

    /// What is agreed on for audio. Browsers leave losses to the codec's own FEC and concealment, unless the application
    /// adds `nack` to the offer.
    pub const AUDIO: Self = Self { nack: true, transport_cc: true, ..Self::NONE };

    /// What both sets have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
            fir: self.fir && other.fir,
            transport_cc: self.transport_cc && other.transport_cc,
            remb: self.remb && other.remb,
        }
    }

    /// What either set has.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            nack: self.nack || other.nack,
            pli: self.pli || other.pli,
            fir: self.fir || other.fir,
            transport_cc: self.transport_cc || other.transport_cc,
            remb: self.remb || other.remb,
        }
    }

    /// Reads the part of `a=rtcp-fb` after the payload type; an unknown kind is none.
    pub(crate) fn parse(value: &str) -> Self {
        let mut words = value.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("nack"), None) => Self { nack: true, ..Self::NONE },
            (Some("nack"), Some("pli")) => Self { pli: true, ..Self::NONE },
            (Some("ccm"), Some("fir")) => Self { fir: true, ..Self::NONE },
            (Some("transport-cc"), None) => Self { transport_cc: true, ..Self::NONE },
            (Some("goog-remb"), None) => Self { remb: true, ..Self::NONE },
            _ => Self::NONE,
        }
    }

    /// The values for `a=rtcp-fb`.
    pub(crate) fn values(self) -> impl Iterator<Item = &'static str> {
        [
            (self.remb, "goog-remb"),
            (self.transport_cc, "transport-cc"),
            (self.fir, "ccm fir"),
            (self.nack, "nack"),
            (self.pli, "nack pli"),
        ]
        .into_iter()
        .filter_map(|(agreed, value)| agreed.then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let read = Feedback::VIDEO.values().map(Feedback::parse).fold(Feedback::NONE, Feedback::or);
        assert_eq!(read, Feedback::VIDEO);
    }

    #[test]
    fn kinds_that_only_begin_alike_are_none() {
        for value in
            ["", "nack sli", "nack rpsi", "ccm tmmbr", "goog-remb x", "goog-rem", "transport-cc x", "ccm"]
        {
            assert_eq!(Feedback::parse(value), Feedback::NONE, "{value}");
        }
    }
}
