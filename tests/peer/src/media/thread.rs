//! The thread that drives peer connections: one epoll, any number of sockets.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

use super::transport::Transport;

const WAKER: Token = Token(usize::MAX);
const EVENTS: usize = 1_024;
/// Larger than any datagram on a path with an MTU of 1,500.
const DATAGRAM: usize = 2_048;
/// Nothing waits longer than this, so that the thread sees its end.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

static NEXT_TOKEN: AtomicUsize = AtomicUsize::new(0);

enum Command {
    Add(usize, Box<Transport>),
    Close(usize),
    Forget(usize),
    RequestKeyFrame(usize),
    Stop,
}

/// Drives peer connections. Cheap to clone; the thread ends with its last owner.
#[derive(Clone)]
pub struct MediaThread {
    inner: Arc<Inner>,
}

struct Inner {
    commands: Mutex<Sender<Command>>,
    waker: Arc<Waker>,
    load: Arc<LoadCounters>,
}

#[derive(Default)]
struct LoadCounters {
    busy_nanos: AtomicU64,
    datagrams: AtomicU64,
    latest_micros: AtomicU64,
}

/// How hard a media thread works, since its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Time not spent waiting. Includes time in which the system let others run.
    pub busy: Duration,
    /// Datagrams read.
    pub datagrams: u64,
    /// The longest time that something due had to wait for the thread.
    pub latest: Duration,
}

impl MediaThread {
    /// Starts a thread.
    pub fn start() -> Self {
        let poll = Poll::new().expect("an epoll");
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("a waker"));
        let (commands, inbox) = channel();
        let load = Arc::new(LoadCounters::default());
        let counters = Arc::clone(&load);
        let run =
            move || Loop { poll, transports: HashMap::new(), silent: Vec::new(), load: counters }.run(&inbox);
        thread::Builder::new().name("media peers".to_owned()).spawn(run).expect("a thread");
        Self { inner: Arc::new(Inner { commands: Mutex::new(commands), waker, load }) }
    }

    /// How hard it has worked so far.
    pub fn load(&self) -> Load {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Load {
            busy: Duration::from_nanos(read(&self.inner.load.busy_nanos)),
            datagrams: read(&self.inner.load.datagrams),
            latest: Duration::from_micros(self.inner.load.latest_micros.swap(0, Ordering::Relaxed)),
        }
    }

    pub(super) fn handle(&self) -> Handle {
        Handle { thread: self.clone(), token: NEXT_TOKEN.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Inner {
    fn send(&self, command: Command) {
        // A thread that is gone has no use for the command.
        drop(self.commands.lock().expect("no sender panics").send(command));
        drop(self.waker.wake());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.send(Command::Stop);
    }
}

/// One connection in a thread. Dropping it closes the connection in good order.
pub(super) struct Handle {
    thread: MediaThread,
    token: usize,
}

impl Handle {
    pub(super) fn add(&self, transport: Transport) {
        self.thread.inner.send(Command::Add(self.token, Box::new(transport)));
    }

    pub(super) fn close(&self) {
        self.thread.inner.send(Command::Close(self.token));
    }

    pub(super) fn forget(&self) {
        self.thread.inner.send(Command::Forget(self.token));
    }

    pub(super) fn request_key_frame(&self) {
        self.thread.inner.send(Command::RequestKeyFrame(self.token));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

struct Loop {
    poll: Poll,
    transports: HashMap<usize, Box<Transport>>,
    /// Forgotten ones keep their socket: a lost network sends no "port unreachable".
    silent: Vec<Box<Transport>>,
    load: Arc<LoadCounters>,
}

impl Loop {
    fn run(mut self, inbox: &Receiver<Command>) {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let wait = self.wait_time(Instant::now());
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
            let woken = Instant::now();
            for command in inbox.try_iter() {
                if matches!(command, Command::Stop) {
                    return;
                }
                self.command(command);
            }
            let mut datagrams = 0;
            for event in &events {
                if let Some(transport) = self.transports.get_mut(&event.token().0) {
                    datagrams += transport.read(&mut buffer);
                }
            }
            self.advance(Instant::now());
            self.count(woken, datagrams);
        }
    }

    /// Until the first timer. epoll counts in milliseconds and mio rounds up, so a timer is up to a
    /// millisecond late.
    fn wait_time(&self, now: Instant) -> Duration {
        let first = self.transports.values().map(|transport| transport.due()).min();
        let wait = first.map_or(LONGEST_WAIT, |first| first.saturating_duration_since(now));
        wait.min(LONGEST_WAIT)
    }

    fn advance(&mut self, now: Instant) {
        for transport in self.transports.values_mut() {
            let due = transport.due();
            if due <= now {
                let late = u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX);
                self.load.latest_micros.fetch_max(late, Ordering::Relaxed);
                transport.advance(now);
            }
        }
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Add(token, mut transport) => {
                let registry = self.poll.registry();
                registry
                    .register(&mut transport.socket, Token(token), Interest::READABLE)
                    .expect("a new socket");
                transport.advance(now);
                self.transports.insert(token, transport);
            }
            Command::Close(token) => {
                if let Some(mut transport) = self.transports.remove(&token) {
                    transport.close(now);
                }
            }
            Command::Forget(token) => self.silent.extend(self.transports.remove(&token)),
            Command::RequestKeyFrame(token) => {
                if let Some(transport) = self.transports.get_mut(&token) {
                    transport.request_key_frame(now);
                }
            }
            Command::Stop => {}
        }
    }

    fn count(&self, woken: Instant, datagrams: u64) {
        let busy = u64::try_from(woken.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.load.busy_nanos.fetch_add(busy, Ordering::Relaxed);
        self.load.datagrams.fetch_add(datagrams, Ordering::Relaxed);
    }
}
