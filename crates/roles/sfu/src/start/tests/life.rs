//! From the announcement to the drain: what the rooms, discovery and the callers see of it.

use rpc::proto::{ClaimReply, ClaimRequest};

use super::*;

const DRAINING: (Code, Option<ErrorCode>) = (Code::Unavailable, Some(ErrorCode::Draining));

fn rid() -> RoomId {
    RoomId::parse("room").unwrap()
}

async fn streams_in_the_room(store: &dyn Store) -> usize {
    store.snapshot(&rid()).await.unwrap().streams.len()
}

impl World {
    /// The SFU as discovery knows it, once it is like that.
    async fn until_known(&self, like: impl Fn(&NodeInfo) -> bool) {
        let mut nodes = self.discovery.watch(Role::Sfu);
        let seen = nodes.wait_for(|nodes| nodes.iter().any(&like));
        tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
    }

    async fn claim(&self, rid: &str, uid: &str, mids: &[&str], sids: &[&str]) -> Result<ClaimReply, Status> {
        self.claim_for(None, rid, uid, mids, sids).await
    }

    async fn claim_for(
        &self,
        owner: Option<&Owner>,
        rid: &str,
        uid: &str,
        mids: &[&str],
        sids: &[&str],
    ) -> Result<ClaimReply, Status> {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let request = ClaimRequest {
            rid: rid.into(),
            uid: uid.into(),
            mids: owned(mids),
            sids: owned(sids),
            owner: owner.map(Into::into),
        };
        Ok(self.client.clone().claim(request).await?.into_inner())
    }
}

#[tokio::test]
async fn it_is_announced_while_it_runs() {
    let world = World::new(1).await;
    let mut nodes = world.discovery.watch(Role::Sfu);
    let known = nodes.borrow().to_vec();
    assert_eq!((known[0].id.as_str(), &*known[0].dc, &*known[0].address), ("sfu-1", "here", "inproc://sfu"));
    assert!(!known[0].draining);
    world.sfu.shutdown().await;
    tokio::time::timeout(PATIENCE, nodes.wait_for(|nodes| nodes.is_empty())).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_an_earlier_run_left_behind_goes_before_the_first_new_stream() {
    let discovery: Arc<dyn Discovery> = Arc::new(MemoryDiscovery::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    enter(&*store, "room", "ann", "ghost").await;
    let in_process = InProcess::default();
    let dialer = Dialer::new(in_process.clone());

    // No register yet: it starts, and takes nothing.
    let mut sfu = Sfu::start(&config(0, 1), &*discovery, dialer.clone()).unwrap();
    let server = rpc::server::builder().add_service(sfu.service());
    tokio::spawn(server.serve_with_incoming(in_process.listen("sfu").unwrap()));
    sfu.announce(&discovery, "inproc://sfu").await.unwrap();
    let mut nodes = discovery.watch(Role::Sfu);
    assert!(nodes.borrow().is_empty());
    let request =
        PublishRequest { rid: "room".into(), uid: "u".into(), mid: "m".into(), ..Default::default() };
    let mut client = rpc::client::sfu(dialer.dial("inproc://sfu").unwrap());
    assert_eq!(failure(client.publish(request.clone()).await), DRAINING);

    register(&in_process, &store);
    let _lease = announce_register(&*discovery).await;
    tokio::time::timeout(PATIENCE, nodes.wait_for(|nodes| !nodes.is_empty())).await.unwrap().unwrap();
    assert_eq!(streams_in_the_room(&*store).await, 0);
    let refused = failure(client.publish(request).await);
    assert_eq!(refused, (Code::InvalidArgument, Some(ErrorCode::Sdp)), "it is the offer that is wrong now");
}

#[tokio::test]
async fn it_beats_until_it_ends_and_its_streams_leave_with_it() {
    let world = World::new(1).await;
    let deadline = Instant::now() + PATIENCE;
    let first = loop {
        match world.store.runs().await.unwrap().first() {
            Some((run, beats)) => break (run.clone(), *beats),
            None => assert!(Instant::now() < deadline, "no beat"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((first.0.role, first.0.id.as_str()), (Role::Sfu, "sfu-1"));
    while world.store.runs().await.unwrap()[0].1 == first.1 {
        assert!(Instant::now() < deadline, "it beats no more");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    enter(&*world.store, "room", "ann", "m").await;
    world.sfu.shutdown().await;
    assert!(world.store.runs().await.unwrap().is_empty());
    assert_eq!(streams_in_the_room(&*world.store).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_one_serves_what_is_there_until_it_has_moved() {
    let mut world = World::new(1).await;
    let _publisher = world.published("m").await;
    let mut early = world.subscribed("m", "s1").await;
    early.frames(1, 1).await;
    assert!(!world.sfu.is_draining());

    world.sfu.drain(Duration::ZERO).await;
    assert!(world.sfu.is_draining());
    world.until_known(|node| node.draining).await;
    assert!(world.client.describe(DescribeRequest {}).await.unwrap().into_inner().draining);
    assert_eq!(failure(world.publish("new", "v=0").await), DRAINING);
    let mut late = world.subscribed("m", "s2").await;
    late.frames(1, 1).await;

    let mut client = world.client.clone();
    let moved = async {
        let request = UnpublishRequest { rid: "room".into(), mid: "m".into(), owner: None };
        client.unpublish(request).await.unwrap();
    };
    let drained = Instant::now();
    tokio::join!(world.sfu.drain(PATIENCE), moved);
    assert!(drained.elapsed() < PATIENCE);
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_hears_what_is_still_theirs() {
    let mut world = World::new(2).await;
    let _publisher = world.published("m").await;
    let _subscriber = world.subscribed("m", "s").await;
    let all = |rid, uid| world.claim(rid, uid, &["m", "gone"], &["s", "gone"]);
    let reply = |mids: &[&str], sids: &[&str]| ClaimReply {
        mids: mids.iter().map(ToString::to_string).collect(),
        sids: sids.iter().map(ToString::to_string).collect(),
        network: 0,
    };
    assert_eq!(all("room", "ann").await.unwrap(), reply(&["m"], &[]));
    assert_eq!(all("room", "bob").await.unwrap(), reply(&[], &["s"]));
    assert_eq!(all("elsewhere", "ann").await.unwrap(), reply(&[], &[]));

    let too_many = vec!["m"; rpc::MAX_BATCH + 1];
    let refused = (Code::InvalidArgument, Some(ErrorCode::Limit));
    assert_eq!(failure(world.claim("room", "ann", &too_many, &[]).await), refused);
    assert_eq!(failure(world.claim("room", "ann", &[], &too_many).await), refused);
    let no_mid = (Code::InvalidArgument, Some(ErrorCode::Mid));
    assert_eq!(failure(world.claim("room", "ann", &[""], &[]).await), no_mid);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_connection_has_claimed_is_not_ended() {
    let mut world = World::new(1).await;
    let _publisher = world.published("m").await;
    let _subscriber = world.subscribed("m", "s").await;
    let owner = |connection| Owner { signal: NodeId::parse("signal-1").unwrap(), connection };
    world.claim_for(Some(&owner(2)), "room", "ann", &["m"], &[]).await.unwrap();
    world.claim_for(Some(&owner(2)), "room", "bob", &[], &["s"]).await.unwrap();

    let mut client = world.client.clone();
    let mut end = async |connection| {
        let by = || Some((&owner(connection)).into());
        let [rid, uid, mid, sid] = ["room", "bob", "m", "s"].map(String::from);
        let unsubscribe = UnsubscribeRequest { rid: rid.clone(), uid, mid: mid.clone(), sid, owner: by() };
        client.unsubscribe(unsubscribe).await.unwrap();
        client.unpublish(UnpublishRequest { rid, mid, owner: by() }).await.unwrap();
    };
    end(1).await;
    assert_eq!(world.counts().await, (1, 1));
    end(2).await;
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_hears_how_loaded_it_is() {
    let limits = Limits { transports: 4, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config(0, 1) }).await;
    let _publisher = world.published("m").await;
    let _subscriber = world.subscribed("m", "s").await;
    world.until_known(|node| node.load >= 0.5).await;
    let described = world.client.describe(DescribeRequest {}).await.unwrap().into_inner();
    assert!((0.5..=1.0).contains(&described.load), "{described:?}");
    world.unpublish("room", "m").await;
    world.until_known(|node| node.load < 0.5).await;
}
