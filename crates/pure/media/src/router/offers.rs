//! Offers in, answers out: how streams and subscriptions begin.

use super::Core;
use crate::preference::Wanted;
use crate::secrets::{IceSecrets, random};
use crate::stream::Stream;
use crate::subscription::outgoing::{Origin, OutgoingTrack};
use crate::subscription::{Place, Subscription};
use crate::timers::{Owner, Timer};
use crate::transport::agreed::Agreed;
use crate::transport::ice::is_candidate;
use crate::transport::{CONNECT_TIMEOUT, Transport};
use crate::{MediaError, MediaErrorKind};
use model::ids::{StreamId, SubscriptionId};
use sdp::{Capabilities, HostCandidate, Kind, Local, Msid, Name, Offer, Session, TrackOffer};
use std::net::SocketAddr;
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
        let tracks: usize = session.receiving().map(|track| track.layers.len().max(1)).sum();
        let limit = self.config.limits.tracks_per_stream;
        if tracks > limit {
            return Err(exceeded(&format!("the offer has {tracks} tracks, at most {limit} are taken")));
        }
        let secrets = IceSecrets::generate(self.worker())?;
        let agreed = Agreed::new(session.clone())?;
        let answer = self.answer(&agreed, &secrets);
        let transport = Transport::new(now, &self.config, &secrets, agreed);
        let interval = self.config.limits.key_frame_interval;
        let stream = Stream::new(mid.clone(), transport, session.receiving(), random()?, interval);
        let index = self.streams.insert(stream);
        self.by_mid.insert(mid.clone(), index);
        self.admit(now, Owner::Stream(index), &secrets);
        self.look_at_demand(now, index);
        Ok(answer)
    }

    pub(super) fn subscribe(
        &mut self,
        now: Instant,
        mid: &StreamId,
        sid: &SubscriptionId,
        offer: &str,
        wanted: Wanted,
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
        let secrets = IceSecrets::generate(self.worker())?;
        let tracks = outgoing_tracks(stream, &session, self.config.limits.retransmissions)?;
        let agreed = Agreed::new(session)?;
        let answer = self.answer(&agreed, &secrets);
        let transport = Transport::new(now, &self.config, &secrets, agreed);
        let sources = stream.tracks.len();
        self.serial += 1;
        let (serial, network) = (self.serial, self.network(now, wanted.network));
        let preference = wanted.preference;
        let place = Place { sid: sid.clone(), serial, stream: stream_index, network, preference };
        let subscription = Subscription::new(place, transport, tracks, sources);
        let index = self.subscriptions.insert(subscription);
        if let Some(stream) = self.streams.get_mut(stream_index) {
            stream.subscribers.push(index);
        }
        self.by_sid.insert(sid.clone(), index);
        self.join_network(now, index);
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

    pub(super) fn read(&self, offer: &str) -> Result<Offer, MediaError> {
        Offer::parse_within(offer, self.config.limits.sdp).map_err(|error| unusable(&error))
    }

    /// The number that names of this router carry.
    pub(super) fn worker(&self) -> u16 {
        self.config.tcp.as_ref().map_or(0, |tcp| tcp.worker)
    }

    fn admit(&mut self, now: Instant, owner: Owner, secrets: &IceSecrets) {
        self.demux.add(&secrets.ufrag, owner);
        self.half_open.begin(owner);
        self.timers.set(now, owner, Timer::Connect, now + CONNECT_TIMEOUT);
    }

    pub(super) fn answer(&self, agreed: &Agreed, secrets: &IceSecrets) -> String {
        let usable = |addresses: &[SocketAddr], new: fn(SocketAddr) -> HostCandidate| -> Vec<HostCandidate> {
            addresses.iter().copied().filter(|address| is_candidate(*address)).map(new).collect()
        };
        let tcp = self.config.tcp.as_ref().map_or(&[][..], |tcp| &tcp.candidates);
        let mut candidates = usable(&self.config.candidates, HostCandidate::udp);
        candidates.extend(usable(tcp, HostCandidate::tcp));
        let local = Local {
            ice_ufrag: &secrets.ufrag,
            ice_pwd: &secrets.pwd,
            fingerprint: self.config.dtls.sdp_fingerprint(),
            candidates: &candidates,
            session_id: agreed.session_id(),
            session_version: agreed.session_version(),
        };
        sdp::answer::write(agreed.session(), &local)
    }
}

/// What a stream offers to one subscriber: its media, under SSRCs that are the subscriber's own.
fn offered_tracks(stream: &Stream) -> Result<Vec<TrackOffer>, MediaError> {
    let mut ssrcs = Vec::new();
    let mut fresh_ssrc = || loop {
        let ssrc = u32::from_be_bytes(random()?);
        if ssrc != 0 && !ssrcs.contains(&ssrc) {
            ssrcs.push(ssrc);
            return Ok(ssrc);
        }
    };
    let mut offered = Vec::with_capacity(stream.media.len());
    let tracks = stream.media.iter().filter_map(|layers| stream.tracks.get(layers.start));
    for (index, track) in tracks.enumerate() {
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
        let Some(layers) = stream.media.get(track.track) else { continue };
        let Some(source) = stream.tracks.get(layers.start) else { continue };
        let origin = Origin {
            layers: layers.clone(),
            extensions: &source.line.extensions,
            random: [u64::from_be_bytes(random()?), u64::from_be_bytes(random()?)],
            retransmissions,
        };
        tracks.push(OutgoingTrack::new(track, &origin));
    }
    Ok(tracks)
}

pub(super) fn unusable(error: &sdp::SdpError) -> MediaError {
    MediaError::new(MediaErrorKind::UnusableSdp, error.to_string())
}

fn exceeded(message: &str) -> MediaError {
    MediaError::new(MediaErrorKind::Limit, message)
}
