//! The loop of one thread: commands, packets, timers.

use super::{Command, ConnectionId, Look, WAKE};
use crate::connection::{Connection, Shared};
use crate::socket::{Burst, ReceiveBuffers};
use crate::totals::Totals;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::mpsc;
use std::time::Instant;

/// Sockets that are looked at before the timers are.
const EVENTS: usize = 256;

struct Entry {
    connection: Connection,
    /// Its earliest entry in the heap of timers.
    queued: Option<Instant>,
}

pub(super) struct Driver {
    poll: Poll,
    commands: mpsc::Receiver<Command>,
    entries: Slab<Entry>,
    by_id: HashMap<ConnectionId, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    shared: Shared,
    stopped: bool,
}

impl Driver {
    pub(super) fn new(poll: Poll, commands: mpsc::Receiver<Command>) -> Self {
        let shared =
            Shared { receive: ReceiveBuffers::new(), burst: Burst::new(), totals: Totals::default() };
        Self {
            poll,
            commands,
            entries: Slab::new(),
            by_id: HashMap::new(),
            timers: BinaryHeap::new(),
            shared,
            stopped: false,
        }
    }

    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.stopped {
            let wait =
                self.timers.peek().map(|Reverse((at, _))| at.saturating_duration_since(Instant::now()));
            // A signal interrupts it, and then nothing has come.
            if self.poll.poll(&mut events, wait).is_err() {
                continue;
            }
            for event in &events {
                match event.token() {
                    WAKE => self.obey(),
                    Token(index) => self.readable(index),
                }
            }
            self.fire();
        }
        let now = Instant::now();
        self.entries.drain().for_each(|entry| entry.connection.leave(now, &mut self.shared.totals));
    }

    fn obey(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Add(id, connection) => self.add(id, *connection),
                Command::Remove(id, done) => {
                    self.remove(id);
                    let _gone = done.send(());
                }
                Command::Silence => self.entries.iter_mut().for_each(|(_, entry)| entry.connection.silence()),
                Command::Look(sender) => {
                    let _gone = sender.send(self.look());
                }
                Command::Stop => self.stopped = true,
            }
        }
    }

    fn add(&mut self, id: ConnectionId, connection: Connection) {
        let index = self.entries.insert(Entry { connection, queued: None });
        self.by_id.insert(id, index);
        if let Some(entry) = self.entries.get_mut(index) {
            let socket = &mut entry.connection.socket.socket;
            // Without it nothing would ever come, which its owner hears as a connection that never came up.
            let _unheard = self.poll.registry().register(socket, Token(index), Interest::READABLE);
        }
        self.arm(index);
    }

    fn remove(&mut self, id: ConnectionId) {
        let Some(index) = self.by_id.remove(&id) else { return };
        if let Some(mut entry) = self.entries.try_remove(index) {
            let _unheard = self.poll.registry().deregister(&mut entry.connection.socket.socket);
            entry.connection.leave(Instant::now(), &mut self.shared.totals);
        }
    }

    fn look(&self) -> Look {
        let mut totals = self.shared.totals.clone();
        let connections = self.entries.iter().map(|(_, entry)| &entry.connection);
        connections.clone().for_each(|connection| connection.add_to(&mut totals));
        Look { totals, inodes: connections.filter_map(|connection| connection.socket.inode()).collect() }
    }

    fn readable(&mut self, index: usize) {
        // One that was removed a moment ago may still have an event.
        if let Some(entry) = self.entries.get_mut(index) {
            entry.connection.readable(&mut self.shared);
            self.arm(index);
        }
    }

    fn fire(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((at, index))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            let Some(entry) = self.entries.get_mut(index).filter(|entry| entry.queued == Some(at)) else {
                continue; // another entry counts, or the connection is gone
            };
            entry.queued = None;
            entry.connection.advance(now, &mut self.shared);
            self.arm(index);
        }
    }

    /// Sees to it that the heap has an entry that is not later than what the connection waits for.
    fn arm(&mut self, index: usize) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        let Some(due) = entry.connection.due() else { return };
        if entry.queued.is_none_or(|queued| due < queued) {
            entry.queued = Some(due);
            self.timers.push(Reverse((due, index)));
        }
    }
}
