//! What becomes of what waits when the node ends.

use std::future::ready;
use std::time::Duration;

use servers::ports::Ports;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::harness::{config, counted, tell};
use super::receiver::{Receiver, Reply};
use crate::numbers::Dropped;
use crate::{Config, Webhooks};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_waits_is_still_told() {
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    let (webhooks, deliveries) = Webhooks::start(config(&[receiver.url()])).unwrap();
    tell(&webhooks, &["ann", "ben"]);
    timeout(PATIENCE, deliveries.run(ready(()), PATIENCE)).await.unwrap();
    assert_eq!(receiver.so_far().len(), 2);
    tell(&webhooks, &["cem"]);
    assert_eq!(webhooks.numbers().dropped_of(0, Dropped::Ended), 1);
}

#[tokio::test]
async fn a_long_wait_for_another_attempt_is_cut_short() {
    let receiver = Receiver::start(&[Reply::With(503, "retry-after", "3000"), Reply::Status(200)]).await;
    let mut config = config(&[receiver.url()]);
    (config.timings.last_delay, config.timings.give_up) =
        (Duration::from_secs(3000), Duration::from_secs(9000));
    let (webhooks, deliveries) = Webhooks::start(config).unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let run = tokio::spawn(deliveries.run(async { drop(ended.await) }, PATIENCE));
    tell(&webhooks, &["ann"]);
    counted("it waits", || webhooks.numbers().attempts_of(0, "failed") == 1).await;
    end.send(()).unwrap();
    timeout(PATIENCE, run).await.unwrap().unwrap();
    assert_eq!(webhooks.numbers().delivered_of(0), 1);
}

#[tokio::test]
async fn patience_has_an_end_and_what_is_lost_is_counted() {
    let (nobody, silent) = (Ports::tcp(), Receiver::start(&[Reply::Never]).await);
    let urls = [format!("http://{}/", nobody.address()), silent.url()];
    let (webhooks, deliveries) = Webhooks::start(Config { ..config(&urls) }).unwrap();
    tell(&webhooks, &["ann", "ben"]);
    timeout(PATIENCE, deliveries.run(ready(()), Duration::from_millis(300))).await.unwrap();
    for url in 0..2 {
        assert_eq!(webhooks.numbers().dropped_of(url, Dropped::Ended), 2);
        assert_eq!(webhooks.numbers().queued_of(url), (0, 0));
    }
}
