//! One process of the cluster: a role of the real binary.

use std::ops::Deref;

use peer::server::{binary_path, get, is_alarm};
use servers::ports::Ports;
use servers::{Daemon, Folder, Launch};

/// Media workers of each SFU: a test's machine has few cores, and several nodes.
const WORKERS: u16 = 1;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Client connections.
    Signal,
    /// The rooms.
    Register,
    /// Media.
    Sfu,
}

impl Role {
    /// The sub-command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Register => "register",
            Self::Sfu => "sfu",
        }
    }
}

/// A process of one role. It can be killed, paused, stopped and started again (see [`Daemon`]).
#[derive(Debug)]
pub struct Node {
    daemon: Daemon,
    id: String,
    role: Role,
    ops: Ports,
    rpc: Ports,
    /// The signalling listener, or the media's first port.
    public: Option<Ports>,
}

impl Node {
    /// Starts it and returns at once. `clients`: the port of a signal's listener.
    pub(crate) fn launch(
        role: Role,
        number: usize,
        clients: Option<Ports>,
        folder: &Folder,
        settings: &[String],
    ) -> Self {
        let id = format!("{}-{}", role.name(), number + 1);
        let (ops, rpc) = (Ports::tcp(), Ports::tcp());
        let public = if role == Role::Sfu { Some(Ports::udp(WORKERS)) } else { clients };
        let own = own_settings(role, &id, &ops, &rpc, public.as_ref());
        let all = own.iter().chain(settings).flat_map(|setting| ["--set".to_owned(), setting.clone()]);
        let ready = ops.address();
        let daemon = Daemon::launch(Launch {
            name: id.clone(),
            program: binary_path(),
            args: [role.name().to_owned()].into_iter().chain(all).collect(),
            log: folder.join(&format!("{id}.log")),
            ready: Box::new(move || get(&ready, "/readyz").is_ok_and(|reply| reply.status == 200)),
        });
        Self { daemon, id, role, ops, rpc, public }
    }

    /// Its `node.id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.role
    }

    /// `HOST:PORT` of the operator's listener.
    pub fn ops_address(&self) -> String {
        self.ops.address()
    }

    /// `HOST:PORT` where the other roles call it.
    pub fn rpc_address(&self) -> String {
        self.rpc.address()
    }

    /// Where clients connect, for a signal: `ws://HOST:PORT/ws`.
    pub fn ws_url(&self) -> String {
        let address = self.public.as_ref().map(Ports::address).unwrap_or_default();
        format!("ws://{address}/ws")
    }

    /// The lines of its log with one of these levels, and panics.
    pub fn alarms(&self, levels: &[&str]) -> Vec<String> {
        let log = self.daemon.log();
        log.lines().filter(|line| is_alarm(line, levels)).map(|line| format!("{}: {line}", self.id)).collect()
    }
}

impl Deref for Node {
    type Target = Daemon;
    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

fn own_settings(role: Role, id: &str, ops: &Ports, rpc: &Ports, public: Option<&Ports>) -> Vec<String> {
    let mut settings = vec![
        format!("node.id={id:?}"),
        format!("ops.listen={:?}", ops.address()),
        format!("rpc.listen={:?}", rpc.address()),
        format!("rpc.advertise={:?}", rpc.address()),
    ];
    match (role, public) {
        (Role::Signal, Some(port)) => settings.push(format!("signal.listen={:?}", port.address())),
        (Role::Sfu, Some(port)) => settings.extend([
            format!("sfu.port={}", port.number()),
            format!("sfu.workers={WORKERS}"),
            "sfu.ips=[\"127.0.0.1\"]".to_owned(),
            // Every packet is counted here, and a machine that is out of breath looks like a narrow network.
            "sfu.congestion_control=false".to_owned(),
        ]),
        _ => {}
    }
    settings
}
