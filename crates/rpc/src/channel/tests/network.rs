//! Other processes: that stop, that are not of this cluster, that go away in order.

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use super::*;
use crate::server::Listener;
use crate::tls::authority::Authority;
use crate::tls::{SERVER_NAME, Tls};

/// A served stub; dropping the sender ends it.
async fn serve(tls: Option<&Tls>) -> (String, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls.cloned()).await.unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://{}", listener.address());
    let router = crate::server::builder().add_service(crate::server::sfu(Stub("tcp")));
    let (end, ended) = oneshot::channel();
    let served = tokio::spawn(listener.serve(router, async {
        ended.await.ok();
    }));
    (address, end, served)
}

fn was_not_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn a_stopped_process_is_found_out_before_anything_is_sent() {
    // The kernel accepts for it; nobody else does.
    let stopped = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", stopped.local_addr().unwrap());
    let dialer = Dialer::default();
    let asked = Instant::now();
    let status = name_at(&dialer, &address).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(was_not_sent(&status), "{status:?}");
    assert!(asked.elapsed() < DEADLINE / 2);

    let asked = Instant::now();
    for _ in 0..20 {
        let status = name_at(&dialer, &address).await.unwrap_err();
        assert!(was_not_sent(&status), "{status:?}");
    }
    assert!(asked.elapsed() < Duration::from_millis(500), "once it is known, nobody waits for it");
}

/// Stands between: hands bytes on until it is told to hold them back.
async fn freezable(to: String) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (freeze, frozen) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut ours, _)) = listener.accept().await {
            let mut theirs = TcpStream::connect(to.trim_start_matches("http://")).await.unwrap();
            let mut frozen = frozen.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => return,
                    _ = frozen.wait_for(|frozen| *frozen) => {}
                }
                // Both stay open, and silent.
                std::future::pending::<()>().await;
                drop((ours, theirs));
            });
        }
    });
    (address, freeze)
}

#[tokio::test]
async fn a_node_that_falls_silent_breaks_its_calls_before_their_deadline() {
    let (server, _end, _) = serve(None).await;
    let (address, freeze) = freezable(server.clone()).await;
    let dialer = Dialer::default();
    assert_eq!(name_at(&dialer, &address).await.unwrap(), "tcp");
    freeze.send_replace(true);
    let asked = Instant::now();
    let status = name_at(&dialer, &address).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(asked.elapsed() < DEADLINE);
    assert_eq!(name_at(&dialer, &server).await.unwrap(), "tcp", "the server itself is well");
}

#[tokio::test]
async fn nodes_of_a_cluster_know_each_other_and_nobody_else() {
    let (ours, theirs) = (Authority::new("rpc-ours"), Authority::new("rpc-theirs"));
    let ours = Tls::load(&ours.node(SERVER_NAME)).unwrap();
    let theirs = Tls::load(&theirs.node(SERVER_NAME)).unwrap();
    let (address, _end, _) = serve(Some(&ours)).await;

    let member = Dialer::default().with_tls(Some(ours.clone()));
    assert_eq!(name_at(&member, &address).await.unwrap(), "tcp");

    let stranger = Dialer::default().with_tls(Some(theirs));
    let status = name_at(&stranger, &address).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains("UnknownIssuer"), "{status}");

    let plain = Dialer::default();
    assert!(plain.dial(&address).unwrap_err().to_string().contains("expected http://HOST:PORT"));
    let status = name_at(&plain, &address.replace("https", "http")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");

    let (unsafe_address, _end, _) = serve(None).await;
    assert!(member.dial(&unsafe_address).unwrap_err().to_string().contains("expected https://HOST:PORT"));
    let status = name_at(&member, &unsafe_address.replace("http", "https")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_let_in() {
    let authority = Authority::new("rpc-anonymous");
    let tls = Tls::load(&authority.node(SERVER_NAME)).unwrap();
    let mut anonymous = rustls::ClientConfig::builder_with_provider(tls.client.crypto_provider().clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates({
            use rustls::pki_types::pem::PemObject as _;
            let mut roots = rustls::RootCertStore::empty();
            let ca = authority.node(SERVER_NAME).ca;
            roots.add(rustls::pki_types::CertificateDer::from_pem_file(ca).unwrap()).unwrap();
            roots
        })
        .with_no_client_auth();
    anonymous.alpn_protocols = tls.client.alpn_protocols.clone();
    let anonymous = Tls { client: Arc::new(anonymous), server: Arc::clone(&tls.server) };
    let (address, _end, _) = serve(Some(&tls)).await;
    let status = name_at(&Dialer::default().with_tls(Some(anonymous)), &address).await.unwrap_err();
    assert!(status.message().contains("CertificateRequired"), "{status}");
    assert!(was_not_sent(&status), "{status:?}");
}

#[tokio::test]
async fn a_server_that_ends_answers_what_is_under_way_and_frees_its_port() {
    let (address, end, served) = serve(None).await;
    let dialer = Dialer::default();
    assert_eq!(name_at(&dialer, &address).await.unwrap(), "tcp");
    let mut sfu = crate::client::sfu(dialer.dial(&address).unwrap());
    let under_way = tokio::spawn(async move { sfu.publish(PublishRequest::default()).await });
    // One that never says a word keeps nobody.
    let mut mute = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    assert_eq!(name_at(&dialer, &address).await.unwrap(), "tcp", "the call before is under way");
    drop(end);
    let status = under_way.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "ended by its own deadline: {status}");
    served.await.unwrap();
    TcpListener::bind(address.trim_start_matches("http://")).await.unwrap();
    drop(mute.shutdown().await);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Listener::bind(address, None).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
}
