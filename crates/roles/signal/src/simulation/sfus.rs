//! SFUs that move no media, but know whose it would be: they answer offers, keep streams for as long as
//! their publisher is there, and tell the register of those and of their own life.

use super::{
    dice::Dice,
    gate::Gate,
    record::Record,
    registers::node,
    serving::{Serving, Site},
};
use cluster::{Discovery, Lease, NodeRun, Role, Store, discovery::MemoryDiscovery, store::MemoryStore};
use futures_util::stream;
use model::{ErrorCode, NodeId, RoomId, StreamId};
use parking_lot::Mutex;
use rpc::{channel::Dialer, proto, status::refuse};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tonic::{Request, Response, Status, service::Routes};

/// How long a stream lives without its publisher: never connected, and gone.
const UNCONNECTED: Duration = Duration::from_secs(30);
const ABANDONED: Duration = Duration::from_secs(5);

/// A stream that no room knows ends after this many questions.
const DOUBTS: u32 = 2;

#[derive(Clone)]
pub(super) struct TinySfu {
    pub(super) id: NodeId,
    state: Arc<Mutex<State>>,
    /// Shut while it takes calls and answers none.
    pub(super) standstill: Gate,
    truth: Arc<MemoryStore>,
    dialer: Dialer,
    dice: Arc<Dice>,
    record: Arc<Record>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<String, Held>,
    /// sid to uid and mid.
    subscriptions: BTreeMap<String, (String, String)>,
    /// By mid and sid: the connection that claimed it last.
    claims: BTreeMap<String, proto::Owner>,
}

impl State {
    fn obeys(&self, id: &str, asker: Option<&proto::Owner>) -> bool {
        self.claims.get(id).is_none_or(|owner| asker == Some(owner))
    }
}

#[derive(Clone)]
struct Held {
    rid: String,
    uid: String,
    ends: Option<Instant>,
    doubts: u32,
}

/// What keeps an SFU running.
pub(super) struct Running {
    _serving: Serving,
    _lease: Lease,
}

impl TinySfu {
    pub(super) fn new(
        nth: usize,
        truth: &Arc<MemoryStore>,
        site: &Site,
        dice: Dice,
        record: &Arc<Record>,
    ) -> Self {
        Self {
            id: NodeId::parse(&format!("sfu-{nth}")).unwrap(),
            state: Arc::default(),
            standstill: Gate::default(),
            truth: Arc::clone(truth),
            dialer: site.dialer(),
            dice: Arc::new(dice),
            record: Arc::clone(record),
        }
    }

    pub(super) async fn start(&self, sites: &[Site], discovery: &MemoryDiscovery, dc: &str) -> Running {
        let routes = Routes::new(rpc::server::sfu(self.clone()));
        let serving = Serving::start(self.id.as_str(), &routes, &self.standstill, sites).await;
        tokio::spawn(self.clone().live());
        let lease = discovery.register(node(Role::Sfu, self.id.as_str(), dc)).await.unwrap();
        Running { _serving: serving, _lease: lease }
    }

    /// The process dies and another one starts: nothing is left, and the rooms hear of it.
    pub(super) async fn restart(&self, after: Duration) {
        let shut = self.standstill.shut();
        *self.state.lock() = State::default();
        sleep(after).await;
        let run = proto::NodeRun { role: "sfu".to_owned(), id: self.id.to_string(), started: 0 };
        self.tell(|mut to| {
            let run = run.clone();
            async move { to.node_started(proto::NodeStartedRequest { run: Some(run) }).await.map(drop) }
        })
        .await;
        drop(shut);
    }

    /// The publisher's media arrives.
    pub(super) fn connected(&self, mid: &str) {
        if let Some(held) = self.state.lock().streams.get_mut(mid) {
            held.ends = None;
        }
    }

    /// The publisher's media stops.
    pub(super) fn abandoned(&self, mid: &str) {
        if let Some(held) = self.state.lock().streams.get_mut(mid) {
            held.ends = Some(Instant::now() + ABANDONED);
        }
    }

    pub(super) fn has(&self, mid: &str) -> bool {
        self.state.lock().streams.contains_key(mid)
    }

    async fn live(self) {
        for second in 0_u64.. {
            sleep(Duration::from_secs(1)).await;
            if self.standstill.is_shut() {
                continue;
            }
            let run = NodeRun { role: Role::Sfu, id: self.id.clone(), started: 0 };
            self.truth.beat(&run).await.unwrap();
            self.end_the_dead().await;
            if second % 5 == 0 {
                self.hold().await;
            }
        }
    }

    async fn end_the_dead(&self) {
        let over = |held: &Held| held.ends.is_some_and(|ends| ends <= Instant::now());
        let dead: Vec<(String, Held)> = {
            let state = self.state.lock();
            state
                .streams
                .iter()
                .filter(|(_, held)| over(held))
                .map(|(mid, held)| (mid.clone(), held.clone()))
                .collect()
        };
        for (mid, held) in dead {
            self.end(&mid);
            let ended = proto::StreamEndedRequest {
                rid: held.rid,
                mid,
                sfu_id: self.id.to_string(),
                reason: "abandoned".to_owned(),
            };
            let this = self.clone();
            tokio::spawn(async move {
                this.tell(|mut to| {
                    let ended = ended.clone();
                    async move { to.stream_ended(ended).await.map(drop) }
                })
                .await;
            });
        }
    }

    /// Tells a register, again and again until one has heard.
    async fn tell<F: Future<Output = Result<(), Status>>>(
        &self,
        tell: impl Fn(proto::register_client::RegisterClient<tonic::transport::Channel>) -> F,
    ) {
        loop {
            let address = *self.dice.pick(&["inproc://register-0", "inproc://register-1"]);
            if tell(rpc::client::register(self.dialer.dial(address).unwrap())).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn hold(&self) {
        let streams: Vec<(RoomId, StreamId)> = {
            let state = self.state.lock();
            let name = |(mid, held): (&String, &Held)| {
                (RoomId::parse(&held.rid).unwrap(), StreamId::parse(mid).unwrap())
            };
            state.streams.iter().map(name).collect()
        };
        let unknown = self.truth.hold_streams(&self.id, &streams).await.unwrap();
        let unknown: BTreeSet<&str> = unknown.iter().map(|(_, mid)| mid.as_str()).collect();
        let mut ending = Vec::new();
        for (mid, held) in &mut self.state.lock().streams {
            held.doubts = if unknown.contains(mid.as_str()) { held.doubts + 1 } else { 0 };
            if held.doubts > DOUBTS {
                ending.push(mid.clone());
            }
        }
        for mid in ending {
            self.record.note(|| format!("{}: no room knows {mid}", self.id));
            self.end(&mid);
        }
    }

    fn end(&self, mid: &str) {
        let mut state = self.state.lock();
        state.streams.remove(mid);
        state.subscriptions.retain(|_, (_, of)| of != mid);
    }
}

#[tonic::async_trait]
impl proto::sfu_server::Sfu for TinySfu {
    async fn publish(
        &self,
        request: Request<proto::PublishRequest>,
    ) -> Result<Response<proto::PublishReply>, Status> {
        let proto::PublishRequest { rid, uid, mid, .. } = request.into_inner();
        let held = Held { rid, uid, ends: Some(Instant::now() + UNCONNECTED), doubts: 0 };
        self.state.lock().streams.insert(mid, held);
        Ok(Response::new(proto::PublishReply { answer_sdp: "an answer".to_owned() }))
    }

    async fn unpublish(
        &self,
        request: Request<proto::UnpublishRequest>,
    ) -> Result<Response<proto::UnpublishReply>, Status> {
        let proto::UnpublishRequest { mid, owner, .. } = request.into_inner();
        let obeyed = self.state.lock().obeys(&mid, owner.as_ref());
        if obeyed {
            self.end(&mid);
        }
        Ok(Response::new(proto::UnpublishReply {}))
    }

    async fn subscribe(
        &self,
        request: Request<proto::SubscribeRequest>,
    ) -> Result<Response<proto::SubscribeReply>, Status> {
        let proto::SubscribeRequest { uid, mid, sid, .. } = request.into_inner();
        let mut state = self.state.lock();
        if !state.streams.contains_key(&mid) {
            return Err(refuse(ErrorCode::NoSuchStream, "no such stream here"));
        }
        state.subscriptions.insert(sid, (uid, mid));
        Ok(Response::new(proto::SubscribeReply { answer_sdp: "an answer".to_owned() }))
    }

    async fn unsubscribe(
        &self,
        request: Request<proto::UnsubscribeRequest>,
    ) -> Result<Response<proto::UnsubscribeReply>, Status> {
        let proto::UnsubscribeRequest { sid, owner, .. } = request.into_inner();
        let mut state = self.state.lock();
        if !state.obeys(&sid, owner.as_ref()) {
            return Ok(Response::new(proto::UnsubscribeReply {}));
        }
        match state.subscriptions.remove(&sid) {
            Some(_) => Ok(Response::new(proto::UnsubscribeReply {})),
            None => Err(refuse(ErrorCode::NoSuchSubscription, "no such subscription here")),
        }
    }

    async fn claim(
        &self,
        request: Request<proto::ClaimRequest>,
    ) -> Result<Response<proto::ClaimReply>, Status> {
        let proto::ClaimRequest { rid, uid, mut mids, mut sids, owner } = request.into_inner();
        let mut state = self.state.lock();
        let held =
            |mid: &String| state.streams.get(mid).is_some_and(|held| held.rid == rid && held.uid == uid);
        mids.retain(held);
        sids.retain(|sid| state.subscriptions.get(sid).is_some_and(|(of, _)| *of == uid));
        if let Some(owner) = owner {
            state.claims.extend(mids.iter().chain(&sids).map(|id| (id.clone(), owner.clone())));
        }
        Ok(Response::new(proto::ClaimReply { mids, sids, network: 0 }))
    }

    async fn mute(&self, _: Request<proto::MuteRequest>) -> Result<Response<proto::MuteReply>, Status> {
        Err(refuse(ErrorCode::NotAllowed, "it does not mute"))
    }

    async fn record(&self, _: Request<proto::RecordRequest>) -> Result<Response<proto::RecordReply>, Status> {
        Err(refuse(ErrorCode::NotAllowed, "it does not record"))
    }

    async fn prefer(&self, _: Request<proto::PreferRequest>) -> Result<Response<proto::PreferReply>, Status> {
        Err(refuse(ErrorCode::NotAllowed, "it forwards nothing"))
    }

    async fn restart(
        &self,
        _: Request<proto::RestartRequest>,
    ) -> Result<Response<proto::RestartReply>, Status> {
        Err(refuse(ErrorCode::NotAllowed, "it has no ICE"))
    }

    type NoticesStream = stream::Pending<Result<proto::MediaNotice, Status>>;

    async fn notices(
        &self,
        _: Request<proto::NoticesRequest>,
    ) -> Result<Response<Self::NoticesStream>, Status> {
        Ok(Response::new(stream::pending()))
    }

    async fn describe(
        &self,
        _: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::DescribeReply>, Status> {
        Ok(Response::new(proto::DescribeReply::default()))
    }
}
