//! Asking every bucket the same.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use redis::{Cmd, Value};
use tokio::time::{Instant, timeout_at};

use super::address::Address;
use super::call::{Call, What};
use super::keys::BUCKETS;
use super::link::Link;
use super::reply::text;
use super::{RedisStore, StoreError};

/// Buckets that are asked one by one at the same time, where asking all in one go did not reach them.
const AT_ONCE: usize = 32;

/// A bucket's answer.
pub(super) struct Answer {
    pub(super) bucket: usize,
    /// Its server's time in milliseconds.
    pub(super) now: f64,
    pub(super) items: Vec<String>,
}

/// What the buckets answered, and why not all of them did.
pub(super) struct Answers {
    pub(super) answers: Vec<Answer>,
    pub(super) incomplete: Option<StoreError>,
}

impl RedisStore {
    /// Asks every bucket the same, which is to be answered with a list: all buckets of a server in one go, and then
    /// one by one those that turn out to be elsewhere.
    pub(super) async fn ask_buckets(
        &self,
        question: impl Fn(usize) -> Cmd + Sync,
        deadline: Instant,
    ) -> Answers {
        let mut answers = timeout_at(deadline, self.ask_servers(&question)).await.unwrap_or_default();
        let mut missing = vec![true; BUCKETS];
        for answer in &answers {
            if let Some(missing) = missing.get_mut(answer.bucket) {
                *missing = false;
            }
        }
        let missing =
            missing.into_iter().enumerate().filter(|(_, missing)| *missing).map(|(bucket, _)| bucket);
        let rest = missing.map(|bucket| self.ask_bucket(bucket, &question, deadline));
        let rest: Vec<Result<Answer, StoreError>> =
            stream::iter(rest).buffer_unordered(AT_ONCE).collect().await;
        let mut incomplete = None;
        for answer in rest {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => incomplete = Some(error),
            }
        }
        Answers { answers, incomplete }
    }

    async fn ask_servers(&self, question: &impl Fn(usize) -> Cmd) -> Vec<Answer> {
        let mut links: HashMap<Address, (Arc<Link>, Vec<usize>)> = HashMap::new();
        for bucket in 0..BUCKETS {
            if let Ok(link) = self.servers.link(bucket).await {
                let of_link = links.entry(link.address.clone()).or_insert_with(|| (link, Vec::new()));
                of_link.1.push(bucket);
            }
        }
        let mut answers = Vec::with_capacity(BUCKETS);
        for (link, buckets) in links.into_values() {
            answers.extend(self.ask_server(&link, &buckets, question).await);
        }
        answers
    }

    async fn ask_server(
        &self,
        link: &Link,
        buckets: &[usize],
        question: &impl Fn(usize) -> Cmd,
    ) -> Vec<Answer> {
        let mut commands = redis::pipe();
        commands.cmd("TIME");
        for bucket in buckets {
            commands.add_command(question(*bucket));
        }
        let mut values = link.send_all(&commands).await.unwrap_or_default().into_iter();
        let now = self.now(values.next().unwrap_or_default());
        let answers = buckets.iter().zip(values).filter_map(|(bucket, value)| {
            let items = list(value)?;
            Some(Answer { bucket: *bucket, now: now?, items })
        });
        answers.collect()
    }

    /// Follows redirections, so the next round knows where the bucket is.
    async fn ask_bucket(
        &self,
        bucket: usize,
        question: &impl Fn(usize) -> Cmd,
        deadline: Instant,
    ) -> Result<Answer, StoreError> {
        let ask = |command: Cmd| async move {
            self.perform(Call { bucket, what: What::Plain(&command) }, deadline).await
        };
        let items = list(ask(question(bucket)).await?).unwrap_or_default();
        let now = self.now(ask(redis::cmd("TIME")).await?).unwrap_or_default();
        Ok(Answer { bucket, now, items })
    }

    /// The time in milliseconds that `TIME` answered, or that of the test's clock.
    fn now(&self, time: Value) -> Option<f64> {
        let microseconds = match self.time() {
            Some(time) => time.parse::<f64>().ok()?,
            None => {
                let mut parts = list(time)?.into_iter().map(|part| part.parse::<f64>());
                parts.next()?.ok()? * 1e6 + parts.next()?.ok()?
            }
        };
        Some((microseconds / 1000.0).floor())
    }
}

fn list(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => Some(items.into_iter().filter_map(text).collect()),
        _ => None,
    }
}
