//! Whom an `https` URL is believed to be.

use servers::Tls;

use super::harness::{config, counted, start, tell};
use super::receiver::Receiver;
use crate::{Config, Webhooks};

fn config_with(tls: &Tls, url: String) -> Config {
    Config { ca: Some(tls.ca()), ..config(&[url]) }
}

#[tokio::test]
async fn a_server_that_proves_its_name_or_its_address_is_told() {
    let tls = Tls::generate();
    let receiver = Receiver::with_tls(&tls).await;
    for (number, host) in [(1, "localhost"), (2, "127.0.0.1")] {
        tell(&start(config_with(&tls, receiver.url_at(host))), &["ann"]);
        receiver.requests(number).await;
    }
}

#[tokio::test]
async fn a_server_with_another_name_or_a_strange_authority_is_told_nothing() {
    let tls = Tls::generate();
    let receiver = Receiver::with_tls(&tls).await;
    // The certificate is for 127.0.0.1 and localhost.
    let other_name = start(config_with(&tls, receiver.url_at("127.0.0.2")));
    let strange = start(config_with(&Tls::generate(), receiver.url()));
    for webhooks in [other_name, strange] {
        tell(&webhooks, &["ann"]);
        counted("it is not believed", || webhooks.numbers().attempts_of(0, "unreachable") >= 2).await;
    }
    assert!(receiver.so_far().is_empty() && receiver.connections() >= 4);
}

#[test]
fn authorities_that_cannot_be_read_are_named() {
    let config = Config { ca: Some("/nowhere/ca.pem".into()), ..config(&["https://localhost/".to_owned()]) };
    let error = Webhooks::start(config).unwrap_err().to_string();
    assert!(error.starts_with("cannot use the certificate authority /nowhere/ca.pem: "), "{error}");
}
