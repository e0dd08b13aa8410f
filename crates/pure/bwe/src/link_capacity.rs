//! What the link carries when it is full, as it is remembered: up to that growth is fast, near it careful, as TCP's CUBIC
//! has it around the window at which it last met the capacity (RFC 9438 section 4.1).
//!
//! Links are full when they carry least, so what is measured then is less than the mean of a wi-fi. Thus it is believed
//! slowly, but for a fall that no wavering explains.

use crate::Bitrate;

/// How fast it follows what arrives while the link is full, and what arrives beyond it, in seconds to 63 %.
const DOWN: f64 = 3.0;
const UP: f64 = 1.0;
/// One measurement counts for no longer than this.
const LONGEST: f64 = 0.1;
/// Less than this part is another link.
const FALL: f64 = 0.4;
/// And so is more than this many times as much that a probe has shown.
const RISE: f64 = 1.2;

/// In bits a second; unknown until the link was full once.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkCapacity(Option<f64>);

impl LinkCapacity {
    pub(crate) fn mean(&self) -> Option<f64> {
        self.0
    }

    /// The link is full with this much, for so many seconds since it was last said.
    pub(crate) fn full(&mut self, arrives: Bitrate, seconds: f64) {
        let arrives = arrives.as_f64();
        let mean = *self.0.get_or_insert(arrives);
        let follows = mean + (arrives - mean) * (1.0 - (-seconds.min(LONGEST) / DOWN).exp());
        self.0 = Some(if arrives < FALL * mean { arrives } else { follows });
    }

    /// This much arrives and the link is not full.
    pub(crate) fn not_full(&mut self, arrives: Bitrate, seconds: f64) {
        if let Some(mean) = self.0.as_mut().filter(|mean| arrives.as_f64() > **mean) {
            *mean += (arrives.as_f64() - *mean) * (1.0 - (-seconds / UP).exp());
        }
    }

    /// A probe has shown that this much arrives.
    pub(crate) fn shown(&mut self, arrives: Bitrate) {
        self.0 = self.0.filter(|mean| arrives.as_f64() <= RISE * mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_wavers_little_falls_at_once_and_is_forgotten_when_there_is_much_more() {
        let mut capacity = LinkCapacity::default();
        capacity.not_full(Bitrate::kbps(900), 1.0);
        assert_eq!(capacity.mean(), None);
        capacity.full(Bitrate::kbps(1000), 5.0);
        capacity.full(Bitrate::kbps(700), 5.0);
        let mean = capacity.mean().unwrap();
        assert!((985e3..995e3).contains(&mean), "{mean}");
        capacity.not_full(Bitrate::kbps(1100), 1.0);
        assert!((1_050e3..1_065e3).contains(&capacity.mean().unwrap()));
        capacity.full(Bitrate::kbps(300), 0.05);
        assert_eq!(capacity.mean(), Some(300e3));
        capacity.shown(Bitrate::kbps(350));
        assert_eq!(capacity.mean(), Some(300e3));
        capacity.shown(Bitrate::kbps(900));
        assert_eq!(capacity.mean(), None);
    }
}
