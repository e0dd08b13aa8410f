//! Who may come in, and what they may do there.

use crate::refusal::Refusal;
use auth::{Grant, Keys, TokenError};
use model::{ErrorCode, RoomId};
use parking_lot::RwLock;
use std::{sync::Arc, time::SystemTime};

/// Whether clients need a token, and whose. Copies of it are the same one.
#[derive(Clone, Debug, Default)]
pub struct Access(Option<Arc<Tokens>>);

#[derive(Debug)]
struct Tokens {
    keys: RwLock<Arc<Keys>>,
    in_query: bool,
}

impl Access {
    /// Everybody may come in, and do everything.
    #[must_use]
    pub fn everybody() -> Self {
        Self(None)
    }

    /// Whoever has a token that one of these keys has signed. With `in_query` it may come as the query's `token` too:
    /// it is written into the logs of proxies and into browsers' histories there.
    #[must_use]
    pub fn with_tokens(keys: Keys, in_query: bool) -> Self {
        Self(Some(Arc::new(Tokens { keys: RwLock::new(Arc::new(keys)), in_query })))
    }

    /// From now on these keys count. Who is connected stays so. Nothing changes where no tokens are needed.
    pub fn replace_keys(&self, keys: Keys) {
        if let Some(tokens) = &self.0 {
            *tokens.keys.write() = Arc::new(keys);
        }
    }

    pub(crate) fn takes_query(&self) -> bool {
        self.0.as_ref().is_some_and(|tokens| tokens.in_query)
    }

    /// What the bearer of this token may administrate.
    pub(crate) fn admit_admin(&self, token: Option<&str>) -> Result<Grant, NoEntry> {
        let tokens = self.0.as_ref().ok_or(NoEntry::NoKeys)?;
        let grant = tokens.verify(token.ok_or(NoEntry::NoToken)?)?;
        if grant.admin { Ok(grant) } else { Err(NoEntry::NoAdmin) }
    }

    /// What the bearer of this token may do now; without tokens, everything.
    pub(crate) fn admit(&self, token: Option<&str>) -> Result<Rights, NoEntry> {
        let Some(tokens) = &self.0 else { return Ok(Rights::all()) };
        let grant = tokens.verify(token.ok_or(NoEntry::NoToken)?)?;
        Ok(Rights(Some(Arc::new(grant))))
    }
}

impl Tokens {
    fn verify(&self, token: &str) -> Result<Grant, NoEntry> {
        let keys = Arc::clone(&self.keys.read());
        keys.verify(token, SystemTime::now()).map_err(NoEntry::Token)
    }
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEntry {
    #[error("a token is needed: Sec-WebSocket-Protocol: protoo, bearer.TOKEN or Authorization: Bearer TOKEN")]
    NoToken,
    #[error("{0}")]
    Token(TokenError),
    #[error("the token does not let you administrate: its claim admin is not true")]
    NoAdmin,
    #[error("nobody may administrate: there are no tokens, [auth] is not set")]
    NoKeys,
}

/// What a connection may do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights(Option<Arc<Grant>>);

/// What there is to be allowed besides being in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Publish,
    Subscribe,
    Broadcast,
    Record,
}

impl Rights {
    pub(crate) fn all() -> Self {
        Self(None)
    }

    /// Whether it speaks for this user.
    pub(crate) fn is_for(&self, uid: &model::UserId) -> bool {
        self.0.as_ref().is_none_or(|grant| grant.uid == *uid)
    }

    /// Whether it may be in a room, whether or not there is such a room.
    pub(crate) fn enter(&self, rid: &RoomId) -> Result<(), Refusal> {
        let Some(grant) = &self.0 else { return Ok(()) };
        if SystemTime::now() >= grant.expires + auth::CLOCK_SKEW {
            return Err(Refusal::new(ErrorCode::NotAllowed, "not allowed: the token has expired"));
        }
        if grant.allows_room(rid) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::NotAllowed, "not allowed: the token is not for this room"))
    }

    pub(crate) fn may(&self, right: Right) -> Result<(), Refusal> {
        let Some(grant) = &self.0 else { return Ok(()) };
        let (has, what) = match right {
            Right::Publish => (grant.publish, "publish"),
            Right::Subscribe => (grant.subscribe, "subscribe"),
            Right::Broadcast => (grant.broadcast, "broadcast"),
            Right::Record => (grant.record, "record"),
        };
        if has {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::NotAllowed, format!("not allowed: the token does not let you {what}")))
    }
}
