//! Where nobody is to be led.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::harness::{config, counted, start, tell};
use crate::{Config, Webhooks};

#[test]
fn an_address_that_is_not_public_is_refused_before_anything_is_told() {
    for (host, what) in
        [("127.0.0.1", "loopback"), ("[::ffff:10.0.0.1]", "private"), ("169.254.169.254", "link-local")]
    {
        let urls = ["http://example.com/".to_owned(), format!("http://{host}/")];
        let config = Config { allow_private: false, ..config(&urls) };
        let error = Webhooks::start(config).unwrap_err().to_string();
        assert!(error.starts_with(&format!("webhook URL 2 leads to an address that is {what}")), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_one_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    let webhooks = start(Config { allow_private: false, ..config(&[url]) });
    tell(&webhooks, &["ann"]);
    counted("it is not allowed", || webhooks.numbers().attempts_of(0, "forbidden") >= 3).await;
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(webhooks.numbers().delivered_of(0), 0);
}

#[tokio::test]
async fn with_leave_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    tell(&start(config(&[url])), &["ann"]);
    tokio::task::spawn_blocking(move || listener.accept().unwrap()).await.unwrap();
}
