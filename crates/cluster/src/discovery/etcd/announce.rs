//! Announces a node for as long as somebody holds its lease, through everything that may happen to etcd.
//!
//! The entry stands under a lease of etcd's, so it goes when the node does. Only who is written there may
//! change it: a node that was away and comes back does not push out one that took its place.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Status};

use super::api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use super::api::etcdserverpb::request_op::Request;
use super::api::etcdserverpb::{Compare, PutRequest, RequestOp, TxnRequest};
use super::entry::{NodeKey, write};
use super::member::Member;
use super::members::{Members, pause};
use crate::NodeInfo;

/// How long etcd keeps the entry of a node that says nothing any more.
const LEASE: Duration = Duration::from_secs(5);

/// How often the lease is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(1500);

/// An entry that should be there is looked after at every so many renewals: somebody may have removed it.
const LOOK_AFTER: u32 = 4;

/// How long taking the entry out may take; then it goes with its lease.
const END_WITHIN: Duration = Duration::from_millis(1500);

/// A node that is to be in etcd.
pub(super) struct Announcer {
    members: Arc<Members>,
    node: NodeInfo,
    key: String,
    news: watch::Receiver<(f32, bool)>,
    lease: Option<i64>,
    /// Nothing stands under the lease yet.
    unused: bool,
    renewed: Instant,
    renewals: u32,
    /// What stands in etcd under the lease.
    written: Option<Vec<u8>>,
    /// Told once the entry is there for the first time.
    first: Option<oneshot::Sender<()>>,
    replaced: bool,
}

impl Announcer {
    pub(super) fn new(
        members: Arc<Members>,
        node: NodeInfo,
        news: watch::Receiver<(f32, bool)>,
        first: oneshot::Sender<()>,
    ) -> Self {
        let key = NodeKey::of(&node).to_string();
        let renewed = Instant::now();
        Self {
            members,
            node,
            key,
            news,
            lease: None,
            unused: false,
            renewed,
            renewals: 0,
            written: None,
            first: Some(first),
            replaced: false,
        }
    }

    /// Announces until it is told to stop (or whoever would tell is gone), and then takes the entry out.
    pub(super) async fn run(mut self, stop: oneshot::Receiver<()>) {
        tokio::select! {
            _told_or_gone = stop => (),
            () = self.announce() => (),
        }
        if timeout(END_WITHIN, self.end()).await.is_err() {
            tracing::debug!(key = self.key, "not taken out of etcd: it goes with its lease");
        }
    }

    async fn announce(&mut self) {
        let members = Arc::clone(&self.members);
        let mut failures = 0;
        loop {
            let member = members.current();
            let rest = match self.round(member).await {
                Ok(()) => {
                    failures = 0;
                    (self.renewed + RENEW_EVERY).saturating_duration_since(Instant::now())
                }
                Err(why) => {
                    members.leave(member, &why);
                    failures += 1;
                    pause(failures)
                }
            };
            tokio::select! {
                () = sleep(rest) => (),
                changed = self.news.changed(), if failures == 0 => if changed.is_err() { return },
            }
        }
    }

    /// Sees to it that the lease lives and the entry says what is so now.
    async fn round(&mut self, member: &Member) -> Result<(), Status> {
        let lease = self.living_lease(member).await?;
        (self.node.load, self.node.draining) = *self.news.borrow_and_update();
        let value = write(&self.node);
        if self.written.as_ref() == Some(&value) {
            return Ok(());
        }
        match self.write(member, lease, value.clone()).await {
            Ok(true) => {
                self.written = Some(value);
                self.replaced = false;
                if std::mem::replace(&mut self.unused, false) {
                    self.members.metrics.announced(self.first.is_some());
                }
                if let Some(first) = self.first.take() {
                    let _nobody_waits_any_more = first.send(());
                }
            }
            Ok(false) => self.say_replaced(),
            Err(why) => {
                if why.code() == Code::NotFound {
                    self.lease = None;
                }
                return Err(why);
            }
        }
        Ok(())
    }

    async fn living_lease(&mut self, member: &Member) -> Result<i64, Status> {
        if let Some(lease) = self.lease {
            if self.renewed.elapsed() < RENEW_EVERY {
                return Ok(lease);
            }
            if member.renew(lease).await? {
                self.renewed = Instant::now();
                self.renewals = self.renewals.wrapping_add(1);
                if self.renewals.is_multiple_of(LOOK_AFTER) {
                    self.written = None;
                }
                return Ok(lease);
            }
            tracing::debug!(key = self.key, "the lease is lost");
        }
        (self.lease, self.written) = (None, None);
        let lease = member.grant(LEASE).await?;
        (self.lease, self.renewed, self.unused) = (Some(lease), Instant::now(), true);
        Ok(lease)
    }

    /// Writes the entry, and answers whether it stands: not where another has it by now.
    async fn write(&mut self, member: &Member, lease: i64, value: Vec<u8>) -> Result<bool, Status> {
        let put = PutRequest { key: self.key.clone().into(), value, lease };
        let put_if = |compare: Vec<Compare>| TxnRequest {
            compare,
            success: vec![RequestOp { request: Some(Request::RequestPut(put.clone())) }],
        };
        if self.first.is_some() {
            return member.transact(put_if(Vec::new())).await;
        }
        let ours = self.compare(CompareTarget::Lease, TargetUnion::Lease(lease));
        let nobodys = self.compare(CompareTarget::Create, TargetUnion::CreateRevision(0));
        Ok(member.transact(put_if(vec![ours])).await? || member.transact(put_if(vec![nobodys])).await?)
    }

    fn compare(&self, target: CompareTarget, is: TargetUnion) -> Compare {
        Compare {
            result: CompareResult::Equal.into(),
            target: target.into(),
            key: self.key.clone().into(),
            target_union: Some(is),
        }
    }

    fn say_replaced(&mut self) {
        if !std::mem::replace(&mut self.replaced, true) {
            tracing::warn!(key = self.key, "another node has announced itself with this node's id");
        }
    }

    /// Ends the lease, and with it the entry.
    async fn end(&mut self) {
        let Some(lease) = self.lease else { return };
        loop {
            let member = self.members.current();
            match member.revoke(lease).await {
                Ok(()) => return,
                Err(why) if why.code() == Code::NotFound => return,
                Err(why) => self.members.leave(member, &why),
            }
            sleep(pause(0)).await;
        }
    }
}
