//! What the calls of the `Sfu` service do: each goes to the worker of its stream
//! and waits for the answer there.
//!
//! - [`subscriptions`]: those of subscribers. [`restart`]: new ICE credentials.

mod restart;
mod subscriptions;

use std::sync::Arc;
use std::time::Instant;

use media::{MediaError, MediaErrorKind};
use metrics::{Depth, Pressure};
use model::ids::{NodeId, RoomId, StreamId, UserId};
use model::{ErrorCode, Owner};
use parking_lot::Mutex;
use rpc::convert::{connection_owner, node_id, room_id, stream_id, subscription_id, user_id};
use rpc::proto::{
    self, ClaimReply, ClaimRequest, DescribeReply, MediaNotice, MuteReply, MuteRequest, NoticesRequest,
    PublishReply, PublishRequest, RecordReply, RecordRequest, UnpublishReply, UnpublishRequest,
};
use rpc::status::{refuse, with_code};
use tokio::sync::{mpsc, watch};
use tonic::{Code, Status};

use crate::directory::{Claimed, Directory, Exists, Party, Topic};
use crate::events::Ends;
use crate::mailbox::{Command, Mailbox, MailboxError};
use crate::notices::Notices;
use crate::placement::Placement;
use crate::recorder::{Recorder, Subject};
use crate::reporter::EndStream;
use crate::stage::{Life, Stage};
use crate::tcp::Census;
use crate::worker::WorkerStats;

/// What the calls work on.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) id: NodeId,
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) life: Life,
    /// In hundredths, as discovery hears of it.
    pub(crate) load: watch::Receiver<u8>,
    pub(crate) pressure: Pressure,
    pub(crate) recording: Recording,
    pub(crate) placement: Placement,
    /// Batches of copies on their way from one worker to another.
    pub(crate) copies: Depth,
    /// What the registers have not heard yet.
    pub(crate) ends: Ends,
    /// What signalling nodes are told.
    pub(crate) notices: Notices,
    /// What each worker told last.
    pub(crate) latest: Mutex<Vec<WorkerStats>>,
    /// Who is here over TCP; `None`: nobody can be.
    pub(crate) visitors: Option<Census>,
}

/// What is recorded.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Streams whose publisher does not say.
    pub(crate) by_default: bool,
    /// `None`: there is no place for recordings.
    pub(crate) recorder: Option<Recorder>,
}

impl Workers {
    fn mailbox(&self, worker: usize) -> Result<&Mailbox, Status> {
        self.mailboxes.get(worker).ok_or_else(|| refuse(ErrorCode::Internal, "there is no such worker"))
    }

    fn take_new(&self) -> Result<(), Status> {
        if self.pressure.is_high() {
            return Err(refuse(ErrorCode::Limit, "this SFU is short of memory"));
        }
        match self.life.stage() {
            Stage::Open => Ok(()),
            // It did not exist before, so far as the caller knows: another SFU will do.
            Stage::Starting => Err(refuse(ErrorCode::Draining, "this SFU takes nothing new yet")),
            Stage::Draining => Err(refuse(ErrorCode::Draining, "this SFU takes nothing new")),
        }
    }

    pub(crate) async fn publish(&self, request: PublishRequest) -> Result<PublishReply, Status> {
        let (rid, uid, mid) = (room_id(&request.rid)?, user_id(&request.uid)?, stream_id(&request.mid)?);
        self.take_new()?;
        let record = self.to_record(request.record)?;
        tracing::debug!(%rid, %uid, %mid, record, "publish");
        let record = record.then(|| Subject { rid: rid.clone(), uid: uid.clone(), mid: mid.clone() });
        let whose = (rid.clone(), uid.clone());
        let party = Party { rid, uid, connection: asker(request.owner)? };
        let worker = self.directory.add_stream(&mid, party, Instant::now()).map_err(|Exists| {
            with_code(Code::AlreadyExists, ErrorCode::Internal, "a stream of this mid is here already")
        })?;
        let answer = async {
            let offer = request.offer_sdp;
            let ask = self.mailbox(worker)?.ask(|reply| Command::Publish {
                mid: mid.clone(),
                offer,
                record,
                reply,
            });
            answered(ask.await)
        };
        match answer.await {
            Ok(answer_sdp) => {
                self.see(&whose.0, &whose.1);
                Ok(PublishReply { answer_sdp })
            }
            Err(status) => {
                self.directory.remove_stream(&mid);
                Err(status)
            }
        }
    }

    pub(crate) async fn unpublish(&self, request: UnpublishRequest) -> Result<UnpublishReply, Status> {
        let (rid, mid) = (room_id(&request.rid)?, stream_id(&request.mid)?);
        let asker = asker(request.owner)?;
        let found = self.directory.stream(&mid).filter(|stream| stream.rid == rid);
        if found.is_some_and(|stream| stream.obeys(asker.as_ref())) {
            tracing::debug!(%rid, %mid, "unpublish");
            self.end_stream(mid).await?;
        }
        Ok(UnpublishReply {})
    }

    /// What is here of this user in this room. It stays, while its new connection tells the room.
    pub(crate) fn claim(&self, request: ClaimRequest) -> Result<ClaimReply, Status> {
        bounded("mids", request.mids.len())?;
        bounded("sids", request.sids.len())?;
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let mids: Vec<_> = request.mids.iter().map(|mid| stream_id(mid)).collect::<Result<_, _>>()?;
        let sids: Vec<_> = request.sids.iter().map(|sid| subscription_id(sid)).collect::<Result<_, _>>()?;
        let asker = asker(request.owner)?;
        let Claimed { mids, sids, network } =
            self.directory.claim(&rid, &uid, asker.as_ref(), mids, sids, Instant::now());
        tracing::debug!(%rid, %uid, streams = mids.len(), subscriptions = sids.len(), "claim");
        let reply = ClaimReply {
            mids: mids.iter().map(ToString::to_string).collect(),
            sids: sids.iter().map(ToString::to_string).collect(),
            network,
        };
        if let Some(asker) = asker {
            // Its new node has not heard what is so with them.
            let streams = mids.into_iter().flat_map(|mid| [Topic::Layers(mid.clone()), Topic::Speech(mid)]);
            self.notices.tell(&asker.signal, streams.chain(sids.into_iter().map(Topic::Pause)));
        }
        Ok(reply)
    }

    /// Begins to record a stream, or ends that.
    pub(crate) async fn record(&self, request: RecordRequest) -> Result<RecordReply, Status> {
        let (rid, mid) = (room_id(&request.rid)?, stream_id(&request.mid)?);
        let found = self.directory.stream(&mid).filter(|entry| entry.rid == rid);
        let entry = found.ok_or_else(|| refuse(ErrorCode::NoSuchStream, "the SFU has no such stream"))?;
        tracing::debug!(%rid, %mid, record = request.record, "record");
        let mailbox = self.mailbox(entry.worker)?;
        if request.record {
            self.to_record(Some(true))?;
            let subject = Subject { rid, uid: entry.uid, mid };
            let begun = mailbox.ask(|reply| Command::Record { subject, reply }).await.map_err(unanswered)?;
            if !begun {
                let message = "there is nothing to record: the stream has no audio, or has just ended";
                return Err(with_code(Code::FailedPrecondition, ErrorCode::NotAllowed, message));
            }
        } else {
            mailbox.ask(|reply| Command::StopRecording { mid, reply }).await.map_err(unanswered)?;
        }
        Ok(RecordReply {})
    }

    /// Keeps a stream from everybody, or lets it through again.
    pub(crate) async fn mute(&self, request: MuteRequest) -> Result<MuteReply, Status> {
        let (rid, mid) = (room_id(&request.rid)?, stream_id(&request.mid)?);
        let missing = || refuse(ErrorCode::NoSuchStream, "the SFU has no such stream");
        let entry = self.directory.stream(&mid).filter(|entry| entry.rid == rid).ok_or_else(missing)?;
        tracing::info!(%rid, %mid, muted = request.muted, "mute");
        let muted = request.muted;
        let mailbox = self.mailbox(entry.worker)?;
        let found = mailbox.ask(|reply| Command::Mute { mid, muted, reply }).await.map_err(unanswered)?;
        if found { Ok(MuteReply {}) } else { Err(missing()) }
    }

    /// Whether a stream is recorded whose publisher wants this.
    fn to_record(&self, wanted: Option<bool>) -> Result<bool, Status> {
        let here = self.recording.recorder.is_some();
        match wanted {
            Some(true) if !here => {
                let message = "this SFU does not record: it has no record.dir";
                Err(refuse(ErrorCode::NotAllowed, message))
            }
            Some(wanted) => Ok(wanted),
            None => Ok(here && self.recording.by_default),
        }
    }

    /// Somebody has come: whoever asks the directory finds them, and whoever asked before is told.
    fn see(&self, rid: &RoomId, uid: &UserId) {
        if let Some(recorder) = &self.recording.recorder {
            recorder.seen(rid, uid);
        }
    }

    /// What happens to the media of a signalling node's clients.
    pub(crate) fn notices(
        &self,
        request: &NoticesRequest,
    ) -> Result<mpsc::Receiver<Result<MediaNotice, Status>>, Status> {
        let node = node_id(&request.signal_id, "signal_id")?;
        tracing::debug!(%node, "listens");
        self.notices.listen(node, Arc::clone(&self.directory))
    }

    pub(crate) fn describe(&self) -> DescribeReply {
        let (streams, subscriptions) = self.directory.counts();
        DescribeReply {
            sfu_id: self.id.to_string(),
            workers: self.mailboxes.len() as u32,
            streams: streams as u32,
            subscriptions: subscriptions as u32,
            load: f32::from(*self.load.borrow()) / 100.0,
            draining: self.life.is_draining(),
        }
    }

    /// The worker first: what the directory does not know cannot be ended any more.
    async fn end_stream(&self, mid: StreamId) -> Result<(), Status> {
        let Some(entry) = self.directory.stream(&mid) else { return Ok(()) };
        let command = |reply| Command::Unpublish { mid: mid.clone(), reply };
        self.mailbox(entry.worker)?.ask(command).await.map_err(unanswered)?;
        self.directory.remove_stream(&mid);
        Ok(())
    }
}

impl EndStream for Workers {
    async fn end(&self, mid: StreamId) {
        if let Err(status) = self.end_stream(mid).await {
            // The next round tries again.
            tracing::debug!(reason = status.message(), "a stream could not be ended");
        }
    }
}

fn answered(answer: Result<Result<String, MediaError>, MailboxError>) -> Result<String, Status> {
    answer.map_err(unanswered)?.map_err(|error| refused(&error))
}

fn refused(error: &MediaError) -> Status {
    let code = match error.kind() {
        MediaErrorKind::UnusableSdp => ErrorCode::Sdp,
        MediaErrorKind::NoSuchStream => ErrorCode::NoSuchStream,
        MediaErrorKind::NoSuchSubscription => ErrorCode::NoSuchSubscription,
        MediaErrorKind::Limit => ErrorCode::Limit,
        MediaErrorKind::Internal => ErrorCode::Internal,
    };
    refuse(code, error.message())
}

fn unanswered(error: MailboxError) -> Status {
    let code = match error {
        MailboxError::Full => ErrorCode::Limit,
        MailboxError::Stopped => ErrorCode::Draining,
        MailboxError::Lost => ErrorCode::Internal,
    };
    refuse(code, error.to_string())
}

/// The connection that asks, where it says.
fn asker(owner: Option<proto::Owner>) -> Result<Option<Owner>, Status> {
    Ok(owner.map(|owner| connection_owner(Some(owner))).transpose()?)
}

/// Refuses a list that is too long.
fn bounded(field: &str, len: usize) -> Result<(), Status> {
    if len <= rpc::MAX_BATCH {
        return Ok(());
    }
    let message = format!("{field} has {len} entries, expected at most {}", rpc::MAX_BATCH);
    Err(with_code(Code::InvalidArgument, ErrorCode::Limit, message))
}
