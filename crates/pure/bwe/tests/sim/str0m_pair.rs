//! x
use bwe::Bitrate;
use crate::world::*;
pub(crate) struct Str0mPair;
impl Str0mPair { pub(crate) fn new(_: Bitrate) -> Self { Self } }
impl Pair for Str0mPair {
    fn target(&self) -> f64 { 0.0 }
    fn offer(&mut self, _: u64, _: bool, _: &[u32]) {}
    fn step(&mut self, _: u64, _: &mut Vec<Datagram>, _: &mut Vec<Datagram>) {}
    fn at_receiver(&mut self, _: u64, _: &[u8]) {}
    fn at_sender(&mut self, _: u64, _: &[u8]) {}
}
