//! `anabranch loadtest`: the command line of the load generator, and what it says in the end.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use auth::{Claims, Grant, RoomPattern, SigningKey};
use clap::{Args, ValueEnum};
use loadtest::client::{Kind, Profile};
use loadtest::{LoadError, Options, Peer, Report, TokenMaker};
use model::{RoomId, UserId};

use crate::descriptors;

/// How long the tokens of the load are valid.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// As a bad command line ends with clap.
const BAD_OPTIONS: u8 = 2;

/// Publishes synthetic streams, subscribes to them, and says what arrived, how late, and what it cost the server.
#[derive(Debug, Args)]
pub(crate) struct LoadTest {
    /// Where the server's signalling listens.
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8080/ws")]
    url: String,
    /// Whose protocol the server speaks; Janus' rooms are numbers.
    #[arg(long, value_enum, default_value_t = Server::Anabranch)]
    peer: Server,
    /// The room.
    #[arg(long, value_name = "RID", default_value = "loadtest")]
    room: String,
    /// Streams.
    #[arg(long, value_name = "N", default_value_t = 1)]
    publishers: usize,
    /// Subscribers of each stream.
    #[arg(long, value_name = "N", default_value_t = 10)]
    subscribers: usize,
    /// Streams without video.
    #[arg(long, conflicts_with = "video_only")]
    audio_only: bool,
    /// Streams without audio.
    #[arg(long)]
    video_only: bool,
    /// Video, in bit/s.
    #[arg(long, value_name = "BITS", default_value_t = 1_500_000)]
    rate: u64,
    /// Video frames per second.
    #[arg(long, value_name = "N", default_value_t = 30)]
    fps: u32,
    /// RTP payload of a video packet.
    #[arg(long, value_name = "BYTES", default_value_t = 1100)]
    packet: usize,
    /// Send a frame's packets evenly over its time, not at once.
    #[arg(long)]
    spaced: bool,
    /// How long to measure.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    duration: Duration,
    /// How long to wait between the last connection and the measurement.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    warm_up: Duration,
    /// Connections per second while setting up.
    #[arg(long, value_name = "N", default_value_t = 50.0)]
    ramp: f64,
    /// Subscribers that leave, and others that come, per second of the measurement.
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    churn: f64,
    /// Throw away this part of what subscribers receive, and ask for it again.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    loss: f64,
    /// Decrypt every n-th packet; 1 decrypts all.
    #[arg(long, value_name = "N", default_value_t = 16)]
    open_every: u64,
    /// Threads for media [default: half of the cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The SRTP profile that is offered.
    #[arg(long, value_enum, default_value_t = SrtpProfile::Aes128Gcm)]
    profile: SrtpProfile,
    /// The server's processes, if they run on this machine: what they use is measured.
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pid: Vec<u32>,
    /// Subscriptions that share a WebSocket.
    #[arg(long, value_name = "N", default_value_t = 50)]
    per_user: usize,
    /// A shared secret of the server's [auth], for tokens of all users of the load.
    #[arg(long, value_name = "TEXT")]
    secret: Option<String>,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with charts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Server {
    Anabranch,
    Janus,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SrtpProfile {
    #[value(name = "aes128gcm")]
    Aes128Gcm,
    #[value(name = "aes256gcm")]
    Aes256Gcm,
    #[value(name = "aes128cm")]
    Aes128Cm,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| "a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

impl LoadTest {
    fn options(&self, tokens: Option<TokenMaker>) -> Options {
        let kinds = match (self.audio_only, self.video_only) {
            (true, _) => vec![Kind::Audio],
            (_, true) => vec![Kind::Video],
            _ => vec![Kind::Audio, Kind::Video],
        };
        let half = || std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        Options {
            peer: match self.peer {
                Server::Anabranch => Peer::Anabranch,
                Server::Janus => Peer::Janus,
            },
            url: self.url.clone(),
            room: self.room.clone(),
            publishers: self.publishers,
            subscribers: self.subscribers,
            kinds,
            rate: self.rate,
            fps: self.fps,
            packet: self.packet,
            spaced: self.spaced,
            duration: self.duration,
            warm_up: self.warm_up,
            ramp: self.ramp,
            churn: self.churn,
            loss: self.loss / 100.0,
            open_every: self.open_every,
            threads: self.threads.unwrap_or_else(half),
            profile: match self.profile {
                SrtpProfile::Aes128Gcm => Profile::AeadAes128Gcm,
                SrtpProfile::Aes256Gcm => Profile::AeadAes256Gcm,
                SrtpProfile::Aes128Cm => Profile::Aes128CmSha1_80,
            },
            pids: self.pid.clone(),
            subscriptions_per_user: self.per_user,
            tokens,
        }
    }

    fn tokens(&self) -> Result<Option<TokenMaker>, String> {
        let Some(secret) = &self.secret else { return Ok(None) };
        let key =
            SigningKey::from_secret(None, secret.as_bytes()).map_err(|why| format!("--secret {why}"))?;
        let room = RoomId::parse(&self.room).map_err(|why| format!("--room {why}"))?;
        Ok(Some(TokenMaker::new(move |uid| token(&key, uid, &room).unwrap_or_default())))
    }
}

/// Runs the test: 0 when all went well, 1 with the reason when it did not, 2 for options that make no sense.
pub(crate) fn run(command: &LoadTest) -> ExitCode {
    // Each connection has a socket.
    descriptors::raise_limit();
    let tokens = match command.tokens() {
        Ok(tokens) => tokens,
        Err(error) => return end(BAD_OPTIONS, &error),
    };
    let report = match loadtest::run(&command.options(tokens)) {
        Ok(report) => report,
        Err(error @ LoadError::BadOption(_)) => return end(BAD_OPTIONS, &error.to_string()),
        Err(error) => return end(1, &error.to_string()),
    };
    print!("{}", report.table());
    if let Err(error) = write_files(command, &report) {
        return end(1, &error);
    }
    match report.verdict() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => end(1, &reason),
    }
}

/// All that a user of the load does; it outlives any test.
fn token(key: &SigningKey, uid: &str, room: &RoomId) -> Option<String> {
    let grant = Grant {
        uid: UserId::parse(uid).ok()?,
        rooms: vec![RoomPattern::Room(room.clone())],
        publish: true,
        subscribe: true,
        broadcast: false,
        record: false,
        admin: false,
        expires: SystemTime::now() + A_DAY,
    };
    key.sign(&Claims { grant, not_before: None }).ok()
}

fn end(code: u8, reason: &str) -> ExitCode {
    eprintln!("anabranch: {reason}");
    ExitCode::from(code)
}

fn write_files(command: &LoadTest, report: &Report) -> Result<(), String> {
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    command.json.as_deref().map_or(Ok(()), |path| write(path, report.json()))?;
    command.html.as_deref().map_or(Ok(()), |path| write(path, report.html()))
}
