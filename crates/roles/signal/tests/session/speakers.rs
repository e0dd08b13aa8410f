//! Who speaks is told to the whole room, over all nodes.

use crate::{
    client::Client,
    world::{World, eventually},
};
use serde_json::{Value, json};

/// What a client is told of who speaks, when it is this.
async fn until_told(client: &mut Client, speakers: &Value) {
    loop {
        let (method, data) = client.heard().await;
        if method == "active-speakers" && data == json!({"rid": "r", "speakers": speakers}) {
            return;
        }
    }
}

#[tokio::test]
async fn everybody_in_the_room_hears_who_speaks_through_whatever_node() {
    let world = World::new().await;
    let elsewhere = world.another_signal().await;
    let mut alice = world.member("alice", "r").await;
    let mut bob = Client::connect(elsewhere.address(), "bob").await;
    bob.join("r").await;
    let (alices, bobs) = (alice.publish("r").await, bob.publish("r").await);
    eventually("both nodes listen", || async { world.sfu.listeners() == 2 }).await;
    let mut outsider = world.member("outsider", "another").await;

    let of = |uid: &str, mid: &str, level: i64| json!({"uid": uid, "mid": mid, "level": level});
    world.sfu.speak(&alices, Some(-20));
    let told = json!([of("alice", &alices, -20)]);
    until_told(&mut alice, &told).await;
    until_told(&mut bob, &told).await;
    world.sfu.speak(&bobs, Some(-40));
    world.sfu.speak(&alices, Some(-20));
    let told = json!([of("alice", &alices, -20), of("bob", &bobs, -40)]);
    until_told(&mut alice, &told).await;
    until_told(&mut bob, &told).await;

    // A stream that ends does not speak any more, whatever was said last.
    bob.ok("unpublish", json!({"rid": "r", "mid": bobs})).await;
    world.sfu.speak(&alices, None);
    until_told(&mut alice, &json!([])).await;
    until_told(&mut bob, &json!([])).await;
    assert_eq!(outsider.all_heard("another").await, []);
}
