//! Who we are to etcd: a token, got for a name and a password, and got anew when etcd no longer takes it.

use std::error::Error;
use std::io;

use parking_lot::Mutex;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::api::etcdserverpb::AuthenticateRequest;
use super::api::etcdserverpb::auth_client::AuthClient;
use super::config::Login;

/// What goes along with a call.
pub(super) type Token = MetadataValue<Ascii>;

/// The login and its token, for all members.
pub(super) struct Access {
    login: Option<Login>,
    known: Mutex<Known>,
}

#[derive(Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    /// etcd has no authentication on.
    NotNeeded,
    Token(Token),
}

impl Access {
    pub(super) fn new(login: Option<Login>) -> Self {
        Self { login, known: Mutex::default() }
    }

    /// The token to use, if any.
    pub(super) async fn token(&self, channel: &Channel) -> Result<Option<Token>, Status> {
        let Some(login) = &self.login else { return Ok(None) };
        match &*self.known.lock() {
            Known::Nothing => (),
            Known::NotNeeded => return Ok(None),
            Known::Token(token) => return Ok(Some(token.clone())),
        }
        let request = AuthenticateRequest { name: login.name.clone(), password: login.password.clone() };
        let token = match AuthClient::new(channel.clone()).authenticate(request).await {
            Ok(answer) => Some(as_token(&answer.into_inner().token)?),
            Err(status) if status.code() == Code::FailedPrecondition => None,
            Err(status) => return Err(status),
        };
        *self.known.lock() = token.clone().map_or(Known::NotNeeded, Known::Token);
        Ok(token)
    }

    /// Whether a call may succeed with a new token, which is then got.
    pub(super) fn is_stale(&self, used: Option<&Token>, status: &Status) -> bool {
        let stale = self.login.is_some() && is_about_token(status);
        let mut known = self.known.lock();
        if stale && *known == used.cloned().map_or(Known::NotNeeded, Known::Token) {
            *known = Known::Nothing;
        }
        stale
    }
}

fn as_token(text: &str) -> Result<Token, Status> {
    let mut token: Token = text.parse().map_err(|_| Status::unauthenticated("the token is garbled"))?;
    token.set_sensitive(true);
    Ok(token)
}

/// The token was lost with a restart, ran out, or is older than a change of users and roles; or
/// authentication was switched on.
fn is_about_token(status: &Status) -> bool {
    let says = |part: &str| status.message().contains(part);
    status.code() == Code::Unauthenticated || says("auth store is old") || says("user name is empty")
}

/// Whether a person must do something about it: names, passwords, permissions, certificates.
pub(super) fn is_denied(status: &Status) -> bool {
    let says = |part: &str| status.message().contains(part);
    matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated)
        || says("authentication failed")
        || says("user name is empty")
        || is_about_certificates(status)
}

fn is_about_certificates(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = error.source();
    }
    false
}
