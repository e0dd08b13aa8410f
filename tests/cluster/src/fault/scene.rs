//! One fault under one live call: Ada and Bob see each other through two nodes, Carol's machine dies
//! with the fault, Eve looks on, and newcomers keep coming.

use std::time::{Duration, Instant};

use peer::MediaThread;
use tokio::time::{sleep, sleep_until};

use super::{Fault, Outcome};
use crate::arrivals::Arrivals;
use crate::caller::Caller;
use crate::cluster::Cluster;
use crate::lists::{self, INSPECTOR, Lists};
use crate::onlooker::Onlooker;

/// The call stands so long after the cluster is ready, or never.
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// Media flows undisturbed for so long before anything is broken.
const QUIET: Duration = Duration::from_secs(1);
/// What is gone must be gone from all lists by then.
const NO_GHOST_AFTER: Duration = Duration::from_secs(15);

/// The people of a scene.
struct Cast {
    rid: String,
    ada: Caller,
    bob: Caller,
    eve: Onlooker,
}

/// Inflicts a fault on a cluster, waits until 15 s after its end, and tells what it did. What was
/// broken is whole again afterwards.
pub async fn run(fault: Fault, cluster: &Cluster, media: &MediaThread) -> Outcome {
    let urls = cluster.urls();
    let (cast, carol) = Cast::assemble(&urls, media).await;
    sleep(QUIET).await;
    let (_, sfu) = cast.ada.stream().expect("Ada publishes");

    // Else she comes back faster than she dies.
    carol.will_not_return();
    let since = Instant::now();
    let mend = tokio::task::block_in_place(|| fault.inflict(cluster, &sfu));
    carol.vanish();
    let arrivals = Arrivals::start(&urls);
    let mut mend = Some(mend);
    if fault.lasts() > Duration::ZERO {
        sleep_until((since + fault.lasts()).into()).await;
        mend.take().into_iter().for_each(|mend| tokio::task::block_in_place(mend));
    }
    let until = Instant::now() + NO_GHOST_AFTER;
    sleep_until(until.into()).await;
    let slowest_join = arrivals.slowest().await;
    let (ghosts, lost) = cast.look_for_ghosts(cluster).await;
    let pause = cast.longest_pause(since, Instant::now());
    let outcome = Outcome { fault, pause, seen: cast.seen(since), slowest_join, ghosts, lost };
    if !outcome.complaints().is_empty() {
        cast.explain(cluster);
    }
    mend.take().into_iter().for_each(|mend| tokio::task::block_in_place(mend));
    outcome
}

impl Cast {
    /// Ada and Carol come through the first node, Bob and Eve through the last.
    async fn assemble(urls: &[String], media: &MediaThread) -> (Self, Caller) {
        let tag = peer::unique();
        let rid = format!("call {tag}");
        let mut back: Vec<String> = urls.to_vec();
        back.reverse();
        let eve = Onlooker::join(back.first().expect("a node"), &format!("eve-{tag}"), &rid).await;
        let ada = Caller::start(&format!("ada-{tag}"), &rid, urls, media);
        let bob = Caller::start(&format!("bob-{tag}"), &rid, &back, media);
        let carol = Caller::start(&format!("carol-{tag}"), &rid, urls, media);
        for caller in [&ada, &bob, &carol] {
            caller.talks(CALL_WITHIN).await;
        }
        (Self { rid, ada, bob, eve }, carol)
    }

    fn longest_pause(&self, from: Instant, to: Instant) -> Duration {
        let pauses = [&self.ada, &self.bob].map(|caller| caller.flow().longest_pause(from, to));
        pauses.into_iter().max().unwrap_or_default()
    }

    fn seen(&self, since: Instant) -> Vec<(Duration, String, String)> {
        let seen = self.eve.seen_since(since);
        seen.into_iter().filter(|(_, _, uid)| !uid.starts_with(INSPECTOR)).collect()
    }

    /// What is in the lists of any node and should not be, and the other way round.
    async fn look_for_ghosts(&self, cluster: &Cluster) -> (Vec<String>, Vec<String>) {
        let truth = self.truth();
        let (mut ghosts, mut lost) = (Vec::new(), Vec::new());
        for node in cluster.signals.iter().filter(|node| node.pid().is_some()) {
            match lists::of(&node.ws_url(), &self.rid).await {
                Ok(lists) => {
                    ghosts.extend(lists.ghosts(&truth));
                    lost.extend(truth.ghosts(&lists));
                }
                Err(complaint) => lost.push(format!("{}: {complaint}", node.id())),
            }
        }
        match self.eve.state() {
            Ok(state) => {
                let told = Lists {
                    users: state.users.into_iter().filter(|uid| !uid.starts_with(INSPECTOR)).collect(),
                    streams: state.streams.into_keys().collect(),
                };
                let mut others = truth.clone();
                others.users.remove(self.eve.uid());
                ghosts
                    .extend(told.ghosts(&others).into_iter().map(|ghost| format!("{ghost} as Eve was told")));
                lost.extend(others.ghosts(&told).into_iter().map(|lost| format!("{lost} as Eve was told")));
            }
            Err(complaint) => lost.push(format!("Eve was told: {complaint}")),
        }
        if !self.eve.is_connected() {
            lost.push("Eve's connection".to_owned());
        }
        for caller in [&self.ada, &self.bob] {
            lost.extend(caller.wrong().into_iter().map(|wrong| format!("{}: {wrong}", caller.uid())));
        }
        (ghosts, lost)
    }

    /// Who is there, and what they publish.
    fn truth(&self) -> Lists {
        let users = [self.ada.uid(), self.bob.uid(), self.eve.uid()];
        let streams = [&self.ada, &self.bob].into_iter().filter_map(Caller::stream);
        Lists {
            users: users.into_iter().map(str::to_owned).collect(),
            streams: streams.map(|(mid, _)| mid).collect(),
        }
    }

    fn explain(&self, cluster: &Cluster) {
        for caller in [&self.ada, &self.bob] {
            eprintln!("{}:\n{}", caller.uid(), caller.diary());
        }
        eprintln!("{}", cluster.story());
    }
}
