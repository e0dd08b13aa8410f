//! What a line is like, and how that is said: `rate 1000000 queue 300 delay 20 jitter 50 loss 10`.

use std::time::Duration;

use anyhow::{Context, bail};

/// Numbers above these are mistakes of whoever typed them.
const MOST_TIME: Duration = Duration::from_secs(60);
const RATES: std::ops::RangeInclusive<u64> = 1_000..=100_000_000_000;

/// One direction of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditions {
    /// Bits a second, the IP and UDP headers among them; `None`: no bottleneck.
    pub(crate) rate: Option<u64>,
    /// A packet that would wait longer before the bottleneck is dropped.
    pub(crate) queue: Duration,
    /// How long the way takes.
    pub(crate) delay: Duration,
    /// Up to so much more, evenly.
    pub(crate) jitter: Duration,
    /// Whether packets overtake each other by it. On the internet they hardly do: what varies is how long the ones in
    /// front take.
    pub(crate) reorder: bool,
    /// Share of the packets that get lost on the way, 0..=1, each for itself.
    pub(crate) loss: f64,
}

impl Default for Conditions {
    /// A line that one does not notice. The queue is one of a home router: ten times as deep as good ones.
    fn default() -> Self {
        Self {
            rate: None,
            queue: Duration::from_millis(300),
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorder: false,
            loss: 0.0,
        }
    }
}

impl Conditions {
    /// Changes what the words name, in pairs, and nothing else.
    ///
    /// # Errors
    ///
    /// A word that is none of ours, or a value out of bounds.
    pub(crate) fn change<'a>(&mut self, mut words: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
        let mut changed = self.clone();
        while let Some(name) = words.next() {
            let value = words.next().with_context(|| format!("{name} needs a value"))?;
            match name {
                "rate" => changed.rate = rate(value)?,
                "queue" => changed.queue = milliseconds(value)?,
                "delay" => changed.delay = milliseconds(value)?,
                "jitter" => changed.jitter = milliseconds(value)?,
                "reorder" => changed.reorder = value.parse().context("reorder is true or false")?,
                "loss" => changed.loss = percent(value)?,
                _ => bail!("{name:?} is none of rate, queue, delay, jitter, reorder, loss"),
            }
        }
        *self = changed;
        Ok(())
    }
}

fn rate(value: &str) -> anyhow::Result<Option<u64>> {
    if value == "none" {
        return Ok(None);
    }
    let rate = value.parse().context("rate is in bits a second, or none")?;
    if !RATES.contains(&rate) {
        bail!("a rate is {} to {} bits a second", RATES.start(), RATES.end());
    }
    Ok(Some(rate))
}

fn milliseconds(value: &str) -> anyhow::Result<Duration> {
    let time = Duration::from_millis(value.parse().context("times are whole milliseconds")?);
    if time > MOST_TIME {
        bail!("a time is at most {} ms", MOST_TIME.as_millis());
    }
    Ok(time)
}

fn percent(value: &str) -> anyhow::Result<f64> {
    let percent: f64 = value.parse().context("loss is in percent")?;
    if !(0.0..=100.0).contains(&percent) {
        bail!("loss is 0 to 100 percent");
    }
    Ok(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(words: &str) -> anyhow::Result<Conditions> {
        let mut conditions = Conditions::default();
        conditions.change(words.split_whitespace())?;
        Ok(conditions)
    }

    #[test]
    fn what_is_named_changes_and_the_rest_stays() {
        let conditions = changed("rate 300000 jitter 50 loss 2.5").unwrap();
        let expected = Conditions {
            rate: Some(300_000),
            jitter: Duration::from_millis(50),
            loss: 0.025,
            ..Conditions::default()
        };
        assert_eq!(conditions, expected);
    }

    #[test]
    fn a_rate_is_taken_away_again() {
        let mut conditions = changed("rate 300000").unwrap();
        conditions.change(["rate", "none"].into_iter()).unwrap();
        assert_eq!(conditions, Conditions::default());
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        for words in
            ["rate", "rate 0", "rate fast", "delay -1", "delay 60001", "loss 101", "loss NaN", "speed 1"]
        {
            assert!(changed(words).is_err(), "{words}");
        }
        let mut conditions = Conditions::default();
        assert!(conditions.change("delay 5 loss 101".split_whitespace()).is_err());
        assert_eq!(conditions, Conditions::default());
    }
}
