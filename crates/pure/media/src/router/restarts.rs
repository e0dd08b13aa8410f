//! ICE anew for a connection that stands, or is about to: the peer's network has changed, and its media goes on.

use super::Core;
use super::offers::unusable;
use crate::secrets::IceSecrets;
use crate::stream::Stream;
use crate::timers::{Owner, Timer};
use crate::transport::{CONNECT_TIMEOUT, Transport};
use crate::{MediaError, MediaErrorKind, Restart};
use sdp::{Capabilities, Offer, SdpError, Section, Session, TrackOffer};
use std::time::Instant;

impl Core {
    /// A restart takes nothing but a name, and each connection has one at a time: all of them may do so at once, when
    /// their network comes back, and none is refused for that.
    pub(super) fn restart(
        &mut self,
        now: Instant,
        restart: Restart<'_>,
        offer: &str,
    ) -> Result<String, MediaError> {
        let (owner, worker) = (self.restarted(restart)?, self.worker());
        let missing = || missing(restart);
        let offer = self.read(offer)?;
        let transport = self.transport(owner).ok_or_else(missing)?;
        let session = negotiated(owner, transport, &offer).map_err(|error| unusable(&error))?;
        session.check_restart(transport.agreed().session()).map_err(|error| unusable(&error))?;
        let secrets = IceSecrets::generate(worker)?;
        let replaced = transport.restart(secrets.clone(), &session.remote.ice);
        if let Some(ufrag) = replaced {
            self.demux.forget_name(&ufrag);
        }
        self.demux.add(&secrets.ufrag, owner);
        self.timers.set(now, owner, Timer::Restart, now + CONNECT_TIMEOUT);
        let agreed = self.transport_of(owner).ok_or_else(missing)?.agreed();
        Ok(self.answer(agreed, &secrets))
    }

    fn transport_of(&self, owner: Owner) -> Option<&Transport> {
        match owner {
            Owner::Stream(index) => self.streams.get(index).and_then(Stream::transport),
            Owner::Subscription(index) => self.subscriptions.get(index).map(|one| &one.transport),
            Owner::Network(_) => None,
        }
    }

    /// Whose transport it is.
    fn restarted(&self, restart: Restart<'_>) -> Result<Owner, MediaError> {
        let owner = match restart {
            Restart::Publish(mid) => {
                let published =
                    |index: &&usize| self.streams.get(**index).is_some_and(|one| !one.is_branch());
                self.by_mid.get(mid).filter(published).map(|index| Owner::Stream(*index))
            }
            Restart::Subscription(sid) => self.by_sid.get(sid).map(|index| Owner::Subscription(*index)),
        };
        owner.ok_or_else(|| missing(restart))
    }

    /// Nobody has used the credentials of a restart in time.
    pub(super) fn handle_restart_timeout(&mut self, owner: Owner) {
        let unused = self.transport(owner).and_then(Transport::give_up_restart);
        if let Some(ufrag) = unused {
            self.demux.forget_name(&ufrag);
        }
    }
}

fn missing(restart: Restart<'_>) -> MediaError {
    match restart {
        Restart::Publish(_) => MediaError::new(MediaErrorKind::NoSuchStream, "no such published stream"),
        Restart::Subscription(_) => {
            MediaError::new(MediaErrorKind::NoSuchSubscription, "no such subscription")
        }
    }
}

/// The same negotiation as in the beginning, with what was agreed on then.
fn negotiated(owner: Owner, transport: &Transport, offer: &Offer) -> Result<Session, SdpError> {
    match owner {
        Owner::Stream(_) => sdp::negotiate::publish(offer, &Capabilities::default()),
        Owner::Subscription(_) | Owner::Network(_) => {
            let sent = || transport.agreed().session().sending();
            let tracks: Vec<TrackOffer> = sent().map(|track| track.offered.clone()).collect();
            let mut session = sdp::negotiate::subscribe(offer, &tracks, &Capabilities::default())?;
            // Tracks that found no m-line in the beginning are not among them: the others count as they did then.
            for section in &mut session.sections {
                if let Section::Send(track) = section {
                    track.track = sent().nth(track.track).map_or(track.track, |before| before.track);
                }
            }
            Ok(session)
        }
    }
}
