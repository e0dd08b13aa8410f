//! A load that is held steady, grows, and is measured as often as one likes.

mod crowd;
mod watch;

use crate::client::{Clock, Identity};
use crate::error::{ConnectError, LoadError};
use crate::media_thread::MediaThread;
use crate::options::Options;
use crate::sample::Sample;
use crate::signalling::Session;
use crate::stage::{Published, Stage, Subscribed};
use crate::totals::Totals;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Runtime;

/// How many connections there are, and what became of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connections {
    /// Streams that came up.
    pub publishers: usize,
    /// Subscriptions that came up at the beginning or by [`Load::add_subscribers`].
    pub subscribers: usize,
    /// Subscriptions that came in place of others, by churn.
    pub joined: usize,
    /// Subscriptions that made room for them.
    pub left: usize,
    /// Why others did not come up, and how many.
    pub failed: BTreeMap<String, usize>,
}

/// A window, as a whole and second by second.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The whole window.
    pub whole: Sample,
    /// Its seconds; the last one may be shorter.
    pub series: Vec<Sample>,
}

/// What a load came to, from the first connection to the last packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// All that was counted, when nothing was on its way any more.
    pub totals: Totals,
    /// The connections.
    pub connections: Connections,
}

impl Ending {
    /// Packets that subscribers should have got and did not, for whatever reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let both = self.totals.both();
        both.expected.saturating_sub(both.received)
    }

    /// Those of them that were not thrown away to play a bad network.
    #[must_use]
    pub fn lost_beyond_loss(&self) -> u64 {
        let both = self.totals.both();
        self.lost().saturating_sub(both.thrown.saturating_sub(both.repairs))
    }

    /// Whether all went well.
    ///
    /// # Errors
    /// What did not, in one line.
    pub fn verdict(&self) -> Result<(), String> {
        let failed: usize = self.connections.failed.values().sum();
        if let Some(reason) = self.connections.failed.keys().next() {
            return Err(format!("{failed} connections did not come up ({reason})"));
        }
        let (ended, unauthentic, lost) =
            (self.totals.ended, self.totals.unauthentic, self.lost_beyond_loss());
        match () {
            () if ended > 0 => Err(format!("{ended} connections ended by themselves")),
            () if unauthentic > 0 => Err(format!("{unauthentic} packets were not authentic")),
            () if lost > 0 => Err(format!("{lost} packets were lost")),
            () => Ok(()),
        }
    }
}

/// A running load. Its methods block; not to be called from within an asynchronous runtime.
pub struct Load {
    runtime: Runtime,
    stage: Arc<Stage>,
    streams: Vec<Arc<Published>>,
    /// Users that subscribe, and how many subscriptions each has room for.
    users: Vec<(Arc<Session>, usize)>,
    /// The oldest first.
    subscribed: VecDeque<Subscribed>,
    connections: Connections,
    /// Makes this load's users others than those of a load before it in the same room.
    name: String,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Load").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Load {
    /// Brings up publishers and subscribers. Connections that fail are counted, and the load goes on without them.
    ///
    /// # Errors
    /// [`LoadError`]: bad options, a system without threads, or not one stream that came up.
    pub fn start(options: &Options) -> Result<Self, LoadError> {
        options.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let identity = Identity::generate(options.profile)?;
        let threads: Result<Vec<_>, _> = (0..options.threads).map(MediaThread::start).collect();
        let clock = Clock { at: Instant::now(), wall: SystemTime::now() };
        let stage = Arc::new(Stage::new(options, identity, threads?, clock));
        let mut load = Self {
            runtime,
            stage,
            streams: Vec::new(),
            users: Vec::new(),
            subscribed: VecDeque::new(),
            connections: Connections::default(),
            name: name()?,
        };
        load.publish()?;
        load.add_subscribers(options.subscribers)?;
        Ok(load)
    }

    fn publish(&mut self) -> Result<(), LoadError> {
        let (stage, name) = (Arc::clone(&self.stage), self.name.clone());
        let outcomes = self.runtime.block_on(crowd::publish(&stage, &name));
        let mut last = None;
        for outcome in outcomes {
            match outcome {
                Ok(stream) => self.streams.push(Arc::new(stream)),
                Err(error) => last = Some(self.failed(&error)),
            }
        }
        self.connections.publishers = self.streams.len();
        match last {
            Some(why) if self.streams.is_empty() => Err(LoadError::NoStream(why)),
            _ => Ok(()),
        }
    }

    /// Adds so many subscribers to each stream.
    ///
    /// # Errors
    /// [`LoadError::NoUser`]: nobody could connect to signalling.
    pub fn add_subscribers(&mut self, per_stream: usize) -> Result<(), LoadError> {
        let needed = per_stream * self.streams.len();
        let stage = Arc::clone(&self.stage);
        let (users, name) = (std::mem::take(&mut self.users), self.name.clone());
        let (users, outcomes) =
            self.runtime.block_on(crowd::subscribe(&stage, &self.streams, users, &name, needed))?;
        self.users = users;
        for outcome in outcomes {
            match outcome {
                Ok(subscribed) => {
                    self.connections.subscribers += 1;
                    self.subscribed.push_back(subscribed);
                }
                Err(error) => drop(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn failed(&mut self, error: &ConnectError) -> String {
        let why = error.to_string();
        *self.connections.failed.entry(why.clone()).or_default() += 1;
        why
    }

    /// Lets the load run for a while, unmeasured and without churn.
    pub fn rest(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Stops the publishers' media for good; the connections stay.
    pub fn silence(&self) {
        self.stage.threads.iter().for_each(MediaThread::silence);
    }

    /// Measures a window. Subscribers come and go in it, as the options say.
    pub fn measure(&mut self, window: Duration) -> Measurement {
        let stage = Arc::clone(&self.stage);
        let (measurement, outcomes) =
            self.runtime.block_on(watch::watch(&stage, &mut self.subscribed, window));
        for outcome in outcomes {
            self.connections.left += 1;
            match outcome {
                Ok(subscribed) => {
                    self.connections.joined += 1;
                    self.subscribed.push_back(subscribed);
                }
                Err(error) => drop(self.failed(&error)),
            }
        }
        measurement
    }

    /// The connections so far.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Stops sending, waits until nothing is on its way any more, and leaves.
    pub fn stop(self) -> Ending {
        let Self { runtime, stage, streams, subscribed, connections, users, .. } = self;
        let totals = runtime.block_on(async {
            let totals = watch::settle(&stage).await;
            for stream in &streams {
                // It ends with its user as well.
                let _gone = stage.unpublish(stream).await;
            }
            let sessions = streams.iter().map(|stream| &stream.session);
            let sessions = sessions.chain(users.iter().map(|(session, _)| &**session));
            futures_util::future::join_all(sessions.map(Session::leave)).await;
            totals
        });
        drop(subscribed);
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ending { totals, connections }
    }
}

/// Letters that no other load has.
fn name() -> Result<String, LoadError> {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| crate::client::ClientError::Random)?;
    Ok(format!("{:08x}", u32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::TrackTotals;

    fn ending(expected: u64, received: u64, thrown: u64, repairs: u64) -> Ending {
        let video = TrackTotals { expected, received, thrown, repairs, ..TrackTotals::default() };
        let totals = Totals { video, ..Totals::default() };
        Ending { totals, connections: Connections::default() }
    }

    #[test]
    fn what_was_thrown_away_and_not_repaired_is_no_loss() {
        assert_eq!(ending(100, 100, 0, 0).verdict(), Ok(()));
        assert_eq!(ending(100, 98, 10, 8).verdict(), Ok(()));
        assert_eq!(ending(100, 97, 10, 8).verdict(), Err("1 packets were lost".to_owned()));
    }

    #[test]
    fn a_connection_that_did_not_come_up_is_named() {
        let mut ending = ending(1, 1, 0, 0);
        ending.connections.failed.insert("publish: error 10: none".to_owned(), 3);
        assert_eq!(ending.verdict().unwrap_err(), "3 connections did not come up (publish: error 10: none)");
    }
}
