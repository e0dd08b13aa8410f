//! What forwarding cannot go below without offloads: a thread that sends datagrams of the same sizes,
//! at the same times, to the same number of loopback sockets with `sendmmsg`, and does nothing else.

use std::net::{SocketAddrV4, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::syscalls::{Batch, thread_cpu_time};

/// 1.5 Mbit/s at 30 frames a second in packets of 1,100 bytes: 5.7 packets a frame.
const PACKETS_PER_FRAME: usize = 6;
const FRAME: Duration = Duration::from_micros(33_333);
/// Long enough for the clock, and short beside everything else.
const FLAT_OUT: Duration = Duration::from_secs(1);

/// CPU time of the sending thread per packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// In bursts of a frame, 30 times a second, as the server has to.
    pub(crate) paced_micros: f64,
    /// One burst after the other: warm caches, no waking up.
    pub(crate) flat_out_micros: f64,
}

pub(crate) async fn measure(receivers: usize, size: usize, window: Duration) -> anyhow::Result<Floor> {
    let mut addresses = Vec::new();
    let mut tasks = Vec::new();
    for _ in 0..receivers {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        let std::net::SocketAddr::V4(address) = socket.local_addr()? else { continue };
        addresses.push(address);
        tasks.push(tokio::spawn(async move {
            let mut buffer = vec![0; 2_048];
            while socket.recv(&mut buffer).await.is_ok() {}
        }));
    }
    let sender = thread::spawn(move || send(&addresses, size, window));
    let floor = tokio::task::spawn_blocking(move || sender.join()).await?;
    for task in tasks {
        task.abort();
    }
    floor.ok().context("the sending thread panicked")?
}

fn send(addresses: &[SocketAddrV4], size: usize, window: Duration) -> anyhow::Result<Floor> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut batch = Batch::new(addresses, PACKETS_PER_FRAME, size);
    let paced_micros = run(&mut batch, &socket, window, Some(FRAME))?;
    let flat_out_micros = run(&mut batch, &socket, window.min(FLAT_OUT), None)?;
    Ok(Floor { paced_micros, flat_out_micros })
}

fn run(
    batch: &mut Batch,
    socket: &UdpSocket,
    window: Duration,
    frame: Option<Duration>,
) -> anyhow::Result<f64> {
    let (since, cpu) = (Instant::now(), thread_cpu_time()?);
    let mut bursts = 0u32;
    while since.elapsed() < window {
        batch.send(socket)?;
        bursts += 1;
        if let Some(frame) = frame {
            thread::sleep((frame * bursts).saturating_sub(since.elapsed()));
        }
    }
    let cpu = (thread_cpu_time()? - cpu).as_secs_f64();
    Ok(cpu * 1e6 / (f64::from(bursts) * batch.len() as f64))
}
