//! One module for each target: `run` and `seeds`.

pub(crate) mod bandwidth;
pub(crate) mod dependency;
pub(crate) mod extensions;
pub(crate) mod key_frames;
pub(crate) mod mend;
pub(crate) mod nack;
pub(crate) mod peers;
pub(crate) mod protoo;
pub(crate) mod receiving;
pub(crate) mod recording;
pub(crate) mod red;
pub(crate) mod rtcp;
pub(crate) mod rtcp_writer;
pub(crate) mod rtp;
pub(crate) mod sdp;
pub(crate) mod srtp;
pub(crate) mod strangers;
pub(crate) mod token;
pub(crate) mod unwrap;
pub(crate) mod vp8;
pub(crate) mod vp9;

/// Names the inputs of a list.
fn named<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Vec<(String, Vec<u8>)> {
    seeds.into_iter().map(|(name, seed)| (name.to_owned(), seed)).collect()
}
