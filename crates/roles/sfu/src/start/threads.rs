//! The workers' sockets and threads.

use std::io;
use std::thread::JoinHandle;

use crate::mailbox::{Mailbox, mailbox};
use crate::recorder::Recorder;
use crate::socket::MediaSocket;
use crate::tcp::Listener;
use crate::worker::{self, Happening};

use super::{Config, StartError, TcpConfig};

/// The workers' threads. Dropping it tells them to end.
#[derive(Debug, Default)]
pub(super) struct Threads {
    pub(super) mailboxes: Vec<Mailbox>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn add(
        &mut self,
        name: String,
        socket: MediaSocket,
        config: media::Config,
        recorder: Option<Recorder>,
        tell: impl FnMut(Happening) + Send + 'static,
    ) -> io::Result<()> {
        let (mailbox, inbox) = mailbox()?;
        self.handles.push(worker::start(name, socket, config, inbox, recorder, tell)?);
        self.mailboxes.push(mailbox);
        Ok(())
    }

    pub(super) fn stop(&self) {
        for mailbox in &self.mailboxes {
            mailbox.stop();
        }
    }

    pub(super) fn all_finished(&self) -> bool {
        self.handles.iter().all(JoinHandle::is_finished)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The sockets of all workers.
pub(super) fn open_ports(config: &Config) -> Result<Vec<MediaSocket>, StartError> {
    let workers = config.workers.max(1);
    (0..workers).map(|n| open_port(config.port, n, workers)).collect()
}

/// The port for those who come over TCP, where there is to be one.
pub(super) fn open_door(config: &Config) -> Result<Option<Listener>, StartError> {
    let Some(TcpConfig { port, .. }) = config.tcp else { return Ok(None) };
    Listener::bind(port).map(Some).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::TcpPortInUse { port },
        _ => StartError::TcpSocket { port, source },
    })
}

/// The port of worker n.
fn open_port(first: u16, n: usize, workers: usize) -> Result<MediaSocket, StartError> {
    let beyond = StartError::PortRange { port: first, workers };
    let port = match first {
        0 => 0,
        _ => u16::try_from(n).ok().and_then(|n| first.checked_add(n)).ok_or(beyond)?,
    };
    MediaSocket::bind(port).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port, workers },
        _ => StartError::Socket { port, source },
    })
}
