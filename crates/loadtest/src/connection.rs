//! A client, its socket, and what it is there for.

use crate::client::{Client, CloseReason, Event};
use crate::emitter::Emitter;
use crate::reception::Reception;
use crate::socket::{Burst, MediaSocket, ReceiveBuffers};
use crate::totals::Totals;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::sync::oneshot;

/// What a connection does.
pub(crate) enum Role {
    Publisher(Emitter),
    Subscriber(Reception),
}

/// One peer connection.
pub(crate) struct Connection {
    client: Client,
    pub(crate) socket: MediaSocket,
    role: Role,
    /// Waits for the outcome of connecting.
    outcome: Option<oneshot::Sender<Result<(), CloseReason>>>,
}

/// The buffers of a thread, lent to one connection at a time.
pub(crate) struct Shared {
    pub(crate) receive: ReceiveBuffers,
    pub(crate) burst: Burst,
    pub(crate) totals: Totals,
}

impl Connection {
    /// A connection whose `outcome` hears whether it came up.
    ///
    /// # Errors
    /// When the system has no socket left.
    pub(crate) fn new(
        client: Client,
        role: Role,
        outcome: oneshot::Sender<Result<(), CloseReason>>,
    ) -> io::Result<Self> {
        // IPv4 where there is a choice: a socket has one family, and every machine has this one.
        let candidates = client.candidates();
        let address = candidates.iter().find(|address| address.is_ipv4()).or(candidates.first());
        let address = address.copied().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { socket: MediaSocket::towards(address)?, client, role, outcome: Some(outcome) })
    }

    /// When it wants to be driven next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let packet = match &self.role {
            Role::Publisher(emitter) if self.client.is_connected() => emitter.due(),
            _ => None,
        };
        [self.client.poll_timeout(), packet].into_iter().flatten().min()
    }

    /// Reads what has come.
    pub(crate) fn readable(&mut self, shared: &mut Shared) {
        let Self { client, socket, role, .. } = self;
        let Shared { receive, totals, .. } = shared;
        socket.receive(receive, &mut |now, source, datagram| {
            let header = client.handle(now, source, datagram, &mut |to, bytes| {
                socket.send(to, bytes);
            });
            if let (Some(header), Role::Subscriber(reception)) = (header, &mut *role) {
                reception.receive(now, client, &header, datagram, totals);
            }
        });
        self.events(Instant::now(), shared);
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Instant, shared: &mut Shared) {
        let socket = &self.socket;
        self.client.handle_timeout(now, &mut |to: SocketAddr, bytes: &[u8]| {
            socket.send(to, bytes);
        });
        self.events(now, shared);
        let (Role::Publisher(emitter), Some(to)) = (&mut self.role, self.client.destination()) else {
            return;
        };
        if self.client.is_connected() {
            emitter.emit(now, &mut self.client, &mut shared.totals, &mut shared.burst);
            if !shared.burst.is_empty() {
                shared.totals.unsent += self.socket.send_burst(to, &mut shared.burst);
            }
        }
    }

    fn events(&mut self, now: Instant, shared: &mut Shared) {
        while let Some(event) = self.client.poll_event() {
            match (event, &mut self.role) {
                (Event::Connected, role) => {
                    if let Role::Publisher(emitter) = role {
                        emitter.begin(now);
                    }
                    self.settle(Ok(()));
                }
                (Event::Closed(reason), _) => {
                    shared.totals.ended += u64::from(self.outcome.is_none());
                    self.settle(Err(reason));
                }
                (Event::KeyFrameWanted { .. }, Role::Publisher(emitter)) => emitter.want_key_frame(),
                (Event::KeyFrameWanted { .. }, Role::Subscriber(_)) => {}
            }
        }
    }

    fn settle(&mut self, outcome: Result<(), CloseReason>) {
        if let Some(sender) = self.outcome.take() {
            // Whoever waited may have given up.
            let _gone = sender.send(outcome);
        }
    }

    /// Stops sending, without leaving.
    pub(crate) fn silence(&mut self) {
        if let Role::Publisher(emitter) = &mut self.role {
            emitter.silence();
        }
    }

    /// Adds what is not counted packet by packet.
    pub(crate) fn add_to(&self, totals: &mut Totals) {
        totals.unauthentic += self.client.unauthentic();
        if let Role::Subscriber(reception) = &self.role {
            reception.add_expected(totals);
        }
    }

    /// Leaves; what it has counted stays.
    pub(crate) fn leave(mut self, now: Instant, totals: &mut Totals) {
        totals.unauthentic += self.client.unauthentic();
        if let Role::Subscriber(reception) = &self.role {
            reception.add_departed(totals);
        }
        let socket = &self.socket;
        self.client.close(now, &mut |to: SocketAddr, bytes: &[u8]| {
            socket.send(to, bytes);
        });
    }
}
