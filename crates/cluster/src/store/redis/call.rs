//! One command from asking to its answer: finding the server, and trying again where it is certain that
//! nothing was done.
//!
//! A command that may have been executed is never sent again. It may even be executed after its caller has
//! given up, when a stopped server goes on with what is in its sockets:
//! - `join` and `add_stream` carry an [`Expiry`](crate::Expiry), for they would bring back who is gone.
//! - `leave`, `remove_stream`, `stream_ended` and `release` take out what their caller knows to be gone, by names
//!   that are never used again (the owner's connection, the mid); what `release` takes of an SFU that came back
//!   meanwhile is published again.
//! - `broadcast` is heard late, as over a slow network, and once.
//! - `keep_alive`, `hold_streams` and `beat` lengthen a life by less than it takes to notice its end.
//! - `expire` and `forget_run` look again whether it is still so.
//!
//! Whose event nobody publishes then is found by the room's version.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ServerError, ServerErrorKind, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::address::Address;
use super::link::{Link, Lost};
use super::scripts::Script;
use super::servers::Servers;

/// How long a call may take in all.
pub(super) const PATIENCE: Duration = Duration::from_millis(1900);

/// How often a command is tried that was certainly not executed. While a cluster moves a slot, no script can run
/// on its rooms; with [`SOON`] in between that may go on for as long as a call may take.
const MAX_TRIES: u32 = 32;

/// Before the next try where a server said that it cannot, for now.
const SOON: Duration = Duration::from_millis(50);

/// What is to be executed, and for which bucket.
pub(super) struct Call<'a> {
    pub(super) bucket: usize,
    pub(super) what: What<'a>,
}

pub(super) enum What<'a> {
    /// A script: its keys; the time that it is to go by, or nothing; what it asks for beside.
    Script { script: &'a Script, keys: &'a [String], time: &'a str, args: &'a [&'a str] },
    /// A command that changes nothing that matters.
    Plain(&'a Cmd),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// No server was reached, or none answered in time.
    Away(String),
    /// The server answers, but will not do it.
    Denied(String),
}

/// How the next try differs from the first.
#[derive(Default)]
struct Try {
    /// The server does not know the script by its name.
    whole_script: bool,
    /// The bucket is on its way to this node.
    ask: Option<Address>,
}

impl Call<'_> {
    /// Does it before `deadline`.
    pub(super) async fn perform(&self, servers: &Servers, deadline: Instant) -> Result<Value, Failure> {
        match timeout_at(deadline, self.attempts(servers)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Away("no answer in time".to_owned())),
        }
    }

    async fn attempts(&self, servers: &Servers) -> Result<Value, Failure> {
        let mut next = Try::default();
        let mut why = String::new();
        for _ in 0..MAX_TRIES {
            let asked = next.ask.take();
            let link = match &asked {
                Some(node) => servers.link_to(node).await,
                None => servers.link(self.bucket).await,
            };
            let link = link.map_err(Failure::Away)?;
            let answer = self.send(&link, next.whole_script, asked.is_some()).await;
            match answer.map_err(|Lost(why)| Failure::Away(why))? {
                Value::ServerError(error) => {
                    self.learn(&error, &link, servers, &mut next).await?;
                    why = error.to_string();
                }
                value => return Ok(value),
            }
        }
        Err(Failure::Away(why))
    }

    async fn send(&self, link: &Link, whole_script: bool, asking: bool) -> Result<Value, Lost> {
        let command = self.command(&link.run, whole_script);
        if !asking {
            return link.send(&command).await;
        }
        let mut commands = redis::pipe();
        commands.cmd("ASKING").add_command(command.into_owned());
        Ok(link.send_all(&commands).await?.pop().unwrap_or_default())
    }

    fn command(&self, run: &str, whole_script: bool) -> Cow<'_, Cmd> {
        let (script, keys, time, args) = match &self.what {
            What::Script { script, keys, time, args } => (script, *keys, *time, *args),
            What::Plain(command) => return Cow::Borrowed(*command),
        };
        let mut command = redis::cmd(if whole_script { "EVAL" } else { "EVALSHA" });
        command.arg(if whole_script { &script.text } else { &script.sha }).arg(keys.len());
        command.arg(keys).arg(time).arg(run).arg(args);
        Cow::Owned(command)
    }

    /// What to do differently after a refusal by the server, which means that nothing was done.
    async fn learn(
        &self,
        error: &ServerError,
        link: &Arc<Link>,
        servers: &Servers,
        next: &mut Try,
    ) -> Result<(), Failure> {
        match error.kind() {
            Some(ServerErrorKind::NoScript) => next.whole_script = true,
            Some(ServerErrorKind::Moved) => {
                let to = redirection(error, link)?;
                servers.moved(self.bucket, to).map_err(Failure::Away)?;
            }
            Some(ServerErrorKind::Ask) => next.ask = Some(redirection(error, link)?),
            // It was the master and is no more.
            Some(ServerErrorKind::ReadOnly) => {
                link.give_up();
                sleep(SOON).await;
            }
            Some(
                ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown,
            ) => sleep(SOON).await,
            _ => return Err(Failure::Denied(error.to_string())),
        }
        Ok(())
    }
}

fn redirection(error: &ServerError, link: &Link) -> Result<Address, Failure> {
    let node = error.details().and_then(|details| details.split_ascii_whitespace().nth(1));
    let address = node.and_then(|node| Address::redirected(node, &link.address));
    address.ok_or_else(|| Failure::Denied(format!("an odd redirection: {error}")))
}
