//! `GET /log-level` and `POST /log-level?level=debug&seconds=600`: what is logged, for a while.
//!
//! Logs are the whole process's, and so is this.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use telemetry::{Filter, LONGEST_CHANGE, LevelControl};

use super::answer::{No, bad, json};

/// How long a change lasts unless somebody says so.
const DEFAULT_SECONDS: u64 = 600;

static CONTROL: OnceLock<LevelControl> = OnceLock::new();

/// Has the logs of this process changed by its operator from now on.
pub(crate) fn install(control: LevelControl) {
    CONTROL.set(control).ok();
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    level: String,
    seconds: Option<u64>,
}

#[derive(Serialize)]
struct Level {
    level: String,
    /// Until the configured one is back; `None`: it is the configured one.
    seconds_left: Option<u64>,
}

pub(super) async fn look() -> Result<Response, No> {
    Ok(told(control()?))
}

pub(super) async fn change(wanted: Result<Query<Wanted>, QueryRejection>) -> Result<Response, No> {
    let Query(Wanted { level, seconds }) = wanted.map_err(|why| bad(why.body_text()))?;
    let filter = Filter::parse(&level).map_err(|why| bad(format!("level: {why}")))?;
    let (seconds, most) = (seconds.unwrap_or(DEFAULT_SECONDS), LONGEST_CHANGE.as_secs());
    if !(1..=most).contains(&seconds) {
        return Err(bad(format!("seconds is {seconds}, expected 1 to {most}")));
    }
    let control = control()?;
    let changed = control.set_for(filter, Duration::from_secs(seconds));
    changed.map_err(|why| No(StatusCode::SERVICE_UNAVAILABLE, why.to_string()))?;
    tracing::info!(level, seconds, "the log level is changed for a while");
    Ok(told(control))
}

fn control() -> Result<&'static LevelControl, No> {
    let missing = || No(StatusCode::NOT_FOUND, "this process has no log of its own".to_owned());
    CONTROL.get().ok_or_else(missing)
}

fn told(control: &LevelControl) -> Response {
    let seconds_left = control.time_left().map(|left| left.as_secs());
    json(StatusCode::OK, &Level { level: control.current(), seconds_left })
}
