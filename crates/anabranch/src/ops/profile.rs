//! `GET /profile?seconds=10`: where the processor's time goes, as a flame graph.

mod flames;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use pprof::{Error, Frames, ProfilerGuard, ProfilerGuardBuilder};
use serde::Deserialize;
use tokio::sync::Semaphore;

use flames::Flames;

/// Samples of a second of processor time, one off a round number so that nothing periodic keeps step with them.
const FREQUENCY: i32 = 99;

const DEFAULT_SECONDS: u64 = 10;
const MAX_SECONDS: u64 = 60;

/// Where no sample is taken: from within an unwinder the stack cannot be walked, it may hold what the walk needs.
/// libc is not among them, or the system calls, which are most of what an SFU does, would not be seen.
const NOT_IN: [&str; 3] = ["libgcc", "vdso", "ld-linux"];

/// What samples begin with: the handler that takes them.
const HANDLER: &str = "perf_signal_handler";

/// What the kernel has handlers return to: the caller of the handler, by name or without.
const RETURNS: [&str; 2] = ["__restore_rt", "Unknown"];

/// Lets one profile be taken at a time.
#[derive(Clone)]
pub(super) struct Profiler(Arc<Semaphore>);

impl Default for Profiler {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    seconds: Option<u64>,
}

type No = (StatusCode, String);

/// Answers an SVG after so many seconds. Who goes away ends the profile.
pub(super) async fn profile(
    State(profiler): State<Profiler>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, No> {
    let Query(wanted) = wanted.map_err(|why| (StatusCode::BAD_REQUEST, format!("{}\n", why.body_text())))?;
    let seconds = wanted.seconds.unwrap_or(DEFAULT_SECONDS);
    if !(1..=MAX_SECONDS).contains(&seconds) {
        let why = format!("seconds is {seconds}, expected 1 to {MAX_SECONDS}\n");
        return Err((StatusCode::BAD_REQUEST, why));
    }
    let permit = profiler.0.try_acquire_owned().map_err(|_| failed(&Error::Running))?;
    let guard = start().map_err(|error| failed(&error))?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let drawn = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        draw(guard)
    });
    let drawn = drawn.await.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?;
    let svg = drawn.map_err(|error| failed(&error))?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

fn start() -> pprof::Result<ProfilerGuard<'static>> {
    ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&NOT_IN).build()
}

fn failed(error: &Error) -> No {
    match error {
        Error::Running => (StatusCode::CONFLICT, "a profile is being taken: ask again later\n".to_owned()),
        // It keeps samples in a file.
        error => (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot take a profile: {error}\n")),
    }
}

/// Finds the names, which takes a while, when the samples have ended.
fn draw(guard: ProfilerGuard<'static>) -> pprof::Result<String> {
    let samples = guard.report().build_unresolved()?.data;
    drop(guard);
    let mut flames = Flames::default();
    for (frames, number) in samples {
        flames.add(&stack(&Frames::from(frames)), usize::try_from(number).unwrap_or_default());
    }
    Ok(flames.svg())
}

/// The names of a stack, the thread first and what ran last.
fn stack(frames: &Frames) -> Vec<String> {
    let mut names: Vec<String> =
        frames.frames.iter().flat_map(|inlined| inlined.iter().map(ToString::to_string)).collect();
    if let Some(handler) = names.iter().position(|name| name.contains(HANDLER)) {
        let called_by = handler + 1;
        let by_kernel = names.get(called_by).is_some_and(|name| RETURNS.contains(&name.as_str()));
        names.drain(..called_by + usize::from(by_kernel));
    }
    names.push(frames.thread_name_or_id());
    names.reverse();
    names
}
