//! A trace's way, within a node and from one to the next.

use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const FROM_CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const ITS_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn on_a_node(work: impl FnOnce()) {
    let subscriber = tracing_subscriber::registry().with(Tracer::idle());
    tracing::subscriber::with_default(subscriber, work);
}

fn trace_id(traceparent: &str) -> &str {
    &traceparent[3..35]
}

#[test]
fn a_trace_goes_on_within_a_node_and_to_the_next() {
    let mut handed_on = None;
    on_a_node(|| {
        let request = tracing::info_span!("request");
        start(&request, Some(FROM_CLIENT));
        request.in_scope(|| {
            let outer = current().unwrap();
            tracing::info_span!("call").in_scope(|| handed_on = current());
            assert_ne!(Some(outer), handed_on, "each span has an id of its own");
        });
    });
    let handed_on = handed_on.unwrap();
    assert_eq!(trace_id(&handed_on), ITS_TRACE);
    on_a_node(|| {
        let work = tracing::info_span!("work");
        resume(&work, Some(&handed_on));
        assert_eq!(trace_id(&of(&work).unwrap()), ITS_TRACE);
        assert_ne!(of(&work).unwrap(), handed_on);
    });
}

#[test]
fn who_brings_none_or_garbage_gets_a_new_one() {
    on_a_node(|| {
        let ids: Vec<String> = [None, None, Some("00-zz"), Some("\n")]
            .into_iter()
            .map(|text| {
                let span = tracing::info_span!("request");
                start(&span, text);
                trace_id(&of(&span).unwrap()).to_owned()
            })
            .collect();
        let mut different = ids.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), ids.len());
    });
}

#[test]
fn what_no_client_asked_for_has_no_trace() {
    on_a_node(|| {
        let span = tracing::info_span!("refresh");
        resume(&span, None);
        resume(&span, Some("garbage"));
        span.in_scope(|| assert_eq!(current(), None));
    });
    assert_eq!(current(), None, "without any subscriber neither");
}

#[test]
fn a_request_in_a_long_span_has_its_own_trace() {
    on_a_node(|| {
        let session = tracing::info_span!("session");
        let _in_session = session.enter();
        let first = tracing::info_span!("request");
        start(&first, None);
        let second = tracing::info_span!("request");
        start(&second, None);
        assert_ne!(trace_id(&of(&first).unwrap()), trace_id(&of(&second).unwrap()));
        assert_eq!(current(), None, "the session itself has none");
    });
}

#[test]
fn a_stranger_does_not_decide_what_is_exported() {
    on_a_node(|| {
        let span = tracing::info_span!("request");
        start(&span, Some(FROM_CLIENT));
        assert!(of(&span).unwrap().ends_with("-00"), "nothing is exported here");
    });
}

#[test]
fn records_within_carry_the_trace() {
    let lines = crate::ecs::lines(|| {
        let request = tracing::info_span!("request");
        start(&request, Some(FROM_CLIENT));
        request.in_scope(|| tracing::info_span!("step").in_scope(|| tracing::info!("done")));
        tracing::info!("something else");
    });
    assert!(lines[0].contains(&format!("\"trace.id\":\"{ITS_TRACE}\"")), "{}", lines[0]);
    assert!(lines[0].contains("\"span.id\":\""), "{}", lines[0]);
    assert!(!lines[1].contains("trace.id"), "{}", lines[1]);
}
