//! Which worker a new subscriber goes to: that of its stream's publisher, until that one is loaded.

use parking_lot::Mutex;

/// What a subscriber is thought to take of a core until the next look shows it: 230 packets a second at 2 µs.
const EACH: f64 = 0.0005;

/// How busy the workers are.
#[derive(Debug)]
pub(crate) struct Placement {
    /// From this part of a core on a worker counts as loaded.
    loaded: f64,
    busy: Mutex<Vec<f64>>,
}

impl Placement {
    pub(crate) fn new(loaded: f64, workers: usize) -> Self {
        Self { loaded, busy: Mutex::new(vec![0.0; workers]) }
    }

    /// What part of a core each worker has used since the last look. One that gave no answer is busy.
    pub(crate) fn note(&self, used: impl Iterator<Item = Option<f64>>) {
        for (busy, used) in self.busy.lock().iter_mut().zip(used) {
            *busy = used.unwrap_or(1.0);
        }
    }

    /// The worker for a subscriber of a stream whose publisher is at `home`.
    pub(crate) fn choose(&self, home: usize) -> usize {
        let busy = self.busy.lock();
        let at_home = busy.get(home).copied().unwrap_or(0.0);
        let least = busy.iter().copied().enumerate().min_by(|(_, one), (_, other)| one.total_cmp(other));
        let chosen = match least {
            Some((worker, least)) if at_home >= self.loaded && least < at_home => worker,
            _ => home,
        };
        drop(busy);
        self.follow(chosen)
    }

    /// The worker where the subscriber's other subscriptions are, however loaded it is.
    pub(crate) fn follow(&self, worker: usize) -> usize {
        if let Some(busy) = self.busy.lock().get_mut(worker) {
            *busy += EACH;
        }
        worker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_stay_at_home_until_it_is_loaded_and_then_go_where_there_is_room() {
        let placement = Placement::new(0.5, 3);
        assert!((0..100).all(|_| placement.choose(1) == 1));
        placement.note([Some(0.3), Some(0.6), Some(0.2)].into_iter());
        assert_eq!(placement.choose(1), 2);
        assert_eq!(placement.choose(0), 0);
        placement.note([None, Some(0.6), Some(0.9)].into_iter());
        assert_eq!(placement.choose(1), 1, "nobody is less loaded");
    }

    #[test]
    fn many_at_once_are_spread_before_the_next_look() {
        let placement = Placement::new(0.0, 2);
        let away = (0..1000).filter(|_| placement.choose(0) == 1).count();
        assert_eq!(away, 500);
    }
}
