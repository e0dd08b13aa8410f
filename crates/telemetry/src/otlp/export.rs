//! The thread that sends spans.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::Otlp;
use super::collector::{endpoint, resource, scope};
use super::spans::Spans;
use super::wire::trace_service_client::TraceServiceClient;
use super::wire::{ExportTraceServiceRequest, Resource, ResourceSpans, Scope, ScopeSpans, Span};
use crate::backlog::{Backlog, Weight};
use crate::settings::Service;
use crate::{Counters, StartError};

/// Bytes of one call: well below the 4 MiB that gRPC servers take by default.
const BATCH: usize = 512 * 1024;

/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// How long a collector may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long after a failure until the next try.
const RETRY: Duration = Duration::from_secs(2);

/// The same at the end, when there is little time left.
const LAST_RETRY: Duration = Duration::from_millis(100);

/// How long an idle exporter sleeps. It wakes up for a span.
const IDLE: Duration = Duration::from_secs(60);

/// The thread that sends.
pub(crate) struct Exporter {
    spans: Arc<Spans>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("ended", &self.has_ended()).finish()
    }
}

/// Starts the thread. The collector need not be there yet.
pub(crate) fn start(
    otlp: &Otlp,
    service: &Service,
    counters: &Counters,
) -> Result<(Arc<Spans>, Exporter), StartError> {
    otlp.check()?;
    let endpoint = endpoint(otlp)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let spans = Arc::new(Spans::new(otlp.share, counters.clone()));
    let client = connect(&endpoint, &runtime);
    let (resource, scope) = (resource(service), scope(service));
    let mut work =
        Work { spans: Arc::clone(&spans), runtime, endpoint, client, resource, scope, away: false };
    let thread = thread::Builder::new().name("otlp".into()).spawn(move || work.run())?;
    Ok((Arc::clone(&spans), Exporter { spans, thread }))
}

impl Exporter {
    /// No more spans come; those that wait are sent until `deadline`. Returns at once.
    pub(crate) fn end(&self, deadline: Instant) {
        self.spans.backlog.end(deadline);
    }

    /// Whether everything is done.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

/// The connection is made with the first call.
fn connect(endpoint: &Endpoint, runtime: &Runtime) -> TraceServiceClient<Channel> {
    // The channel needs to know whose it is.
    let _entered = runtime.enter();
    TraceServiceClient::new(endpoint.connect_lazy())
}

struct Work {
    spans: Arc<Spans>,
    runtime: Runtime,
    endpoint: Endpoint,
    client: TraceServiceClient<Channel>,
    resource: Resource,
    scope: Scope,
    /// Told, and not yet that it is over.
    away: bool,
}

fn pause(backlog: &Backlog<Span>) {
    match backlog.time_left() {
        None => backlog.wait_for_end(RETRY),
        Some(left) => thread::sleep(left.min(LAST_RETRY)),
    }
}

impl Work {
    fn run(&mut self) {
        let spans = Arc::clone(&self.spans);
        let backlog = &spans.backlog;
        while !backlog.is_over() {
            backlog.wait(IDLE);
            backlog.wait_for_end(GATHER);
            let batch: Vec<Span> = std::iter::from_fn(|| backlog.take(BATCH)).collect();
            if !batch.is_empty() && !self.send(batch) {
                pause(backlog);
            }
        }
        spans.lost(backlog.clear());
    }

    /// Whether the collector has answered.
    fn send(&mut self, batch: Vec<Span>) -> bool {
        let spans = Arc::clone(&self.spans);
        let (count, weight) = (batch.len() as u64, batch.iter().map(Weight::weight).sum());
        let patience = spans.backlog.time_left().unwrap_or(PATIENCE).min(PATIENCE);
        let call = self.client.export(self.request(batch.clone()));
        let answer = self.runtime.block_on(async { tokio::time::timeout(patience, call).await });
        let refused = match answer {
            Ok(Ok(response)) => {
                let rejected = response.into_inner().partial_success.map_or(0, |part| part.rejected_spans);
                u64::try_from(rejected).unwrap_or(0).min(count)
            }
            Ok(Err(status)) if !may_be_tried_again(&status) => {
                self.tell_away(status.message());
                count
            }
            Ok(Err(status)) => return self.later(batch, status.message()),
            Err(_) => {
                // Whoever was there may have vanished without a word: what is sent to it would wait for minutes.
                self.client = connect(&self.endpoint, &self.runtime);
                return self.later(batch, "no answer in time");
            }
        };
        spans.backlog.done(weight);
        spans.counters.otlp_accepted().add(count - refused);
        spans.lost(refused);
        if refused < count && std::mem::take(&mut self.away) {
            tracing::info!(dropped = spans.counters.otlp_dropped(), "the collector takes spans again");
        }
        true
    }

    fn later(&mut self, batch: Vec<Span>, reason: &str) -> bool {
        self.spans.backlog.give_back(batch);
        self.tell_away(reason);
        false
    }

    fn tell_away(&mut self, error: &str) {
        if !std::mem::replace(&mut self.away, true) {
            tracing::warn!(error, "the collector does not take spans; they wait or are dropped");
        }
    }

    fn request(&self, spans: Vec<Span>) -> ExportTraceServiceRequest {
        let scope_spans = vec![ScopeSpans { scope: Some(self.scope.clone()), spans }];
        let resource = Some(self.resource.clone());
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans }] }
    }
}

/// Whether the spans may be taken another time: when it was not the collector who answered, but our
/// end of a broken connection, and where OTLP says so.
fn may_be_tried_again(status: &Status) -> bool {
    let ours = status.source().is_some();
    let passing = matches!(
        status.code(),
        Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
    );
    ours || passing
}

#[cfg(test)]
mod tests;
