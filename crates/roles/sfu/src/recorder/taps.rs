//! Which streams of a worker are recorded. Lives on the worker's thread.

use std::collections::HashMap;

use media::{Event, Router, TapId, TappedTrack};
use model::ids::StreamId;

use super::{Recorder, Subject};

/// What of a stream is recorded, and why.
#[derive(Debug)]
struct Tap {
    id: TapId,
    /// Until its first packet comes.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    subject: Subject,
    tracks: Vec<TappedTrack>,
}

/// A worker's recordings. Dropping it ends them.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    recorder: Option<Recorder>,
    taps: HashMap<StreamId, Tap>,
}

impl Taps {
    pub(crate) fn new(recorder: Option<Recorder>) -> Self {
        Self { recorder, taps: HashMap::new() }
    }

    /// Records a stream from its first packet on, or from now on. False: there is no such stream, no recorder, or
    /// nothing in it that can be recorded.
    pub(crate) fn start(&mut self, router: &mut Router, subject: Subject) -> bool {
        if self.taps.contains_key(&subject.mid) {
            return true;
        }
        let Some(recorder) = &self.recorder else { return false };
        let (mid, id) = (subject.mid.clone(), recorder.next_tap());
        let Some(tapped) = router.tap(&mid, Some(id)) else { return false };
        if tapped.tracks.is_empty() {
            router.tap(&mid, None);
            return false;
        }
        self.taps.insert(mid.clone(), Tap { id, waiting: Some(Waiting { subject, tracks: tapped.tracks }) });
        if tapped.live {
            self.live(&mid);
        }
        true
    }

    /// What has happened to streams, in one batch with the packets that came. A recording begins before its first packet
    /// and ends after its last, whatever the order of the events.
    pub(crate) fn follow(&mut self, router: &mut Router, events: &[Event]) {
        for event in events {
            if let Event::StreamLive { mid } = event {
                self.live(mid);
            }
        }
        self.hand_over(router);
        for event in events {
            if let Event::StreamEnded { mid, .. } = event {
                self.ended(mid);
            }
        }
    }

    /// A stream's first packet has come.
    fn live(&mut self, mid: &StreamId) {
        let (Some(recorder), Some(tap)) = (&self.recorder, self.taps.get_mut(mid)) else { return };
        if let Some(Waiting { subject, tracks }) = tap.waiting.take() {
            recorder.begin(tap.id, subject, tracks);
        }
    }

    /// Records a stream no longer.
    pub(crate) fn stop(&mut self, router: &mut Router, mid: &StreamId) {
        router.tap(mid, None);
        self.hand_over(router);
        self.end(mid, "stopped");
    }

    /// A stream has ended.
    pub(crate) fn ended(&mut self, mid: &StreamId) {
        self.end(mid, "the stream ended");
    }

    /// Hands over what has come.
    fn hand_over(&self, router: &mut Router) {
        if let (Some(tape), Some(recorder)) = (router.take_tape(), &self.recorder) {
            recorder.packets(tape);
        }
    }

    fn end(&mut self, mid: &StreamId, reason: &'static str) {
        let (Some(tap), Some(recorder)) = (self.taps.remove(mid), &self.recorder) else { return };
        if tap.waiting.is_none() {
            recorder.end(tap.id, reason);
        }
    }
}

impl Drop for Taps {
    fn drop(&mut self) {
        let mids: Vec<StreamId> = self.taps.keys().cloned().collect();
        for mid in mids {
            self.end(&mid, "the SFU ended");
        }
    }
}
