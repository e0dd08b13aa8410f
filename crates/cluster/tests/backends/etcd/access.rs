//! Names, passwords and certificates.

use super::*;
use servers::{Etcd, EtcdOptions, Tls};

fn as_user(etcd: &Etcd, password: &str) -> EtcdDiscovery {
    let login = EtcdConfig {
        username: Some("anabranch".into()),
        password: Some(password.into()),
        ..config(vec![etcd.url()])
    };
    EtcdDiscovery::connect(&login).unwrap()
}

fn switch_authentication_on(etcd: &Etcd) {
    for command in [
        "user add root:rootpw",
        "user grant-role root root",
        "role add nodes",
        "role grant-permission --prefix=true nodes readwrite /anabranch/nodes/",
        "user add anabranch:secret",
        "user grant-role anabranch nodes",
        "auth enable",
    ] {
        etcd.etcdctl(&command.split(' ').collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_and_a_password_are_enough() {
    let etcd = Etcd::start();
    let early = as_user(&etcd, "secret");
    let mut sfus = early.watch(Role::Sfu);
    let before = early.register(node(Role::Sfu, "a")).await.unwrap();
    until_ids(&mut sfus, &["a"]).await;
    switch_authentication_on(&etcd);
    before.update(0.5, false);
    until(&mut sfus, "with authentication on", |nodes| nodes[0].load == 0.5).await;

    let discovery = as_user(&etcd, "secret");
    let mut sfus = discovery.watch(Role::Sfu);
    let lease = announced(&discovery, node(Role::Sfu, "b")).await;
    until_ids(&mut sfus, &["a", "b"]).await;
    // Its tokens are gone with it.
    etcd.kill();
    etcd.start_again();
    lease.update(0.75, false);
    until(&mut sfus, "with a new token", |nodes| nodes[1].load == 0.75).await;

    for wrong in [as_user(&etcd, "guess"), at(etcd.url())] {
        let error = wrong.register(node(Role::Sfu, "c")).await.unwrap_err();
        assert!(error.to_string().contains("user"), "{error}");
        assert!(!wrong.healthy());
    }
    assert_eq!(ids(&sfus.borrow()), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_both_ways() {
    let tls = Arc::new(Tls::generate());
    let etcd = Etcd::with(EtcdOptions { tls: Some(Arc::clone(&tls)), client_cert: true });
    let ours = EtcdConfig {
        ca: Some(tls.ca()),
        cert: Some(tls.client_cert()),
        key: Some(tls.client_key()),
        ..config(vec![etcd.url()])
    };
    let discovery = EtcdDiscovery::connect(&ours).unwrap();
    let mut sfus = discovery.watch(Role::Sfu);
    let _lease = announced(&discovery, node(Role::Sfu, "a")).await;
    until_ids(&mut sfus, &["a"]).await;

    let strangers = Tls::generate();
    let nobody = EtcdConfig { cert: None, key: None, ..ours.clone() };
    let elsewhere = EtcdConfig { ca: Some(strangers.ca()), ..ours };
    for config in [nobody, elsewhere] {
        let discovery = EtcdDiscovery::connect(&config).unwrap();
        assert!(discovery.register(node(Role::Sfu, "b")).await.is_err());
        assert!(!discovery.healthy());
    }
}
