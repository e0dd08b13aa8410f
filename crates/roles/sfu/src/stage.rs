//! How far an SFU is in its life, and so whether it takes new streams.

use tokio::sync::watch;

/// A stage of an SFU's life. They follow each other; Starting or Open may be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The rooms may still name streams of an earlier run.
    Starting,
    /// It takes new streams.
    Open,
    /// It takes no new streams; those that are here are served until they have moved.
    Draining,
}

/// The stage that an SFU is in now.
#[derive(Debug)]
pub(crate) struct Life(watch::Sender<Stage>);

impl Default for Life {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::Starting))
    }
}

impl Life {
    /// The rooms are clear: new streams may come, unless it drains already.
    pub(crate) fn open(&self) {
        self.0.send_if_modified(|stage| {
            let starting = *stage == Stage::Starting;
            if starting {
                *stage = Stage::Open;
            }
            starting
        });
    }

    /// No new streams from now on.
    pub(crate) fn drain(&self) {
        self.0.send_replace(Stage::Draining);
    }

    pub(crate) fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.stage() == Stage::Draining
    }

    /// Hears of every change.
    pub(crate) fn watch(&self) -> watch::Receiver<Stage> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_is_for_good() {
        let life = Life::default();
        assert_eq!(life.stage(), Stage::Starting);
        life.open();
        assert_eq!(life.stage(), Stage::Open);
        life.drain();
        life.open();
        assert!(life.is_draining());
    }
}
