//! `anabranch token`: makes a token, for trying out and for scripts. Applications make their own, with any library for
//! JSON Web Tokens.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use auth::{Claims, Grant, RoomPattern, SigningKey};
use clap::Args;
use model::UserId;

use crate::config::{Auth, Config};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct TokenOptions {
    /// Whom it lets in: the `peer` of the WebSocket's address.
    #[arg(long, value_name = "UID")]
    uid: String,
    /// A room that it is for; with a `*` at its end, all that begin so. Once for each.
    #[arg(long = "room", value_name = "RID", required = true)]
    rooms: Vec<String>,
    /// For how many minutes it is valid.
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// It does not let its bearer publish.
    #[arg(long)]
    no_publish: bool,
    /// It does not let its bearer subscribe.
    #[arg(long)]
    no_subscribe: bool,
    /// It does not let its bearer broadcast.
    #[arg(long)]
    no_broadcast: bool,
    /// It lets its bearer have streams recorded.
    #[arg(long)]
    record: bool,
    /// It lets its bearer administrate.
    #[arg(long)]
    admin: bool,
    /// Sign with the secret of this name in the folder of `auth.keys`, or say in the token that the private key has this
    /// name.
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,
    /// Sign with this private key (PEM, PKCS #8; P-256 or Ed25519) instead of a secret of the config.
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
}

/// Makes the token.
///
/// # Errors
/// Says which id or key cannot be used.
pub(crate) fn make(options: &TokenOptions, config: &Config) -> anyhow::Result<String> {
    let key = signing_key(options, config.auth.as_ref())?;
    let uid = UserId::parse(&options.uid).map_err(|why| anyhow::anyhow!("--uid {why}"))?;
    let rooms = options.rooms.iter().map(|room| RoomPattern::parse(room));
    let rooms = rooms.collect::<Result<_, _>>().map_err(|why| anyhow::anyhow!("--room {why}"))?;
    let grant = Grant {
        uid,
        rooms,
        publish: !options.no_publish,
        subscribe: !options.no_subscribe,
        broadcast: !options.no_broadcast,
        record: options.record,
        admin: options.admin,
        expires: SystemTime::now() + Duration::from_secs(60 * u64::from(options.minutes)),
    };
    Ok(key.sign(&Claims { grant, not_before: None })?)
}

fn signing_key(options: &TokenOptions, auth: Option<&Auth>) -> anyhow::Result<SigningKey> {
    if let Some(path) = &options.private_key {
        let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let key = SigningKey::from_private_pem(options.kid.clone(), &pem);
        return key.with_context(|| path.display().to_string());
    }
    let folder = auth.and_then(|auth| auth.keys.as_ref());
    if let (Some(kid), Some(folder)) = (&options.kid, folder) {
        if kid.contains('/') {
            bail!("--kid: expected the name of a file of {}, without .secret", folder.display());
        }
        let path = folder.join(format!("{kid}.secret"));
        let secret = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let key = SigningKey::from_secret(Some(kid.clone()), secret.trim_ascii_end());
        return key.with_context(|| path.display().to_string());
    }
    if let (None, Some(secret)) = (&options.kid, auth.and_then(|auth| auth.secret.as_ref())) {
        return SigningKey::from_secret(None, secret.reveal().as_bytes()).context("auth.secret");
    }
    bail!("there is nothing to sign with: set auth.secret, or auth.keys and --kid, or give --private-key")
}
