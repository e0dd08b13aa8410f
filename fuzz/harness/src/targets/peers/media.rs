//! What the publisher sends, under valid keys.

use super::{PUBLISHER, World, home};
use crate::offer::{Form, RIDS, id};
use crate::script::Script;
use crate::time::Timed;
use rtp::packet::is_rtcp;
use rtp::sequence::extend_near;
use rtp::srtp::{MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD};
use rtp::write::{Written, pad, write_packet};
use rtp::{ExtensionValue, Fields, Header};
use std::time::Duration;

const AUDIO: u32 = 1000;
/// And one more for each layer.
const VIDEO: u32 = 2000;
const REPAIRS: u32 = 3000;
const OTHERS: u32 = 4000;

/// The longest dependency descriptor that there is room for.
const MAX_DESCRIPTOR: usize = 100;

/// A descriptor with a structure of one template, and one that leans on it.
const STRUCTURE: &[u8] = &[0xc0, 0, 1, 0x80, 0x00, 0x38, 0x00];
const TEMPLATE: &[u8] = &[0xc0, 0, 2];

/// What the publisher knows of a packet beside the payload.
struct Packet<'a> {
    fields: Fields,
    name: &'a [u8],
    /// Which layer it is of, or repairs.
    rid: Option<(u8, &'a [u8])>,
    descriptor: &'a [u8],
    time: [u8; 3],
    padding: u8,
}

impl World {
    /// A packet as a publisher sends it, or nearly so.
    pub(super) fn media(&mut self, script: &mut Script<'_>) {
        let (kind, shape) = (script.below(4), script.byte());
        let layered = if self.scene.form == Form::Plain { 0 } else { script.byte() };
        let simulcast = self.scene.form == Form::Simulcast;
        let layer = if simulcast { usize::from(layered) % RIDS.len() } else { 0 };
        let (payload_type, ssrc) = [
            (111, AUDIO),
            (96, VIDEO + layer as u32),
            (97, REPAIRS + layer as u32),
            (96, OTHERS + u32::from(shape >> 6)),
        ][kind];
        let last = self.indices.get(&ssrc).copied().unwrap_or(100);
        let step = [1, 1, 1, 2, 5, -1, -3, i64::from(script.u16().cast_signed())][usize::from(shape & 7)];
        let index = last.checked_add_signed(step).unwrap_or(0);
        self.timestamp = self.timestamp.wrapping_add(u32::from(shape >> 3 & 1) * 3000);
        let fields = Fields {
            marker: shape & 0x10 != 0,
            payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: self.timestamp,
            ssrc,
        };
        let rid = [id::RID, id::RID, id::REPAIRED_RID, id::RID][kind];
        // Only the first packets of a layer need to name it.
        let rid = (simulcast && layered & 0x10 == 0).then_some((rid, RIDS[layer].as_bytes()));
        let time = script.array();
        let mut payload = script.chunk().to_vec();
        let described = kind != 0 && layered & 0x20 != 0;
        let descriptor = if described { script.chunk() } else { &[] };
        if shape & 0x40 != 0 {
            payload.resize(payload.len() + 900, shape);
        }
        let name: &[u8] = match kind {
            _ if shape & 0x20 != 0 => &[],
            0 => b"0",
            _ => b"1",
        };
        let descriptor = &descriptor[..descriptor.len().min(MAX_DESCRIPTOR)];
        self.publish(&Packet { fields, name, rid, descriptor, time, padding: shape & 3 }, &payload);
    }

    fn publish(&mut self, packet: &Packet<'_>, payload: &[u8]) {
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        let number = self.transport_sequence.to_be_bytes();
        let (rid, rid_name) = packet.rid.unwrap_or((0, &[]));
        let given = |id: u8, value: &[u8]| if value.is_empty() { 0 } else { id };
        let extensions = [
            ExtensionValue { id: given(id::MID, packet.name), value: packet.name },
            ExtensionValue { id: id::ABS_SEND_TIME, value: &packet.time },
            ExtensionValue { id: id::TRANSPORT_CC, value: &number },
            ExtensionValue { id: rid, value: rid_name },
            ExtensionValue {
                id: given(id::DEPENDENCY_DESCRIPTOR, packet.descriptor),
                value: packet.descriptor,
            },
        ];
        let mut bytes = vec![0; 1400];
        let written = write_packet(&packet.fields, &extensions, payload, &mut bytes).expect("there is room");
        let written = pad(written, packet.padding, &mut bytes).expect("there is room");
        bytes.truncate(written.len);
        let sealed = self.sealed_rtp(bytes);
        self.receive(home(PUBLISHER), sealed);
    }

    /// A frame of one layer, as it should be: so many packets of so many bytes.
    pub(super) fn frame(&mut self, layer: usize, key: bool, packets: usize, bytes: usize) {
        let ssrc = VIDEO + if self.scene.form == Form::Simulcast { layer as u32 } else { 0 };
        for n in 0..packets {
            let sequence = self.indices.get(&ssrc).map_or(100, |last| last + 1) as u16;
            let (first, last) = (n == 0, n + 1 == packets);
            let fields = Fields { marker: last, payload_type: 96, sequence, timestamp: self.timestamp, ssrc };
            let (mut payload, descriptor) = self.content(layer, key, first, last);
            payload.resize(payload.len().max(bytes), 7);
            let rid = (self.scene.form == Form::Simulcast).then_some((id::RID, RIDS[layer].as_bytes()));
            self.publish(&Packet { fields, name: b"1", rid, descriptor, time: [0; 3], padding: 0 }, &payload);
        }
    }

    /// The begin of a payload, and its descriptor.
    fn content(&self, layer: usize, key: bool, first: bool, last: bool) -> (Vec<u8>, &'static [u8]) {
        let described = if key && first { STRUCTURE } else { TEMPLATE };
        let vp8: &[u8] = match (key, first) {
            (true, true) => &[0x10, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0],
            (false, true) => &[0x10, 1, 2, 3],
            (_, false) => &[0, 1, 2, 3],
        };
        match self.scene.form {
            Form::Plain => (vp8.to_vec(), &[]),
            Form::Simulcast => (vp8.to_vec(), described),
            Form::Vp9 => {
                let (begins, ends) = (u8::from(first) << 3, u8::from(last) << 2);
                let head = 0xa0 | if key { 0 } else { 0x40 } | begins | ends;
                let [_, _, high, low] = (self.timestamp / 3000).to_be_bytes();
                let above = u8::from(layer > 0);
                (vec![head, 0x80 | high, low, (layer as u8) << 1 | above, low, 9, 9], &[])
            }
            Form::Av1 => {
                let sequence: &[u8] = if key && first { &[0x18, 0x0a, 0, 0] } else { &[0x10, 0x32, 0, 0] };
                (sequence.to_vec(), described)
            }
        }
    }

    /// More at once than a network takes.
    pub(super) fn burst(&mut self, script: &mut Script<'_>) {
        let (layer, key) = (script.below(RIDS.len()), script.bit());
        let (packets, bytes) = (script.below(64) + 1, script.below(256) * 4);
        self.timestamp = self.timestamp.wrapping_add(3000);
        self.frame(layer, key, packets, bytes);
    }

    /// A call goes on for some frames of 40 ms, in which all behave: what is sent arrives, ever later or not, and that is
    /// said.
    pub(super) fn a_while(&mut self, script: &mut Script<'_>) {
        let (frames, key, bytes) = (script.below(8) + 1, script.bit(), script.below(256) * 4);
        let later = Duration::from_micros(u64::from(script.byte()) * 100);
        for n in 0..frames {
            self.timestamp = self.timestamp.wrapping_add(3600);
            for layer in 0..RIDS.len() {
                self.frame(layer, key && n == 0, 1 + layer, bytes);
            }
            self.pass(Duration::from_millis(40));
            self.late += later;
            (super::SUBSCRIBER..self.peers.len()).for_each(|who| self.say_what_came(who));
        }
        (0..self.peers.len()).for_each(|who| {
            let check = self.peers[who].check(true, true);
            self.receive(home(who), check);
        });
    }

    /// What the publisher seals, if it has a header.
    pub(super) fn sealed_rtp(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        let Ok(header) = Header::parse(&packet) else { return packet };
        let known = self.indices.get(&header.ssrc).copied();
        let first = u64::from(header.sequence);
        let index = known.and_then(|last| extend_near(last, header.sequence)).unwrap_or(first);
        self.indices.insert(header.ssrc, known.map_or(index, |last| last.max(index)));
        let written = Written { header_len: header.header_len(), len: packet.len() };
        packet.resize(written.len + MAX_RTP_OVERHEAD, 0);
        let (sender, _) = self.peers[PUBLISHER].keys.as_ref().expect("it is connected");
        let len = sender.seal_rtp(&mut packet, written, (index >> 16) as u32).expect("there is room");
        packet.truncate(len);
        packet
    }

    pub(super) fn sealed_rtcp(&mut self, who: usize, compound: &[u8]) -> Vec<u8> {
        let mut bytes = compound.to_vec();
        // Header and SSRC are in every SRTCP packet.
        bytes.resize(compound.len().max(8) + MAX_RTCP_OVERHEAD, 0);
        if !is_rtcp(&bytes) {
            bytes[0] = 0x80 | (bytes[0] & 0x3f);
            bytes[1] = 200 + bytes[1] % 8;
        }
        let (sender, _) = self.peers[who].keys.as_mut().expect("it is connected");
        let len = sender.seal_rtcp(&mut bytes, compound.len().max(8)).expect("there is room");
        bytes.truncate(len);
        bytes
    }
}
