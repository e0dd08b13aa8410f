//! Bits from the highest to the lowest, as the dependency descriptor is written.

use crate::fields::u8_at;

/// The bits that are left of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// f(n): the next `count` bits, of which there are at most 32.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0u32;
        let mut left = count as usize;
        while left > 0 {
            let byte = u32::from(u8_at(self.data, self.at / 8)?);
            let unread = 8 - self.at % 8;
            let taken = left.min(unread);
            let bits = byte >> (unread - taken) & ((1 << taken) - 1);
            value = value << taken | bits;
            self.at += taken;
            left -= taken;
        }
        Some(value)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    /// At most 8 bits.
    pub(super) fn small(&mut self, count: u32) -> Option<u8> {
        self.take(count).map(|value| (value & 0xff) as u8)
    }

    /// ns(n): one of `values` values, of which the lower ones take a bit less where that is no power of two.
    pub(super) fn one_of(&mut self, values: u32) -> Option<u8> {
        let width = u32::BITS - values.leading_zeros();
        let short = (1 << width) - values;
        let value = self.take(width.saturating_sub(1))?;
        let value = if value < short { value } else { (value << 1) + self.take(1)? - short };
        Some((value & 0xff) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The table of appendix A.4.1 for five values.
    #[test]
    fn five_values() {
        let read = |byte: u8| Bits::new(&[byte]).one_of(5);
        let codes = [0b0000_0000, 0b0100_0000, 0b1000_0000, 0b1100_0000, 0b1110_0000];
        assert_eq!(codes.map(read), [0, 1, 2, 3, 4].map(Some));
        assert_eq!(Bits::new(&[]).one_of(1), Some(0), "one value takes no bits");
    }

    proptest! {
        #[test]
        fn bits_come_as_they_are_written(data in any::<[u8; 8]>(), counts in prop::collection::vec(0u32..33, 1..12)) {
            let mut bits = Bits::new(&data);
            let (all, mut at) = (u64::from_be_bytes(data), 0);
            for count in counts {
                let got = bits.take(count);
                if at + count > 64 {
                    prop_assert_eq!(got, None);
                    break;
                }
                let expected = if count == 0 { 0 } else { all << at >> (64 - count) };
                prop_assert_eq!(got, Some(expected as u32));
                at += count;
            }
        }
    }
}
