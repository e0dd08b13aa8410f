//! What is said in a room is heard by those who listen to it, and by nobody else.

use super::*;

/// The client under the same roof: what other programs would say.
async fn stranger(nats: &Nats) -> async_nats::Client {
    async_nats::connect(nats.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_all_who_listen_at_once() {
    let nats = Nats::start();
    let (here, there) = (on(&nats).await, on(&nats).await);
    let mut mine = here.subscribe(&room("r")).await.unwrap();
    let mut theirs = there.subscribe(&room("r")).await.unwrap();
    for version in 1..=100 {
        here.publish(&event("r", version)).await.unwrap();
    }
    for version in 1..=100 {
        assert_eq!(next_event(&mut mine).await, event("r", version));
        assert_eq!(next_event(&mut theirs).await, event("r", version));
    }
    // Every subscription is active when it is answered.
    for n in 0..200 {
        let rid = format!("at once {n}");
        let mut listening = there.subscribe(&room(&rid)).await.unwrap();
        here.publish(&event(&rid, 1)).await.unwrap();
        assert_eq!(next_event(&mut listening).await, event(&rid, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_hears_another_whatever_it_is_called() {
    let nats = Nats::start();
    let events = on(&nats).await;
    let rids = ["a", "A", "a.b", "*", ">", "a.*", "a.>", "a b", "%41", "é\u{1f600}", ".", "$SYS", "\"\\"];
    let mut all = Vec::new();
    for rid in rids {
        all.push(events.subscribe(&room(rid)).await.unwrap());
    }
    // Everything that a connection's beginning may have to say comes before.
    for (rid, listening) in rids.iter().zip(&mut all) {
        events.publish(&event(rid, 1)).await.unwrap();
        assert_eq!(next_event(listening).await, event(rid, 1));
    }
    for (rid, listening) in rids.iter().zip(&mut all) {
        events.publish(&event(rid, 2)).await.unwrap();
        assert_eq!(next_event(listening).await, event(rid, 2), "nothing else in between");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_counts_as_missed() {
    let nats = Nats::start();
    let events = on(&nats).await;
    let stranger = stranger(&nats).await;
    let mut listening = events.subscribe(&room("r")).await.unwrap();
    until_heard(&events, "r", &mut listening).await;
    sleep(Duration::from_millis(1200)).await;
    while timeout(Duration::from_millis(50), listening.next()).await.is_ok() {}
    for garbage in ["", "junk", "{}", r#"{"v":"1","n":[]}"#] {
        stranger.publish("anabranch.room.r", garbage.into()).await.unwrap();
        assert_eq!(next(&mut listening).await, Received::Missed, "{garbage:?}");
    }
    events.publish(&event("r", 7)).await.unwrap();
    assert_eq!(next(&mut listening).await, Received::Event(event("r", 7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_too_large_for_the_server_counts_as_missed() {
    let nats = Nats::with("max_payload: 4096");
    let (here, there) = (on(&nats).await, on(&nats).await);
    let mut listening = there.subscribe(&room("r")).await.unwrap();
    until_heard(&here, "r", &mut listening).await;
    let connections = nats.connections();
    here.publish(&saying("r", 1, 200_000)).await.unwrap();
    until_missed(&mut listening).await;
    here.publish(&saying("r", 2, 2000)).await.unwrap();
    assert_eq!(next_event(&mut listening).await.version, 2);
    assert!(here.healthy() && there.healthy());
    assert_eq!(nats.connections(), connections);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_no_more_is_forgotten_by_the_server() {
    let nats = Nats::start();
    let events = on(&nats).await;
    let before = nats.subscriptions();
    let mut all = Vec::new();
    for n in 0..50 {
        all.push(events.subscribe(&room(&n.to_string())).await.unwrap());
    }
    assert!(nats.subscriptions() >= before + 50);
    drop(all);
    let began = Instant::now();
    while nats.subscriptions() > before + 2 {
        assert!(began.elapsed() < PATIENCE, "{} are left", nats.subscriptions());
        sleep(Duration::from_millis(20)).await;
    }
}
