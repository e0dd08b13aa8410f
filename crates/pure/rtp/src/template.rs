//! The header of a stream's packets, built once: what is the same in all of them is copied, what changes is put in.

use crate::extension::{Extension, ExtensionValue, ONE_BYTE, TWO_BYTE};
use crate::fields::put;
use crate::packet::FIXED_HEADER;
use crate::write::{BLOCK_START, Fields, NoRoom, block, close_block, element, finish, fits_one_byte};

/// The longest header: the fixed part and four extensions of 16 bytes in the two-byte form.
const SPACE: usize = BLOCK_START + 4 * 18;

/// Version 2, and nothing else.
const PLAIN: u8 = 0x80;

/// A header with extensions, some of whose values change from packet to packet. One template has one form: a track whose
/// packets need two bytes at times has one of each, and takes the one-byte form where the last element
/// [fits](Self::fits) it.
#[derive(Clone, Debug)]
pub struct HeaderTemplate<const N: usize> {
    bytes: [u8; SPACE],
    /// Of the whole header, up to a whole word.
    len: usize,
    /// Where one more element goes.
    end: usize,
    form: u16,
    /// Where each value lies; 0: it was left out.
    places: [usize; N],
}

impl<const N: usize> Default for HeaderTemplate<N> {
    /// A header without extensions.
    fn default() -> Self {
        let mut bytes = [0; SPACE];
        bytes[0] = PLAIN;
        Self { bytes, len: FIXED_HEADER, end: BLOCK_START, form: ONE_BYTE, places: [0; N] }
    }
}

impl<const N: usize> HeaderTemplate<N> {
    /// A header with these extensions in the one-byte form, in order. One with an id of 0, or that the one-byte form has
    /// no room for, is left out.
    ///
    /// # Errors
    /// [`NoRoom`]: they are too long together.
    pub fn new(elements: &[ExtensionValue<'_>; N]) -> Result<Self, NoRoom> {
        Self::build(elements, ONE_BYTE)
    }

    /// The same in the two-byte form, for receivers that agreed to it (`a=extmap-allow-mixed`, RFC 8285 section 6). One
    /// with an id of 0 is left out.
    ///
    /// # Errors
    /// [`NoRoom`]: they are too long together.
    pub fn two_byte(elements: &[ExtensionValue<'_>; N]) -> Result<Self, NoRoom> {
        Self::build(elements, TWO_BYTE)
    }

    fn build(elements: &[ExtensionValue<'_>; N], form: u16) -> Result<Self, NoRoom> {
        let mut template = Self { bytes: [0; SPACE], len: 0, end: BLOCK_START, form, places: [0; N] };
        let head = if form == ONE_BYTE { 1 } else { 2 };
        for (place, element) in template.places.iter_mut().zip(elements) {
            if fits(form, &extension(element)) {
                *place = template.end + head;
                template.end = *place + element.value.len();
            }
        }
        let elements = elements.iter().map(extension).filter(|element| fits(form, element));
        template.len = block(elements, form, &mut template.bytes)?;
        Ok(template)
    }

    /// Whether the template's form has room for an element.
    #[inline]
    #[must_use]
    pub fn fits(&self, element: &ExtensionValue<'_>) -> bool {
        fits(self.form, &extension(element))
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

    /// The same with one more element behind those of the template, of any length that [fits](Self::fits); one that does
    /// not is left out.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn write_with(
        &self,
        fields: &Fields,
        last: &ExtensionValue<'_>,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, NoRoom> {
        if !self.fits(last) {
            return self.write(fields, payload, out);
        }
        let header = self.bytes.get(..self.end).ok_or(NoRoom)?;
        out.get_mut(..self.end).ok_or(NoRoom)?.copy_from_slice(header);
        let end = element(&extension(last), self.form, self.end, out)?;
        let header_len = close_block(self.form, end, out)?;
        finish(fields, header_len, payload, out)?;
        Ok(header_len)
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

fn extension<'a>(element: &ExtensionValue<'a>) -> Extension<'a> {
    Extension { id: element.id, value: element.value }
}

fn fits(form: u16, element: &Extension<'_>) -> bool {
    if form == ONE_BYTE { fits_one_byte(element) } else { element.id != 0 && element.value.len() <= 255 }
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

    /// An id that no list of the test has, and one of each kind of length.
    fn last() -> impl Strategy<Value = (u8, Vec<u8>)> {
        let lengths = prop_oneof![Just(0usize), 1usize..17, 17usize..256];
        (
            prop_oneof![Just(0u8), Just(14), Just(200)],
            lengths.prop_flat_map(|len| prop::collection::vec(any::<u8>(), len)),
        )
    }

    proptest! {
        #[test]
        fn one_more_element_is_written_as_from_scratch(
            ids in prop::array::uniform4(0u8..14),
            mid in prop::collection::vec(any::<u8>(), 0..17),
            (level, time, sequence) in (any::<[u8; 1]>(), any::<[u8; 3]>(), any::<[u8; 2]>()),
            (id, value) in last(),
            two_byte in any::<bool>(),
            payload in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            prop_assume!((1..4).all(|at| ids[at] == 0 || !ids[..at].contains(&ids[at])));
            let fields = Fields { marker: true, payload_type: 96, sequence: 1, timestamp: 2, ssrc: 3 };
            let element = |at: usize, value| ExtensionValue { id: ids[at], value };
            let zeros = [element(0, &[0][..]), element(1, &mid), element(2, &[0; 3]), element(3, &[0; 2])];
            let last = ExtensionValue { id, value: &value };
            let one_byte = HeaderTemplate::new(&zeros).unwrap();
            // As a track chooses: two bytes only where something does not fit otherwise.
            let all_fit = one_byte.fits(&last) || id == 0;
            let long_form = two_byte && (!all_fit || ids[1] != 0 && mid.is_empty());
            let template = if long_form { HeaderTemplate::two_byte(&zeros).unwrap() } else { one_byte };
            let mut fast = [0xaa; 500];
            let header_len = template.write_with(&fields, &last, &payload, &mut fast).unwrap();
            template.put(0, &level, &mut fast);
            template.put(2, &time, &mut fast);
            template.put(3, &sequence, &mut fast);

            let mut source = [0; 100];
            let written = write_packet(&fields, &[], &payload, &mut source).unwrap();
            let packet = RtpPacket::parse(&source[..written.len]).unwrap();
            let set = [element(0, &level[..]), element(1, &mid), element(2, &time), element(3, &sequence), last];
            let mut slow = [0xaa; 500];
            let map = ExtensionMap::new(two_byte);
            let written = copy_with(&packet, &fields, &map, &set, None, &mut slow).unwrap();
            prop_assert_eq!(header_len, written.header_len);
            prop_assert_eq!(&fast[..], &slow[..]);
            let copy = RtpPacket::parse(&fast[..written.len]).unwrap();
            prop_assert_eq!(copy.extensions().find(id).is_some(), template.fits(&last));

            // Where there is no room for all of it there is an error.
            let short = written.len - 1;
            prop_assert_eq!(template.write_with(&fields, &last, &payload, &mut fast[..short]), Err(NoRoom));
        }
    }

    #[test]
    fn without_elements_of_its_own_a_template_takes_one() {
        let template = HeaderTemplate::<0>::default();
        let fields = Fields { marker: false, payload_type: 0, sequence: 0, timestamp: 0, ssrc: 0 };
        let mut out = [0xaa; 40];
        let last = ExtensionValue { id: 3, value: b"abc" };
        assert_eq!(template.write_with(&fields, &last, b"x", &mut out), Ok(20));
        let packet = RtpPacket::parse(&out[..21]).unwrap();
        assert_eq!((packet.extensions().find(3), packet.payload()), (Some(&b"abc"[..]), &b"x"[..]));
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
