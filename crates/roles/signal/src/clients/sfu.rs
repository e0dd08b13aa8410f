//! The SFUs, as the signalling role uses them.

use super::{Clients, Counted, answered, refusal, turns::ATTEMPT, was_not_done, was_not_sent, was_silent};
use crate::{refusal::Refusal, session::Session};
use cluster::{NodeInfo, choose_sfu};
use model::{ErrorCode, NodeId, Owner, Preference, RoomId, StreamId, SubscriptionId, UserId};
use rpc::proto::{self, sfu_client::SfuClient};
use std::future::Future;
use tokio::time::Instant;
use tonic::{Code, Response, Status};

type Client = SfuClient<Counted>;

/// SFUs that are tried for one `publish`: each failure costs time, and there is
/// little of it.
const MAX_ATTEMPTS: usize = 3;

/// An offer and whom it is from.
pub(crate) struct Offer<'a> {
    pub(crate) rid: &'a RoomId,
    pub(crate) uid: &'a UserId,
    pub(crate) mid: &'a StreamId,
    pub(crate) sdp: &'a str,
    /// The connection: it hears what happens.
    pub(crate) owner: &'a Owner,
}

/// What a subscriber wants.
pub(crate) struct Wanted<'a> {
    /// Whose network it is; 0: that is not known.
    pub(crate) network: u64,
    pub(crate) preference: &'a Preference,
}

/// What became of a `publish`.
pub(crate) struct Publishing {
    /// The SFU that took the stream, and its SDP.
    pub(crate) taken: Result<(NodeId, String), Refusal>,
    /// SFUs that gave no answer: the stream may be there all the same.
    pub(crate) maybe_at: Vec<NodeId>,
}

impl Clients {
    /// Hands a stream to an SFU with room for it; to another one where that is full after all, or gives no answer.
    /// `record`: whether to record it; `None`: as the SFU is configured.
    pub(crate) async fn publish(
        &self,
        deadline: Instant,
        offer: &Offer<'_>,
        record: Option<bool>,
    ) -> Publishing {
        let mut nodes = self.sfus.borrow().to_vec();
        let mut publishing =
            Publishing { taken: Err(Refusal::plain(ErrorCode::NoSfu)), maybe_at: Vec::new() };
        for _ in 0..MAX_ATTEMPTS {
            let Some(node) = self.choose(&nodes) else { break };
            nodes.retain(|other| other.id != node.id);
            let until = if nodes.is_empty() { deadline } else { deadline.min(Instant::now() + ATTEMPT) };
            let status = match self.publish_at(until, &node, offer, record).await {
                Ok(sdp) => {
                    self.suspects.clear(&node);
                    publishing.taken = Ok((node.id, sdp));
                    break;
                }
                Err(status) => status,
            };
            let refusal = sfu_refusal(&status, ErrorCode::NoSuchStream);
            let silent = was_silent(&status);
            if silent {
                self.suspects.suspect(&node);
            }
            // A refusal says that nothing was done, silence says nothing.
            if silent && !was_not_sent(&status) {
                publishing.maybe_at.push(node.id);
            }
            let draining = refusal.code == ErrorCode::Draining;
            publishing.taken = Err(if draining { Refusal::plain(ErrorCode::NoSfu) } else { refusal });
            let full = status.code() == Code::ResourceExhausted;
            if !silent && !full && !was_not_done(&status) {
                break;
            }
        }
        publishing
    }

    /// One that answers, where there is one.
    fn choose(&self, nodes: &[NodeInfo]) -> Option<NodeInfo> {
        let (suspects, trusted): (Vec<_>, Vec<_>) =
            nodes.iter().cloned().partition(|node| self.suspects.is_suspect(node));
        choose_sfu(&trusted, &self.dc, random())
            .or_else(|| choose_sfu(&suspects, &self.dc, random()))
            .cloned()
    }

    async fn publish_at(
        &self,
        deadline: Instant,
        node: &NodeInfo,
        offer: &Offer<'_>,
        record: Option<bool>,
    ) -> Result<String, Status> {
        let request = proto::PublishRequest {
            rid: offer.rid.to_string(),
            uid: offer.uid.to_string(),
            mid: offer.mid.to_string(),
            offer_sdp: offer.sdp.to_owned(),
            record,
            owner: Some(offer.owner.into()),
        };
        let mut client = rpc::client::sfu(self.dial(node)?);
        answered(deadline, client.publish(request)).await.map(|reply| reply.answer_sdp)
    }

    pub(crate) async fn unpublish(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        rid: &RoomId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<(), Refusal> {
        let request =
            proto::UnpublishRequest { rid: rid.to_string(), mid: mid.to_string(), owner: Some(owner.into()) };
        let reply = self
            .sfu(deadline, sfu, ErrorCode::NoSuchStream, |mut to| async move { to.unpublish(request).await });
        reply.await.map(drop)
    }

    /// Answers the SFU's SDP.
    pub(crate) async fn subscribe(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        offer: &Offer<'_>,
        sid: &SubscriptionId,
        wanted: &Wanted<'_>,
    ) -> Result<String, Refusal> {
        let request = proto::SubscribeRequest {
            rid: offer.rid.to_string(),
            uid: offer.uid.to_string(),
            mid: offer.mid.to_string(),
            sid: sid.to_string(),
            offer_sdp: offer.sdp.to_owned(),
            owner: Some(offer.owner.into()),
            network: wanted.network,
            preference: Some(wanted.preference.into()),
        };
        let reply = self
            .sfu(deadline, sfu, ErrorCode::NoSuchStream, |mut to| async move { to.subscribe(request).await });
        reply.await.map(|reply| reply.answer_sdp)
    }

    pub(crate) async fn unsubscribe(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        rid: &RoomId,
        session: &Session,
        mid: &StreamId,
        sid: &SubscriptionId,
    ) -> Result<(), Refusal> {
        let request = proto::UnsubscribeRequest {
            rid: rid.to_string(),
            uid: session.uid.to_string(),
            mid: mid.to_string(),
            sid: sid.to_string(),
            owner: Some((&session.owner).into()),
        };
        let reply = self.sfu(deadline, sfu, ErrorCode::NoSuchSubscription, |mut to| async move {
            to.unsubscribe(request).await
        });
        reply.await.map(drop)
    }

    /// Keeps a stream from everybody, or lets it through again.
    pub(crate) async fn mute(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        rid: &RoomId,
        mid: &StreamId,
        muted: bool,
    ) -> Result<(), Refusal> {
        let request = proto::MuteRequest { rid: rid.to_string(), mid: mid.to_string(), muted };
        let reply =
            self.sfu(deadline, sfu, ErrorCode::NoSuchStream, |mut to| async move { to.mute(request).await });
        reply.await.map(drop)
    }

    /// Calls one certain SFU.
    pub(super) async fn sfu<T, F>(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        not_found: ErrorCode,
        call: impl FnOnce(Client) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let node = self.sfus.borrow().iter().find(|node| node.id == *sfu).cloned();
        let node = node.ok_or_else(|| Refusal::plain(ErrorCode::SfuSilent))?;
        let called = async { call(rpc::client::sfu(self.dial(&node)?)).await };
        answered(deadline, called).await.map_err(|status| sfu_refusal(&status, not_found))
    }
}

/// What a client hears. An SFU that attaches no code of the protocol still says
/// with gRPC's own what was wrong.
fn sfu_refusal(status: &Status, not_found: ErrorCode) -> Refusal {
    let code = match status.code() {
        Code::InvalidArgument => ErrorCode::Sdp,
        Code::NotFound => not_found,
        Code::PermissionDenied => ErrorCode::NotAllowed,
        Code::ResourceExhausted => ErrorCode::Limit,
        _ => return refusal(status, ErrorCode::SfuSilent),
    };
    Refusal::new(rpc::status::error_code(status).unwrap_or(code), status.message())
}

/// Placement has no need of good randomness; without any, it still works.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}
