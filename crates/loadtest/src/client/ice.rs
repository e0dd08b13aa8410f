//! ICE of the controlling side: which of the peer's addresses answers, and whether it still does.

use super::secrets::IceSecrets;
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How often consent is asked for, as libwebrtc does.
const CONSENT_INTERVAL: Duration = Duration::from_millis(2500);

/// Without an answer for this long the peer does not consent any more (RFC 7675 section 5.1).
pub(super) const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// A check is repeated after this long, then after twice as long, up to [`MAX_RTO`].
const INITIAL_RTO: Duration = Duration::from_millis(100);
const MAX_RTO: Duration = Duration::from_millis(1600);

/// What a peer-reflexive candidate of ours would have (RFC 8445 section 5.1.2.1).
const PRIORITY: u32 = (110 << 24) | (0xffff << 8) | 255;

/// Wins each conflict of roles (RFC 8445 section 7.3.1.1): a full peer that offers takes itself for the controlling one
/// until it hears of this. We are never the other, and let it find out by our checks.
const TIE_BREAKER: u64 = u64::MAX;

/// The longest message that is written here: header, six attributes, a user name of at most 512 bytes.
const MESSAGE: usize = 768;

/// Where datagrams go to.
pub(super) type Send<'a> = &'a mut dyn FnMut(SocketAddr, &[u8]);

#[derive(Debug)]
pub(super) struct Ice {
    local: IceSecrets,
    remote_pwd: String,
    /// The peer's name, then ours.
    username: String,
    candidates: Vec<SocketAddr>,
    selected: Option<SocketAddr>,
    /// The check that waits for its answer.
    open: Option<TransId>,
    rto: Duration,
    due: Instant,
    heard: Instant,
}

impl Ice {
    pub(super) fn new(
        now: Instant,
        local: IceSecrets,
        remote: &sdp::IceCredentials,
        candidates: Vec<SocketAddr>,
    ) -> Self {
        Self {
            username: format!("{}:{}", remote.ufrag, local.ufrag),
            local,
            remote_pwd: remote.pwd.clone(),
            candidates,
            selected: None,
            open: None,
            rto: INITIAL_RTO,
            due: now,
            heard: now,
        }
    }

    /// The address that answered first.
    pub(super) fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// When the peer was heard last; before the first answer, when it was made.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Sends the check that is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, send: Send<'_>) {
        if now < self.due {
            return;
        }
        let retransmits = self.open.is_some();
        let id = *self.open.get_or_insert_with(TransId::new);
        self.rto = if retransmits { (2 * self.rto).min(MAX_RTO) } else { INITIAL_RTO };
        self.due = now + self.rto;
        match self.selected {
            Some(address) => self.check(id, true, address, send),
            // Where there is only one pair, it is the one that will be used.
            None => self.candidates.iter().for_each(|&address| {
                self.check(id, self.candidates.len() == 1, address, send);
            }),
        }
    }

    /// Handles a STUN message. True: an address answered for the first time.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        source: SocketAddr,
        message: &[u8],
        send: Send<'_>,
    ) -> bool {
        let Ok(message) = StunMessage::parse(message) else { return false };
        if message.is_binding_request() {
            self.reply(source, &message, send);
            return false;
        }
        let answers = message.is_successful_binding_response()
            && Some(message.trans_id()) == self.open
            && message.verify(self.remote_pwd.as_bytes(), hmac);
        if !answers {
            return false;
        }
        self.heard = now;
        self.open = None;
        let first = self.selected.is_none();
        // With several pairs the one that won is still to be nominated.
        let nominates = first && self.candidates.len() > 1;
        self.due = if nominates { now } else { now + CONSENT_INTERVAL };
        if first {
            self.selected = Some(source);
        }
        if nominates {
            self.handle_timeout(now, send);
        }
        first
    }

    fn check(&self, id: TransId, nominates: bool, to: SocketAddr, send: Send<'_>) {
        let request =
            StunMessage::binding_request(&self.username, id, true, TIE_BREAKER, PRIORITY, nominates);
        write(request, &self.remote_pwd, to, send);
    }

    /// A full peer checks back.
    fn reply(&self, source: SocketAddr, request: &StunMessage<'_>, send: Send<'_>) {
        if request.verify(self.local.pwd.as_bytes(), hmac) {
            write(StunMessage::binding_reply(request.trans_id(), source), &self.local.pwd, source, send);
        }
    }
}

fn write(message: StunMessage<'_>, pwd: &str, to: SocketAddr, send: Send<'_>) {
    let mut buffer = [0; MESSAGE];
    if let Some(bytes) =
        message.to_bytes(Some(pwd.as_bytes()), &mut buffer, hmac).ok().and_then(|len| buffer.get(..len))
    {
        send(to, bytes);
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    DefaultSha1HmacProvider.sha1_hmac(key, parts)
}
