//! What fuzzing feeds to the code that the network reaches: one function for each target.
//!
//! Each takes any bytes and panics only where an invariant of the code is broken: what was written is read back, what is
//! refused changes nothing, what leaves is no longer than it may be. libFuzzer drives them from `fuzz/fuzz_targets`; the
//! test `replay` runs all that is in `fuzz/corpus` through them, in `cargo test`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

mod base64;
mod offer;
mod ogg_file;
mod peer;
mod script;
mod targets;
mod time;

/// A target: what is fuzzed under one name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its program and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Feeds it some bytes.
    pub run: fn(&[u8]),
    /// Inputs to begin with, each with a name for its file.
    pub seeds: fn() -> Vec<(String, Vec<u8>)>,
}

macro_rules! targets {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])* pub fn $name(data: &[u8]) {
            targets::$name::run(data);
        })*

        /// All of them.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name, seeds: targets::$name::seeds },)*
        ];
    };
}

targets! {
    /// A frame of the client protocol: what is JSON, what is a message, what is cut out of it.
    protoo;
    /// An access token: any text, and any header and payload under a valid signature.
    token;
    /// An offer, and the answers to it.
    sdp;
    /// An RTP packet: read, forwarded, changed in place, taken out of a retransmission.
    rtp;
    /// Header extensions, read and written.
    extensions;
    /// The VP8 payload descriptor.
    vp8;
    /// The VP9 payload descriptor, and the layers that one subscriber gets.
    vp9;
    /// The dependency descriptor, value after value.
    dependency;
    /// The primary block of redundant audio.
    red;
    /// Transport feedback, its numbers and its clock unwrapped.
    unwrap;
    /// Where key frames of VP9, H.264 and AV1 begin.
    key_frames;
    /// An RTCP compound; all that is read is written and read again.
    rtcp;
    /// RTCP written into buffers of any size.
    rtcp_writer;
    /// SRTP and SRTCP: whole, damaged, repeated, late.
    srtp;
    /// What a receiver asks for again.
    nack;
    /// What a receiver counts: numbers, losses, arrival times, clocks.
    receiving;
    /// A router before there are keys: datagrams from anywhere, checks, pieces of handshakes.
    strangers;
    /// A router with a publisher and subscribers that are connected, and send what they like under valid keys.
    peers;
    /// What a network carries, when packets leave, who gets how much: called in any order with anything.
    bandwidth;
    /// A recording of any packets.
    recording;
    /// A recording that was cut off or damaged, and is mended.
    mend;
}
