//! Follows what etcd says about the nodes, through everything that may happen to it.
//!
//! Whatever broke, the beginning is the same: the whole list, then what changes from there on. So nothing
//! depends on revisions that etcd may have compacted, or have lost together with its data.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tonic::{Status, Streaming};

use super::api::etcdserverpb::{RangeResponse, WatchResponse};
use super::api::mvccpb::Event;
use super::api::mvccpb::KeyValue;
use super::api::mvccpb::event::EventType;
use super::entry::{NodeKey, read};
use super::known::Known;
use super::member::Member;
use super::members::{Members, pause};
use crate::{NodeInfo, Role};

/// How often the member that tells of changes is asked whether it is there: one that stands still, or has no
/// majority any more, would say nothing for ever.
const ASK_EVERY: Duration = Duration::from_millis(1500);

/// The nodes of each role, as who watches sees them.
pub(super) struct Published([(Role, watch::Sender<Arc<[NodeInfo]>>); 3]);

impl Default for Published {
    fn default() -> Self {
        let nobody: Arc<[NodeInfo]> = Arc::new([]);
        let roles = [Role::Signal, Role::Register, Role::Sfu];
        Self(roles.map(|role| (role, watch::Sender::new(Arc::clone(&nobody)))))
    }
}

impl Published {
    pub(super) fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>> {
        let [signal, register, sfu] = &self.0;
        match role {
            Role::Signal => signal.1.subscribe(),
            Role::Register => register.1.subscribe(),
            Role::Sfu => sfu.1.subscribe(),
        }
    }

    fn publish(&self, known: &Known) {
        for (role, sender) in &self.0 {
            let nodes = known.of(*role);
            sender.send_if_modified(|published| {
                let changed = **published != *nodes;
                if changed {
                    *published = nodes.into();
                }
                changed
            });
        }
    }
}

/// Follows for ever.
pub(super) async fn follow(members: Arc<Members>, published: Arc<Published>) {
    let mut following =
        Following { members: &members, published: &published, known: Known::default(), failures: 0 };
    loop {
        let member = members.current();
        let why = following.one(member).await;
        members.set_healthy(false);
        members.metrics.watch_restarts.inc();
        members.leave(member, &why);
        sleep(pause(following.failures)).await;
        following.failures += 1;
    }
}

struct Following<'a> {
    members: &'a Members,
    published: &'a Published,
    known: Known,
    failures: u32,
}

impl Following<'_> {
    /// Follows one member. Answers why that ended.
    async fn one(&mut self, member: &Member) -> Status {
        match self.begin(member).await {
            Ok(changes) => self.go_on(member, changes).await,
            Err(why) => why,
        }
    }

    async fn begin(&mut self, member: &Member) -> Result<Streaming<WatchResponse>, Status> {
        let list = member.list().await?;
        let revision = list.header.as_ref().map_or(0, |header| header.revision);
        self.known.list(entries(&list), Instant::now());
        self.published.publish(&self.known);
        self.members.set_healthy(true);
        member.watch(revision + 1).await
    }

    async fn go_on(&mut self, member: &Member, mut changes: Streaming<WatchResponse>) -> Status {
        let mut ask = interval(ASK_EVERY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let doubt = self.known.next_doubt();
            tokio::select! {
                change = changes.message() => match change {
                    Ok(Some(change)) if !change.canceled => self.apply(change),
                    Ok(Some(change)) => return Status::aborted(canceled(&change)),
                    Ok(None) => return Status::unavailable("the watch ended"),
                    Err(why) => return why,
                },
                _ = ask.tick() => match member.is_there().await {
                    Ok(()) => self.failures = 0,
                    Err(why) => return why,
                },
                () = sleep_until(doubt.unwrap_or_else(Instant::now)), if doubt.is_some() => {
                    self.known.sweep(Instant::now());
                }
            }
            self.published.publish(&self.known);
        }
    }

    fn apply(&mut self, change: WatchResponse) {
        for Event { r#type, kv } in change.events {
            let Some(entry) = kv else { continue };
            if r#type == i32::from(EventType::Delete) {
                if let Some(key) = NodeKey::parse(&entry.key) {
                    self.known.remove(&key, Instant::now());
                }
            } else if let Some(node) = node(&entry) {
                self.known.put(node);
            }
        }
    }
}

fn canceled(change: &WatchResponse) -> String {
    let WatchResponse { cancel_reason, compact_revision, .. } = change;
    format!("the watch was canceled: {cancel_reason} (compacted up to {compact_revision})")
}

fn entries(list: &RangeResponse) -> Vec<NodeInfo> {
    if list.more {
        tracing::warn!("more nodes than can be known are under {}", super::entry::PREFIX);
    }
    list.kvs.iter().filter_map(node).collect()
}

fn node(entry: &KeyValue) -> Option<NodeInfo> {
    let key = NodeKey::parse(&entry.key)?;
    read(&key, &entry.value).inspect_err(|why| tracing::debug!(%key, why, "not a node")).ok()
}
