//! Offers of random numbering, and what there is to read in an answer.

use super::client::Client;
use crate::network::Dice;
use rtp::extension::uri;
use sdp::Kind;
use std::fmt::Write;

/// Ids of header extensions, 0 where one is not offered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    pub(crate) mid: u8,
    pub(crate) abs_send_time: u8,
    pub(crate) transport_cc: u8,
    pub(crate) audio_level: u8,
}

/// An m-line of an offer.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) mid: String,
    pub(crate) payload_type: u8,
    /// The payload type of retransmissions.
    pub(crate) rtx: Option<u8>,
    pub(crate) nack: bool,
    pub(crate) ids: Ids,
    /// SSRCs of media and retransmissions, where they are declared.
    pub(crate) ssrcs: Option<(u32, u32)>,
}

/// What the answer says about an m-line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) mid: String,
    pub(crate) payload_types: Vec<u8>,
    pub(crate) ssrcs: Vec<u32>,
    pub(crate) sends: bool,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
    pub(crate) lines: Vec<Answered>,
}

/// M-lines of such kinds, with numbers as the dice say.
pub(crate) fn lines(dice: &mut Dice, kinds: &[Kind]) -> Vec<Line> {
    let mut payload_types: Vec<u8> = (96..=127).collect();
    let mut ids: Vec<u8> = (1..=14).collect();
    let mut draw = |numbers: &mut Vec<u8>| numbers.remove(dice.below(numbers.len() as u64) as usize);
    let mut shared = [0; 4].map(|_: u8| draw(&mut ids));
    let numbers: Vec<_> =
        kinds.iter().map(|_| (draw(&mut payload_types), draw(&mut payload_types))).collect();
    let mids = ["0".into(), "a-long-name-".into(), "x".repeat(dice.below(12) as usize + 1)];
    let name: &String = &mids[dice.below(3) as usize];
    for id in &mut shared {
        if dice.chance(20) {
            *id = 0;
        }
    }
    let line = |(at, (kind, (payload_type, rtx))): (usize, (&Kind, (u8, u8)))| {
        let video = *kind == Kind::Video;
        let nack = video && dice.chance(90);
        Line {
            kind: *kind,
            mid: format!("{name}{at}"),
            payload_type,
            rtx: (nack && dice.chance(65)).then_some(rtx),
            nack,
            ids: Ids {
                mid: shared[0],
                abs_send_time: shared[1],
                transport_cc: shared[2],
                audio_level: if video { 0 } else { shared[3] },
            },
            ssrcs: None,
        }
    };
    kinds.iter().zip(numbers).enumerate().map(line).collect()
}

/// The offer.
pub(crate) fn write(direction: &str, lines: &[Line]) -> String {
    let mids: Vec<&str> = lines.iter().map(|line| line.mid.as_str()).collect();
    let mut text =
        format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "));
    lines.iter().for_each(|line| section(&mut text, direction, line));
    text
}

fn section(text: &mut String, direction: &str, line: &Line) {
    let Line { mid, payload_type, ids, .. } = line;
    let (kind, codec) = match line.kind {
        Kind::Audio => ("audio", "opus/48000/2"),
        Kind::Video => ("video", "VP8/90000"),
    };
    let rtx = line.rtx.map(|rtx| format!(" {rtx}")).unwrap_or_default();
    let _ = write!(text, "m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}{rtx}\r\nc=IN IP4 0.0.0.0\r\n");
    let _ = write!(text, "a=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
    text.push_str(&Client::description());
    let _ = write!(text, "a=rtpmap:{payload_type} {codec}\r\na=rtcp-fb:{payload_type} transport-cc\r\n");
    if line.kind == Kind::Video {
        let _ = write!(text, "a=rtcp-fb:{payload_type} nack pli\r\n");
    }
    if line.nack {
        let _ = write!(text, "a=rtcp-fb:{payload_type} nack\r\n");
    }
    if let Some(rtx) = line.rtx {
        let _ = write!(text, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={payload_type}\r\n");
    }
    let extensions = [
        (ids.mid, uri::MID),
        (ids.abs_send_time, uri::ABS_SEND_TIME),
        (ids.transport_cc, uri::TRANSPORT_CC),
        (ids.audio_level, uri::AUDIO_LEVEL),
    ];
    for (id, uri) in extensions.iter().filter(|(id, _)| *id != 0) {
        let _ = write!(text, "a=extmap:{id} {uri}\r\n");
    }
    if let Some((media, rtx)) = line.ssrcs {
        if line.rtx.is_some() {
            let _ = write!(text, "a=ssrc-group:FID {media} {rtx}\r\na=ssrc:{rtx} cname:them\r\n");
        }
        let _ = write!(text, "a=ssrc:{media} cname:them\r\n");
    }
}

impl Answer {
    pub(crate) fn read(text: &str) -> Self {
        let mut answer = Self::default();
        for line in text.lines() {
            let line = line.trim_end();
            if line.starts_with("m=") {
                let payload_types = line.split(' ').skip(3).map(|number| number.parse().unwrap()).collect();
                answer.lines.push(Answered { payload_types, ..Answered::default() });
            }
            let Some((name, value)) =
                line.strip_prefix("a=").map(|rest| rest.split_once(':').unwrap_or((rest, "")))
            else {
                continue;
            };
            match name {
                "ice-ufrag" => answer.ufrag = value.to_owned(),
                "ice-pwd" => answer.pwd = value.to_owned(),
                _ => answer.lines.iter_mut().last().into_iter().for_each(|line| line.note(name, value)),
            }
        }
        answer
    }
}

impl Answered {
    fn note(&mut self, name: &str, value: &str) {
        match name {
            "mid" => self.mid = value.to_owned(),
            "sendonly" => self.sends = true,
            "ssrc" => {
                let ssrc = value.split(' ').next().unwrap().parse().unwrap();
                if !self.ssrcs.contains(&ssrc) {
                    self.ssrcs.push(ssrc);
                }
            }
            _ => {}
        }
    }
}
