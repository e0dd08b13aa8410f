//! What forwarding cannot go below: a thread that seals packets of the same sizes and sends them, as often, to the same
//! number of loopback sockets, in the same groups, and does nothing else. It receives nothing, copies nothing and knows
//! of no peers. Beside it what it takes to be woken up by a datagram.

use std::net::{SocketAddrV4, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rtp::Written;
use rtp::srtp::{MasterKey, Profile, Sender};

use crate::syscalls::{Batch, thread_cpu_time};

/// 1.5 Mbit/s at 30 frames a second in payloads of 1,100 bytes.
const PACKETS_PER_FRAME: usize = 6;
const FRAME: Duration = Duration::from_micros(33_333);
/// 20 ms of Opus.
const OPUS: Duration = Duration::from_millis(20);

/// The header with what a subscriber gets of extensions (mid, abs-send-time, transport-wide sequence number).
const HEADER: usize = 28;
/// A video packet's payload: a frame of 6,250 bytes in six.
const VIDEO: usize = 1_042;
const AUDIO: usize = 90;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) streams: usize,
    /// Of each stream.
    pub(crate) receivers: usize,
    pub(crate) video: bool,
    pub(crate) audio: bool,
    /// A frame's packets one by one.
    pub(crate) spaced: bool,
}

/// CPU time of the sending thread per packet, in µs.
pub(crate) fn measure(shape: Shape, window: Duration) -> anyhow::Result<f64> {
    let (addresses, receiver) = Receiver::start(shape.streams * shape.receivers)?;
    let sender = thread::spawn(move || send(&addresses, shape, window));
    let micros = sender.join().ok().context("the sending thread panicked")?;
    receiver.stop();
    micros
}

/// CPU time per packet, in µs, without pauses: groups of so many packets to 100 sockets.
pub(crate) fn flat_out(each: usize, size: usize, window: Duration) -> anyhow::Result<f64> {
    let (addresses, receiver) = Receiver::start(100)?;
    let sender = thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let (sealer, mut batch) = (Sealer::new()?, Batch::new(&addresses, each, size, true));
        let (since, cpu, mut packets) = (Instant::now(), thread_cpu_time()?, 0);
        while since.elapsed() < window {
            sealer.seal(&mut batch)?;
            batch.send(&socket)?;
            packets += batch.len();
        }
        Ok((thread_cpu_time()? - cpu).as_secs_f64() * 1e6 / packets.max(1) as f64)
    });
    let micros = sender.join().ok().context("the sending thread panicked")?;
    receiver.stop();
    micros
}

/// CPU time of a thread that waits for datagrams, per datagram, in µs, where nothing is done with them.
pub(crate) fn waking_up(per_second: f64, window: Duration) -> anyhow::Result<f64> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let address = socket.local_addr()?;
    let receiver = thread::spawn(move || {
        let (since, cpu, mut taken, mut buffer) = (Instant::now(), thread_cpu_time()?, 0_u64, [0; 2_048]);
        while since.elapsed() < window {
            taken += u64::from(socket.recv(&mut buffer).is_ok());
        }
        anyhow::Ok((thread_cpu_time()? - cpu).as_secs_f64() * 1e6 / taken.max(1) as f64)
    });
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    while !receiver.is_finished() {
        sender.send_to(&[0x5a; 60], address)?;
        thread::sleep(Duration::from_secs_f64(1.0 / per_second));
    }
    receiver.join().ok().context("the receiving thread panicked")?
}

/// Takes in what comes, as the load generator does.
struct Receiver {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Receiver {
    /// Their addresses come with it.
    fn start(receivers: usize) -> anyhow::Result<(Vec<SocketAddrV4>, Self)> {
        let (mut addresses, mut sockets) = (Vec::new(), Vec::new());
        for _ in 0..receivers {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            let std::net::SocketAddr::V4(address) = socket.local_addr()? else { continue };
            addresses.push(address);
            sockets.push(socket);
        }
        let mut poll = mio::Poll::new()?;
        let mut sockets: Vec<_> = sockets.into_iter().map(mio::net::UdpSocket::from_std).collect();
        for (index, socket) in sockets.iter_mut().enumerate() {
            poll.registry().register(socket, mio::Token(index), mio::Interest::READABLE)?;
        }
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = std::sync::Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut events = mio::Events::with_capacity(1_024);
            let mut buffer = [0; 2_048];
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                if poll.poll(&mut events, Some(Duration::from_millis(100))).is_err() {
                    continue;
                }
                for event in &events {
                    let Some(socket) = sockets.get(event.token().0) else { continue };
                    while socket.recv(&mut buffer).is_ok() {}
                }
            }
        });
        Ok((addresses, Self { stop, thread }))
    }

    fn stop(self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        // Its answer says nothing.
        let _ = self.thread.join();
    }
}

/// Something that is sent again and again.
struct Source {
    batch: Batch,
    every: Duration,
    due: Duration,
}

/// Streams begin one after the other within a frame's time.
fn sources(addresses: &[SocketAddrV4], shape: Shape) -> Vec<Source> {
    let mut sources = Vec::new();
    for (stream, addresses) in addresses.chunks(shape.receivers.max(1)).enumerate() {
        let due = FRAME.mul_f64(stream as f64 / shape.streams.max(1) as f64);
        let video = |each, groups| Batch::new(addresses, each, HEADER + VIDEO + TAG, groups);
        if shape.video && shape.spaced {
            sources.push(Source { batch: video(1, false), every: FRAME / PACKETS_PER_FRAME as u32, due });
        } else if shape.video {
            sources.push(Source { batch: video(PACKETS_PER_FRAME, true), every: FRAME, due });
        }
        if shape.audio {
            let batch = Batch::new(addresses, 1, HEADER + AUDIO + TAG, false);
            sources.push(Source { batch, every: OPUS, due });
        }
    }
    sources
}

fn send(addresses: &[SocketAddrV4], shape: Shape, window: Duration) -> anyhow::Result<f64> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let sealer = Sealer::new()?;
    let mut sources = sources(addresses, shape);
    let (since, cpu) = (Instant::now(), thread_cpu_time()?);
    let mut packets = 0;
    while since.elapsed() < window {
        for source in &mut sources {
            if source.due <= since.elapsed() {
                sealer.seal(&mut source.batch)?;
                source.batch.send(&socket)?;
                packets += source.batch.len();
                source.due += source.every;
            }
        }
        let next = sources.iter().map(|source| source.due).min().unwrap_or_default();
        thread::sleep(next.saturating_sub(since.elapsed()));
    }
    Ok((thread_cpu_time()? - cpu).as_secs_f64() * 1e6 / packets.max(1) as f64)
}

/// The tag of AES-GCM.
const TAG: usize = 16;

struct Sealer(Sender);

impl Sealer {
    fn new() -> anyhow::Result<Self> {
        let profile = Profile::AeadAes128Gcm;
        let key = MasterKey::new(profile, &vec![7; profile.key_len()], &vec![8; profile.salt_len()])?;
        Ok(Self(Sender::new(&key)?))
    }

    fn seal(&self, batch: &mut Batch) -> anyhow::Result<()> {
        for datagram in batch.datagrams() {
            let packet = Written { header_len: HEADER, len: datagram.len() - TAG };
            self.0.seal_rtp(datagram, packet, 0)?;
        }
        Ok(())
    }
}
