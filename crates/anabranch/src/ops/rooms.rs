//! `GET /rooms` and `GET /rooms/ID`: what the store has, as JSON.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use cluster::{RoomSummary, Store, StoreError};
use model::{NodeId, RoomId, RoomState, Stream, StreamId, User, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{No, bad, json};

/// Rooms of a page, unless somebody says how many.
const DEFAULT_LIMIT: usize = 100;

/// Rooms of the longest page.
const MAX_LIMIT: usize = 1000;

/// The two addresses over a store.
pub(crate) fn router(store: Arc<dyn Store>) -> Router {
    Router::new().route("/rooms", get(rooms)).route("/rooms/{rid}", get(room)).with_state(store)
}

#[derive(Deserialize)]
struct Wanted {
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Serialize)]
struct Page {
    rooms: Vec<Entry>,
    /// What to ask for with `after`, where more follow.
    next: Option<RoomId>,
}

#[derive(Serialize)]
struct Entry {
    rid: RoomId,
    version: u64,
    users: usize,
    streams: usize,
}

#[derive(Serialize)]
struct Room<'a> {
    rid: &'a RoomId,
    version: u64,
    users: Vec<Member<'a>>,
    streams: Vec<Published<'a>>,
}

#[derive(Serialize)]
struct Member<'a> {
    uid: &'a UserId,
    /// The signalling node that the user is connected to.
    signal: &'a NodeId,
    /// The connection's number there.
    connection: u64,
    /// The room's version when the user came.
    since: u64,
}

#[derive(Serialize)]
struct Published<'a> {
    mid: &'a StreamId,
    uid: &'a UserId,
    sfu: &'a NodeId,
    minfo: Option<&'a RawValue>,
}

async fn rooms(
    State(store): State<Arc<dyn Store>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, No> {
    let Query(Wanted { limit, after }) = wanted.map_err(|why| bad(why.body_text()))?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(bad(format!("limit is {limit}, expected 1 to {MAX_LIMIT}")));
    }
    let after = after.map(|after| RoomId::parse(&after)).transpose();
    let after = after.map_err(|why| bad(format!("after {why}")))?;
    let page = store.rooms(after.as_ref(), limit).await.map_err(unavailable)?;
    let rooms = page.rooms.into_iter().map(Entry::from).collect();
    Ok(json(StatusCode::OK, &Page { rooms, next: page.next }))
}

async fn room(
    State(store): State<Arc<dyn Store>>,
    rid: Result<Path<String>, PathRejection>,
) -> Result<Response, No> {
    let Path(rid) = rid.map_err(|why| bad(why.body_text()))?;
    let rid = RoomId::parse(&rid).map_err(|why| bad(format!("the room's id {why}")))?;
    let state = store.snapshot(&rid).await.map_err(unavailable)?;
    if state.users.is_empty() {
        return Err(No(StatusCode::NOT_FOUND, "nobody is in a room of this id".to_owned()));
    }
    Ok(json(StatusCode::OK, &Room::new(&rid, &state)))
}

// The store refuses nobody who only looks.
#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn unavailable(error: StoreError) -> No {
    No(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

impl From<RoomSummary> for Entry {
    fn from(room: RoomSummary) -> Self {
        let RoomSummary { rid, version, users, streams } = room;
        Self { rid, version, users, streams }
    }
}

impl<'a> Room<'a> {
    fn new(rid: &'a RoomId, state: &'a RoomState) -> Self {
        let users = state.users.iter().map(Member::from).collect();
        let streams = state.streams.iter().map(Published::from).collect();
        Self { rid, version: state.version, users, streams }
    }
}

impl<'a> From<&'a User> for Member<'a> {
    fn from(user: &'a User) -> Self {
        let (signal, connection) = (&user.owner.signal, user.owner.connection);
        Self { uid: &user.uid, signal, connection, since: user.since }
    }
}

impl<'a> From<&'a Stream> for Published<'a> {
    fn from(stream: &'a Stream) -> Self {
        let minfo = serde_json::from_str(stream.info.as_str()).ok();
        Self { mid: &stream.mid, uid: &stream.uid, sfu: &stream.sfu, minfo }
    }
}
