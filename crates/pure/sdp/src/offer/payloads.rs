//! Gathers what an m-line says about its payload types, in whatever order it says it.

use crate::error::{Excerpt, SdpError};
use crate::feedback::Feedback;
use crate::fmtp::Fmtp;
use crate::limits::MAX_FORMAT_PARAMETERS;
use crate::offer::lines::Line;
use crate::offer::{PayloadType, RtpMap};

#[derive(Default)]
pub(super) struct Payloads {
    /// As many as the m-line has formats; lines about other payload types are skipped.
    list: Vec<PayloadType>,
    /// Feedback for all of them.
    every: Feedback,
}

impl Payloads {
    /// The formats of an RTP m-line.
    pub(super) fn of_formats(line: &Line<'_>, formats: &[&str]) -> Result<Self, SdpError> {
        let mut list: Vec<PayloadType> = Vec::with_capacity(formats.len());
        for format in formats {
            let number = payload_type(format).ok_or_else(|| line.malformed("payload types from 0 to 127"))?;
            if !list.iter().any(|payload| payload.number == number) {
                list.push(PayloadType { number, map: None, fmtp: Fmtp::default(), feedback: Feedback::NONE });
            }
        }
        Ok(Self { list, every: Feedback::NONE })
    }

    pub(super) fn map(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let Some((number, encoding)) = numbered(value) else {
            return Err(line.malformed("a=rtpmap:<payload type> <name>/<clock rate>"));
        };
        let Some(payload) = self.find(number) else {
            return Ok(());
        };
        let map = rtp_map(encoding)
            .ok_or_else(|| line.malformed("a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]"))?;
        match &payload.map {
            Some(first) if !is_same(first, &map) => Err(SdpError::PayloadTypeClash {
                line: line.number,
                payload_type: number,
                first: Excerpt::of(&first.name),
                second: Excerpt::of(&map.name),
            }),
            _ => {
                payload.map = Some(map);
                Ok(())
            }
        }
    }

    pub(super) fn parameters(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        let Some((number, parameters)) = numbered(value) else {
            return Err(line.malformed("a=fmtp:<payload type> <parameters>"));
        };
        match self.find(number).map(|payload| payload.fmtp.read(parameters)) {
            Some(false) => Err(line.too_many("parameters of a payload type", MAX_FORMAT_PARAMETERS)),
            _ => Ok(()),
        }
    }

    pub(super) fn feedback(&mut self, line: &Line<'_>, value: &str) -> Result<(), SdpError> {
        if let Some(kind) = value.strip_prefix("* ") {
            self.every = self.every.or(Feedback::parse(kind));
            return Ok(());
        }
        let Some((number, kind)) = numbered(value) else {
            return Err(line.malformed("a=rtcp-fb:<payload type or *> <feedback>"));
        };
        if let Some(payload) = self.find(number) {
            payload.feedback = payload.feedback.or(Feedback::parse(kind));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<PayloadType> {
        let Self { mut list, every } = self;
        for payload in &mut list {
            payload.feedback = payload.feedback.or(every);
        }
        list
    }

    fn find(&mut self, number: u8) -> Option<&mut PayloadType> {
        self.list.iter_mut().find(|payload| payload.number == number)
    }
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| *number < 128)
}

fn numbered(value: &str) -> Option<(u8, &str)> {
    let (number, rest) = value.split_once(' ')?;
    Some((payload_type(number)?, rest.trim()))
}

fn rtp_map(encoding: &str) -> Option<RtpMap> {
    let mut parts = encoding.split('/');
    let (name, clock_rate) = (parts.next()?, parts.next()?.parse().ok()?);
    let channels = match parts.next() {
        Some(channels) => channels.parse().ok()?,
        None => 1,
    };
    (!name.is_empty()).then(|| RtpMap { name: name.to_owned(), clock_rate, channels })
}

fn is_same(first: &RtpMap, second: &RtpMap) -> bool {
    first.name.eq_ignore_ascii_case(&second.name)
        && first.clock_rate == second.clock_rate
        && first.channels == second.channels
}
