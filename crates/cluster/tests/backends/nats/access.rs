//! Names, passwords, tokens, credentials and certificates.

use super::*;
use servers::Tls;

async fn works(nats: &Nats, config: NatsConfig) {
    let events = NatsEvents::connect(&NatsConfig { urls: vec![nats.url()], ..config }).await.unwrap();
    until_healthy(&events, true).await;
    let mut listening = events.subscribe(&room("r")).await.unwrap();
    until_heard(&events, "r", &mut listening).await;
}

async fn does_not(nats: &Nats, config: NatsConfig) {
    let events = NatsEvents::connect(&NatsConfig { urls: vec![nats.url()], ..config }).await.unwrap();
    // As long as several attempts take.
    sleep(Duration::from_millis(700)).await;
    assert!(!events.healthy());
    assert!(events.publish(&event("r", 1)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_and_a_password() {
    let nats = Nats::with(
        r#"authorization { users: [ { user: "u", password: "p", permissions: { publish: "anabranch.>", subscribe: "anabranch.>" } } ] }"#,
    );
    let login = |password: &str| NatsConfig {
        username: Some("u".into()),
        password: Some(password.into()),
        ..NatsConfig::default()
    };
    works(&nats, login("p")).await;
    does_not(&nats, login("guess")).await;
    does_not(&nats, NatsConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token() {
    let nats = Nats::with(r#"authorization { token: "t0ken" }"#);
    works(&nats, NatsConfig { token: Some("t0ken".into()), ..NatsConfig::default() }).await;
    does_not(&nats, NatsConfig { token: Some("guess".into()), ..NatsConfig::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_both_ways() {
    let tls = Tls::generate();
    let nats = Nats::with(&format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
        tls.cert(),
        tls.key(),
        tls.ca()
    ));
    let ours = NatsConfig {
        ca: Some(tls.ca()),
        cert: Some(tls.client_cert()),
        key: Some(tls.client_key()),
        ..NatsConfig::default()
    };
    works(&nats, ours.clone()).await;
    let secure = nats.url().replace("nats://", "tls://");
    at_with(NatsConfig { urls: vec![secure], ..ours.clone() }).await;
    does_not(&nats, NatsConfig { cert: None, key: None, ..ours.clone() }).await;
    let strangers = Tls::generate();
    does_not(&nats, NatsConfig { ca: Some(strangers.ca()), ..ours }).await;
}

async fn at_with(config: NatsConfig) {
    let events = NatsEvents::connect(&config).await.unwrap();
    until_healthy(&events, true).await;
}
