//! Frames: two bytes of length, then so many bytes of datagram (RFC 4571 section 2).

/// The largest datagram that is taken: as over UDP, above any Ethernet MTU.
pub(super) const MAX_DATAGRAM: usize = 2048;

/// The length in front of each datagram.
pub(super) const HEADER: usize = 2;

/// More than this is never part of a frame.
pub(super) const MAX_FRAME: usize = HEADER + MAX_DATAGRAM;

/// What follows is no frame that is taken here: without a datagram, or with too large a one. Where the next one would
/// begin nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// What a length in front of a datagram says.
pub(super) fn length(header: [u8; HEADER]) -> Result<usize, Broken> {
    let length = usize::from(u16::from_be_bytes(header));
    if (1..=MAX_DATAGRAM).contains(&length) { Ok(length) } else { Err(Broken) }
}

/// The length as it is written; `None`: no datagram has it.
pub(super) fn header(datagram: &[u8]) -> Option<[u8; HEADER]> {
    u16::try_from(datagram.len()).ok().filter(|&length| length > 0).map(u16::to_be_bytes)
}

/// The datagrams at the beginning of what was read, without their lengths.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    rest: &'a mut [u8],
    broken: bool,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes, broken: false }
    }

    /// What is left when there is no whole one any more: the beginning of the next. `None`: it is not one.
    pub(crate) fn rest(self) -> Option<&'a [u8]> {
        (!self.broken).then_some(self.rest)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a mut [u8];

    fn next(&mut self) -> Option<&'a mut [u8]> {
        let length = length(*self.rest.first_chunk()?).inspect_err(|_| self.broken = true).ok()?;
        if self.rest.len() < HEADER + length {
            return None;
        }
        let (frame, rest) = std::mem::take(&mut self.rest).split_at_mut(HEADER + length);
        self.rest = rest;
        frame.get_mut(HEADER..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(datagrams: &[&[u8]]) -> Vec<u8> {
        datagrams.iter().flat_map(|data| [&header(data).unwrap()[..], data].concat()).collect()
    }

    fn read(mut bytes: Vec<u8>) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut frames = Frames::new(&mut bytes);
        let whole = frames.by_ref().map(|data| data.to_vec()).collect();
        (whole, frames.rest().map(<[u8]>::to_vec))
    }

    #[test]
    fn frames_are_read_as_they_were_written_wherever_they_are_cut() {
        let datagrams: [&[u8]; 4] = [&[1], &[7; 1200], &[0, 0, 0], &[9; MAX_DATAGRAM]];
        let bytes = framed(&datagrams);
        for cut in 0..=bytes.len() {
            let (mut whole, rest) = read(bytes[..cut].to_vec());
            let (others, left) = read([rest.unwrap(), bytes[cut..].to_vec()].concat());
            whole.extend(others);
            assert_eq!(whole, datagrams, "{cut}");
            assert_eq!(left, Some(Vec::new()));
        }
    }

    #[test]
    fn what_is_empty_or_too_large_is_no_frame() {
        let good = framed(&[&[5; 10]]);
        for bad in [[0, 0], [8, 1], [255, 255]] {
            let (whole, rest) = read([good.clone(), bad.to_vec()].concat());
            assert_eq!((whole, rest), (vec![vec![5; 10]], None), "{bad:?}");
        }
        assert_eq!(header(&[]), None);
        assert_eq!(header(&[0; 65_536]), None);
        assert_eq!(length([8, 0]), Ok(MAX_DATAGRAM));
    }
}
