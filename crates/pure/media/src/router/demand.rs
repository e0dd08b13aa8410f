//! Which of a publisher's layers anybody takes: told to the publisher, and by a branch to its root.

use super::Core;
use crate::Event;
use crate::branch::Wish;
use crate::stream::Stream;
use crate::stream::layers::bit;
use crate::timers::{Owner, Timer};
use std::time::{Duration, Instant};

/// A branch says again what it takes after so long: what it said before may have been lost.
const SAY_AGAIN: Duration = Duration::from_secs(1);

impl Core {
    /// What is taken of a stream may have changed.
    pub(super) fn look_at_demand(&mut self, now: Instant, index: usize) {
        self.forget_key_frames(index);
        let Some(stream) = self.streams.get(index).filter(|stream| stream.is_layered()) else { return };
        let in_vain = stream.tracks.iter().enumerate().filter(|(_, track)| track.awaited.is_in_vain(now));
        let in_vain = in_vain.fold(0, |tracks, (track, _)| tracks | bit(track));
        let taken = self.taken(index) | stream.demand.of_branches() | in_vain;
        let Some(stream) = self.streams.get_mut(index) else { return };
        if let Some(branch) = stream.trunk_mut().map(|trunk| trunk.branch) {
            self.crossing.wish(branch, Wish::Layers { tracks: taken });
            self.timers.set(now, Owner::Stream(index), Timer::Layers, now + SAY_AGAIN);
            return;
        }
        let again = now + SAY_AGAIN;
        let at = match stream.demand.changed(now, taken) {
            Ok(()) => {
                let rids = stream.tracks.iter().enumerate();
                let rids = rids.filter_map(|(at, track)| Some((at, track.layer.as_ref()?.rid.to_string())));
                let layers = stream.demand.told(rids);
                self.events.push_back(Event::LayersWanted { mid: stream.mid.clone(), layers });
                again
            }
            Err(at) => at.map_or(again, |at| at.min(again)),
        };
        // A layer is no longer taken when the key frame of another one has come.
        self.timers.set(now, Owner::Stream(index), Timer::Layers, at);
    }

    /// Key frames of tracks that nobody takes are not asked for any more.
    pub(super) fn forget_key_frames(&mut self, index: usize) {
        let awaited = |stream: &Stream| stream.tracks.iter().any(|track| track.key_frames.next().is_some());
        let Some(stream) = self.streams.get(index).filter(|stream| awaited(stream)) else { return };
        let branches = stream.demand.possibly_of(stream.branches.iter().map(|(branch, _)| *branch));
        let taken = self.taken(index) | branches;
        if let Some(stream) = self.streams.get_mut(index) {
            stream.forget_key_frames_but_of(taken);
        }
    }

    /// The tracks of a stream that its subscribers here get, or wait for.
    fn taken(&self, index: usize) -> u32 {
        let subscribers = self.streams.get(index).map(|stream| stream.subscribers.as_slice());
        let subscriptions = subscribers.into_iter().flatten().filter_map(|&one| self.subscriptions.get(one));
        let tracks = subscriptions.flat_map(|subscription| &subscription.tracks);
        tracks.fold(0, |taken, track| {
            let selection = &track.selection;
            let sources = selection.segments.source().into_iter().chain(selection.wanted());
            sources.fold(taken, |taken, source| taken | bit(source))
        })
    }
}
