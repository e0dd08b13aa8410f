//! The scripts: each change of a room is one of them, and so one step.

use std::sync::{Arc, LazyLock};

use model::room::limits::{
    MAX_LOG_BYTES, MAX_LOG_EVENTS, MAX_STATE_BYTES, MAX_SWEEP_NOTICES, STREAM_EXPIRY_MS, USER_EXPIRY_MS,
};
use model::{RoomEvent, RoomId};

/// Rooms at a time in one bucket, a million or so in all. Beyond them joining a room that nobody is in is
/// refused. A room with two users takes about 2 KiB.
pub(super) const MAX_ROOMS_PER_BUCKET: usize = 4096;

/// Runs of nodes at a time. A further one is not noted, and so never missed.
const MAX_RUNS: usize = 4096;

/// How far the version of a room leaps where another server process may have lost changes: further than
/// there could have been changes. (A room that is not there has versions by the clock, so a server whose
/// clock is a minute behind is covered, too.)
const LEAP: u64 = 60_000_000;

/// For how long the events of a room are kept after the last one. Who missed some asks within a minute.
const LOG_LIFE_MS: u64 = 600_000;

/// A script and the name by which a server knows it.
pub(super) struct Script {
    pub(super) text: String,
    pub(super) sha: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let text = parts.concat();
        let sha = redis::Script::new(&text).get_hash().to_owned();
        Self { text, sha }
    }
}

/// All of them.
pub(super) struct Scripts {
    pub(super) join: Script,
    pub(super) leave: Script,
    pub(super) add_stream: Script,
    pub(super) remove_stream: Script,
    pub(super) broadcast: Script,
    pub(super) stream_ended: Script,
    pub(super) keep_alive: Script,
    pub(super) hold_streams: Script,
    pub(super) snapshot: Script,
    pub(super) events_since: Script,
    pub(super) summary: Script,
    pub(super) expire: Script,
    pub(super) release: Script,
    pub(super) beat: Script,
    pub(super) forget_run: Script,
}

/// The scripts with this build's limits in them.
pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let limits = limits();
    let of_room = |own: &str| Script::new(&[&limits, include_str!("scripts/prelude.lua"), own]);
    let of_runs = |own: &str| Script::new(&[&format!("local MAX_RUNS = {MAX_RUNS}\n"), own]);
    Scripts {
        join: of_room(include_str!("scripts/join.lua")),
        leave: of_room(include_str!("scripts/leave.lua")),
        add_stream: of_room(include_str!("scripts/add_stream.lua")),
        remove_stream: of_room(include_str!("scripts/remove_stream.lua")),
        broadcast: of_room(include_str!("scripts/broadcast.lua")),
        stream_ended: of_room(include_str!("scripts/stream_ended.lua")),
        keep_alive: of_room(include_str!("scripts/keep_alive.lua")),
        hold_streams: of_room(include_str!("scripts/hold_streams.lua")),
        snapshot: of_room(include_str!("scripts/snapshot.lua")),
        events_since: of_room(include_str!("scripts/events_since.lua")),
        summary: of_room(include_str!("scripts/summary.lua")),
        expire: of_room(include_str!("scripts/expire.lua")),
        release: of_room(include_str!("scripts/release.lua")),
        beat: of_runs(include_str!("scripts/beat.lua")),
        forget_run: of_runs(include_str!("scripts/forget_run.lua")),
    }
});

/// The limits of [`model::room::limits`] and our own, as the scripts' first lines.
fn limits() -> String {
    let lines = [
        ("MAX_STATE_BYTES", MAX_STATE_BYTES),
        ("MAX_LOG_EVENTS", MAX_LOG_EVENTS),
        ("MAX_LOG_BYTES", MAX_LOG_BYTES),
        ("MAX_SWEEP_NOTICES", MAX_SWEEP_NOTICES),
        ("MAX_ROOMS_PER_BUCKET", MAX_ROOMS_PER_BUCKET),
        ("OVERHEAD", overhead()),
    ];
    let times = [
        ("USER_EXPIRY_MS", USER_EXPIRY_MS),
        ("STREAM_EXPIRY_MS", STREAM_EXPIRY_MS),
        ("LEAP", LEAP),
        ("LOG_LIFE_MS", LOG_LIFE_MS),
    ];
    let lines = lines.iter().map(|(name, value)| format!("local {name} = {value}\n"));
    lines.chain(times.iter().map(|(name, value)| format!("local {name} = {value}\n"))).collect()
}

/// What an entry weighs beside its texts: all that an event without facts weighs but its room's id.
fn overhead() -> usize {
    let Ok(rid) = RoomId::parse("r") else { return 0 };
    RoomEvent { rid, version: 0, notices: Arc::default(), emptied: false }.weight() - 1
}
