//! What subscribers want, ICE that begins anew, and what signalling nodes are told.

use model::{MediaFact, MediaNotice, Owner, StreamId};
use rpc::proto::{ClaimRequest, MuteRequest, NoticesRequest, PreferRequest, Preference, RestartRequest};
use tonic::Streaming;

use super::*;
use crate::mailbox::{Command, MailboxError};

impl World {
    async fn prefer(&mut self, uid: &str, sid: &str, preference: Preference) -> Result<(), Status> {
        let request = PreferRequest {
            rid: "room".into(),
            uid: uid.into(),
            mid: "m".into(),
            sid: sid.into(),
            owner: None,
            preference: Some(preference),
        };
        self.client.prefer(request).await.map(|_| ())
    }

    async fn restart(&mut self, uid: &str, sid: &str, offer: &str) -> Result<String, Status> {
        let request = RestartRequest {
            rid: "room".into(),
            uid: uid.into(),
            mid: "m".into(),
            sid: sid.into(),
            offer_sdp: offer.into(),
            owner: None,
        };
        Ok(self.client.restart(request).await?.into_inner().answer_sdp)
    }

    async fn subscribe_on(&mut self, network: u64, mid: &str, sid: &str) {
        let subscriber = Subscriber::new(&self.media, &SubscriberConfig::default());
        let request = SubscribeRequest {
            rid: "room".into(),
            uid: "bob".into(),
            mid: mid.into(),
            sid: sid.into(),
            offer_sdp: subscriber.offer().into(),
            network,
            ..SubscribeRequest::default()
        };
        self.client.subscribe(request).await.unwrap();
    }

    async fn claim_stream(&mut self, mid: &str, owner: &Owner) {
        let request = ClaimRequest {
            rid: "room".into(),
            uid: "ann".into(),
            mids: vec![mid.into()],
            sids: Vec::new(),
            owner: Some(owner.into()),
        };
        self.client.claim(request).await.unwrap();
    }

    async fn listen(&mut self, node: &str) -> Streaming<rpc::proto::MediaNotice> {
        let request = NoticesRequest { signal_id: node.into() };
        self.client.notices(request).await.unwrap().into_inner()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_preferred_or_restarted_is_there_and_its_owners() {
    let mut world = World::new(1).await;
    let publisher = world.published("m").await;
    let mut subscriber = world.subscribed("m", "s").await;
    subscriber.frames(1, 1).await;
    world.prefer("bob", "s", Preference { max_height: 180, ..Preference::default() }).await.unwrap();
    let no_subscription = (Code::NotFound, Some(ErrorCode::NoSuchSubscription));
    let not_allowed = (Code::PermissionDenied, Some(ErrorCode::NotAllowed));
    let data = (Code::InvalidArgument, Some(ErrorCode::Data));
    assert_eq!(failure(world.prefer("bob", "other", Preference::default()).await), no_subscription);
    assert_eq!(failure(world.prefer("eve", "s", Preference::default()).await), not_allowed);
    let wrong = Preference { rid: "a b".into(), ..Preference::default() };
    assert_eq!(failure(world.prefer("bob", "s", wrong).await), data);

    let unusable = (Code::InvalidArgument, Some(ErrorCode::Sdp));
    assert_eq!(failure(world.restart("ann", "", publisher.offer()).await), unusable, "no new credentials");
    assert_eq!(failure(world.restart("bob", "s", subscriber.offer()).await), unusable);
    assert_eq!(failure(world.restart("bob", "", publisher.offer()).await), not_allowed);
    assert_eq!(failure(world.restart("eve", "s", subscriber.offer()).await), not_allowed);
    assert_eq!(failure(world.restart("bob", "other", subscriber.offer()).await), no_subscription);
    subscriber.frames(10, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subscriptions_of_one_network_are_at_one_worker() {
    let mut world = World::with(Config { branch_at: 0.0, ..config(0, 2) }).await;
    let mut publishers = Vec::new();
    for mid in ["a", "b", "c", "d"] {
        publishers.push(world.published(mid).await);
        world.subscribe_on(7, mid, &format!("s{mid}")).await;
    }
    let placed: Vec<u64> = world.sfu.stats().await.iter().map(|stats| stats.media.subscriptions).collect();
    assert!(placed.contains(&4) && placed.contains(&0), "{placed:?}");
}

/// What is answered is so: neither the stream nor what is known of it has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_could_not_be_muted_is_not() {
    let mut world = World::new(2).await;
    let _publisher = world.published("m").await;
    let owner = Owner { signal: NodeId::parse("signal-1").unwrap(), connection: 7 };
    world.claim_stream("m", &owner).await;
    let mid = StreamId::parse("m").unwrap();
    let mute = MuteRequest { rid: "room".into(), mid: "m".into(), muted: true };
    let workers = Arc::clone(&world.sfu.workers);
    let speaks = || workers.directory.note_speech(&mid, Some(-30));
    world.client.mute(mute.clone()).await.unwrap();
    assert_eq!(speaks(), None, "nobody hears a muted stream");
    world.client.mute(MuteRequest { muted: false, ..mute.clone() }).await.unwrap();
    assert_eq!(speaks(), Some(owner.signal.clone()));

    let mailbox = &workers.mailboxes[workers.directory.stream(&mid).unwrap().worker];
    mailbox.stop();
    // It may take a last look at what has come.
    while mailbox.ask(|reply| Command::Stats { reply }).await != Err(MailboxError::Stopped) {
        tokio::task::yield_now().await;
    }
    let draining = (Code::Unavailable, Some(ErrorCode::Draining));
    assert_eq!(failure(world.client.mute(mute).await), draining);
    assert_eq!(speaks(), Some(owner.signal));
}

async fn told(notices: &mut Streaming<rpc::proto::MediaNotice>) -> MediaNotice {
    let next = tokio::time::timeout(PATIENCE, notices.message()).await.unwrap();
    next.unwrap().unwrap().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signalling_node_is_told_what_is_so_until_the_sfu_ends() {
    let mut world = World::new(1).await;
    let _publisher = world.published("m").await;
    let owner = Owner { signal: NodeId::parse("signal-1").unwrap(), connection: 7 };
    let mut notices = world.listen("signal-1").await;
    // What the media plane finds out, as a worker tells it.
    let mid = StreamId::parse("m").unwrap();
    let speak = |world: &World, level| {
        let workers = &world.sfu.workers;
        if let Some(node) = workers.directory.note_speech(&mid, level) {
            workers.notices.tell(&node, [crate::directory::Topic::Speech(mid.clone())]);
        }
    };
    speak(&world, Some(-30));
    world.claim_stream("m", &owner).await;
    let notice = told(&mut notices).await;
    assert_eq!((notice.connection, notice.uid.as_str(), notice.mid.as_str()), (7, "ann", "m"));
    assert_eq!(
        notice.fact,
        MediaFact::Speaking(Some(-30)),
        "whoever claims a stream hears what is so with it"
    );
    speak(&world, Some(-20));
    assert_eq!(told(&mut notices).await.fact, MediaFact::Speaking(Some(-20)));
    let mute = MuteRequest { rid: "room".into(), mid: "m".into(), muted: true };
    world.client.mute(mute).await.unwrap();
    assert_eq!(told(&mut notices).await.fact, MediaFact::Speaking(None), "nobody hears a muted stream");
    speak(&world, Some(-10));

    let started = Instant::now();
    world.sfu.shutdown().await;
    let end = tokio::time::timeout(PATIENCE, notices.message()).await.unwrap().unwrap_err();
    assert_eq!(rpc::status::error_code(&end), Some(ErrorCode::Draining));
    assert!(started.elapsed() < STOP_TIME * 2);
}
