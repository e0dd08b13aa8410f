//! A peer that knows only UDP, behind something that carries its datagrams over TCP, as a browser does itself.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{frame, framed};

pub(super) struct Bridge {
    shared: Arc<Shared>,
}

struct Shared {
    socket: UdpSocket,
    server: SocketAddr,
    /// `None`: it has ended.
    stream: Mutex<Option<Way>>,
    peer: Mutex<Option<SocketAddr>>,
}

/// A connection to the server, and whether a check has gone over it: it begins with one, as a browser's does.
struct Way {
    stream: TcpStream,
    checked: bool,
}

impl Bridge {
    /// To a server's TCP address.
    pub(super) fn to(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let shared = Shared { socket, server, stream: Mutex::new(None), peer: Mutex::new(None) };
        let bridge = Self { shared: Arc::new(shared) };
        bridge.dial();
        let shared = Arc::clone(&bridge.shared);
        thread::spawn(move || shared.carry_up());
        bridge
    }

    /// The answer, with the bridge in the place of the server.
    pub(super) fn announced(&self, answer: &str) -> String {
        let address = self.shared.socket.local_addr().unwrap();
        let (ip, port) = (address.ip(), address.port());
        let candidate = format!("a=candidate:1 1 udp 2130706431 {ip} {port} typ host");
        let mut seen = false;
        let lines = answer.lines().filter_map(|line| match line.starts_with("a=candidate:") {
            false => Some(line),
            true => (!std::mem::replace(&mut seen, true)).then_some(candidate.as_str()),
        });
        lines.map(|line| format!("{line}\r\n")).collect()
    }

    /// The connection ends, and another one begins.
    pub(super) fn cut(&self) {
        if let Some(way) = self.shared.stream.lock().unwrap().as_ref() {
            let _ = way.stream.shutdown(Shutdown::Both);
        }
        self.dial();
    }

    fn dial(&self) {
        let stream = TcpStream::connect(self.shared.server).unwrap();
        stream.set_nodelay(true).unwrap();
        let way = Way { stream: stream.try_clone().unwrap(), checked: false };
        *self.shared.stream.lock().unwrap() = Some(way);
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || shared.carry_down(&stream));
    }
}

impl Shared {
    fn carry_up(&self) {
        let mut buffer = [0; 2048];
        loop {
            let received = self.socket.recv_from(&mut buffer);
            let mut way = self.stream.lock().unwrap();
            let Some(way) = way.as_mut() else { return };
            if let Ok((len, from)) = received {
                *self.peer.lock().unwrap() = Some(from);
                way.checked |= buffer[0] < 4;
                if way.checked {
                    // While it is being cut, what comes is lost.
                    let _ = way.stream.write_all(&framed(&buffer[..len]));
                }
            }
        }
    }

    fn carry_down(&self, stream: &TcpStream) {
        while let Some(datagram) = frame(stream) {
            let peer = *self.peer.lock().unwrap();
            if let Some(peer) = peer {
                let _ = self.socket.send_to(&datagram, peer);
            }
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(way) = self.shared.stream.lock().unwrap().take() {
            let _ = way.stream.shutdown(Shutdown::Both);
        }
    }
}
