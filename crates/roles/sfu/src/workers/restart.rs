//! New ICE credentials for what goes on.

use model::ErrorCode;
use model::ids::{RoomId, StreamId, UserId};
use rpc::convert::{room_id, stream_id, subscription_id, user_id};
use rpc::proto::{RestartReply, RestartRequest};
use rpc::status::refuse;
use tonic::Status;

use super::{Workers, answered, asker};
use crate::directory::StreamEntry;
use crate::mailbox::{Command, Restarted};

impl Workers {
    /// Of a stream, or of a subscription where one is named. Also while this SFU drains: what is here stays until it
    /// has moved.
    pub(crate) async fn restart(&self, request: RestartRequest) -> Result<RestartReply, Status> {
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let (mid, asker) = (stream_id(&request.mid)?, asker(request.owner)?);
        let (worker, what) = if request.sid.is_empty() {
            let entry = self.own_stream(&rid, &uid, &mid)?;
            if !entry.obeys(asker.as_ref()) {
                return Err(no_stream());
            }
            (entry.worker, Restarted::Stream(mid))
        } else {
            let sid = subscription_id(&request.sid)?;
            let entry = self.obedient_subscription(&rid, &uid, &mid, &sid, asker.as_ref())?;
            (entry.worker, Restarted::Subscription(sid))
        };
        tracing::debug!(%rid, %uid, ?what, "restart");
        let offer = request.offer_sdp;
        let command = |reply| Command::Restart { what, offer, reply };
        let answer_sdp = answered(self.mailbox(worker)?.ask(command).await)?;
        Ok(RestartReply { answer_sdp })
    }

    fn own_stream(&self, rid: &RoomId, uid: &UserId, mid: &StreamId) -> Result<StreamEntry, Status> {
        let found = self.directory.stream(mid).filter(|entry| entry.rid == *rid);
        let entry = found.ok_or_else(no_stream)?;
        if entry.uid != *uid {
            return Err(refuse(ErrorCode::NotAllowed, "the stream is another user's"));
        }
        Ok(entry)
    }
}

fn no_stream() -> Status {
    refuse(ErrorCode::NoSuchStream, "the SFU has no such stream")
}
