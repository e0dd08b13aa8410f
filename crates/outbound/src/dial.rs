//! The way to a server: its addresses, a connection, TLS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::{Trust, Unanswered};

/// For the lookup of a name, for each address, and for the TLS handshake.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// The addresses of a host, at least one; `host` is a name or an IP address, the latter without brackets.
///
/// # Errors
/// Says why there is none.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Unanswered> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let what = || format!("{host}:{port}");
    let lookup = timeout(STEP_TIMEOUT, tokio::net::lookup_host((host, port))).await;
    let found = lookup.map_err(|error| Unanswered::new(what(), error))?;
    let addresses: Vec<_> = found.map_err(|error| Unanswered::new(what(), error))?.collect();
    if addresses.is_empty() { Err(Unanswered::new(what(), "the name has no address")) } else { Ok(addresses) }
}

/// A connection to the first of these addresses that accepts one.
///
/// # Errors
/// Says why the last of them did not.
pub async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Unanswered> {
    let mut last = Unanswered("there is no address".to_owned());
    for address in addresses {
        match timeout(STEP_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Unanswered::new(address, error),
            Err(error) => last = Unanswered::new(address, error),
        }
    }
    Err(last)
}

/// TLS with a server that proves to be `host`, a name or an IP address.
///
/// # Errors
/// Says why it did not.
pub async fn secure(
    trust: &Trust,
    host: &str,
    stream: TcpStream,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static + use<>, Unanswered> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Unanswered::new(host, error))?;
    let handshake = TlsConnector::from(trust.client()).connect(name, stream);
    let done = timeout(STEP_TIMEOUT, handshake).await.map_err(|error| Unanswered::new(host, error))?;
    done.map_err(|error| Unanswered::new(host, error))
}
