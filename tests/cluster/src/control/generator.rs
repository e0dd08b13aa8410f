//! One process of the load: connections that wait, and join when they are told.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use peer::Peer;
use serde_json::json;
use tokio::time::sleep_until;

/// Connections being opened, and rooms being filled, at the same time.
const AT_ONCE: usize = 32;
/// A room is idle for longer than users may be while others are filled: 60 s without a request is the end.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

struct Pair {
    rid: String,
    first: Peer,
    second: Peer,
}

/// What one room took.
struct Took {
    joins: [u64; 2],
    notice: u64,
}

/// Opens two connections for each room, says so, and then does what its input says, each with a line of
/// JSON for an answer: `fast ROOMS` fills so many more as fast as it goes, `paced JOINS-PER-SECOND` the rest.
///
/// # Errors
/// When a server refuses a connection or a join.
pub async fn generate(urls: &str, rooms: usize) -> anyhow::Result<()> {
    let urls: Vec<&str> = urls.split(',').collect();
    let tag = peer::unique();
    let pairs: Vec<Pair> = stream::iter(0..rooms)
        .map(|number| {
            let (urls, tag) = (&urls, &tag);
            async move {
                // The two of a room always come through different nodes.
                let url = |offset: usize| {
                    urls.get((number + offset) % urls.len().max(1)).copied().context("no URL")
                };
                let first = Peer::try_connect(url(0)?, &format!("ada-{tag}-{number}")).await?;
                let second = Peer::try_connect(url(1)?, &format!("bob-{tag}-{number}")).await?;
                anyhow::Ok(Pair { rid: format!("room {tag} {number}"), first, second })
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    say(&json!({"connected": pairs.len() * 2}));
    let mut empty = pairs.as_slice();
    // The connections stand until the parent has looked at everything.
    while let Some(command) = line().await? {
        let took = match command.trim().split_once(' ') {
            Some(("fast", count)) => {
                let (now, later) = empty.split_at(count.parse::<usize>()?.min(empty.len()));
                empty = later;
                as_fast_as_it_goes(now).await?
            }
            Some(("paced", rate)) => at_a_rate(std::mem::take(&mut empty), rate.parse()?).await?,
            _ => anyhow::bail!("{command:?} is no command"),
        };
        say(&report(&took));
    }
    Ok(())
}

/// The next line of the input, unless it has ended.
async fn line() -> anyhow::Result<Option<String>> {
    let read = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line))
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}

async fn as_fast_as_it_goes(pairs: &[Pair]) -> anyhow::Result<Vec<Took>> {
    stream::iter(pairs).map(fill).buffer_unordered(AT_ONCE).try_collect().await
}

/// Each room starts at its own time, whether or not the ones before it are done.
async fn at_a_rate(pairs: &[Pair], joins_per_second: f64) -> anyhow::Result<Vec<Took>> {
    let start = Instant::now();
    let rooms = pairs.iter().enumerate().map(|(number, pair)| async move {
        let due = Duration::from_secs_f64(number as f64 * 2.0 / joins_per_second.max(1.0));
        sleep_until((start + due).into()).await;
        fill(pair).await
    });
    futures_util::future::try_join_all(rooms).await
}

/// Two joins, and the first one hears of the second.
async fn fill(pair: &Pair) -> anyhow::Result<Took> {
    let first = join(&pair.first, &pair.rid).await?;
    let sent = Instant::now();
    let heard = async {
        let uid = pair.second.uid();
        let is_theirs = |data: &serde_json::Value| data["uid"] == *uid;
        pair.first.notification_within("peer-join", is_theirs, ANSWER_WITHIN).await.at()
    };
    let (second, heard) = tokio::join!(join(&pair.second, &pair.rid), heard);
    Ok(Took { joins: [first, second?], notice: micros(heard.saturating_duration_since(sent)) })
}

async fn join(peer: &Peer, rid: &str) -> anyhow::Result<u64> {
    let since = Instant::now();
    let answer = peer.attempt("join", json!({"rid": rid}), ANSWER_WITHIN).await;
    answer.context("no answer to join")?.context("join")?;
    Ok(micros(since.elapsed()))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn report(took: &[Took]) -> serde_json::Value {
    let joins: Vec<u64> = took.iter().flat_map(|room| room.joins).collect();
    let notices: Vec<u64> = took.iter().map(|room| room.notice).collect();
    json!({"joins": joins, "notices": notices})
}

fn say(line: &serde_json::Value) {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    // Nobody listens any more when the parent is gone.
    drop(writeln!(output, "{line}").and_then(|()| output.flush()));
}
