//! Churn for a long time: people who come, publish, watch and go, politely or not. Afterwards everything that they took must
//! have been given back: memory, descriptors, tasks, peer connections, keys in Redis.

mod levels;

use std::time::{Duration, Instant};

use peer::{MediaThread, Peer, unique};
use serde_json::json;
use tokio::time::sleep;

use crate::{Caller, Cluster, Shape};
pub use levels::Levels;

/// Rooms that are used again and again.
const ROOMS: usize = 24;
/// Callers with media in a wave, in rooms of three.
const CALLERS: usize = 9;
/// Visitors without media beside them.
const VISITORS: usize = 60;
/// How long a wave's calls go on once media flows.
const TALK: Duration = Duration::from_secs(3);
/// How long a caller may take to be in the call on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long all may take to be as before: the server's own patience with the silent is 60 s.
const SETTLE: Duration = Duration::from_secs(120);
/// How often levels are printed, and looked at.
const LOOK: Duration = Duration::from_secs(1);
const TELL: Duration = Duration::from_secs(60);

/// What a soak found.
#[derive(Debug)]
pub struct Report {
    waves: u32,
    before: Levels,
    after: Levels,
    wrong: Vec<String>,
}

impl Report {
    /// What did not come back.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Before and after, side by side.
    pub fn table(&self) -> String {
        let head = format!(
            "{} waves of {CALLERS} callers with media and {VISITORS} visitors.\n\n| | before | after |\n| --- | --: | --: |\n",
            self.waves
        );
        head + &self.before.beside(&self.after)
    }
}

/// Churns for `minutes`. The levels are compared with those after the first waves, which pay for what is made once and kept.
pub async fn run(minutes: f64) -> Report {
    let cluster = Cluster::with(&Shape { alarms: &["ERROR"], ..Shape::default() });
    let media = MediaThread::start();
    let mut waves = 0;
    // Redis keeps a number for each part of it that ever had a room.
    for number in 0..ROOMS {
        visit(&cluster.urls()[0], number, number).await;
    }
    for _ in 0..2 {
        wave(&cluster, &media).await;
    }
    let before = settled(&cluster).await;
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let mut told = Instant::now();
    while Instant::now() < end {
        wave(&cluster, &media).await;
        waves += 1;
        if told.elapsed() >= TELL {
            told = Instant::now();
            println!("{waves} waves: {}", Levels::of(&cluster).line());
        }
    }
    let after = settled(&cluster).await;
    let wrong = before.complaints(&after);
    Report { waves, before, after, wrong }
}

/// Waits until nobody is anywhere, and for the levels to stay as they are.
async fn settled(cluster: &Cluster) -> Levels {
    let since = Instant::now();
    let mut last = Levels::of(cluster);
    loop {
        sleep(LOOK).await;
        let now = Levels::of(cluster);
        if (now.is_empty() && now.is_like(&last)) || since.elapsed() > SETTLE {
            return now;
        }
        last = now;
    }
}

/// A wave of people.
async fn wave(cluster: &Cluster, media: &MediaThread) {
    let urls = cluster.urls();
    let rooms: Vec<String> = (0..CALLERS / 3).map(|_| format!("soak {}", random(ROOMS))).collect();
    let callers: Vec<Caller> = (0..CALLERS)
        .map(|number| {
            let turned = [&urls[number % urls.len()..], &urls[..number % urls.len()]].concat();
            Caller::start(&format!("caller-{}", unique()), &rooms[number % rooms.len()], &turned, media)
        })
        .collect();
    let visits = (0..VISITORS).map(|number| visit(&urls[number % urls.len()], number, random(ROOMS)));
    let talks = async {
        for caller in &callers {
            caller.talks(PATIENCE).await;
        }
        sleep(TALK).await;
    };
    tokio::join!(talks, futures_util::future::join_all(visits));
    for caller in &callers {
        let wrong = caller.wrong();
        assert!(wrong.is_empty(), "{}: {wrong:?}\n{}", caller.uid(), caller.diary());
    }
    callers.into_iter().for_each(Caller::vanish);
}

/// Somebody who looks in: joins, says something, asks, and leaves in one of four ways.
async fn visit(url: &str, number: usize, room: usize) {
    let rid = format!("soak {room}");
    let peer = Peer::connect(url, &format!("visitor-{}", unique())).await;
    peer.join(&rid).await;
    for word in 0..3 {
        peer.request("broadcast", json!({"rid": rid, "data": word})).await.expect("a word is passed on");
    }
    let pubs = peer.request("getpubs", json!({"rid": rid})).await.expect("a list");
    let nowhere = json!({"rid": rid, "mid": "none#0", "jsep": {"type": "offer", "sdp": "v=0"}});
    assert!(peer.request("subscribe", nowhere).await.is_err(), "{pubs}");
    match number % 4 {
        0 => peer.vanish(),
        1 => peer.close().await,
        2 => {
            peer.request("leave", json!({"rid": rid})).await.expect("out");
            peer.close().await;
        }
        // Another connection takes the user over.
        _ => {
            let again = Peer::connect(url, peer.uid()).await;
            again.join(&rid).await;
            peer.closed().await;
            again.vanish();
        }
    }
}

fn random(below: usize) -> usize {
    // Any number will do: hexadecimal digits of a name.
    u64::from_str_radix(&unique(), 16).map_or(0, |number| (number % below as u64) as usize)
}
