//! An SFU that moves no media: it answers every offer with a line of its own and
//! remembers what it was asked for.

use model::ErrorCode;
use parking_lot::Mutex;
use rpc::{
    proto::{
        ClaimReply, ClaimRequest, DescribeReply, DescribeRequest, LayerWanted, LayersWanted, MediaNotice,
        MuteReply, MuteRequest, NoticesRequest, Owner, Paused, PreferReply, PreferRequest, Preference,
        PublishReply, PublishRequest, RecordReply, RecordRequest, RestartReply, RestartRequest, Speaking,
        SubscribeReply, SubscribeRequest, UnpublishReply, UnpublishRequest, UnsubscribeReply,
        UnsubscribeRequest, media_notice::Fact, sfu_server::Sfu,
    },
    status::refuse,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, codegen::tokio_stream::wrappers::UnboundedReceiverStream};

type Notices = mpsc::UnboundedSender<Result<MediaNotice, Status>>;

#[derive(Clone, Default)]
pub(crate) struct FakeSfu(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// mid to rid and uid.
    streams: BTreeMap<String, (String, String)>,
    /// sid to uid and mid.
    subscriptions: BTreeMap<String, (String, String)>,
    muted: BTreeSet<String>,
    /// By mid and sid: whose it is.
    owners: BTreeMap<String, Owner>,
    /// By mid and sid: what is so, but for who speaks.
    facts: BTreeMap<String, Fact>,
    /// By sid: the network and what is wanted.
    wanted: BTreeMap<String, (u64, Preference)>,
    /// Signalling nodes that listen.
    listeners: BTreeMap<String, Notices>,
    silent: bool,
    refusing: Option<ErrorCode>,
}

impl FakeSfu {
    pub(crate) fn streams(&self) -> usize {
        self.0.lock().streams.len()
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.0.lock().subscriptions.len()
    }

    /// From now on it takes calls and answers none.
    pub(crate) fn fall_silent(&self) {
        self.0.lock().silent = true;
    }

    /// From now on it refuses every offer.
    pub(crate) fn refuse(&self, code: ErrorCode) {
        self.0.lock().refusing = Some(code);
    }

    pub(crate) fn is_muted(&self, mid: &str) -> bool {
        self.0.lock().muted.contains(mid)
    }

    /// A stream's media stops.
    pub(crate) fn end(&self, mid: &str) {
        let mut state = self.0.lock();
        state.streams.remove(mid);
        state.subscriptions.retain(|_, (_, of)| of != mid);
    }

    /// Whether anybody takes these layers of a stream.
    pub(crate) fn layers(&self, mid: &str, layers: &[(&str, bool)]) {
        let layer = |&(rid, wanted): &(&str, bool)| LayerWanted { rid: rid.to_owned(), wanted };
        self.now(mid, Fact::Layers(LayersWanted { layers: layers.iter().map(layer).collect() }));
    }

    /// A subscription's video gets no bandwidth, or some.
    pub(crate) fn pause(&self, sid: &str, paused: bool) {
        self.now(sid, Fact::Paused(Paused { sid: sid.to_owned(), paused }));
    }

    fn now(&self, id: &str, fact: Fact) {
        let mut state = self.0.lock();
        state.facts.insert(id.to_owned(), fact.clone());
        state.tell(id, fact);
    }

    /// Somebody speaks in a stream, or no longer does.
    pub(crate) fn speak(&self, mid: &str, level: Option<i32>) {
        self.0.lock().tell(mid, Fact::Speaking(Speaking { level }));
    }

    /// Ends the calls of those who listen.
    pub(crate) fn hang_up(&self) {
        self.0.lock().listeners.clear();
    }

    pub(crate) fn listeners(&self) -> usize {
        self.0.lock().listeners.len()
    }

    /// The network of a subscription, and what its subscriber wants.
    pub(crate) fn wanted(&self, sid: &str) -> (u64, Preference) {
        self.0.lock().wanted[sid].clone()
    }

    async fn willing(&self) -> Result<(), Status> {
        let (silent, refusing) = {
            let state = self.0.lock();
            (state.silent, state.refusing)
        };
        if silent {
            std::future::pending::<()>().await;
        }
        refusing.map_or(Ok(()), |code| Err(refuse(code, "the fake SFU refuses")))
    }
}

impl State {
    fn tell(&self, id: &str, fact: Fact) {
        let Some(owner) = self.owners.get(id) else { return };
        let Some(listener) = self.listeners.get(&owner.signal_id) else { return };
        let mid = self.subscriptions.get(id).map_or(id, |(_, mid)| mid);
        let Some((rid, uid)) = self.streams.get(mid).cloned() else { return };
        let connection = owner.connection;
        let _gone =
            listener.send(Ok(MediaNotice { rid, connection, mid: mid.to_owned(), uid, fact: Some(fact) }));
    }

    /// Another connection speaks for these: it has heard nothing yet.
    fn claim(&mut self, ids: &[String], owner: &Owner) {
        for id in ids {
            self.owners.insert(id.clone(), owner.clone());
            if let Some(fact) = self.facts.get(id) {
                self.tell(id, fact.clone());
            }
        }
    }
}

#[tonic::async_trait]
impl Sfu for FakeSfu {
    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishReply>, Status> {
        self.willing().await?;
        let request = request.into_inner();
        let mut state = self.0.lock();
        state.owners.extend(request.owner.map(|owner| (request.mid.clone(), owner)));
        state.streams.insert(request.mid, (request.rid, request.uid));
        Ok(Response::new(PublishReply { answer_sdp: format!("answer to {}", request.offer_sdp) }))
    }

    async fn unpublish(
        &self,
        request: Request<UnpublishRequest>,
    ) -> Result<Response<UnpublishReply>, Status> {
        self.end(&request.into_inner().mid);
        Ok(Response::new(UnpublishReply {}))
    }

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<SubscribeReply>, Status> {
        self.willing().await?;
        let request = request.into_inner();
        let mut state = self.0.lock();
        if !state.streams.contains_key(&request.mid) {
            return Err(refuse(ErrorCode::NoSuchStream, "no such stream here"));
        }
        state.owners.extend(request.owner.map(|owner| (request.sid.clone(), owner)));
        state.wanted.insert(request.sid.clone(), (request.network, request.preference.unwrap_or_default()));
        state.subscriptions.insert(request.sid, (request.uid, request.mid));
        Ok(Response::new(SubscribeReply { answer_sdp: format!("answer to {}", request.offer_sdp) }))
    }

    async fn unsubscribe(
        &self,
        request: Request<UnsubscribeRequest>,
    ) -> Result<Response<UnsubscribeReply>, Status> {
        let request = request.into_inner();
        let mut state = self.0.lock();
        match state.subscriptions.get(&request.sid) {
            None => Err(refuse(ErrorCode::NoSuchSubscription, "no such subscription here")),
            Some((uid, _)) if *uid != request.uid => {
                Err(refuse(ErrorCode::NotAllowed, "the subscription is another user's"))
            }
            Some(_) => {
                state.subscriptions.remove(&request.sid);
                Ok(Response::new(UnsubscribeReply {}))
            }
        }
    }

    async fn claim(&self, request: Request<ClaimRequest>) -> Result<Response<ClaimReply>, Status> {
        self.willing().await?;
        let ClaimRequest { rid, uid, mut mids, mut sids, owner } = request.into_inner();
        let mut state = self.0.lock();
        mids.retain(|mid| state.streams.get(mid) == Some(&(rid.clone(), uid.clone())));
        sids.retain(|sid| state.subscriptions.get(sid).is_some_and(|(of, _)| *of == uid));
        let network = sids.first().map_or(0, |sid| state.wanted[sid].0);
        if let Some(owner) = owner {
            state.claim(&mids, &owner);
            state.claim(&sids, &owner);
        }
        Ok(Response::new(ClaimReply { mids, sids, network }))
    }

    async fn mute(&self, request: Request<MuteRequest>) -> Result<Response<MuteReply>, Status> {
        let MuteRequest { mid, muted, .. } = request.into_inner();
        let mut state = self.0.lock();
        if !state.streams.contains_key(&mid) {
            return Err(refuse(ErrorCode::NoSuchStream, "no such stream here"));
        }
        if muted {
            state.muted.insert(mid)
        } else {
            state.muted.remove(&mid)
        };
        Ok(Response::new(MuteReply {}))
    }

    async fn prefer(&self, request: Request<PreferRequest>) -> Result<Response<PreferReply>, Status> {
        self.willing().await?;
        let PreferRequest { sid, preference, .. } = request.into_inner();
        let mut state = self.0.lock();
        if !state.subscriptions.contains_key(&sid) {
            return Err(refuse(ErrorCode::NoSuchSubscription, "no such subscription here"));
        }
        state.wanted.get_mut(&sid).unwrap().1 = preference.unwrap_or_default();
        Ok(Response::new(PreferReply {}))
    }

    async fn restart(&self, request: Request<RestartRequest>) -> Result<Response<RestartReply>, Status> {
        self.willing().await?;
        let RestartRequest { mid, sid, offer_sdp, .. } = request.into_inner();
        let state = self.0.lock();
        if !sid.is_empty() && !state.subscriptions.contains_key(&sid) {
            return Err(refuse(ErrorCode::NoSuchSubscription, "no such subscription here"));
        }
        if !state.streams.contains_key(&mid) {
            return Err(refuse(ErrorCode::NoSuchStream, "no such stream here"));
        }
        let what = if sid.is_empty() { "stream" } else { "subscription" };
        Ok(Response::new(RestartReply { answer_sdp: format!("the {what}'s new answer to {offer_sdp}") }))
    }

    type NoticesStream = UnboundedReceiverStream<Result<MediaNotice, Status>>;

    async fn notices(
        &self,
        request: Request<NoticesRequest>,
    ) -> Result<Response<Self::NoticesStream>, Status> {
        let (notices, stream) = mpsc::unbounded_channel();
        let mut state = self.0.lock();
        let signal = request.into_inner().signal_id;
        state.listeners.insert(signal.clone(), notices);
        for (id, fact) in state.facts.iter().filter(|(id, _)| state.owners[*id].signal_id == signal) {
            state.tell(id, fact.clone());
        }
        Ok(Response::new(UnboundedReceiverStream::new(stream)))
    }

    async fn record(&self, _: Request<RecordRequest>) -> Result<Response<RecordReply>, Status> {
        Err(refuse(ErrorCode::NotAllowed, "it does not record"))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        Ok(Response::new(DescribeReply::default()))
    }
}
