//! What stands in for Kafka in a binary without it.

use std::time::Instant;

use super::{InvalidKafka, Kafka};
use crate::{Counters, StartError};

/// There is none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Records {}

/// There is none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sender {}

pub(crate) fn start(kafka: &Kafka, _: &str, _: &Counters) -> Result<(Records, Sender), StartError> {
    kafka.check()?;
    Err(InvalidKafka::BuiltWithout("kafka").into())
}

impl Records {
    pub(crate) fn push(self, _: &str) {
        match self {}
    }
}

impl Sender {
    pub(crate) fn end(self, _: Instant) {
        match self {}
    }

    pub(crate) fn has_ended(&self) -> bool {
        match *self {}
    }
}
