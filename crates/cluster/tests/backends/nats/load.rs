//! Many rooms, and one in which more is said than can be heard.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rooms() {
    let nats = Nats::start();
    let events = Arc::new(on(&nats).await);
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for part in 0..20 {
        let events = Arc::clone(&events);
        tasks.spawn(async move {
            let mut all = Vec::new();
            for n in 0..500 {
                all.push(events.subscribe(&room(&format!("{part} {n}"))).await.unwrap());
            }
            all
        });
    }
    let mut all: Vec<Subscription> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), 10_000);
    assert!(nats.subscriptions() >= 10_000);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    nats.kill();
    let began = Instant::now();
    for listening in &mut all {
        until_missed(listening).await;
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    nats.start_again();
    until_healthy(&events, true).await;
    for (part, n) in [(0, 0), (19, 499), (7, 77)] {
        let rid = format!("{part} {n}");
        let mut listening = events.subscribe(&room(&rid)).await.unwrap();
        until_heard(&events, &rid, &mut listening).await;
    }
}

#[test]
fn who_cannot_keep_up_is_told() {
    let nats = Nats::start();
    let speaker = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // One thread alone, which does nothing for its connection while it sleeps.
    let slow = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let events = speaker.block_on(on(&nats));
    let (there, mut listening) = slow.block_on(async {
        let there = on(&nats).await;
        let mut listening = there.subscribe(&room("r")).await.unwrap();
        until_heard(&there, "r", &mut listening).await;
        (there, listening)
    });
    speaker.block_on(async {
        for version in 1..=5000 {
            while events.publish(&event("r", version)).await.is_err() {}
        }
        // What the server has answered, it has read.
        drop(events.subscribe(&room("other")).await.unwrap());
    });
    slow.block_on(async {
        let mut heard = 0;
        loop {
            match next(&mut listening).await {
                Received::Missed if heard > 0 => break,
                Received::Missed => (),
                Received::Event(_) => heard += 1,
                Received::Speakers(_) => unreachable!("nobody speaks"),
            }
        }
        assert!(heard < 5000, "all of {heard}");
        // Whatever is still under way comes first.
        until_heard(&there, "r", &mut listening).await;
        assert!(there.healthy());
    });
}
