//! What a receiver may answer, and what comes of it.

use std::time::Duration;

use servers::ports::Ports;

use super::harness::{config, counted, start, tell};
use super::receiver::{Receiver, Reply, Told};
use crate::numbers::Dropped;
use crate::{Config, Timings};

const FINE: Reply = Reply::Status(200);

#[tokio::test]
async fn what_fails_is_sent_again_as_it_was_and_before_what_came_later() {
    let receiver = Receiver::start(&[Reply::Status(500), Reply::Status(429), Reply::Status(408), FINE]).await;
    let webhooks = start(config(&[receiver.url()]));
    tell(&webhooks, &["ann", "ben"]);
    let requests = receiver.requests(5).await;
    let (tries, next) = requests.split_at(4);
    for told in tries {
        assert_eq!(
            (&told.body, told.header("anabranch-delivery")),
            (&tries[0].body, tries[0].header("anabranch-delivery"))
        );
    }
    assert_eq!((tries[0].uid(), next[0].uid()), ("ann".to_owned(), "ben".to_owned()));
    counted("both are delivered", || webhooks.numbers().delivered_of(0) == 2).await;
    assert_eq!(webhooks.numbers().attempts_of(0, "failed"), 3);
    assert_eq!(webhooks.numbers().attempts_of(0, "ok"), 2);
}

#[tokio::test]
async fn what_is_refused_is_not_sent_again() {
    let receiver = Receiver::start(&[Reply::Status(400), Reply::Status(410), FINE]).await;
    let webhooks = start(config(&[receiver.url()]));
    tell(&webhooks, &["ann", "ben", "cem"]);
    let requests = receiver.requests(3).await;
    assert_eq!(requests.iter().map(Told::uid).collect::<Vec<_>>(), ["ann", "ben", "cem"]);
    counted("the third is delivered", || webhooks.numbers().delivered_of(0) == 1).await;
    assert_eq!(webhooks.numbers().dropped_of(0, Dropped::Refused), 2);
}

#[tokio::test]
async fn a_receiver_says_when_to_come_back() {
    let receiver = Receiver::start(&[Reply::With(503, "retry-after", "1"), FINE]).await;
    let mut config = config(&[receiver.url()]);
    config.timings.last_delay = Duration::from_secs(30);
    tell(&start(config), &["ann"]);
    let requests = receiver.requests(2).await;
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
    // What is sent again is as fresh as what is sent.
    assert_eq!(requests[0].body, requests[1].body);
    assert_ne!(requests[0].header("anabranch-signature"), requests[1].header("anabranch-signature"));
}

#[tokio::test]
async fn a_receiver_cannot_send_us_away_for_long() {
    let receiver = Receiver::start(&[Reply::With(503, "retry-after", "86400"), FINE]).await;
    tell(&start(config(&[receiver.url()])), &["ann"]);
    receiver.requests(2).await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_asked_again_on_another_connection() {
    let receiver = Receiver::start(&[Reply::Never, FINE]).await;
    let mut config = config(&[receiver.url()]);
    config.timings.attempt = Duration::from_millis(300);
    let webhooks = start(config);
    tell(&webhooks, &["ann"]);
    receiver.requests(2).await;
    counted("it is delivered", || webhooks.numbers().delivered_of(0) == 1).await;
    assert!(webhooks.numbers().attempts_of(0, "timeout") >= 1);
    assert!(receiver.connections() >= 2);
}

#[tokio::test]
async fn an_answer_without_end_is_an_answer() {
    let receiver = Receiver::start(&[Reply::Endless]).await;
    let webhooks = start(config(&[receiver.url()]));
    tell(&webhooks, &["ann", "ben"]);
    assert_eq!(receiver.requests(2).await.len(), 2);
    counted("both are delivered", || webhooks.numbers().delivered_of(0) == 2).await;
    // The rest of the first answer was not waited for.
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_receiver_closes_costs_no_attempt() {
    let receiver = Receiver::start(&[Reply::With(200, "connection", "close")]).await;
    let webhooks = start(config(&[receiver.url()]));
    tell(&webhooks, &["ann", "ben", "cem"]);
    counted("all are delivered", || webhooks.numbers().delivered_of(0) == 3).await;
    assert_eq!((webhooks.numbers().attempts_of(0, "unreachable"), receiver.connections()), (0, 3));
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let port = Ports::tcp();
    let location = Box::leak(format!("http://{}/", port.address()).into_boxed_str());
    let elsewhere = tokio::net::TcpListener::bind(port.address()).await.unwrap();
    let receiver = Receiver::start(&[Reply::With(307, "location", location), Reply::Status(200)]).await;
    let webhooks = start(config(&[receiver.url()]));
    tell(&webhooks, &["ann"]);
    counted("it is delivered", || webhooks.numbers().delivered_of(0) == 1).await;
    assert_eq!(receiver.so_far().len(), 2);
    assert!(futures_util::FutureExt::now_or_never(elsewhere.accept()).is_none());
}

#[tokio::test]
async fn what_never_works_is_given_up() {
    let receiver = Receiver::start(&[Reply::Status(500), Reply::Status(500), Reply::Status(500), FINE]).await;
    let mut config = config(&[receiver.url()]);
    config.timings.attempts = 3;
    let webhooks = start(config);
    tell(&webhooks, &["ann", "ben"]);
    assert_eq!(receiver.requests(4).await[3].uid(), "ben");
    assert_eq!(webhooks.numbers().dropped_of(0, Dropped::GivenUp), 1);
}

#[tokio::test]
async fn the_time_to_give_up_comes_as_well() {
    let receiver = Receiver::start(&[Reply::Status(500), FINE]).await;
    let config = config(&[receiver.url()]);
    let timings = Timings { give_up: Duration::ZERO, ..config.timings };
    let webhooks = start(Config { timings, ..config });
    tell(&webhooks, &["ann", "ben"]);
    assert_eq!(receiver.requests(2).await[1].uid(), "ben");
    assert_eq!(webhooks.numbers().dropped_of(0, Dropped::GivenUp), 1);
}
