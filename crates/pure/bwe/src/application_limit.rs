//! Whether less is sent than may be: then what arrives says little of the network, and only probes tell more. (The idea
//! of libwebrtc's application-limited region.)

use crate::Bitrate;

/// How long is looked at. (libwebrtc: 500 ms.)
const WINDOW: i64 = 500_000;
/// Limited is who sends less than this part of the target (libwebrtc); and no longer who sends more than that.
const ENTER: f64 = 0.65;
const LEAVE: f64 = 0.75;

/// Sent bytes against the target. Times in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApplicationLimit {
    began: i64,
    bytes: u64,
    limited: bool,
}

impl ApplicationLimit {
    pub(crate) fn sent(&mut self, bytes: u32) {
        self.bytes += u64::from(bytes);
    }

    pub(crate) fn look(&mut self, now: i64, target: Bitrate) {
        let length = now - self.began;
        if length < WINDOW {
            return;
        }
        let may = target.as_f64() * length as f64 / 8e6;
        let part = self.bytes as f64 / may.max(1.0);
        self.limited = part < if self.limited { LEAVE } else { ENTER };
        (self.began, self.bytes) = (now, 0);
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.limited
    }
}
