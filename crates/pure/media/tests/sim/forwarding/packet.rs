//! The packets of a publisher: what is in them, and what they are on the wire.

use super::offer::{Ids, Line};
use crate::network::Dice;
use rtp::extension::AudioLevel;
use rtp::srtp::{MAX_RTP_OVERHEAD, Sender};
use rtp::write::{pad, write_packet};
use rtp::{ExtensionValue, Fields, Written};

/// What a packet is to those who forward it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Media,
    /// No payload: padding alone, or not even that.
    Nothing,
    /// Of a payload type that was not agreed on.
    Foreign,
}

/// A packet as it was sent. No two have the same payload, but those that have none.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) track: usize,
    pub(crate) ssrc: u32,
    /// Sequence number and rollover counter.
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) content: Content,
    /// The first packet of a key frame.
    pub(crate) key: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) level: Option<u8>,
    pub(crate) payload_type: u8,
}

impl Sent {
    /// The packet, encrypted: with or without CSRCs, padding, and extensions that nobody agreed on.
    pub(crate) fn seal(&self, line: &Line, sender: &Sender, dice: &mut Dice) -> Vec<u8> {
        let fields = self.fields(self.payload_type, self.index, self.ssrc);
        let padding = self.padding(dice);
        seal(&fields, &self.extensions(line, dice), &self.payload, padding, self.index, sender, dice)
    }

    /// Its retransmission (RFC 4588) as packet `index` of another stream.
    pub(crate) fn seal_rtx(
        &self,
        line: &Line,
        ssrc: u32,
        index: u64,
        sender: &Sender,
        dice: &mut Dice,
    ) -> Vec<u8> {
        let fields = self.fields(line.rtx.unwrap(), index, ssrc);
        let payload = [&((self.index & 0xffff) as u16).to_be_bytes()[..], &self.payload].concat();
        seal(&fields, &self.extensions(line, dice), &payload, 0, index, sender, dice)
    }

    fn fields(&self, payload_type: u8, index: u64, ssrc: u32) -> Fields {
        let (marker, timestamp, sequence) = (self.marker, self.timestamp, (index & 0xffff) as u16);
        Fields { marker, payload_type, sequence, timestamp, ssrc }
    }

    fn padding(&self, dice: &mut Dice) -> u8 {
        match self.content {
            Content::Nothing => dice.below(256) as u8,
            _ if dice.chance(20) => dice.below(60) as u8,
            _ => 0,
        }
    }

    fn extensions(&self, line: &Line, dice: &mut Dice) -> Vec<(u8, Vec<u8>)> {
        let Ids { mid, abs_send_time, transport_cc, audio_level } = line.ids;
        let mut values = vec![
            (mid, line.mid.clone().into_bytes()),
            (abs_send_time, vec![1, 2, 3]),
            (transport_cc, (self.index as u16).to_be_bytes().to_vec()),
        ];
        if let Some(level) = self.level {
            values.push((audio_level, vec![level]));
        }
        if dice.chance(10) {
            // An id beyond 14 needs the two-byte form.
            values.push((20, vec![9; dice.below(20) as usize]));
        }
        values
    }
}

fn seal(
    fields: &Fields,
    extensions: &[(u8, Vec<u8>)],
    payload: &[u8],
    padding: u8,
    index: u64,
    sender: &Sender,
    dice: &mut Dice,
) -> Vec<u8> {
    let extensions: Vec<ExtensionValue<'_>> =
        extensions.iter().map(|(id, value)| ExtensionValue { id: *id, value }).collect();
    let mut bytes = vec![0; payload.len() + 600];
    let written = write_packet(fields, &extensions, payload, &mut bytes).unwrap();
    let written = pad(written, padding, &mut bytes).unwrap();
    bytes.truncate(written.len);
    let written = add_csrcs(&mut bytes, written, dice);
    bytes.resize(written.len + MAX_RTP_OVERHEAD, 0);
    let len = sender.seal_rtp(&mut bytes, written, (index >> 16) as u32).unwrap();
    bytes.truncate(len);
    bytes
}

/// Contributing sources stand between the fixed header and the extensions.
fn add_csrcs(bytes: &mut Vec<u8>, written: Written, dice: &mut Dice) -> Written {
    let count = if dice.chance(5) { dice.below(4) as usize } else { 0 };
    bytes[0] |= count as u8;
    bytes.splice(12..12, std::iter::repeat_n(7, 4 * count));
    Written { header_len: written.header_len + 4 * count, len: written.len + 4 * count }
}

/// A level of the sound (RFC 6464).
pub(crate) fn level(dice: &mut Dice) -> u8 {
    AudioLevel { voice: dice.chance(50), level: dice.below(128) as u8 }.bytes()[0]
}

/// How a publisher describes its frames (RFC 7741 section 4.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    /// Bits of the picture id: 0, 7 or 15.
    pub(crate) picture_bits: u8,
    /// TL0PICIDX and the layer.
    pub(crate) layers: bool,
}

impl Descriptor {
    pub(crate) fn write(self, frame: u32, first: bool, partition: u8) -> Vec<u8> {
        let mut bytes = vec![(u8::from(first) << 4) | partition];
        if self.picture_bits == 0 && !self.layers {
            return bytes;
        }
        bytes[0] |= 0x80;
        bytes.push((u8::from(self.picture_bits > 0) << 7) | if self.layers { 0x60 } else { 0 });
        match self.picture_bits {
            0 => {}
            7 => bytes.push((frame & 0x7f) as u8),
            _ => bytes.extend(((frame & 0x7fff) as u16 | 0x8000).to_be_bytes()),
        }
        if self.layers {
            bytes.extend([(frame / 2) as u8, ((frame & 1) as u8) << 6]);
        }
        bytes
    }
}
