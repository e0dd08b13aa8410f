//! NATS goes away: who listens is told that something may be missing, and hears the rest.

use super::*;
use servers::NatsCluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_may_start_before_nats() {
    let nats = Nats::start();
    nats.kill();
    let events = NatsEvents::connect(&config(vec![nats.url()])).await.unwrap();
    let began = Instant::now();
    let mut listening = events.subscribe(&room("r")).await.unwrap();
    assert!(events.publish(&event("r", 1)).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!events.healthy());
    until_missed(&mut listening).await;
    nats.start_again();
    until_heard(&events, "r", &mut listening).await;
    assert!(events.healthy());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_survived_and_told() {
    let nats = Nats::start();
    let (here, there) = (on(&nats).await, on(&nats).await);
    let mut listening = there.subscribe(&room("r")).await.unwrap();
    until_heard(&here, "r", &mut listening).await;
    nats.kill();
    until_healthy(&here, false).await;
    let began = Instant::now();
    assert!(here.publish(&event("r", 1)).await.is_err());
    assert!(began.elapsed() < Duration::from_millis(50), "{:?}", began.elapsed());
    // Again and again, as long as it takes.
    for _ in 0..3 {
        until_missed(&mut listening).await;
    }
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    let mut meanwhile = there.subscribe(&room("meanwhile")).await.unwrap();
    nats.start_again();
    until_healthy(&here, true).await;
    until_healthy(&there, true).await;
    until_missed(&mut listening).await;
    until_heard(&here, "r", &mut listening).await;
    until_missed(&mut meanwhile).await;
    until_heard(&here, "meanwhile", &mut meanwhile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_that_stands_still_is_noticed() {
    let nats = Nats::start();
    let events = on(&nats).await;
    let mut listening = events.subscribe(&room("r")).await.unwrap();
    until_heard(&events, "r", &mut listening).await;
    nats.pause();
    let began = Instant::now();
    let mut late = events.subscribe(&room("late")).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    until_healthy(&events, false).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    until_missed(&mut listening).await;
    nats.resume();
    until_healthy(&events, true).await;
    until_heard(&events, "r", &mut listening).await;
    until_missed(&mut late).await;
    until_heard(&events, "late", &mut late).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_go_on_without_one() {
    let nats = NatsCluster::start(3);
    let here = at(nats.urls()).await;
    let connected = nats.busiest();
    // Knows one server only, but hears from it of the others.
    let there = at(vec![nats.node(connected).url()]).await;
    let mut listening = there.subscribe(&room("r")).await.unwrap();
    until_heard(&here, "r", &mut listening).await;
    let began = Instant::now();
    nats.kill(connected);
    until_missed(&mut listening).await;
    until_heard(&here, "r", &mut listening).await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}
