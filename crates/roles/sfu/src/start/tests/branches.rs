//! One stream, all workers.

use model::ids::StreamId;

use super::*;

/// Who is on which worker, by the port that its answer names.
async fn call(subscribers: usize) -> (World, Publisher, Vec<Subscriber>) {
    let mut world = World::with(Config { branch_at: 0.0, ..config(0, 2) }).await;
    let publisher = world.published("m").await;
    let mut screens = Vec::new();
    for n in 0..subscribers {
        screens.push(world.subscribed("m", &format!("s{n}")).await);
    }
    (world, publisher, screens)
}

/// Subscriptions of each worker.
async fn placed(world: &World) -> Vec<u64> {
    world.sfu.stats().await.iter().map(|stats| stats.media.subscriptions).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_of_one_stream_are_served_by_all_workers() {
    let (mut world, _publisher, mut screens) = call(8).await;
    for screen in &mut screens {
        screen.frames(20, 20).await;
    }
    let placed = placed(&world).await;
    assert!(placed.iter().all(|placed| *placed > 0) && placed.iter().sum::<u64>() == 8, "{placed:?}");
    let stats = world.sfu.stats().await;
    assert!(stats.iter().all(|stats| stats.media.media_out >= 20), "{stats:?}");
    // One copy of each packet, whatever the number of subscribers there.
    let (root, branch) = if stats[0].media.media_in > 0 { (0, 1) } else { (1, 0) };
    let (copies, came) = (stats[root].media.copies_out, stats[root].media.media_in);
    assert!(copies > 0 && copies <= came, "{copies} copies of {came} packets");
    assert!(stats[branch].media.copies_in > 0 && stats[branch].not_copied == 0);
    assert!(stats[branch].forwarding.count() > 0);

    let view = world.sfu.view().stream(&StreamId::parse("m").unwrap()).await.unwrap();
    assert_eq!(view.subscriptions.len(), 8, "whoever looks at the stream sees them all");

    // Somebody leaves either worker, and the others go on.
    for n in [0, 1] {
        world.unsubscribe("bob", "m", &format!("s{n}")).await.unwrap();
        screens[n].until("ended", |reception| reception.ended).await;
    }
    for screen in &mut screens[2..] {
        let before = screen.frames(1, 1).await;
        screen.until("more", |reception| reception.datagrams > before.datagrams + 50).await;
    }
    world.unpublish("room", "m").await;
    for screen in &mut screens[2..] {
        screen.until("ended", |reception| reception.ended).await;
    }
    world.until_counts((0, 0)).await;
    assert!(world.sfu.stats().await.iter().all(|stats| stats.media.streams == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_goes_takes_its_branches_along() {
    let (mut world, publisher, mut screens) = call(4).await;
    for screen in &mut screens {
        screen.frames(1, 1).await;
    }
    publisher.close();
    for screen in &mut screens {
        screen.until("ended", |reception| reception.ended).await;
    }
    world.until_counts((0, 0)).await;
}
