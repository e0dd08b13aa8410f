//! Many connections, one after another at the pace of the ramp.

use crate::error::{ConnectError, LoadError};
use crate::signalling::Session;
use crate::stage::{Published, Stage, Subscribed};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// When the connection of this number is to begin.
fn turn(start: Instant, number: usize, per_second: f64) -> Instant {
    start + Duration::from_secs_f64(number as f64 / per_second)
}

/// Publishes all streams.
pub(super) async fn publish(stage: &Arc<Stage>, name: &str) -> Vec<Result<Published, ConnectError>> {
    let mut joining = JoinSet::new();
    let start = Instant::now();
    for number in 0..stage.options.publishers {
        sleep_until(turn(start, number, stage.options.ramp)).await;
        let (stage, uid) = (Arc::clone(stage), format!("load{name}p{number}"));
        joining.spawn(async move { stage.publish(uid, number).await });
    }
    joining.join_all().await
}

type Users = Vec<(Arc<Session>, usize)>;

/// Subscribes `needed` times, to one stream after another, through users that share a WebSocket as far as it goes.
pub(super) async fn subscribe(
    stage: &Arc<Stage>,
    streams: &[Arc<Published>],
    mut users: Users,
    name: &str,
    needed: usize,
) -> Result<(Users, Vec<Result<Subscribed, ConnectError>>), LoadError> {
    let mut joining = JoinSet::new();
    let start = Instant::now();
    for (number, stream) in streams.iter().cycle().take(needed).enumerate() {
        sleep_until(turn(start, number, stage.options.ramp)).await;
        let session = seat(stage, &mut users, name).await?;
        let (stage, stream) = (Arc::clone(stage), Arc::clone(stream));
        joining.spawn(async move { stage.subscribe(session, stream).await });
    }
    Ok((users, joining.join_all().await))
}

/// A user that has room for one more subscription.
async fn seat(stage: &Stage, users: &mut Users, name: &str) -> Result<Arc<Session>, LoadError> {
    if let Some((session, room)) = users.last_mut().filter(|(_, room)| *room > 0) {
        *room -= 1;
        return Ok(Arc::clone(session));
    }
    let options = &stage.options;
    let uid = format!("load{name}s{}", users.len());
    let session = Session::join(options, &uid).await;
    let session = Arc::new(session.map_err(|error| LoadError::NoUser(error.to_string()))?);
    users.push((Arc::clone(&session), options.subscriptions_per_user - 1));
    Ok(session)
}
