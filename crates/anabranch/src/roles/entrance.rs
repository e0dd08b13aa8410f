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

/// Reads the keys anew on each SIGHUP. Where one cannot be used, the old ones go on.
pub(super) async fn renew(auth: Option<Auth>, access: Access) {
    // Without keys a SIGHUP ends the process, as that of a closed terminal should.
    let Some(auth) = auth else { return };
    let Ok(mut hangups) = on_signal(SignalKind::hangup()) else { return };
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
