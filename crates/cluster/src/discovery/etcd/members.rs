//! The members of etcd, and the one that is asked at the moment.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tonic::Status;

use super::access::{Access, is_denied};
use super::config::Plan;
use super::member::Member;
use super::metrics::Metrics;

/// How often it is said that etcd refuses what it is asked: the same cause would fill the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// All members, at least one.
pub(super) struct Members {
    first: Member,
    others: Vec<Member>,
    current: AtomicUsize,
    healthy: AtomicBool,
    trouble: Mutex<Trouble>,
    pub(super) metrics: Metrics,
}

#[derive(Default)]
struct Trouble {
    last: String,
    complained: Option<Instant>,
}

impl Members {
    /// Nothing where the plan has no endpoints.
    pub(super) fn new(plan: Plan) -> Option<Self> {
        let access = std::sync::Arc::new(Access::new(plan.login));
        let mut members = plan.endpoints.iter().enumerate().map(|(index, endpoint)| {
            Member::new(index, endpoint.uri().to_string(), endpoint.connect_lazy(), access.clone())
        });
        Some(Self {
            first: members.next()?,
            others: members.collect(),
            current: AtomicUsize::new(0),
            healthy: AtomicBool::new(false),
            trouble: Mutex::default(),
            metrics: Metrics::default(),
        })
    }

    /// The member to ask.
    pub(super) fn current(&self) -> &Member {
        let index = self.current.load(Ordering::Acquire);
        index.checked_sub(1).and_then(|index| self.others.get(index)).unwrap_or(&self.first)
    }

    /// Another member is to be asked from now on, where there is one and nobody has left this one already.
    pub(super) fn leave(&self, member: &Member, why: &Status) {
        tracing::debug!(etcd = member.name(), %why, "etcd does not do as asked");
        let next = (member.index() + 1) % (self.others.len() + 1);
        let _another_was_quicker =
            self.current.compare_exchange(member.index(), next, Ordering::AcqRel, Ordering::Acquire);
        let mut trouble = self.trouble.lock();
        trouble.last = format!("{} ({})", why.message(), member.name());
        if is_denied(why) && trouble.complained.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            trouble.complained = Some(Instant::now());
            tracing::warn!(etcd = member.name(), why = why.message(), "etcd refuses this node");
        }
    }

    /// What went wrong last.
    pub(super) fn last_trouble(&self) -> String {
        self.trouble.lock().last.clone()
    }

    /// Whether the last thing that was tried worked.
    pub(super) fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Acquire)
    }

    pub(super) fn set_healthy(&self, healthy: bool) {
        if self.healthy.swap(healthy, Ordering::AcqRel) != healthy {
            tracing::info!(healthy, "etcd");
        }
    }
}

/// How long to wait after so many failures in a row: members that are away must not be asked without a pause.
pub(super) fn pause(failures: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);
    FIRST.saturating_mul(1 << failures.min(8)).min(LONGEST)
}
