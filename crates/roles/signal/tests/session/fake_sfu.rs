//! An SFU that moves no media: it answers every offer with a line of its own and
//! remembers what it was asked for.

use model::ErrorCode;
use parking_lot::Mutex;
use rpc::{
    proto::{
        ClaimReply, ClaimRequest, DescribeReply, DescribeRequest, MuteReply, MuteRequest, PublishReply,
        PublishRequest, RecordReply, RecordRequest, SubscribeReply, SubscribeRequest, UnpublishReply,
        UnpublishRequest, UnsubscribeReply, UnsubscribeRequest, sfu_server::Sfu,
    },
    status::refuse,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub(crate) struct FakeSfu(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// mid to rid and uid.
    streams: BTreeMap<String, (String, String)>,
    /// sid to uid and mid.
    subscriptions: BTreeMap<String, (String, String)>,
    muted: BTreeSet<String>,
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

#[tonic::async_trait]
impl Sfu for FakeSfu {
    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishReply>, Status> {
        self.willing().await?;
        let request = request.into_inner();
        self.0.lock().streams.insert(request.mid, (request.rid, request.uid));
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
        let ClaimRequest { rid, uid, mut mids, mut sids, .. } = request.into_inner();
        let state = self.0.lock();
        mids.retain(|mid| state.streams.get(mid) == Some(&(rid.clone(), uid.clone())));
        sids.retain(|sid| state.subscriptions.get(sid).is_some_and(|(of, _)| *of == uid));
        Ok(Response::new(ClaimReply { mids, sids }))
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

    async fn record(&self, _: Request<RecordRequest>) -> Result<Response<RecordReply>, Status> {
        Err(refuse(ErrorCode::NotAllowed, "it does not record"))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        Ok(Response::new(DescribeReply::default()))
    }
}
