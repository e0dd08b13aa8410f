//! From a URL to an open WebSocket, over TCP or TLS.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A byte stream to the server.
pub type Transport = Box<dyn Bytes>;

/// What a WebSocket runs over.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Bytes for T {}

/// An open WebSocket and the server's answer to the upgrade.
pub struct Dialled {
    /// The socket; nobody reads it yet.
    pub socket: WebSocketStream<Transport>,
    /// The HTTP answer.
    pub response: Response,
}

/// Opens a WebSocket as `uid`, with the sub-protocol that real clients ask for.
///
/// # Errors
/// When the server refuses, or cannot be reached.
pub async fn dial(url: &str, uid: &str) -> Result<Dialled, Error> {
    let mut request = request_for(url, uid)?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("protoo"));
    dial_with(request, None).await
}

/// The upgrade request for `uid`, to be changed before it goes to [`dial_with`].
///
/// # Errors
/// When the URL is none.
pub fn request_for(url: &str, uid: &str) -> Result<Request, Error> {
    format!("{url}?peer={}", percent_encoded(uid)).into_client_request()
}

/// Opens a WebSocket with any request, over TLS where a connector is given.
///
/// # Errors
/// When the server refuses, or cannot be reached.
pub async fn dial_with(request: Request, tls: Option<TlsConnector>) -> Result<Dialled, Error> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let port = request.uri().port_u16().unwrap_or(80);
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    let transport: Transport = match tls {
        None => Box::new(tcp),
        Some(connector) => {
            let name = ServerName::try_from(host).map_err(std::io::Error::other)?;
            Box::new(connector.connect(name, tcp).await?)
        }
    };
    let (socket, response) = client_async(request, transport).await?;
    Ok(Dialled { socket, response })
}

/// TLS that trusts this certificate and no other.
pub fn trust(certificate: CertificateDer<'static>) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a certificate made for this test");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("aws-lc-rs speaks TLS 1.2 and 1.3").with_root_certificates(roots);
    TlsConnector::from(Arc::new(config.with_no_client_auth()))
}

/// Any text as the value of a query parameter.
pub fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// The HTTP status of a refused upgrade.
pub(crate) fn refused_with(error: &tungstenite::Error) -> Option<u16> {
    match error {
        Error::Http(response) => Some(response.status().as_u16()),
        _ => None,
    }
}
