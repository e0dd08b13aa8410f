//! A server, or whatever server is the master now, through restarts and failovers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt, select_ok};
use redis::{ConnectionInfo, Value};
use tokio::sync::watch;
use tokio::time::timeout;

use super::address::Address;
use super::link::{CONNECT_TIMEOUT, Link, open};
use super::reply::text;

/// After a failed attempt to connect the next one comes no sooner. Until then calls fail at once.
const PAUSE: Duration = Duration::from_millis(100);

/// How one gets to a server.
#[derive(Clone)]
pub(super) enum Way {
    /// It is the master among these.
    Masters(Vec<ConnectionInfo>),
    /// It is a node of a cluster, which itself says what is not its own.
    Node(ConnectionInfo),
    /// The sentinels know it.
    Sentinels {
        sentinels: Vec<ConnectionInfo>,
        /// The master's name.
        name: String,
        /// How a server is reached, but for the address.
        like: ConnectionInfo,
    },
}

/// The server with the connection to it, which is opened when it is needed.
pub(super) struct Peer {
    name: String,
    way: Way,
    state: watch::Sender<State>,
    connecting: AtomicBool,
}

#[derive(Default)]
struct State {
    link: Option<Arc<Link>>,
    /// The last attempt to connect, where it failed: when and why.
    failure: Option<(Instant, String)>,
}

impl State {
    fn usable(&self) -> Option<Arc<Link>> {
        self.link.clone().filter(|link| link.usable())
    }

    fn just_failed(&self) -> Option<String> {
        let (when, why) = self.failure.as_ref()?;
        (when.elapsed() < PAUSE).then(|| why.clone())
    }
}

impl Peer {
    pub(super) fn new(way: Way) -> Arc<Self> {
        let addresses = |infos: &[ConnectionInfo]| {
            infos.iter().map(|info| Address::of(info.addr()).to_string()).collect::<Vec<_>>().join(", ")
        };
        let name = match &way {
            Way::Masters(servers) => addresses(servers),
            Way::Node(node) => Address::of(node.addr()).to_string(),
            Way::Sentinels { name, sentinels, .. } => format!("{name} of {}", addresses(sentinels)),
        };
        Arc::new(Self { name, way, state: watch::Sender::default(), connecting: AtomicBool::new(false) })
    }

    /// The connection. Opens one where there is none; all who ask meanwhile wait for the same attempt.
    pub(super) async fn link(self: &Arc<Self>) -> Result<Arc<Link>, String> {
        let mut states = self.state.subscribe();
        if let Some(link) = self.usable_link() {
            return Ok(link);
        }
        if let Some(why) = self.just_failed() {
            return Err(why);
        }
        if !self.connecting.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(self).connect());
        }
        // The peer has the sender, so it does not go away.
        let _closed = states.changed().await;
        let state = states.borrow();
        state.usable().ok_or_else(|| state.just_failed().unwrap_or_else(|| "the connection broke".to_owned()))
    }

    /// The connection, if it is open.
    pub(super) fn usable_link(&self) -> Option<Arc<Link>> {
        self.state.borrow().usable()
    }

    /// Why it cannot be reached, where that has just been tried.
    pub(super) fn just_failed(&self) -> Option<String> {
        self.state.borrow().just_failed()
    }

    /// Whether the last that is known of it is that it answers.
    pub(super) fn answers(&self) -> bool {
        self.usable_link().is_some()
    }

    async fn connect(self: Arc<Self>) {
        let outcome = match timeout(CONNECT_TIMEOUT, self.way.open()).await {
            Ok(outcome) => outcome,
            Err(_) => Err("does not answer".to_owned()),
        };
        self.connecting.store(false, Ordering::Release);
        self.state.send_modify(|state| match outcome {
            Ok(link) => {
                if state.failure.is_some() {
                    tracing::info!(redis = %self.name, "Redis answers again");
                }
                *state = State { link: Some(link), failure: None };
            }
            Err(why) => {
                if state.failure.is_none() {
                    tracing::warn!(redis = %self.name, %why, "Redis cannot be reached");
                }
                *state = State { link: None, failure: Some((Instant::now(), why)) };
            }
        });
    }
}

impl Way {
    /// The first that works of all the ways there are, tried at the same time.
    async fn open(&self) -> Result<Arc<Link>, String> {
        let attempts: Vec<BoxFuture<'_, Result<Arc<Link>, String>>> = match self {
            Self::Node(node) => return Link::open(node, true).await,
            Self::Masters(servers) => {
                servers.iter().map(|server| Link::open(server, false).boxed()).collect()
            }
            Self::Sentinels { sentinels, name, like } => {
                sentinels.iter().map(|sentinel| through(sentinel, name, like).boxed()).collect()
            }
        };
        // There is at least one address: the configuration was checked.
        select_ok(attempts).await.map(|(link, _others)| link)
    }
}

/// A sentinel may be behind, so what it names must also say itself that it is a master.
async fn through(sentinel: &ConnectionInfo, name: &str, like: &ConnectionInfo) -> Result<Arc<Link>, String> {
    let mut connection = open(sentinel).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(name);
    let answer = connection.send_packed_command(&question).await.map_err(|error| error.to_string())?;
    let Value::Array(answer) = answer else { return Err("is not known to the sentinels".to_owned()) };
    let mut answer = answer.into_iter().filter_map(text);
    let host = answer.next().ok_or("a sentinel names no host")?;
    let port = answer.next().and_then(|port| port.parse().ok()).ok_or("a sentinel names no port")?;
    Link::open(&Address::new(&host, port).like(like), false).await
}
