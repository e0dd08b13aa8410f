//! Administration over HTTP, as JSON, at `/admin` of the listener that clients connect to. The token comes in the header
//! `Authorization`, which no page of another origin can send.

use super::{Admin, No};
use crate::{access::NoEntry, context::Context};
use axum::{
    Router,
    extract::{
        FromRequestParts, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{
        StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS},
        request::Parts,
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use model::{RoomId, RoomState};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use std::sync::Arc;

/// All addresses below `/admin`.
pub(crate) fn router(context: &Arc<Context>) -> Router {
    Router::new()
        .route("/rooms", get(rooms))
        .route("/rooms/{rid}", get(room))
        .route("/rooms/{rid}/close", post(close))
        .route("/rooms/{rid}/users/{uid}/kick", post(kick))
        .route("/rooms/{rid}/streams/{mid}/mute", post(mute))
        .route("/rooms/{rid}/streams/{mid}/unmute", post(unmute))
        .fallback(nothing)
        .with_state(Arc::clone(context))
}

impl FromRequestParts<Arc<Context>> for Admin {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<Context>) -> Result<Self, No> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        let token = value
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer") && values.next().is_none());
        Self::enter(context, token.map(|(_, token)| token.trim()))
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    after: String,
    #[serde(default)]
    limit: u32,
}

#[derive(Serialize)]
struct Page {
    rooms: Vec<Entry>,
    /// What to ask for with `after`, where more follow.
    next: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    rid: String,
    version: u64,
    users: u64,
    streams: u64,
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
    uid: &'a str,
    signal: &'a str,
}

#[derive(Serialize)]
struct Published<'a> {
    mid: &'a str,
    uid: &'a str,
    sfu: &'a str,
    minfo: Option<&'a RawValue>,
}

async fn rooms(admin: Admin, wanted: Result<Query<Wanted>, QueryRejection>) -> Result<Response, No> {
    let Query(Wanted { after, limit }) = wanted.map_err(|why| No::Invalid(why.body_text()))?;
    let page = admin.rooms(&after, limit).await?;
    let rooms = page.rooms.into_iter().map(|room| Entry {
        rid: room.rid,
        version: room.version,
        users: room.users,
        streams: room.streams,
    });
    let next = (!page.next.is_empty()).then_some(page.next);
    Ok(answer(&Page { rooms: rooms.collect(), next }))
}

async fn room(admin: Admin, rid: Result<Path<String>, PathRejection>) -> Result<Response, No> {
    let (rid, state) = admin.room(&path(rid)?).await?;
    Ok(answer(&Room::new(&rid, &state)))
}

async fn close(admin: Admin, rid: Result<Path<String>, PathRejection>) -> Result<Response, No> {
    let kicked = admin.close(&path(rid)?).await?;
    Ok(answer(&json!({ "kicked": kicked })))
}

type Two = Result<Path<(String, String)>, PathRejection>;

async fn kick(admin: Admin, ids: Two) -> Result<Response, No> {
    let (rid, uid) = path(ids)?;
    admin.kick(&rid, &uid).await?;
    Ok(answer(&json!({})))
}

async fn mute(admin: Admin, ids: Two) -> Result<Response, No> {
    let (rid, mid) = path(ids)?;
    admin.mute(&rid, &mid, true).await?;
    Ok(answer(&json!({ "muted": true })))
}

async fn unmute(admin: Admin, ids: Two) -> Result<Response, No> {
    let (rid, mid) = path(ids)?;
    admin.mute(&rid, &mid, false).await?;
    Ok(answer(&json!({ "muted": false })))
}

async fn nothing(State(context): State<Arc<Context>>, admin: Result<Admin, No>) -> Result<Response, No> {
    // Whoever may not ask learns nothing of what there is.
    drop((context, admin?));
    Err(No::Missing("there is no such address"))
}

fn path<T>(path: Result<Path<T>, PathRejection>) -> Result<T, No> {
    path.map(|Path(path)| path).map_err(|why| No::Invalid(why.body_text()))
}

fn answer(value: &impl Serialize) -> Response {
    written(StatusCode::OK, value)
}

fn written(status: StatusCode, value: &impl Serialize) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    match serde_json::to_vec(value) {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer to an administrator could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Entry(NoEntry::NoToken | NoEntry::Token(_)) => StatusCode::UNAUTHORIZED,
            Self::Entry(NoEntry::NoAdmin | NoEntry::NoKeys) | Self::Room => StatusCode::FORBIDDEN,
            Self::Missing(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let response = written(status, &json!({ "error": self.to_string() }));
        if status == StatusCode::UNAUTHORIZED {
            return ([(WWW_AUTHENTICATE, "Bearer")], response).into_response();
        }
        response
    }
}

impl<'a> Room<'a> {
    fn new(rid: &'a RoomId, state: &'a RoomState) -> Self {
        let member =
            |user: &'a model::User| Member { uid: user.uid.as_str(), signal: user.owner.signal.as_str() };
        let published = |stream: &'a model::Stream| Published {
            mid: stream.mid.as_str(),
            uid: stream.uid.as_str(),
            sfu: stream.sfu.as_str(),
            minfo: serde_json::from_str(stream.info.as_str()).ok(),
        };
        Self {
            rid,
            version: state.version,
            users: state.users.iter().map(member).collect(),
            streams: state.streams.iter().map(published).collect(),
        }
    }
}
