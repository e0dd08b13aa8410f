//! The nodes' runs, each with the number of its last beat.

use model::NodeId;
use redis::Value;
use tokio::time::Instant;

use super::call::{Call, PATIENCE, What};
use super::keys::{RUNS, RUNS_BUCKET};
use super::reply::{Reply, text};
use super::scripts::{SCRIPTS, Script};
use super::{RedisStore, StoreError};
use crate::{NodeRun, Role};

/// A run as a field: no part of it has a slash.
fn field_of(run: &NodeRun) -> String {
    format!("{}/{}/{}", run.role, run.id, run.started)
}

fn run_of(field: &str) -> Option<NodeRun> {
    let mut parts = field.split('/');
    let name = parts.next()?;
    let role = [Role::Signal, Role::Register, Role::Sfu].into_iter().find(|role| role.as_str() == name)?;
    let id = NodeId::parse(parts.next()?).ok()?;
    Some(NodeRun { role, id, started: parts.next()?.parse().ok()? })
}

impl RedisStore {
    /// Answers the store's time in milliseconds.
    pub(super) async fn note_beat(&self, run: &NodeRun) -> Result<u64, StoreError> {
        self.with_runs(&SCRIPTS.beat, &[&field_of(run)]).await?.number()
    }

    pub(super) async fn all_runs(&self) -> Result<Vec<(NodeRun, u64)>, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(RUNS);
        let call = Call { bucket: RUNS_BUCKET, what: What::Plain(&command) };
        let Value::Array(items) = self.perform(call, Instant::now() + PATIENCE).await? else {
            return Ok(Vec::new());
        };
        let (mut items, mut runs) = (items.into_iter().map(text), Vec::new());
        while let (Some(field), Some(beats)) = (items.next(), items.next()) {
            let run = field.as_deref().and_then(run_of);
            runs.extend(run.zip(beats.and_then(|beats| beats.parse().ok())));
        }
        runs.sort_unstable();
        Ok(runs)
    }

    /// One that has beaten after `beats` stays.
    pub(super) async fn end_run(&self, run: &NodeRun, beats: u64) -> Result<(), StoreError> {
        self.with_runs(&SCRIPTS.forget_run, &[&field_of(run), &beats.to_string()]).await.map(drop)
    }

    async fn with_runs(&self, script: &Script, args: &[&str]) -> Result<Reply, StoreError> {
        let (keys, time) = ([RUNS.to_owned()], self.time());
        let what = What::Script { script, keys: &keys, time: time.as_deref().unwrap_or(""), args };
        Ok(Reply::of(self.perform(Call { bucket: RUNS_BUCKET, what }, Instant::now() + PATIENCE).await?)?.1)
    }
}
