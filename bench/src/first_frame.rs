//! How long somebody who joins waits for the picture: from `join` on an open connection to the last
//! packet of the first key frame.

use std::time::{Duration, Instant};

use anyhow::Context;
use peer::{MediaThread, Peer, Server};

use crate::Effort;
use crate::room::Stage;

/// Joins are further apart than the server's limit for key frame requests (one in 200 ms), so that
/// one does not pay for the one before it.
const APART: Duration = Duration::from_millis(300);

/// Times from the request to the picture.
#[derive(Debug, Clone)]
pub(crate) struct FirstFrame {
    pub(crate) joins: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) longest: Duration,
}

pub(crate) async fn measure(server: &Server, effort: Effort) -> anyhow::Result<FirstFrame> {
    let (sending, receiving) = (MediaThread::start(), MediaThread::start());
    let stage = Stage::open(server, &sending).await?;
    let mut waits = Vec::new();
    for number in 0..effort.joins {
        tokio::time::sleep(APART + phase(number)).await;
        let peer = Peer::connect(server.ws_url(), &format!("viewer {number}")).await;
        let since = Instant::now();
        let mut viewer = stage.watch(peer, &receiving).await?;
        let has_key_frame =
            |reception: &peer::media::Reception| reception.video().is_some_and(|video| video.key_frames > 0);
        let reception = viewer.screen.until("a key frame", has_key_frame).await;
        let at =
            reception.video().and_then(|video| video.first_frame_at).context("a key frame has a time")?;
        waits.push(at - since);
    }
    waits.sort_unstable();
    let rank = |part: f64| {
        let index = (waits.len() as f64 * part).ceil() as usize;
        waits.get(index.saturating_sub(1)).copied().unwrap_or_default()
    };
    Ok(FirstFrame { joins: waits.len(), p50: rank(0.5), p99: rank(0.99), longest: rank(1.0) })
}

/// Joins come at any time between two frames: steps of the golden ratio fill the time evenly.
fn phase(number: usize) -> Duration {
    const FRAME: Duration = Duration::from_micros(33_333);
    FRAME.mul_f64((number as f64 * 0.618_034).fract())
}
