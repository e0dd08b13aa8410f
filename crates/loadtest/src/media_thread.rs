//! Threads that move media: each with its own epoll, connections and counts.

mod driver;

use crate::connection::Connection;
use crate::totals::Totals;
use driver::Driver;
use mio::{Poll, Token, Waker};
use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// What wakes a thread that waits for packets.
const WAKE: Token = Token(usize::MAX);

/// Names a connection of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(u64);

enum Command {
    Add(ConnectionId, Box<Connection>),
    Remove(ConnectionId, oneshot::Sender<()>),
    Silence,
    Look(oneshot::Sender<Look>),
    Stop,
}

/// What a thread has counted so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) totals: Totals,
    /// Of its sockets.
    pub(crate) inodes: HashSet<u64>,
}

/// A handle to a thread. Dropping it ends the thread, whose connections say goodbye.
pub(crate) struct MediaThread {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker>,
    next_id: AtomicU64,
    /// `PID/task/TID`, as `/proc` names it.
    task: Option<String>,
    thread: Option<JoinHandle<()>>,
}

impl MediaThread {
    /// Starts a thread.
    ///
    /// # Errors
    /// When the system has no more of them.
    pub(crate) fn start(number: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (commands, received) = mpsc::channel();
        let (says, hears) = mpsc::channel();
        let run = move || {
            let _gone = says.send(std::fs::read_link("/proc/thread-self").ok());
            Driver::new(poll, received).run();
        };
        let thread = std::thread::Builder::new().name(format!("load-{number}")).spawn(run)?;
        let task = hears.recv().ok().flatten().and_then(|path| path.to_str().map(str::to_owned));
        Ok(Self { commands, waker, next_id: AtomicU64::new(0), task, thread: Some(thread) })
    }

    /// Takes over a connection.
    pub(crate) fn add(&self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        self.tell(Command::Add(id, Box::new(connection)));
        id
    }

    /// Lets a connection leave, and returns when it has: what the server says to it after that is not heard any more.
    pub(crate) async fn remove(&self, id: ConnectionId) {
        let (sender, done) = oneshot::channel();
        self.tell(Command::Remove(id, sender));
        // A thread that is gone has no connections.
        let _gone = done.await;
    }

    /// Lets publishers stop sending.
    pub(crate) fn silence(&self) {
        self.tell(Command::Silence);
    }

    /// What it has counted so far.
    pub(crate) async fn look(&self) -> Look {
        let (sender, receiver) = oneshot::channel();
        self.tell(Command::Look(sender));
        receiver.await.unwrap_or_default()
    }

    /// Its CPU time since its start, in nanoseconds.
    pub(crate) fn cpu_nanos(&self) -> u64 {
        let schedstat = self
            .task
            .as_ref()
            .and_then(|task| std::fs::read_to_string(format!("/proc/{task}/schedstat")).ok());
        schedstat.and_then(|line| crate::process::run_nanos(&line)).unwrap_or(0)
    }

    fn tell(&self, command: Command) {
        // A thread that is gone has nothing to do either.
        if self.commands.send(command).is_ok() {
            let _gone = self.waker.wake();
        }
    }
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        self.tell(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
