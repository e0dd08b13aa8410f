//! Who may come in, by the config, and its keys read anew when the operator says so.

use signal::Access;
use tokio::signal::unix::{SignalKind, signal as on_signal};

use super::StartError;
use crate::config::{Auth, Config};

/// With the keys as they are now.
pub(super) fn open(config: &Config) -> Result<Access, StartError> {
    match &config.auth {
        Some(auth) => Ok(Access::with_tokens(auth.read_keys()?, auth.query)),
        None => {
            tracing::info!("everybody may come in and do everything: [auth] is not set");
            Ok(Access::everybody())
        }
    }
}

/// Reads the keys anew on each SIGHUP; it is listened for from this call on, so that an early one ends nothing. Where a
/// key cannot be used, the old ones go on.
pub(super) fn renew(auth: Option<Auth>, access: Access) -> impl Future<Output = ()> {
    // Without keys a SIGHUP ends the process, as that of a closed terminal should.
    let hangups = auth.and_then(|auth| Some((auth, on_signal(SignalKind::hangup()).ok()?)));
    async move {
        let Some((auth, mut hangups)) = hangups else { return };
        while hangups.recv().await.is_some() {
            match auth.read_keys() {
                Ok(keys) => {
                    access.replace_keys(keys);
                    tracing::info!("the keys of tokens were read anew");
                }
                Err(error) => tracing::error!(%error, "the keys of tokens stay as they are (auth)"),
            }
        }
    }
}
