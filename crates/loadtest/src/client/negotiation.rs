//! From an offer and its answer to a client.

use super::agreement::{Agreed, Remote};
use super::connection::{Client, Parts};
use super::description::{self, Line, Transport};
use super::receiving::Receiving;
use super::secrets::{IceSecrets, first_sequence, ssrc};
use super::sending::{Beginning, Sending};
use super::{ClientError, Clock, Identity};
use sdp::{Kind, Setup};
use std::sync::Arc;
use std::time::Instant;

/// Which way the media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From here to the server.
    Publish,
    /// From the server to here.
    Subscribe,
}

/// An offer that waits for its answer.
#[derive(Debug)]
pub struct Offering {
    identity: Arc<Identity>,
    secrets: IceSecrets,
    cname: String,
    /// One for each m-line of a publisher.
    beginnings: Vec<Beginning>,
    sdp: String,
}

impl Offering {
    /// An offer with one m-line for each kind: Opus, or VP8 with retransmissions, as a browser offers them. `cname` names
    /// the peer in reports and its stream: letters and digits.
    ///
    /// # Errors
    /// [`ClientError::Random`].
    pub fn new(
        identity: &Arc<Identity>,
        direction: Direction,
        kinds: &[Kind],
        cname: &str,
    ) -> Result<Self, ClientError> {
        let secrets = IceSecrets::generate()?;
        let publishes = direction == Direction::Publish;
        let mut beginnings = Vec::new();
        for &kind in kinds.iter().filter(|_| publishes) {
            beginnings.push(beginning(kind == Kind::Video)?);
        }
        let mids: Vec<_> = (0..kinds.len()).map(|index| index.to_string()).collect();
        let line = |(index, &kind): (usize, &Kind)| {
            let video = kind == Kind::Video;
            let line = Line {
                kind,
                mid: mids.get(index).map_or("", String::as_str),
                sends: publishes,
                payload_type: if video { description::VP8 } else { description::OPUS },
                rtx_payload_type: video.then_some(description::VP8_RTX),
                ids: description::IDS,
                source: beginnings.get(index).map(|begins| (begins.ssrc, begins.rtx_ssrc)),
            };
            (kind, Some(line))
        };
        let lines: Vec<_> = kinds.iter().enumerate().map(line).collect();
        let fingerprint = identity.fingerprint();
        let transport = Transport { secrets: &secrets, fingerprint: &fingerprint, setup: "actpass", cname };
        let sdp = description::write(&transport, &lines);
        Ok(Self { identity: Arc::clone(identity), secrets, cname: cname.to_owned(), beginnings, sdp })
    }

    /// The same, with the DTLS client's part taken rather than left to the peer: a peer that may choose begins the
    /// handshake itself (RFC 5763 section 5), and with it offers the SRTP profiles.
    #[must_use]
    pub fn insisting_on_the_handshake(mut self) -> Self {
        self.sdp = self.sdp.replace("a=setup:actpass", "a=setup:active");
        self
    }

    /// The offer.
    #[must_use]
    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Takes the answer. The client then has [`super::CONNECT_TIMEOUT`] to connect.
    ///
    /// # Errors
    /// [`ClientError::Sdp`]; [`ClientError::Random`].
    pub fn accept(self, now: Instant, clock: Clock, answer: &str) -> Result<Client, ClientError> {
        let remote = Remote::parse(answer)?;
        let (sending, receiving) = tracks(&remote, &self.beginnings);
        if sending.is_empty() && receiving.is_empty() {
            return Err(ClientError::sdp("nothing is agreed on"));
        }
        // RFC 8842: whoever offers actpass and is answered passive begins the handshake.
        let active = remote.setup != Setup::Active;
        let (identity, secrets, cname) = (self.identity, self.secrets, self.cname);
        Client::new(now, Parts { identity, secrets, remote, active, clock, cname }, sending, receiving)
    }
}

/// Takes the peer's offer: a client that receives what is offered, and the answer. Begins the DTLS handshake unless the
/// peer insists on doing so.
///
/// # Errors
/// [`ClientError::Sdp`]; [`ClientError::Random`].
pub fn answer(
    now: Instant,
    clock: Clock,
    identity: &Arc<Identity>,
    offer: &str,
    cname: &str,
) -> Result<(Client, String), ClientError> {
    let remote = Remote::parse(offer)?;
    let secrets = IceSecrets::generate()?;
    let active = remote.setup != Setup::Active;
    let lines: Vec<_> = remote.lines.iter().map(|agreed| answered(agreed.as_ref())).collect();
    let fingerprint = identity.fingerprint();
    let setup = if active { "active" } else { "passive" };
    let transport = Transport { secrets: &secrets, fingerprint: &fingerprint, setup, cname };
    let text = description::write(&transport, &lines);
    let (_, receiving) = tracks(&remote, &[]);
    if receiving.is_empty() {
        return Err(ClientError::sdp("nothing is offered"));
    }
    let (identity, cname) = (Arc::clone(identity), cname.to_owned());
    let parts = Parts { identity, secrets, remote, active, clock, cname };
    Ok((Client::new(now, parts, Vec::new(), receiving)?, text))
}

fn answered(agreed: Option<&Agreed>) -> (Kind, Option<Line<'_>>) {
    // An m-line of another kind cannot be told from one that is not used: it is refused as either.
    let Some(agreed) = agreed else { return (Kind::Audio, None) };
    let line = Line {
        kind: agreed.kind,
        mid: &agreed.mid,
        sends: false,
        payload_type: agreed.payload_type,
        rtx_payload_type: agreed.rtx_payload_type,
        ids: agreed.ids,
        source: None,
    };
    (agreed.kind, Some(line))
}

fn tracks(remote: &Remote, beginnings: &[Beginning]) -> (Vec<Sending>, Vec<Receiving>) {
    let (mut sending, mut receiving) = (Vec::new(), Vec::new());
    for (index, agreed) in remote.lines.iter().enumerate() {
        let Some(agreed) = agreed else { continue };
        if let Some(beginning) = beginnings.get(index).filter(|_| agreed.receives) {
            sending.push(Sending::new(agreed, *beginning));
        } else if let Some((ssrc, rtx_ssrc)) = agreed.source {
            receiving.push(Receiving::new(agreed, ssrc, rtx_ssrc));
        }
    }
    (sending, receiving)
}

fn beginning(repairs: bool) -> Result<Beginning, ClientError> {
    Ok(Beginning {
        ssrc: ssrc()?,
        rtx_ssrc: if repairs { Some(ssrc()?) } else { None },
        sequence: first_sequence()?,
        rtx_sequence: first_sequence()?,
    })
}
