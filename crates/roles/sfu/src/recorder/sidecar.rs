//! What is told about a recording, in a file beside it, when it has ended.

use std::path::Path;
use std::time::{Duration, SystemTime};

use model::ids::NodeId;
use serde::Serialize;

use super::completion::Complete;
use super::room_call::People;
use super::{Subject, utc};

/// Raised when a reader of older files would be wrong about newer ones.
const FORMAT: u32 = 1;

/// Why a recording ended of which only the file is left: before its writer could end it,
const KILLED: &str = "the server was killed";

/// or after that.
const LOST_STORY: &str = "unknown: what was to be told could not be written";

/// The file. Times are UTC, RFC 3339.
#[derive(Debug, Serialize)]
pub(super) struct Sidecar {
    pub(super) version: u32,
    /// The recording's name; it lies beside this file.
    pub(super) file: String,
    /// `None` where the recording is all there is, and does not say it.
    #[serde(flatten)]
    pub(super) whose: Option<Whose>,
    /// The node that wrote it.
    pub(super) node: String,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    /// Of the recording, in seconds: how long the decoded audio is.
    pub(super) duration: f64,
    pub(super) rtp: Option<Rtp>,
    pub(super) packets: Option<Packets>,
    pub(super) gaps: Option<Gaps>,
    /// Who published or subscribed in the room on this node since the call began.
    pub(super) participants: Vec<String>,
    /// How often others did, who are too many to be named.
    #[serde(skip_serializing_if = "none")]
    pub(super) unnamed_participants: u64,
    /// Why it ended.
    pub(super) ended: String,
    /// The server was killed in the middle of it, and the file completed at its next start.
    pub(super) mended: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Whose {
    pub(super) room: String,
    pub(super) user: String,
    pub(super) stream: String,
    /// Which of the stream's tracks, from 0. `None` after a crash.
    pub(super) track: Option<usize>,
    /// One or two. `None` after a crash: the file says it.
    pub(super) channels: Option<u8>,
}

/// The sender's clock and the recording's.
#[derive(Debug, Serialize)]
pub(super) struct Rtp {
    pub(super) clock_rate: u32,
    pub(super) first: Option<Anchor>,
    pub(super) last: Option<Anchor>,
}

/// A packet of the recording.
#[derive(Debug, Serialize)]
pub(super) struct Anchor {
    pub(super) timestamp: u32,
    /// Where its sound begins, in seconds.
    pub(super) at: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Packets {
    pub(super) received: u64,
    /// In the file.
    pub(super) written: u64,
    /// Never came.
    pub(super) lost: u64,
    /// Came after their place had been written.
    pub(super) late: u64,
    pub(super) duplicate: u64,
    /// No Opus packets.
    pub(super) malformed: u64,
    /// With numbers that fit no others.
    pub(super) refused: u64,
    /// Left out because the sender's clock was fast.
    pub(super) left_out: u64,
    /// Filled in because it was slow.
    pub(super) inserted: u64,
    /// How often the sender began anew, with other timestamps or numbers.
    pub(super) restarts: u64,
}

/// What stands in where nothing came.
#[derive(Debug, Serialize)]
pub(super) struct Gaps {
    pub(super) count: u64,
    /// In seconds, all of them together: concealed by the decoder.
    pub(super) concealed: f64,
    /// The same: silent.
    pub(super) silent: f64,
}

impl Whose {
    pub(super) fn new(subject: &Subject, track: usize, channels: u8) -> Self {
        Self { track: Some(track), channels: Some(channels), ..Self::of(subject) }
    }

    fn of(subject: &Subject) -> Self {
        Self {
            room: subject.rid.to_string(),
            user: subject.uid.to_string(),
            stream: subject.mid.to_string(),
            track: None,
            channels: None,
        }
    }
}

/// What every file has.
pub(super) struct Common<'a> {
    pub(super) audio: &'a Path,
    pub(super) node: &'a NodeId,
    pub(super) start: SystemTime,
    pub(super) duration: Duration,
    pub(super) people: &'a People,
    pub(super) ended: &'a str,
}

impl Sidecar {
    /// Of a recording that ended while the server ran.
    pub(super) fn new(common: &Common<'_>, whose: Whose, (rtp, packets, gaps): (Rtp, Packets, Gaps)) -> Self {
        Self {
            version: FORMAT,
            file: name(common.audio),
            whose: Some(whose),
            node: common.node.to_string(),
            start: Some(utc::rfc3339(common.start)),
            end: Some(utc::rfc3339(common.start + common.duration)),
            duration: common.duration.as_secs_f64(),
            rtp: Some(rtp),
            packets: Some(packets),
            gaps: Some(gaps),
            participants: common.people.names().collect(),
            unnamed_participants: common.people.unnamed(),
            ended: common.ended.to_owned(),
            mended: false,
        }
    }

    /// Of one that a crash left open: what is known comes from the file itself.
    pub(super) fn mended(
        audio: &Path,
        node: &NodeId,
        complete: &Complete,
        origin: Option<&(Subject, SystemTime)>,
    ) -> Self {
        let duration = complete.duration;
        let start = origin.map(|(_, start)| *start);
        Self {
            version: FORMAT,
            file: name(audio),
            whose: origin.map(|(subject, _)| Whose::of(subject)),
            node: node.to_string(),
            start: start.map(utc::rfc3339),
            end: start.map(|start| utc::rfc3339(start + duration)),
            duration: duration.as_secs_f64(),
            rtp: None,
            packets: None,
            gaps: None,
            participants: origin.map(|(subject, _)| subject.uid.to_string()).into_iter().collect(),
            unnamed_participants: 0,
            ended: if complete.whole { LOST_STORY } else { KILLED }.to_owned(),
            mended: true,
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Texts and numbers alone: this cannot fail.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// What was counted.
pub(super) fn numbers(stats: &ogg::Stats) -> (Rtp, Packets, Gaps) {
    let anchor = |anchor: ogg::Anchor| Anchor { timestamp: anchor.timestamp, at: anchor.at.as_secs_f64() };
    let rtp = Rtp { clock_rate: ogg::RATE, first: stats.first.map(anchor), last: stats.last.map(anchor) };
    let packets = Packets {
        received: stats.received,
        written: stats.written,
        lost: stats.lost,
        late: stats.late,
        duplicate: stats.duplicates,
        malformed: stats.malformed,
        refused: stats.refused,
        left_out: stats.left_out,
        inserted: stats.inserted,
        restarts: stats.restarts,
    };
    let gaps = Gaps {
        count: stats.gaps,
        concealed: stats.concealed.as_secs_f64(),
        silent: stats.silence.as_secs_f64(),
    };
    (rtp, packets, gaps)
}

/// Whether there is nothing to be said.
pub(super) fn none(count: &u64) -> bool {
    *count == 0
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
