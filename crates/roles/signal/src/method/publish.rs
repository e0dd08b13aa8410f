//! `publish`: a stream of the caller's, to an SFU and then into the room.

use super::{
    call::{Call, unguessable},
    getusers::version,
};
use crate::{
    access::Right,
    clients::{Offer, deadline},
    refusal::Refusal,
    room::Room,
    session::{Published, Session},
};
use model::{ErrorCode, NodeId, RoomId, Stream, StreamId};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Taken<'a> {
    jsep: Jsep<'a>,
    mid: &'a str,
    sfuid: &'a str,
}

/// An answer's SDP.
#[derive(Serialize)]
pub(super) struct Jsep<'a> {
    r#type: &'static str,
    sdp: &'a str,
}

impl<'a> Jsep<'a> {
    pub(super) fn answer(sdp: &'a str) -> Self {
        Self { r#type: "answer", sdp }
    }
}

pub(super) async fn publish(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    let room = call.joined(&rid)?;
    let (sdp, info, record) = (data.offer()?, data.minfo()?, data.record()?);
    call.session.rights.may(Right::Publish)?;
    if record == Some(true) {
        call.session.rights.may(Right::Record)?;
    }

    let uid = &call.session.uid;
    let mid = StreamId::of(uid, unguessable()?);
    let offer = Offer { rid: &rid, uid, mid: &mid, sdp: &sdp, owner: &call.session.owner };
    let (sfu, sdp) = to_sfu(call, &offer, record).await?;
    // Ours before anybody hears of it: the server may end it at once.
    call.holding(&rid, |held| held.published.insert(mid.clone(), Published::at(sfu.clone())))?;
    call.context.watches.want(&sfu);
    let stream = Stream { mid, uid: uid.clone(), sfu, info };
    let added = match call.clients().add_stream(call.deadline, &rid, &call.session.owner, &stream).await {
        Ok(added) => added,
        Err(refusal) => {
            call.holding(&rid, |held| held.published.remove(&stream.mid))?;
            let doubtful = refusal.code == ErrorCode::RegisterSilent;
            take_back(call, rid, stream.mid, stream.sfu, doubtful);
            return Err(refusal);
        }
    };
    let (mid, sfuid) = (stream.mid.as_str(), stream.sfu.as_str());
    call.answer(&Taken { jsep: Jsep::answer(&sdp), mid, sfuid });
    if let Some(version) = added {
        note_added(call.session, &room, &rid, &stream.mid, version);
        return Ok(());
    }
    let (context, session) = (Arc::clone(call.context), Arc::clone(call.session));
    call.afterwards(async move {
        if let Ok(version) = version(&context.clients, deadline(), &session, &rid).await {
            note_added(&session, &room, &rid, &stream.mid, version);
        }
    });
    Ok(())
}

/// The room had the stream by this version. It may have lost it already, and this node have jumped over both.
fn note_added(session: &Session, room: &Room, rid: &RoomId, mid: &StreamId, version: u64) {
    session.added(rid, mid, version);
    room.tell_what_ended(session);
}

async fn to_sfu(
    call: &Call<'_>,
    offer: &Offer<'_>,
    record: Option<bool>,
) -> Result<(NodeId, String), Refusal> {
    let publishing = call.clients().publish(call.deadline, offer, record).await;
    for sfu in publishing.maybe_at {
        take_back(call, offer.rid.clone(), offer.mid.clone(), sfu, false);
    }
    publishing.taken
}

/// Ends what nobody will use: at the SFU, and in the room where it may have
/// arrived there.
fn take_back(call: &Call<'_>, rid: RoomId, mid: StreamId, sfu: NodeId, in_room: bool) {
    let (context, session) = (Arc::clone(call.context), Arc::clone(call.session));
    call.afterwards(async move {
        let clients = &context.clients;
        if in_room {
            // Where this fails too, the stream expires in the register.
            let _ = clients.remove_stream(deadline(), &rid, &session.uid, &session.owner, &mid).await;
        }
        if let Err(refusal) = clients.unpublish(deadline(), &sfu, &rid, &session.owner, &mid).await {
            tracing::debug!(uid = ?session.uid, ?mid, %refusal, "could not take a stream back");
        }
    });
}
