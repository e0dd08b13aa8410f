//! What clients bring into a negotiation, whoever offers.

use crate::client::{Client, ClientError, Clock, Direction, Identity, Kind, Offering, answer};
use std::sync::Arc;
use std::time::Instant;

/// What all clients of a load have in common.
pub(crate) struct Terms {
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: Clock,
    pub(crate) kinds: Vec<Kind>,
}

/// How subscribers call themselves: nobody hears of it.
const SUBSCRIBER: &str = "loadtest";

impl Terms {
    /// An offer to publish as somebody.
    pub(super) fn to_publish(&self, uid: &str) -> Result<Offering, ClientError> {
        Offering::new(&self.identity, Direction::Publish, &self.kinds, uid)
    }

    /// An offer to subscribe.
    pub(super) fn to_subscribe(&self) -> Result<Offering, ClientError> {
        Offering::new(&self.identity, Direction::Subscribe, &self.kinds, SUBSCRIBER)
    }

    /// The client that an offer and its answer make.
    pub(super) fn accept(&self, offering: Offering, answer: &str) -> Result<Client, ClientError> {
        offering.accept(Instant::now(), self.clock, answer)
    }

    /// The client that receives what the server offers, and the answer.
    pub(super) fn answer(&self, offer: &str) -> Result<(Client, String), ClientError> {
        answer(Instant::now(), self.clock, &self.identity, offer, SUBSCRIBER)
    }
}
