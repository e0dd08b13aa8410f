//! Offers in, answers out: how streams and subscriptions begin.

use super::Core;
use crate::secrets::{IceSecrets, random};
use crate::stream::Stream;
use crate::subscription::Subscription;
use crate::subscription::outgoing::{Origin, OutgoingTrack};
use crate::timers::{Owner, Timer};
use crate::transport::ice::is_candidate;
use crate::transport::{CONNECT_TIMEOUT, Transport};
use crate::{MediaError, MediaErrorKind};
use model::ids::{StreamId, SubscriptionId};
use sdp::{Capabilities, HostCandidate, Kind, Local, Msid, Name, Offer, Session, TrackOffer};
use std::time::Instant;

impl Core {
    pub(super) fn publish(
        &mut self,
        now: Instant,
        mid: &StreamId,
        offer: &str,
    ) -> Result<String, MediaError> {
        if self.by_mid.contains_key(mid) {
            return Err(MediaError::new(MediaErrorKind::Internal, "this stream is published already"));
        }
        self.check_room()?;
        let offer = self.read(offer)?;
        let session =
            sdp::negotiate::publish(&offer, &Capabilities::default()).map_err(|error| unusable(&error))?;
        let tracks = session.receiving().count();
        let limit = self.config.limits.tracks_per_stream;
        if tracks > limit {
            return Err(exceeded(&format!("the offer has {tracks} tracks, at most {limit} are taken")));
        }
        let secrets = IceSecrets::generate()?;
        let transport = Transport::new(now, &self.config, &secrets, &session.remote);
        let answer = self.answer(&session, &secrets)?;
        let interval = self.config.limits.key_frame_interval;
        let stream = Stream::new(mid.clone(), transport, session.receiving(), random()?, interval);
        let index = self.streams.insert(stream);
        self.by_mid.insert(mid.clone(), index);
        self.admit(now, Owner::Stream(index), &secrets);
        Ok(answer)
    }

    pub(super) fn subscribe(
        &mut self,
        now: Instant,
        mid: &StreamId,
        sid: &SubscriptionId,
        offer: &str,
    ) -> Result<String, MediaError> {
        if self.by_sid.contains_key(sid) {
            return Err(MediaError::new(MediaErrorKind::Internal, "this subscription exists already"));
        }
        let missing = || MediaError::new(MediaErrorKind::NoSuchStream, "no such published stream");
        let stream_index = *self.by_mid.get(mid).ok_or_else(missing)?;
        self.check_room()?;
        let stream = self.streams.get(stream_index).ok_or_else(missing)?;
        let limit = self.config.limits.subscribers_per_stream;
        if stream.subscribers.len() >= limit {
            return Err(exceeded(&format!("the stream has {limit} subscribers already")));
        }
        let offer = self.read(offer)?;
        let offered = offered_tracks(stream)?;
        let session = sdp::negotiate::subscribe(&offer, &offered, &Capabilities::default())
            .map_err(|error| unusable(&error))?;
        let secrets = IceSecrets::generate()?;
        let transport = Transport::new(now, &self.config, &secrets, &session.remote);
        let tracks = outgoing_tracks(stream, &session, self.config.limits.retransmissions)?;
        let answer = self.answer(&session, &secrets)?;
        let subscription =
            Subscription::new(sid.clone(), stream_index, transport, tracks, stream.tracks.len());
        let index = self.subscriptions.insert(subscription);
        if let Some(stream) = self.streams.get_mut(stream_index) {
            stream.subscribers.push(index);
        }
        self.by_sid.insert(sid.clone(), index);
        self.admit(now, Owner::Subscription(index), &secrets);
        Ok(answer)
    }

    pub(super) fn check_room(&self) -> Result<(), MediaError> {
        let limit = self.config.limits.transports;
        if self.streams.len() + self.subscriptions.len() >= limit {
            return Err(exceeded(&format!("this worker has {limit} connections already")));
        }
        let limit = self.config.limits.half_open;
        if self.half_open.len() >= limit {
            return Err(exceeded(&format!("{limit} connections of this worker are not connected yet")));
        }
        Ok(())
    }

    fn read(&self, offer: &str) -> Result<Offer, MediaError> {
        Offer::parse_within(offer, self.config.limits.sdp).map_err(|error| unusable(&error))
    }

    fn admit(&mut self, now: Instant, owner: Owner, secrets: &IceSecrets) {
        self.demux.add(&secrets.ufrag, owner);
        self.half_open.begin(owner);
        self.timers.set(now, owner, Timer::Connect, now + CONNECT_TIMEOUT);
    }

    fn answer(&self, session: &Session, secrets: &IceSecrets) -> Result<String, MediaError> {
        let candidates: Vec<HostCandidate> = self
            .config
            .candidates
            .iter()
            .filter(|address| is_candidate(**address))
            .map(|address| HostCandidate::udp(*address))
            .collect();
        let local = Local {
            ice_ufrag: &secrets.ufrag,
            ice_pwd: &secrets.pwd,
            fingerprint: self.config.dtls.sdp_fingerprint(),
            candidates: &candidates,
            session_id: u64::from_be_bytes(random()?) >> 1,
        };
        Ok(sdp::answer::write(session, &local))
    }
}

/// What a stream offers to one subscriber: its tracks, under SSRCs that are the subscriber's own.
fn offered_tracks(stream: &Stream) -> Result<Vec<TrackOffer>, MediaError> {
    let mut ssrcs = Vec::new();
    let mut fresh_ssrc = || loop {
        let ssrc = u32::from_be_bytes(random()?);
        if ssrc != 0 && !ssrcs.contains(&ssrc) {
            ssrcs.push(ssrc);
            return Ok(ssrc);
        }
    };
    let mut offered = Vec::with_capacity(stream.tracks.len());
    for (index, track) in stream.tracks.iter().enumerate() {
        offered.push(TrackOffer {
            codec: track.line.codec,
            fmtp: track.line.fmtp.clone(),
            ssrc: fresh_ssrc()?,
            rtx_ssrc: match track.line.kind {
                Kind::Video => Some(fresh_ssrc()?),
                Kind::Audio => None,
            },
            cname: stream.name.clone(),
            msid: Msid {
                stream: stream.name.clone(),
                track: Some(Name::cleaned(&format!("{}-{}{index}", stream.name, track.line.kind))),
            },
        });
    }
    Ok(offered)
}

fn outgoing_tracks(
    stream: &Stream,
    session: &Session,
    retransmissions: u8,
) -> Result<Vec<OutgoingTrack>, MediaError> {
    let mut tracks = Vec::new();
    for track in session.sending() {
        let Some(source) = stream.tracks.get(track.track) else { continue };
        let origin = Origin {
            source: track.track,
            extensions: &source.line.extensions,
            random: [u64::from_be_bytes(random()?), u64::from_be_bytes(random()?)],
            retransmissions,
        };
        tracks.push(OutgoingTrack::new(track, &origin));
    }
    Ok(tracks)
}

fn unusable(error: &sdp::SdpError) -> MediaError {
    MediaError::new(MediaErrorKind::UnusableSdp, error.to_string())
}

fn exceeded(message: &str) -> MediaError {
    MediaError::new(MediaErrorKind::Limit, message)
}
