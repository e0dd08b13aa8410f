//! What every peer connection needs, whoever has it: checks, handshake, address.

use super::Core;
use crate::batch::Outbox;
use crate::stream::Stream;
use crate::timers::{Owner, Timer};
use crate::transport::ice::Path;
use crate::transport::{PAUSE_AFTER, Progress, Transport};
use crate::{EndReason, Event};
use is::stun::StunMessage;
use std::time::{Duration, Instant};

/// What DTLS wants later than this it does not want: that is how `dimpl` says that nothing waits.
const DTLS_HORIZON: Duration = Duration::from_secs(60);

impl Core {
    pub(super) fn transport(&mut self, owner: Owner) -> Option<&mut Transport> {
        match owner {
            Owner::Stream(index) => self.streams.get_mut(index).and_then(Stream::transport_mut),
            Owner::Subscription(index) => self.subscriptions.get_mut(index).map(|one| &mut one.transport),
            Owner::Network(_) => None,
        }
    }

    /// A STUN message; `false`: dropped. Whoever knows no ufrag and password gets no answer at all.
    pub(super) fn receive_stun(
        &mut self,
        now: Instant,
        path: Path,
        data: &[u8],
        out: &mut Outbox<'_>,
    ) -> bool {
        let Ok(message) = StunMessage::parse(data) else { return false };
        let Some((ufrag, _)) = message.split_username() else { return false };
        let Some(owner) = self.demux.by_ufrag(ufrag) else { return false };
        if self.is_taken(now, path, owner) {
            return false;
        }
        let limit = self.config.limits.half_open_per_address;
        if !self.half_open.admits(owner, path.remote.ip(), limit) {
            out.count(|stats| stats.half_open_refused += 1);
            return false;
        }
        let Some(transport) = self.transport(owner) else { return false };
        let was_paused = transport.is_paused();
        let Some(checked) = transport.check(now, path, &message, out) else { return false };
        for path in checked.forgotten {
            self.demux.release(path, owner);
        }
        if checked.validated {
            self.demux.claim(path, owner);
            self.half_open.heard(owner, path.remote.ip());
        }
        if let Some(ufrag) = checked.retired {
            self.demux.forget_name(&ufrag);
            self.timers.clear(owner, Timer::Restart);
            tracing::debug!(?owner, "ICE began anew");
        }
        if was_paused && checked.validated {
            self.resume(now, owner, out);
        }
        if checked.moved {
            tracing::debug!(?owner, "media takes another path");
        }
        true
    }

    /// Whether the address belongs to another connection that is in use. A forged source address must not turn away
    /// the packets of its true owner.
    fn is_taken(&mut self, now: Instant, path: Path, owner: Owner) -> bool {
        let Some(other) = self.demux.by_path(path).filter(|&other| other != owner) else {
            return false;
        };
        self.transport(other).is_some_and(|transport| {
            let ice = transport.ice();
            ice.selected().is_some_and(|selected| selected.leads_where(&path))
                && ice.last_check().is_some_and(|heard| now < heard + PAUSE_AFTER)
        })
    }

    /// A connection over TCP is closed. Whoever comes from this address next is another peer, until he shows who he is.
    pub(super) fn lose_path(&mut self, path: Path) {
        let Some(owner) = self.demux.by_path(path) else { return };
        self.demux.release(path, owner);
        if let Some(transport) = self.transport(owner) {
            transport.lose_path(path);
        }
    }

    /// A DTLS datagram; `false`: dropped.
    pub(super) fn receive_dtls(
        &mut self,
        now: Instant,
        path: Path,
        data: &[u8],
        out: &mut Outbox<'_>,
    ) -> bool {
        let Some(owner) = self.demux.by_path(path) else { return false };
        let progress =
            self.transport(owner).and_then(|transport| transport.receive_dtls(now, path, data, out));
        let Some(progress) = progress else { return false };
        self.progress(now, owner, &progress, out);
        true
    }

    pub(super) fn handle_dtls_timeout(&mut self, now: Instant, owner: Owner, out: &mut Outbox<'_>) {
        if let Some(transport) = self.transport(owner) {
            let progress = transport.handle_dtls_timeout(now, out);
            self.progress(now, owner, &progress, out);
        }
    }

    pub(super) fn handle_consent_timeout(&mut self, now: Instant, owner: Owner, out: &mut Outbox<'_>) {
        let Some(transport) = self.transport(owner) else { return };
        match transport.handle_consent_timeout(now) {
            Ok(next) => self.timers.set(now, owner, Timer::Consent, next),
            Err(reason) => self.end(now, owner, reason, out),
        }
    }

    fn progress(&mut self, now: Instant, owner: Owner, progress: &Progress, out: &mut Outbox<'_>) {
        if let Some(reason) = progress.ended {
            return self.end(now, owner, reason, out);
        }
        match progress.dtls_timeout {
            Some(at) if at < now + DTLS_HORIZON => self.timers.set(now, owner, Timer::Dtls, at),
            _ => self.timers.clear(owner, Timer::Dtls),
        }
        if progress.connected {
            out.count(|stats| stats.handshakes += 1);
            self.timers.clear(owner, Timer::Connect);
            self.half_open.done(owner);
            self.connected(now, owner, out);
            // The latest check may be a while ago.
            self.handle_consent_timeout(now, owner, out);
        }
    }

    fn connected(&mut self, now: Instant, owner: Owner, out: &mut Outbox<'_>) {
        self.timers.set(now, owner, Timer::Report, now + crate::stream::FIRST_REPORT);
        match owner {
            Owner::Stream(index) => {
                // Somebody may have subscribed, and asked for a key frame, before there was anyone to ask.
                self.ask_for_key_frames(now, index, out);
            }
            Owner::Subscription(index) => {
                let Some(subscription) = self.subscriptions.get(index) else { return };
                self.events.push_back(Event::SubscriptionLive { sid: subscription.sid.clone() });
                // Which layer it gets is known before the first packet.
                self.timers.set(now, Owner::Network(subscription.network), Timer::Look, now);
                self.want_key_frames_for(now, index, out);
            }
            Owner::Network(_) => {}
        }
    }

    /// The peer is heard again after it was away.
    fn resume(&mut self, now: Instant, owner: Owner, out: &mut Outbox<'_>) {
        match owner {
            // What its subscribers have seen last is long gone: pictures that build on it are of no use to them.
            Owner::Stream(index) => {
                let tracks = self.streams.get(index).map_or(0, |stream| stream.tracks.len());
                (0..tracks).for_each(|track| self.want_key_frame(now, index, track));
                self.forget_key_frames(index);
                self.ask_for_key_frames(now, index, out);
            }
            Owner::Subscription(index) => {
                if let Some(subscription) = self.subscriptions.get_mut(index) {
                    subscription.resume();
                }
                self.want_key_frames_for(now, index, out);
            }
            Owner::Network(_) => {}
        }
        // The consent timer runs on: it looks at the time of the latest check.
    }

    pub(super) fn handle_connect_timeout(&mut self, now: Instant, owner: Owner, out: &mut Outbox<'_>) {
        if let Owner::Stream(index) = owner {
            self.end_idle_branch(now, index, out);
        }
        if self.transport(owner).is_some_and(|transport| !transport.is_connected()) {
            self.end(now, owner, EndReason::NeverConnected, out);
        }
    }
}
