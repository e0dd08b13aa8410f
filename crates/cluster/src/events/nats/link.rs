//! The connection: whether events may have been lost on it, and what the server has surely heard of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Event, ServerError};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// How often the connection is looked at where nothing draws attention to it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// While there is no connection, all who listen are told so often that they miss something.
const REMIND_EVERY: Duration = Duration::from_secs(2);

/// How long the server may take to answer a proof before it is asked for another.
const PROOF_WITHIN: Duration = Duration::from_secs(1);

/// A cluster's other servers hear of new subscriptions a little later than the one that we talk to.
const ROUTES_WITHIN: Duration = Duration::from_secs(1);

/// How often it is said that NATS refuses something: the same cause would fill the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// What all subscriptions share.
pub(super) struct Link {
    losses: watch::Sender<u64>,
    wanted: watch::Sender<u64>,
    proven: watch::Sender<u64>,
    stirred: Notify,
    overrun: Notify,
    listeners: AtomicUsize,
    complained: Mutex<Option<Instant>>,
    connects: Counter,
    disconnects: Counter,
    overruns: Counter,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            losses: watch::Sender::new(0),
            wanted: watch::Sender::new(0),
            proven: watch::Sender::new(0),
            stirred: Notify::new(),
            overrun: Notify::new(),
            listeners: AtomicUsize::new(0),
            complained: Mutex::default(),
            connects: Counter::default(),
            disconnects: Counter::default(),
            overruns: Counter::default(),
        }
    }
}

/// Somebody who listens, for as long as this lives.
pub(super) struct Listening(Arc<Link>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Link {
    /// Changes whenever every subscription may have lost events.
    pub(super) fn losses(&self) -> watch::Receiver<u64> {
        self.losses.subscribe()
    }

    pub(super) fn listening(self: &Arc<Self>) -> Listening {
        self.listeners.fetch_add(1, Ordering::AcqRel);
        Listening(Arc::clone(self))
    }

    pub(super) fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Acquire)
    }

    /// Asks for a proof that the server has heard of all that was given to the client so far. Its number is
    /// what [`proven`](Self::proven) reaches then.
    pub(super) fn want_proof(&self) -> u64 {
        let mut number = 0;
        self.wanted.send_modify(|wanted| {
            *wanted += 1;
            number = *wanted;
        });
        number
    }

    /// Waits for a proof. Ends without one where NATS is shut down.
    pub(super) async fn proven(&self, number: u64) {
        let mut proven = self.proven.subscribe();
        let _shut_down = proven.wait_for(|proven| *proven >= number).await;
    }

    /// What the client tells of.
    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::Connected => drop(self.connects.inc()),
            Event::Disconnected => drop(self.disconnects.inc()),
            Event::SlowConsumer(_) => {
                self.overruns.inc();
                self.overrun.notify_one();
            }
            Event::ServerError(ServerError::Other(text)) => self.complain(text),
            Event::ServerError(error) => self.complain(&error.to_string()),
            // The client has no other name for it than this text.
            Event::ClientError(error) if error.to_string().contains("authorization violation") => {
                self.complain("authorization violation");
            }
            _ => (),
        }
        self.stirred.notify_one();
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        registry.register("nats_connects", "Connections to NATS that came about", self.connects.clone());
        let help = "Connections to NATS that were lost";
        registry.register("nats_disconnects", help, self.disconnects.clone());
        let help = "Times that this node did not take events as fast as they came, and some were dropped";
        registry.register("nats_slow_consumer", help, self.overruns.clone());
    }

    /// A person must look at it: names, passwords, permissions.
    fn complain(&self, why: &str) {
        let mut last = self.complained.lock();
        if last.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            *last = Some(Instant::now());
            tracing::warn!(why, "NATS refuses this node");
        }
    }

    fn lose(&self) {
        self.losses.send_modify(|losses| *losses = losses.wrapping_add(1));
    }
}

/// Proves again and again, one proof for all who wait: what is published on this connection comes back only
/// after the server has read what was sent before.
pub(super) async fn prove(client: Client, link: Arc<Link>) {
    let inbox = client.new_inbox();
    let Ok(mut echoes) = client.subscribe(inbox.clone()).await else { return };
    let mut wanted = link.wanted.subscribe();
    loop {
        let proven = *link.proven.borrow();
        let Ok(number) = wanted.wait_for(|wanted| *wanted > proven).await.map(|number| *number) else {
            return;
        };
        if client.connection_state() != State::Connected {
            sleep(LOOK_EVERY).await;
            continue;
        }
        if client.publish(inbox.clone(), number.to_string().into()).await.is_err() {
            return;
        }
        let echo = async {
            while let Some(echo) = echoes.next().await {
                if echo.payload == number.to_string().as_bytes() {
                    return true;
                }
            }
            false
        };
        match timeout(PROOF_WITHIN, echo).await {
            Ok(true) => drop(link.proven.send_replace(number)),
            Ok(false) => return,
            Err(_) => (),
        }
    }
}

/// Notices when the connection is lost or new, and when the client had to throw messages away.
pub(super) async fn look_after(client: Client, link: Arc<Link>) {
    let statistics = client.statistics();
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut connects, mut reminded, mut again) = (0, None::<Instant>, None::<Instant>);
    loop {
        tokio::select! {
            _ = look.tick() => (),
            () = link.stirred.notified() => (),
            () = link.overrun.notified() => link.lose(),
        }
        if again.is_some_and(|at| at <= Instant::now()) {
            again = None;
            link.lose();
        }
        if client.connection_state() != State::Connected {
            if reminded.is_none_or(|last| last.elapsed() >= REMIND_EVERY) {
                if reminded.is_none() {
                    tracing::info!("NATS is away");
                }
                reminded = Some(Instant::now());
                link.lose();
            }
            continue;
        }
        let now = statistics.connects.load(Ordering::Relaxed);
        if connects != now {
            tracing::info!("NATS is there");
            // What came before the server knew of the subscriptions again is lost.
            let _told_anyway = timeout(PROOF_WITHIN, link.proven(link.want_proof())).await;
            link.lose();
            (connects, reminded, again) = (now, None, Some(Instant::now() + ROUTES_WITHIN));
        }
    }
}
