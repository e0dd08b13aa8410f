//! The checksum of a page (RFC 3533 section 6): CRC-32 with the polynomial 0x04c11db7, most significant bit first,
//! from zero and without a final inversion.

const POLYNOMIAL: u32 = 0x04c1_1db7;

const TABLE: [u32; 256] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which would refuse an index out of range"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc >> 31 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The checksum of bytes whose first part had the checksum `crc`; zero for no first part.
pub(crate) fn update(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| {
        let at = usize::from((crc >> 24) as u8 ^ byte);
        (crc << 8) ^ TABLE.get(at).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_catalogue_value() {
        // The same polynomial and order with an initial value and a final inversion is CRC-32/BZIP2, whose check value
        // is 0xfc891918; all ones before is the same as these four bytes from zero.
        let crc = update(0, &[0x46, 0xaf, 0x64, 0x49]);
        assert_eq!(crc, 0xffff_ffff);
        assert_eq!(!update(crc, b"123456789"), 0xfc89_1918);
    }

    #[test]
    fn parts_make_the_whole() {
        assert_eq!(update(update(0, b"1234"), b"56789"), update(0, b"123456789"));
        assert_eq!(update(0, &[0; 40]), 0);
    }
}
