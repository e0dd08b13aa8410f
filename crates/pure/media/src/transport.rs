//! One peer connection: who may talk to us from where, and in which keys.

pub(crate) mod agreed;
pub(crate) mod dtls;
pub(crate) mod ice;
pub(crate) mod identity;
mod signing;

use crate::batch::Outbox;
use crate::secrets::IceSecrets;
use crate::{Config, EndReason};
use agreed::Agreed;
use dtls::{Driven, Dtls};
use ice::{Checked, Ice, Path};
use is::stun::StunMessage;
use rtp::Header;
use rtp::srtp::{self, Opened, Profile};
use std::time::{Duration, Instant};

/// A peer has this long from the answer to the end of the DTLS handshake.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Without a check for this long, nothing is sent any more: the peer is taken for away. libwebrtc checks every 2.5 s.
pub(crate) const PAUSE_AFTER: Duration = Duration::from_secs(15);

/// Without a check for this long, the peer is gone. Consent to send expires after 30 s (RFC 7675 section 5.1), and
/// nothing is sent then already; but a lite agent makes no checks of its own (section 4), and whoever checks again with
/// the right password has consented again. Half a minute without network, in a lift or a train, must not take a new
/// call: this is twice that, and a browser that has given up by then comes back with a restart.
pub(crate) const CONSENT_TIMEOUT: Duration = Duration::from_secs(60);

/// What driving a transport led to.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// It is connected from now on: media may flow.
    pub(crate) connected: bool,
    /// When to drive DTLS again.
    pub(crate) dtls_timeout: Option<Instant>,
    /// It is over.
    pub(crate) ended: Option<EndReason>,
}

/// ICE, DTLS and SRTP of one peer connection.
#[derive(Debug)]
pub(crate) struct Transport {
    ice: Ice,
    /// Boxed, as `dtls`: it is large, and media does not need it.
    agreed: Box<Agreed>,
    /// Boxed: it is large, and media does not need it.
    dtls: Box<Dtls>,
    /// There once the handshake is finished and the peer's certificate is the right one.
    keys: Option<(srtp::Sender, srtp::Receiver)>,
    paused: bool,
}

impl Transport {
    pub(crate) fn new(now: Instant, config: &Config, secrets: &IceSecrets, agreed: Agreed) -> Self {
        let remote = &agreed.session().remote;
        Self {
            ice: Ice::new(secrets.clone(), &remote.ice),
            dtls: Box::new(Dtls::new(now, &config.dtls, remote.fingerprints.clone())),
            keys: None,
            paused: false,
            agreed: Box::new(agreed),
        }
    }

    /// What was agreed on with the peer.
    pub(crate) fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// The peer begins ICE anew: see [`Ice::restart`].
    pub(crate) fn restart(&mut self, secrets: IceSecrets, remote: &sdp::IceCredentials) -> Option<String> {
        self.agreed.answer_again(remote);
        self.ice.restart(secrets, remote)
    }

    /// Nobody has used the credentials of the restart.
    pub(crate) fn give_up_restart(&mut self) -> Option<String> {
        self.ice.give_up_restart()
    }

    pub(crate) fn ice(&self) -> &Ice {
        &self.ice
    }

    /// Whether media may flow, in principle.
    pub(crate) fn is_connected(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether the peer has not been heard of for a while.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Where media goes to now, and the keys for it; `None` while it may not flow.
    #[inline]
    pub(crate) fn sending(&mut self) -> Option<(Path, &mut srtp::Sender)> {
        let (sender, _) = self.keys.as_mut().filter(|_| !self.paused)?;
        Some((self.ice.selected()?, sender))
    }

    /// Nothing can be sent on this path any more.
    pub(crate) fn lose_path(&mut self, path: Path) {
        self.ice.lose(path);
    }

    /// Handles a STUN message that carries our ufrag. The path is the peer's where the result says so.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        path: Path,
        message: &StunMessage<'_>,
        out: &mut Outbox<'_>,
    ) -> Option<Checked> {
        let checked = self.ice.handle(now, path, message, out)?;
        if checked.validated {
            self.paused = false;
        }
        Some(checked)
    }

    /// Handles a DTLS datagram; only from an address that is the peer's.
    pub(crate) fn receive_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Outbox<'_>,
    ) -> Option<Progress> {
        if !self.ice.is_validated(path) {
            return None;
        }
        if !self.dtls.is_connected() {
            self.ice.prefer(path);
        }
        let to = self.ice.selected().unwrap_or(path);
        let driven = self.dtls.receive(now, datagram, &mut |packet| out.copy(to, packet));
        Some(self.digest(driven))
    }

    /// The DTLS timer is due.
    pub(crate) fn handle_dtls_timeout(&mut self, now: Instant, out: &mut Outbox<'_>) -> Progress {
        let to = self.ice.selected();
        let driven = self.dtls.handle_timeout(now, &mut |packet| {
            if let Some(to) = to {
                out.copy(to, packet);
            }
        });
        self.digest(driven)
    }

    /// The consent timer is due: pauses or ends the transport. Returns when to look again.
    pub(crate) fn handle_consent_timeout(&mut self, now: Instant) -> Result<Instant, EndReason> {
        let heard = self.ice.last_check().unwrap_or(now);
        if now >= heard + CONSENT_TIMEOUT {
            return Err(EndReason::ConsentLost);
        }
        self.paused = now >= heard + PAUSE_AFTER;
        Ok(heard + if self.paused { CONSENT_TIMEOUT } else { PAUSE_AFTER })
    }

    /// Decrypts an RTP packet in place; only from the selected address. `None`: dropped.
    #[inline]
    pub(crate) fn open_rtp(&mut self, path: Path, header: &Header, packet: &mut [u8]) -> Option<Opened> {
        let (_, receiver) = self.keys.as_mut()?;
        if self.ice.selected() != Some(path) {
            return None;
        }
        receiver.open_rtp(header, packet).ok()
    }

    /// Decrypts an RTCP packet in place; only from the selected address. `None`: dropped.
    pub(crate) fn open_rtcp(&mut self, path: Path, packet: &mut [u8]) -> Option<Opened> {
        let (_, receiver) = self.keys.as_mut()?;
        if self.ice.selected() != Some(path) {
            return None;
        }
        receiver.open_rtcp(packet).ok()
    }

    /// Sends the RTCP packets that `write` writes into the buffer that it gets.
    pub(crate) fn send_rtcp(&mut self, out: &mut Outbox<'_>, write: impl FnOnce(&mut [u8]) -> usize) {
        let Some((path, sender)) = self.sending() else { return };
        let overhead = sender.profile().rtcp_overhead();
        out.write(path, |buffer| {
            let room = RTCP_BYTES.min(buffer.len().checked_sub(overhead)?);
            let len = write(buffer.get_mut(..room)?);
            if len == 0 {
                return None;
            }
            sender.seal_rtcp(buffer, len).ok()
        });
    }

    /// Says goodbye to the peer.
    pub(crate) fn close(&mut self, now: Instant, out: &mut Outbox<'_>) {
        if let Some(to) = self.ice.selected() {
            self.dtls.close(now, &mut |packet| out.copy(to, packet));
        }
    }

    fn digest(&mut self, driven: Driven) -> Progress {
        let mut progress = Progress { connected: false, dtls_timeout: driven.timeout, ended: driven.ended };
        if let Some((material, profile)) = driven.keys
            && self.keys.is_none()
        {
            self.keys =
                profile_of(profile).and_then(|profile| srtp::pair_from_dtls(profile, &material, false).ok());
            match self.keys {
                Some(_) => progress.connected = true,
                None => progress.ended = Some(EndReason::HandshakeFailed),
            }
        }
        progress
    }
}

/// The largest RTCP packet: what fits into an Ethernet frame through any tunnel.
const RTCP_BYTES: usize = 1200;

fn profile_of(profile: dimpl::SrtpProfile) -> Option<Profile> {
    match profile {
        dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        _ => None,
    }
}
