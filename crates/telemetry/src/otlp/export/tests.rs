//! Spans as a collector gets them. It decodes them with OpenTelemetry's own types.

use std::net::SocketAddr;
use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest as Request, ExportTraceServiceResponse as Response,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as Received;
use tokio::sync::oneshot;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use super::*;
use crate::process::build;
use crate::settings::{Format, Settings};
use crate::{Filter, Telemetry, trace};

const FROM_CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const ITS_TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

/// What has come in: the node's id and the span.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<(String, Received)>>>);

/// Ends with it.
struct Collector {
    address: SocketAddr,
    received: Inbox,
    _end: oneshot::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: tonic::Request<Request>,
    ) -> Result<tonic::Response<Response>, tonic::Status> {
        for spans in request.into_inner().resource_spans {
            let node = attribute(&spans.resource.unwrap().attributes, "service.instance.id").unwrap();
            let spans = spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
            if node == "refused" {
                return Err(tonic::Status::invalid_argument("not from you"));
            }
            self.0.lock().unwrap().extend(spans.map(|span| (node.clone(), span)));
        }
        Ok(tonic::Response::new(Response::default()))
    }
}

impl Collector {
    fn start(address: &str) -> Self {
        Self::start_with(address, Server::builder())
    }

    fn start_with(address: &str, mut server: Server) -> Self {
        let (end, ended) = oneshot::channel();
        let received = Inbox::default();
        let service = TraceServiceServer::new(received.clone());
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
                let ended = async { drop(ended.await) };
                tokio::select! {
                    served = server.add_service(service).serve_with_incoming(incoming) => served.unwrap(),
                    () = ended => {}
                }
            });
        };
        Self { address, received, _end: end, thread: Some(thread::spawn(serve)) }
    }

    fn spans(&self) -> Vec<(String, Received)> {
        self.received.0.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let (end, _) = oneshot::channel();
        drop(std::mem::replace(&mut self._end, end));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn attribute(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    match value {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(flag) => Some(flag.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// Runs `work` on a node of its own, which exports, and gives back what the node still holds.
fn on_node(node: &str, endpoint: SocketAddr, share: f64, work: impl FnOnce()) -> Telemetry {
    exporting(node, Otlp { endpoint: format!("http://{endpoint}"), ca: None, share }, work)
}

fn exporting(node: &str, otlp: Otlp, work: impl FnOnce()) -> Telemetry {
    let settings = Settings {
        filter: Filter::parse("warn").unwrap(),
        format: Format::Json,
        service: Service { node: node.into(), role: "sfu".into(), version: "1.2.3".into() },
        kafka: None,
        otlp: Some(otlp),
    };
    let (subscriber, telemetry) = build(settings, std::io::sink()).unwrap();
    tracing::subscriber::with_default(subscriber, work);
    telemetry
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A call to another node, as its receiver sees it.
fn call() -> tonic::Request<()> {
    let mut call = tonic::Request::new(());
    if let Some(traceparent) = trace::current() {
        call.metadata_mut().insert(trace::TRACEPARENT, traceparent.parse().unwrap());
    }
    call
}

#[test]
fn a_request_is_one_tree_over_two_nodes() {
    let collector = Collector::start("127.0.0.1:0");
    let mut sent = None;
    let signal = on_node("signal-1", collector.address, 1.0, || {
        let request = tracing::info_span!("publish", uid = "eve", number = 7, late = tracing::field::Empty);
        trace::start(&request, Some(FROM_CLIENT));
        request.record("late", true);
        request.in_scope(|| tracing::info_span!("call").in_scope(|| sent = Some(call())));
    });
    let sent = sent.unwrap();
    let sfu = on_node("sfu-1", collector.address, 0.0, || {
        let traceparent = sent.metadata().get(trace::TRACEPARENT).and_then(|text| text.to_str().ok());
        let work = tracing::info_span!("Publish", error = tracing::field::Empty);
        trace::resume(&work, traceparent);
        work.in_scope(|| tracing::error!("no room"));
        work.record("error", "it is full");
    });
    let counters = signal.counters();
    drop((signal, sfu));
    assert_eq!((counters.otlp_sent(), counters.otlp_dropped()), (2, 0));

    let spans = collector.spans();
    assert_eq!(spans.len(), 3);
    let named = |name: &str| spans.iter().find(|(_, span)| span.name == name).unwrap().clone();
    let ((from, request), (_, call), (to, work)) = (named("publish"), named("call"), named("Publish"));
    assert_eq!((from.as_str(), to.as_str()), ("signal-1", "sfu-1"));
    for (_, span) in &spans {
        assert_eq!(span.trace_id, ITS_TRACE.to_be_bytes());
        assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    assert_eq!(request.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    assert_eq!(call.parent_span_id, request.span_id);
    assert_eq!(work.parent_span_id, call.span_id);
    assert_eq!([request.kind, call.kind, work.kind], [2, 1, 2], "server, internal, server");
    assert_eq!([request.flags, call.flags, work.flags], [0x301, 0x101, 0x301]);
    for (key, value) in [("uid", "eve"), ("number", "7"), ("late", "true")] {
        assert_eq!(attribute(&request.attributes, key).as_deref(), Some(value));
    }
    assert_eq!(request.status, None);
    let status = work.status.unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "it is full"));
}

#[test]
fn a_collector_that_comes_late_gets_what_has_waited() {
    let absent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = absent.local_addr().unwrap();
    let telemetry = on_node("sfu-1", address, 1.0, || trace::start(&tracing::info_span!("early"), None));
    let counters = telemetry.counters();
    // The exporter has tried, and nobody has answered.
    drop(absent.accept().unwrap());
    drop(absent);
    let collector = Collector::start(&address.to_string());
    wait_until(|| counters.otlp_sent() == 1);
    assert_eq!(collector.spans().len(), 1);
    drop(telemetry);
}

#[test]
fn a_collector_that_never_answers_holds_up_nobody() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let telemetry = on_node("sfu-1", silent.local_addr().unwrap(), 1.0, || {
        for _ in 0..1000 {
            trace::start(&tracing::info_span!("request"), None);
        }
    });
    let counters = telemetry.counters();
    drop(telemetry);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    wait_until(|| counters.otlp_dropped() == 1000);
}

#[test]
fn a_collector_that_vanished_without_a_word_is_left_for_one_that_is_there() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let telemetry = on_node("sfu-1", address, 1.0, || trace::start(&tracing::info_span!("early"), None));
    let counters = telemetry.counters();
    // This connection stays, and nobody is at its other end.
    let vanished = silent.accept().unwrap();
    drop(silent);
    let collector = Collector::start(&address.to_string());
    wait_until(|| counters.otlp_sent() == 1);
    assert_eq!(collector.spans().len(), 1);
    drop((telemetry, vanished));
}

#[test]
fn the_end_waits_no_longer_than_it_may() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let work = || trace::start(&tracing::info_span!("one"), None);
    let telemetry = on_node("sfu-1", silent.local_addr().unwrap(), 1.0, work);
    let counters = telemetry.counters();
    let _unanswered = silent.accept().unwrap();
    telemetry.end(Some(Instant::now()));
    assert_eq!(counters.otlp_dropped(), 0, "it has waited until the exporter gave up");
    wait_until(|| counters.otlp_dropped() == 1);
}

#[test]
fn what_a_collector_refuses_is_counted_and_not_sent_again() {
    let collector = Collector::start("127.0.0.1:0");
    let telemetry =
        on_node("refused", collector.address, 1.0, || trace::start(&tracing::info_span!("one"), None));
    let counters = telemetry.counters();
    wait_until(|| counters.otlp_dropped() == 1);
    drop(telemetry);
    assert_eq!(counters.otlp_sent(), 0);
}

#[test]
fn a_share_of_the_traces_is_exported_whatever_a_stranger_wants() {
    let collector = Collector::start("127.0.0.1:0");
    let wanted = FROM_CLIENT.replace("-00", "-01");
    let telemetry = on_node("sfu-1", collector.address, 0.0, || {
        trace::start(&tracing::info_span!("request"), Some(&wanted));
    });
    drop(telemetry);
    assert!(collector.spans().is_empty());
}

#[test]
fn a_collector_is_known_by_its_authority() {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (pem, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(&pem, key));
    let collector = Collector::start_with("127.0.0.1:0", Server::builder().tls_config(tls).unwrap());
    let ca = std::env::temp_dir().join(format!("anabranch-otlp-{}.pem", std::process::id()));
    std::fs::write(&ca, pem).unwrap();
    let endpoint = format!("https://localhost:{}", collector.address.port());
    let work = || trace::start(&tracing::info_span!("secret"), None);

    let trusting =
        exporting("sfu-1", Otlp { endpoint: endpoint.clone(), ca: Some(ca.clone()), share: 1.0 }, work);
    let counters = trusting.counters();
    wait_until(|| counters.otlp_sent() == 1);
    // Without the file the system's authorities count, and they do not know it.
    let doubting = exporting("sfu-2", Otlp { endpoint, ca: None, share: 1.0 }, work);
    let counters = doubting.counters();
    drop((trusting, doubting));
    wait_until(|| counters.otlp_dropped() == 1);
    assert_eq!(collector.spans().len(), 1);
    std::fs::remove_file(ca).unwrap();
}
