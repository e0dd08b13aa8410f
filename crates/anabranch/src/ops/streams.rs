//! `GET /streams/ID`: what an SFU does for a stream, as JSON.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use model::StreamId;
use serde::Serialize;
use sfu::{StreamView, SubscriptionDetail, TrackDetail, View};

use super::answer::{No, bad, json};

/// Looks at the streams of an SFU, once it runs.
pub(crate) type Streams = Arc<OnceLock<View>>;

/// The address over an SFU.
pub(crate) fn router(streams: Streams) -> Router {
    Router::new().route("/streams/{mid}", get(stream)).with_state(streams)
}

#[derive(Serialize)]
struct Stream<'a> {
    mid: &'a str,
    rid: &'a str,
    uid: &'a str,
    worker: usize,
    connected: bool,
    live: bool,
    recorded: bool,
    tracks: Vec<Track<'a>>,
    subscriptions: Vec<Subscription<'a>>,
}

#[derive(Serialize)]
struct Track<'a> {
    kind: &'a str,
    codec: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u16>,
    packets: u64,
    bytes: u64,
    lost: i64,
    jitter_seconds: f64,
}

#[derive(Serialize)]
struct Subscription<'a> {
    sid: &'a str,
    uid: &'a str,
    connected: bool,
    packets: u64,
    lost: u64,
    round_trip_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rid: Option<&'a str>,
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_bits_per_second: Option<u64>,
}

async fn stream(
    State(streams): State<Streams>,
    mid: Result<Path<String>, PathRejection>,
) -> Result<Response, No> {
    let Path(mid) = mid.map_err(|why| bad(why.body_text()))?;
    let mid = StreamId::parse(&mid).map_err(|why| bad(format!("the stream's id {why}")))?;
    let view = match streams.get() {
        Some(view) => view.stream(&mid).await,
        None => None,
    };
    let missing = || No(StatusCode::NOT_FOUND, "this SFU has no stream of this id".to_owned());
    let view = view.ok_or_else(missing)?;
    Ok(json(StatusCode::OK, &Stream::new(&mid, &view)))
}

impl<'a> Stream<'a> {
    fn new(mid: &'a StreamId, view: &'a StreamView) -> Self {
        Self {
            mid: mid.as_str(),
            rid: view.rid.as_str(),
            uid: view.uid.as_str(),
            worker: view.worker,
            connected: view.connected,
            live: view.live,
            recorded: view.recorded,
            tracks: view.tracks.iter().map(Track::from).collect(),
            subscriptions: view
                .subscriptions
                .iter()
                .map(|(uid, detail)| Subscription::new(uid.as_str(), detail))
                .collect(),
        }
    }
}

impl<'a> From<&'a TrackDetail> for Track<'a> {
    fn from(track: &'a TrackDetail) -> Self {
        Self {
            kind: &track.kind,
            codec: &track.codec,
            rid: track.rid.as_deref(),
            height: track.height,
            packets: track.packets,
            bytes: track.bytes,
            lost: track.lost,
            jitter_seconds: track.jitter.as_secs_f64(),
        }
    }
}

impl<'a> Subscription<'a> {
    fn new(uid: &'a str, detail: &'a SubscriptionDetail) -> Self {
        Self {
            sid: detail.sid.as_str(),
            uid,
            connected: detail.connected,
            packets: detail.packets,
            lost: detail.lost,
            round_trip_seconds: detail.round_trip.map(|time| time.as_secs_f64()),
            rid: detail.rid.as_deref(),
            paused: detail.paused,
            network_bits_per_second: detail.estimate,
        }
    }
}
