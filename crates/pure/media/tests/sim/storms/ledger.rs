//! What a publisher has sent: whatever is forwarded must stand here.

use crate::forwarding::packet::Sent;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// A packet, and when it was made.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sent: Rc<Sent>,
    pub(super) at: Instant,
}

/// All packets of one publisher, by their payloads, no two of which are the same.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<Vec<u8>, Entry>);

impl Ledger {
    /// A packet is sent, for the first time or again.
    pub(super) fn write(&mut self, at: Instant, sent: &Rc<Sent>) {
        let entry = self.0.entry(sent.payload.clone()).or_insert_with(|| Entry { sent: Rc::clone(sent), at });
        assert!(Rc::ptr_eq(&entry.sent, sent), "two packets of one payload");
    }

    /// The packet of this payload.
    pub(super) fn find(&self, payload: &[u8]) -> Option<&Entry> {
        self.0.get(payload)
    }
}
