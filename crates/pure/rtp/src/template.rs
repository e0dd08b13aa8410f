//! The header of a stream's packets, built once: what is the same in all of them is copied, what changes is put in.

use crate::extension::{Extension, ExtensionValue, ONE_BYTE};
use crate::fields::put;
use crate::packet::FIXED_HEADER;
use crate::write::{Fields, NoRoom, block, finish, fits_one_byte};

/// The longest header: the fixed part and four extensions of the longest one-byte form.
const SPACE: usize = FIXED_HEADER + 4 + 4 * 17;

/// Version 2, and nothing else.
const PLAIN: u8 = 0x80;

/// A header with one-byte extensions, some of whose values change from packet to packet.
#[derive(Clone, Debug)]
pub struct HeaderTemplate<const N: usize> {
    bytes: [u8; SPACE],
    len: usize,
    /// Where each value lies; 0: it was left out.
    places: [usize; N],
}

impl<const N: usize> Default for HeaderTemplate<N> {
    /// A header without extensions.
    fn default() -> Self {
        let mut bytes = [0; SPACE];
        bytes[0] = PLAIN;
        Self { bytes, len: FIXED_HEADER, places: [0; N] }
    }
}

impl<const N: usize> HeaderTemplate<N> {
    /// A header with these extensions, in order. One with an id of 0, or that the one-byte form has no room for, is left
    /// out.
    ///
    /// # Errors
    /// [`NoRoom`]: they are too long together.
    pub fn new(elements: &[ExtensionValue<'_>; N]) -> Result<Self, NoRoom> {
        let mut template = Self { bytes: [0; SPACE], len: 0, places: [0; N] };
        let mut at = FIXED_HEADER + 4;
        for (place, element) in template.places.iter_mut().zip(elements) {
            if fits_one_byte(&Extension { id: element.id, value: element.value }) {
                *place = at + 1;
                at += 1 + element.value.len();
            }
        }
        let elements = elements.iter().map(|element| Extension { id: element.id, value: element.value });
        template.len = block(elements.filter(fits_one_byte), ONE_BYTE, &mut template.bytes)?;
        Ok(template)
    }

    /// Writes the header, and the payload behind it. Returns the length of the header.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn write(&self, fields: &Fields, payload: &[u8], out: &mut [u8]) -> Result<usize, NoRoom> {
        let header = self.bytes.get(..self.len).ok_or(NoRoom)?;
        out.get_mut(..self.len).ok_or(NoRoom)?.copy_from_slice(header);
        finish(fields, self.len, payload, out)?;
        Ok(self.len)
    }

    /// Puts the value of an extension in place, by its position among those that [`new`](Self::new) was given, into a
    /// packet that was written. It must be as long as that one was; where that was left out, this is, too.
    #[inline]
    pub fn put(&self, index: usize, value: &[u8], out: &mut [u8]) {
        if let Some(&place) = self.places.get(index).filter(|place| **place > 0) {
            put(out, place, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::copy_with;
    use crate::write::write_packet;
    use crate::{ExtensionMap, RtpPacket};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_template_writes_what_is_written_from_scratch(
            ids in prop::array::uniform4(0u8..17),
            mid in prop::collection::vec(any::<u8>(), 0..18),
            (level, time, sequence) in (any::<[u8; 1]>(), any::<[u8; 3]>(), any::<[u8; 2]>()),
            (marker, payload_type, number, timestamp, ssrc) in
                (any::<bool>(), 0u8..128, any::<u16>(), any::<u32>(), any::<u32>()),
            payload in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            // What an id means is one thing only.
            prop_assume!((1..4).all(|at| ids[at] == 0 || !ids[..at].contains(&ids[at])));
            let fields = Fields { marker, payload_type, sequence: number, timestamp, ssrc };
            let element = |at: usize, value| ExtensionValue { id: ids[at], value };
            let template = HeaderTemplate::new(&[
                element(0, &[0]),
                element(1, &mid),
                element(2, &[0; 3]),
                element(3, &[0; 2]),
            ]).unwrap();
            let mut fast = [0xaa; 300];
            let header_len = template.write(&fields, &payload, &mut fast).unwrap();
            template.put(0, &level, &mut fast);
            template.put(2, &time, &mut fast);
            template.put(3, &sequence, &mut fast);

            let mut source = [0; 100];
            let written = write_packet(&fields, &[], &payload, &mut source).unwrap();
            let packet = RtpPacket::parse(&source[..written.len]).unwrap();
            let set = [element(0, &level), element(1, &mid), element(2, &time), element(3, &sequence)];
            let mut slow = [0xaa; 300];
            let written = copy_with(&packet, &fields, &ExtensionMap::new(false), &set, None, &mut slow).unwrap();
            prop_assert_eq!(header_len, written.header_len);
            prop_assert_eq!(&fast[..], &slow[..]);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_no_panic() {
        let long = [7; 16];
        let elements = [1, 2, 3, 4].map(|id| ExtensionValue { id, value: &long });
        let template = HeaderTemplate::new(&elements).unwrap();
        let fields = Fields { marker: false, payload_type: 0, sequence: 0, timestamp: 0, ssrc: 0 };
        assert_eq!(template.write(&fields, b"x", &mut [0; 40]), Err(NoRoom));
        let five = [1, 2, 3, 4, 5].map(|id| ExtensionValue { id, value: &long });
        assert_eq!(HeaderTemplate::new(&five).map(drop), Err(NoRoom));
    }
}
