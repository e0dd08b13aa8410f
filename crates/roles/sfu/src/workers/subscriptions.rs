//! The calls of subscribers.

use std::sync::Arc;

use media::{MediaErrorKind, NetworkId, Wanted};
use model::ids::{RoomId, StreamId, SubscriptionId, UserId};
use model::{ErrorCode, Owner, Preference};
use rpc::convert::{room_id, stream_id, subscription_id, user_id};
use rpc::proto::{
    self, PreferReply, PreferRequest, SubscribeReply, SubscribeRequest, UnsubscribeReply, UnsubscribeRequest,
};
use rpc::status::{error_code, refuse, with_code};
use tonic::{Code, Status};

use super::{Workers, answered, asker, refused, unanswered};
use crate::branches::ring;
use crate::directory::{CannotSubscribe, Party, SubscriptionEntry};
use crate::mailbox::Command;

/// What a subscriber asks for.
struct Asked {
    mid: StreamId,
    sid: SubscriptionId,
    offer: String,
    /// 0: one of its own.
    network: u64,
    preference: media::Preference,
}

impl Asked {
    fn wanted(&self) -> Wanted {
        let network = (self.network != 0).then_some(NetworkId(self.network));
        Wanted { network, preference: self.preference.clone() }
    }
}

impl Workers {
    /// Also while it drains: whoever joins then sees the streams that have not moved yet.
    pub(crate) async fn subscribe(&self, request: SubscribeRequest) -> Result<SubscribeReply, Status> {
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let asked = Asked {
            mid: stream_id(&request.mid)?,
            sid: subscription_id(&request.sid)?,
            offer: request.offer_sdp,
            network: request.network,
            preference: preference(request.preference)?,
        };
        let party = Party { rid, uid, connection: asker(request.owner)? };
        tracing::debug!(rid = %party.rid, uid = %party.uid, mid = %asked.mid, sid = %asked.sid, "subscribe");
        let mut follows = false;
        let together = |home, others: Option<usize>| match others {
            Some(worker) => {
                follows = worker != home;
                self.placement.follow(worker)
            }
            None => self.placement.choose(home),
        };
        let mut answer = self.subscribe_placed(&asked, &party, together).await;
        let is_full = |status: &Status| error_code(status) == Some(ErrorCode::Limit);
        if follows && answer.as_ref().is_err_and(is_full) {
            // No room where the others of its network are: better a budget of its own than no stream.
            let elsewhere = |home, _| self.placement.choose(home);
            answer = self.subscribe_placed(&asked, &party, elsewhere).await;
        }
        let answer_sdp = answer?;
        self.see(&party.rid, &party.uid);
        Ok(SubscribeReply { answer_sdp })
    }

    /// At the worker that `place` finds.
    async fn subscribe_placed(
        &self,
        asked: &Asked,
        party: &Party,
        place: impl FnOnce(usize, Option<usize>) -> usize,
    ) -> Result<String, Status> {
        let Asked { mid, sid, network, .. } = asked;
        let placed = self.directory.add_subscription(sid, mid, party.clone(), *network, place);
        let (home, worker) = placed.map_err(|error| match error {
            CannotSubscribe::NoSuchStream => refuse(ErrorCode::NoSuchStream, "the SFU has no such stream"),
            CannotSubscribe::Exists => with_code(
                Code::AlreadyExists,
                ErrorCode::Internal,
                "a subscription of this sid is here already",
            ),
        })?;
        let answer = self.subscribe_at(home, worker, asked).await;
        if answer.is_err() {
            self.directory.remove_subscription(sid);
        }
        answer
    }

    /// Where the worker is not the stream's own, it gets a branch of the stream first.
    async fn subscribe_at(&self, home: usize, worker: usize, asked: &Asked) -> Result<String, Status> {
        let mailbox = self.mailbox(worker)?;
        let ask = || {
            let (mid, sid, offer) = (asked.mid.clone(), asked.sid.clone(), asked.offer.clone());
            mailbox.ask(|reply| Command::Subscribe { mid, sid, offer, wanted: asked.wanted(), reply })
        };
        match ask().await {
            Ok(Err(error)) if worker != home && error.kind() == MediaErrorKind::NoSuchStream => {
                self.branch(&asked.mid, home, worker).await?;
                answered(ask().await)
            }
            answer => answered(answer),
        }
    }

    /// Lets a stream go on on another worker.
    async fn branch(&self, mid: &StreamId, home: usize, worker: usize) -> Result<(), Status> {
        let (from, to) = (self.mailbox(home)?, self.mailbox(worker)?);
        let (root, tip) = ring(Arc::clone(from.waker()), Arc::clone(to.waker()), self.copies.clone());
        let root = from.ask(|reply| Command::BranchOut { mid: mid.clone(), root, reply });
        let gone = || refuse(ErrorCode::NoSuchStream, "the SFU has no such stream");
        let outline = root.await.map_err(unanswered)?.ok_or_else(gone)?;
        let grafted = to.ask(|reply| Command::Graft { mid: mid.clone(), tip, outline, reply });
        match grafted.await.map_err(unanswered)? {
            // Somebody else was faster: their branch serves us all, and this one withers.
            Err(error) if error.kind() != MediaErrorKind::Internal => Err(refused(&error)),
            _ => Ok(()),
        }
    }

    pub(crate) async fn unsubscribe(&self, request: UnsubscribeRequest) -> Result<UnsubscribeReply, Status> {
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let (mid, sid) = (stream_id(&request.mid)?, subscription_id(&request.sid)?);
        let asker = asker(request.owner)?;
        let entry = self.own_subscription(&rid, &uid, &mid, &sid)?;
        if entry.obeys(asker.as_ref()) {
            tracing::debug!(%rid, %uid, %sid, "unsubscribe");
            self.end_subscription(sid, entry.worker).await?;
        }
        Ok(UnsubscribeReply {})
    }

    /// What a subscriber wants from now on.
    pub(crate) async fn prefer(&self, request: PreferRequest) -> Result<PreferReply, Status> {
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let (mid, sid) = (stream_id(&request.mid)?, subscription_id(&request.sid)?);
        let (asker, preference) = (asker(request.owner)?, preference(request.preference)?);
        let entry = self.obedient_subscription(&rid, &uid, &mid, &sid, asker.as_ref())?;
        tracing::debug!(%rid, %uid, %sid, ?preference, "prefer");
        let command = |reply| Command::Prefer { sid, preference, reply };
        let found = self.mailbox(entry.worker)?.ask(command).await.map_err(unanswered)?;
        if found { Ok(PreferReply {}) } else { Err(no_subscription()) }
    }

    fn own_subscription(
        &self,
        rid: &RoomId,
        uid: &UserId,
        mid: &StreamId,
        sid: &SubscriptionId,
    ) -> Result<SubscriptionEntry, Status> {
        let found = self.directory.subscription(sid).filter(|entry| entry.rid == *rid && entry.mid == *mid);
        let entry = found.ok_or_else(no_subscription)?;
        if entry.uid != *uid {
            return Err(refuse(ErrorCode::NotAllowed, "the subscription is another user's"));
        }
        Ok(entry)
    }

    /// One that the asking connection may change.
    pub(super) fn obedient_subscription(
        &self,
        rid: &RoomId,
        uid: &UserId,
        mid: &StreamId,
        sid: &SubscriptionId,
        asker: Option<&Owner>,
    ) -> Result<SubscriptionEntry, Status> {
        let entry = self.own_subscription(rid, uid, mid, sid)?;
        if entry.obeys(asker) { Ok(entry) } else { Err(no_subscription()) }
    }

    async fn end_subscription(&self, sid: SubscriptionId, worker: usize) -> Result<(), Status> {
        let command = |reply| Command::Unsubscribe { sid: sid.clone(), reply };
        self.mailbox(worker)?.ask(command).await.map_err(unanswered)?;
        self.directory.remove_subscription(&sid);
        Ok(())
    }
}

fn no_subscription() -> Status {
    refuse(ErrorCode::NoSuchSubscription, "the SFU has no such subscription")
}

/// As the media plane takes it.
fn preference(given: Option<proto::Preference>) -> Result<media::Preference, Status> {
    let preference = Preference::try_from(given.unwrap_or_default())?;
    let Preference { rid, max_height, max_bitrate, priority } = preference;
    Ok(media::Preference {
        rid: rid.map(|rid| rid.to_string()),
        max_height: max_height.map(Into::into),
        max_bitrate: max_bitrate.map(Into::into),
        priority,
    })
}
