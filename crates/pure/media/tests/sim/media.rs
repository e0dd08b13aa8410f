//! Frames that can be told apart, packed the way an encoder would.

/// A VP8 frame: its header says whether it is a key frame, its body which one it is.
pub(crate) fn vp8_frame(number: u32, key: bool, len: usize) -> Vec<u8> {
    // RFC 6386 section 9.1: bit 0 of the first byte is clear in a key frame, which carries a start code and a size.
    let mut frame = vec![if key { 0x10 } else { 0x11 }, 0, 0];
    frame.extend([0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    frame.extend(number.to_be_bytes());
    let filler = frame.len()..frame.len().max(len);
    frame.extend(filler.map(|at| (at as u32 ^ number) as u8));
    frame
}

/// The number of such a frame; `None` if it is damaged.
pub(crate) fn number_of(frame: &[u8]) -> Option<u32> {
    let number = u32::from_be_bytes(frame.get(10..14)?.try_into().ok()?);
    let key = frame[0] & 1 == 0;
    (frame == vp8_frame(number, key, frame.len())).then_some(number)
}

/// An Opus packet that carries its number.
pub(crate) fn opus_packet(number: u32) -> Vec<u8> {
    let mut packet = vec![0xfc];
    packet.extend(number.to_be_bytes());
    packet.extend([number as u8; 60]);
    packet
}

/// The number of such a packet.
pub(crate) fn opus_number(packet: &[u8]) -> Option<u32> {
    let number = u32::from_be_bytes(packet.get(1..5)?.try_into().ok()?);
    (packet == opus_packet(number)).then_some(number)
}
