//! Where TCP connections come in: a thread of its own, so that whoever knocks disturbs neither media nor commands.
//!
//! A connection is let in when its first frame is a check for a name of one of our workers. Whether the check is authentic
//! is the worker's to judge, which has the passwords.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::GREETING;
use super::census::{Bounds, Census, Place};
use super::framing::{HEADER, length};
use crate::mailbox::Mailbox;
use crate::start::TcpConfig;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// The pause after an error of accepting, which is that there are no descriptors left.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What the kernel may hold of what was sent and is not acknowledged: 20 Mbit/s over 100 ms.
const SEND_BUFFER: usize = 256 * 1024;

/// What it may hold beyond what the network takes: all that waits there is late. A frame of video at 3 Mbit/s has 12 KB.
const NOT_SENT: u32 = 32 * 1024;

/// A port that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: std::net::TcpListener,
    port: u16,
}

/// A connection that knows whom it wants.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(super) stream: TcpStream,
    pub(super) source: SocketAddr,
    pub(super) local: IpAddr,
    /// Its first frame.
    pub(super) first: Vec<u8>,
    pub(super) place: Place,
}

/// The thread that listens. Dropping it ends it, and with it all that was not let in yet.
#[derive(Debug)]
pub(crate) struct Door {
    census: Census,
    _open: oneshot::Sender<()>,
    _thread: JoinHandle<()>,
}

impl Listener {
    /// Binds the port on all addresses; port 0 takes any free one.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        match Self::open(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(error) if crate::socket::lacks_ipv6(&error) => {
                Self::open(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into())
            }
            result => result,
        }
    }

    fn open(domain: Domain, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if domain == Domain::IPV6 {
            socket.set_only_v6(false)?;
        }
        // Connections of an earlier run that are not forgotten yet do not keep the port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let port = socket.local_addr()?.as_socket().unwrap_or(address).port();
        Ok(Self { socket: socket.into(), port })
    }

    /// The port that it is bound to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Door {
    /// Lets in who wants one of these workers.
    pub(crate) fn open(listener: Listener, config: TcpConfig, workers: Vec<Mailbox>) -> io::Result<Self> {
        let bounds = Bounds { node: config.connections, address: config.connections_per_address };
        let census = Census::new(bounds);
        let (open, closed) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let hall = Hall { census: census.clone(), workers };
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = hall.welcome(listener) => {}
                    _ = closed => {}
                }
            });
        };
        let thread = thread::Builder::new().name("media-tcp".into()).spawn(run)?;
        Ok(Self { census, _open: open, _thread: thread })
    }

    /// How many are here.
    pub(crate) fn census(&self) -> &Census {
        &self.census
    }
}

/// Where those wait who have not said what they want.
#[derive(Debug, Clone)]
struct Hall {
    census: Census,
    workers: Vec<Mailbox>,
}

impl Hall {
    async fn welcome(self, listener: Listener) {
        let listener = match tokio::net::TcpListener::from_std(listener.socket) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "cannot accept media over TCP"),
        };
        loop {
            match listener.accept().await {
                Ok((stream, source)) => {
                    // Without a place it is closed at once.
                    if let Some(place) = self.census.admit(source.ip()) {
                        tokio::spawn(self.clone().greet(stream, source, place));
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a TCP connection");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            }
        }
    }

    /// Waits for the first frame, and hands the connection on.
    async fn greet(self, mut stream: tokio::net::TcpStream, source: SocketAddr, place: Place) {
        let first = match timeout(GREETING, first_frame(&mut stream)).await {
            Ok(Some(first)) => first,
            _ => return place.note_unwelcome(),
        };
        let worker = media::worker_of(&first).and_then(|worker| self.workers.get(usize::from(worker)));
        let Some(worker) = worker else { return place.note_unwelcome() };
        match newcomer(stream, source, first, place) {
            Ok(newcomer) => worker.hand_over(newcomer),
            Err(error) => tracing::debug!(%error, "a TCP connection ended at once"),
        }
    }
}

/// `None`: it ended, or sends no frames.
async fn first_frame(stream: &mut tokio::net::TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await.ok()?;
    let mut frame = vec![0; length(header).ok()?];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

fn newcomer(
    stream: tokio::net::TcpStream,
    source: SocketAddr,
    first: Vec<u8>,
    place: Place,
) -> io::Result<Newcomer> {
    let local = stream.local_addr()?.ip().to_canonical();
    let stream = stream.into_std()?;
    let socket = SockRef::from(&stream);
    // What is small does not wait for what is large (Nagle).
    socket.set_tcp_nodelay(true)?;
    // A refusal leaves sizes with which everything works, only later.
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    let _ = socket.set_tcp_notsent_lowat(NOT_SENT);
    Ok(Newcomer { stream, source: canonical(source), local, first, place })
}

/// An IPv4 address is an IPv4 address, however it came.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}
