//! The table: what is set where, and what comes of it.

use std::net::IpAddr;
use std::path::PathBuf;

use super::*;

mod documentation;

/// A flag, and what must hold with it.
type Good = (&'static str, fn(&Config) -> bool);
/// A file, variables, flags, and what the message must say.
type Bad = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str], &'static str);

/// Loads from a file's text, variables and flags.
fn load(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Config, String> {
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    let environment: Vec<_> = environment.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let mut layers = Layers::defaults().map_err(|error| error.to_string())?;
    layers
        .file(&PathBuf::from("a.toml"), file)
        .and_then(|()| layers.environment(&environment))
        .and_then(|()| layers.flags(&flags))
        .and_then(|()| Config::from_layers(&layers))
        .map_err(|error| error.to_string())
}

#[test]
fn the_defaults_alone_are_a_good_config() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.signal.listen, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(config.ops.listen, "127.0.0.1:9600".parse().unwrap());
    assert_eq!((config.sfu.port, config.sfu.workers), (40_000, None));
    assert!(config.sfu.ips.is_empty() && config.signal.allowed_origins.is_empty());
    assert!(config.signal.tls.is_none());
    assert!(config.etcd.is_none() && config.nats.is_none() && config.redis.is_none());
    assert!(config.workers() >= 1);
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let file = "[sfu]\nport = 1000\nworkers = 3\n[node]\nid = \"from-file\"\ndc = \"from-file\"";
    let environment = [("ANABRANCH__SFU__PORT", "2000"), ("ANABRANCH__NODE__ID", "from-env"), ("HOME", "/")];
    let config = load(file, &environment, &["sfu.port=3000", "sfu.port = 3001"]).unwrap();
    assert_eq!(config.sfu.port, 3001);
    assert_eq!(config.node.id.unwrap().as_str(), "from-env");
    assert_eq!(config.node.dc, "from-file");
    assert_eq!(config.sfu.workers, Some(3));
}

#[test]
fn values_are_toml_and_a_bare_word_is_text() {
    let cases: &[Good] = &[
        ("signal.listen=127.0.0.1:1", |c| c.signal.listen.port() == 1),
        ("signal.listen=\"[::1]:2\"", |c| c.signal.listen.is_ipv6()),
        ("sfu.ips=[\"127.0.0.1\",\"::1\",\"::ffff:127.0.0.1\"]", |c| {
            c.sfu.ips == ["127.0.0.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]
        }),
        ("sfu.port=0", |c| c.sfu.port == 0),
        ("node.id=a-b.c_1", |c| c.node.id.as_ref().unwrap().as_str() == "a-b.c_1"),
        ("node.id=7", |c| c.node.id.as_ref().unwrap().as_str() == "7"),
        ("node.drain_timeout=0", |c| c.node.drain_timeout.is_zero()),
        ("signal.urls=[\"wss://a.example/ws\",\"ws://192.0.2.1:8080/ws\"]", |c| c.signal.urls.len() == 2),
        ("rpc.advertise=sfu-1.example:9700", |c| c.rpc.advertise.as_deref() == Some("sfu-1.example:9700")),
        ("rpc.advertise=http://[2001:db8::1]:9700", |c| {
            c.rpc.advertise.as_deref() == Some("[2001:db8::1]:9700")
        }),
        ("etcd.addrs=[\"http://a:1\",\"http://b\"]", |c| c.etcd.as_ref().unwrap().addrs.len() == 2),
        ("nats.url=nats://a:4222", |c| c.nats.as_ref().unwrap().urls == ["nats://a:4222"]),
        ("nats.url=[\"tls://a\",\"nats://[::1]:2\"]", |c| c.nats.as_ref().unwrap().urls.len() == 2),
        ("redis.addrs=redis://a", |c| c.redis.as_ref().unwrap().kind == RedisKind::Single),
        ("log.level=info,sfu=debug", |c| c.log.level == "info,sfu=debug"),
        ("log.format=json", |c| c.log.format == telemetry::Format::Json),
        ("signal.allowed_origins=[\"*\",\"https://a.example:8443\"]", |c| {
            c.signal.allowed_origins.len() == 2
        }),
    ];
    for (flag, good) in cases {
        let config = load("", &[], &[flag]).unwrap_or_else(|error| panic!("{flag}: {error}"));
        assert!(good(&config), "{flag}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases: &[Bad] = &[
        ("[sfuu]\nport=1", &[], &[], "file a.toml: unknown section sfuu; did you mean sfu?"),
        ("[sfu]\nprot=1", &[], &[], "file a.toml: unknown key sfu.prot; did you mean sfu.port?"),
        (
            "[sfu]\ncolour=1",
            &[],
            &[],
            "file a.toml: unknown key sfu.colour; known are: ips, port, tcp_port, workers, coalesce, congestion_control, branch_at, bandwidth",
        ),
        ("sfu=1", &[], &[], "file a.toml: [sfu] is a section, but is written as a value"),
        (
            "[sfu]\nport=\"x\"",
            &[],
            &[],
            "file a.toml: sfu.port: expected a number from 0 to 65535, got \"x\"",
        ),
        (
            "[sfu]\nport=70000",
            &[],
            &[],
            "file a.toml: sfu.port: expected a number from 0 to 65535, got 70000",
        ),
        ("[sfu]\nport=1.5", &[], &[], "got 1.5"),
        ("[sfu]\n\nport 1", &[], &[], "file a.toml: line 3: "),
        ("[etcd]\naddrs=[]", &[], &[], "file a.toml: etcd.addrs: expected one or several addresses such as"),
        ("[etdc]\naddrs=[]", &[], &[], "unknown section etdc; did you mean etcd?"),
        (
            "",
            &[("ANABRANCH__SIGNAL__LISTEM", "1")],
            &[],
            "environment variable ANABRANCH__SIGNAL__LISTEM: unknown key signal.listem; did you mean signal.listen?",
        ),
        (
            "",
            &[("ANABRANCH__PORT", "1")],
            &[],
            "environment variable ANABRANCH__PORT: expected a name such as",
        ),
        ("", &[("ANABRANCH__SFU__IPS", "[")], &[], "environment variable ANABRANCH__SFU__IPS: line 1: "),
        ("", &[], &["sfu.port"], "flag --set: expected section.key=value, got \"sfu.port\""),
        ("", &[], &["port=1"], "flag --set: expected section.key=value"),
        ("", &[], &["sfu.workers=0"], "flag --set: sfu.workers: expected a number from 1 to 256, got 0"),
        ("", &[], &["sfu.ips=[\"here\"]"], "flag --set: sfu.ips: expected a list of IP addresses"),
        ("", &[], &["sfu.ips=[\"0.0.0.0\"]"], "got [\"0.0.0.0\"]"),
        ("", &[], &["sfu.ips=127.0.0.1"], "expected a list of IP addresses such as"),
        ("", &[], &["signal.listen=8080"], "signal.listen: expected an address and a port such as"),
        ("", &[], &["signal.cert=a.pem"], "flag --set: signal.cert is set, but signal.key is not"),
        ("[signal]\nkey=\"a\"", &[], &[], "file a.toml: signal.key is set, but signal.cert is not"),
        ("", &[], &["signal.allowed_origins=[\"example.org\"]"], "expected a list of origins"),
        ("", &[], &["log.level=inof"], "flag --set: log.level = \"inof\": expected a level"),
        ("", &[], &["log.format=xml"], "log.format: expected \"text\" or \"json\", got \"xml\""),
        ("", &[], &["node.id=a/b"], "node.id: expected a name of 1 to 64"),
        ("", &[], &["sfu.port=65535", "sfu.workers=2"], "expected a port that leaves room for 2 workers"),
    ];
    all_are_wrong(cases);
}

fn all_are_wrong(cases: &[Bad]) {
    for (file, environment, flags, expected) in cases {
        let message = load(file, environment, flags).expect_err(expected);
        assert!(message.contains(expected), "expected: {expected}\n     got: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(!message.contains("hunter"), "a secret in {message}");
    }
}

#[test]
fn what_is_wrong_with_a_cluster_is_named_too() {
    let cases: &[Bad] = &[
        ("", &[], &["etcd.addrs=localhost:2379"], "etcd.addrs: expected one or several addresses such as"),
        ("", &[], &["etcd.addrs=http://me:hunter2@a:1"], "etcd.addrs: expected one or several addresses"),
        ("", &[], &["etcd.addrs=http://a", "etcd.ca=ca.pem"], "not every address of etcd.addrs is https://"),
        ("", &[], &["etcd.addrs=https://a"], "expected etcd.ca with https addresses"),
        (
            "",
            &[],
            &["etcd.addrs=http://a", "etcd.password=hunter2"],
            "etcd.password is set, but etcd.username",
        ),
        ("", &[], &["etcd.addrs=http://a", "etcd.username=me"], "etcd.username is set, but etcd.password"),
        ("", &[], &["etcd.addrs=http://a", "etcd.password=[\"hunter2\"]"], "etcd.password: expected text"),
        ("", &[], &["nats.url=http://a"], "nats.url: expected one or several addresses such as [\"nats://"),
        ("", &[], &["nats.url=[]"], "nats.url: expected one or several addresses"),
        (
            "",
            &[],
            &["nats.url=nats://a", "nats.token=hunter2", "nats.credentials=a.creds"],
            "only one of nats.token and nats.credentials may be set",
        ),
        ("", &[], &["nats.url=tls://a", "nats.cert=c.pem"], "nats.cert is set, but nats.key is not"),
        ("", &[], &["redis.addrs=[\"redis://a\", 7]"], "redis.addrs: expected one or several addresses"),
        (
            "",
            &[],
            &["redis.addrs=redis://a", "redis.cluster=true", "redis.sentinel_master=m"],
            "only one of redis.sentinel_master and redis.cluster may be set",
        ),
        (
            "",
            &[],
            &["redis.addrs=redis://a", "redis.cluster=true", "redis.db=1"],
            "redis.db: expected 0, the",
        ),
        ("", &[], &["redis.addrs=redis://a", "redis.cluster=yes"], "redis.cluster: expected true or false"),
        ("", &[], &["redis.addrs=redis://a", "redis.ca=c"], "not every address of redis.addrs is rediss://"),
        (
            "",
            &[],
            &["redis.addrs=redis://a", "redis.username=u"],
            "redis.username is set, but redis.password",
        ),
        ("", &[], &["rpc.cert=c.pem", "rpc.key=k.pem"], "flag --set: rpc.cert is set, but rpc.ca is not"),
        ("", &[], &["rpc.ca=c.pem"], "flag --set: rpc.ca is set, but rpc.cert is not"),
        ("", &[], &["rpc.advertise=here"], "rpc.advertise: expected an address that other nodes reach"),
        ("", &[], &["rpc.advertise=https://a:1"], "such as \"http://192.0.2.7:9700\", got \"https://a:1\""),
        ("", &[], &["signal.urls=[\"http://a\"]"], "signal.urls: expected a list of WebSocket addresses"),
        ("", &[], &["sfu.bandwidth=0"], "sfu.bandwidth: expected a number from 1 to"),
        ("", &[], &["node.drain_timeout=-1"], "node.drain_timeout: expected a number from 0 to 86400"),
    ];
    all_are_wrong(cases);
}

#[test]
fn a_password_is_text_whatever_it_looks_like_and_stands_in_no_log() {
    let environment = [("ANABRANCH__REDIS__PASSWORD", "12345")];
    let config = load("[redis]\naddrs = \"redis://a\"", &environment, &[]).unwrap();
    let redis = config.redis.unwrap();
    assert_eq!(redis.password.as_ref().map(Secret::reveal), Some("12345"));
    assert!(!format!("{redis:?}").contains("12345"));
}

#[test]
fn a_role_says_which_addresses_it_lacks() {
    let etcd = "etcd.addrs=http://a:2379";
    let cases: &[(Program, &[&str], &str)] = &[
        (
            Program::Register,
            &[],
            "for anabranch register: not set: etcd.addrs (such as [\"http://127.0.0.1:2379\"]), \
             nats.url (such as \"nats://127.0.0.1:4222\"), redis.addrs (such as [\"redis://127.0.0.1:6379\"])",
        ),
        (
            Program::Signal,
            &[etcd],
            "for anabranch signal: not set: nats.url (such as \"nats://127.0.0.1:4222\")",
        ),
        (Program::Sfu, &[], "for anabranch sfu: not set: etcd.addrs (such as [\"http://127.0.0.1:2379\"])"),
        (Program::Sfu, &[etcd], ""),
        (Program::Signal, &[etcd, "nats.url=nats://b"], ""),
        (Program::Register, &[etcd, "nats.url=nats://b", "redis.addrs=redis://c"], ""),
        (Program::Standalone, &[], ""),
    ];
    for (program, flags, expected) in cases {
        let checked = load("", &[], flags).unwrap().check(*program);
        let message = checked.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message, *expected, "{program} {flags:?}");
    }
}

#[test]
fn a_file_is_checked_for_whom_it_is_meant() {
    let meant = |file: &str| {
        let mut layers = Layers::defaults().unwrap();
        layers.file(&PathBuf::from("a.toml"), file).unwrap();
        Program::meant_by(&layers)
    };
    let etcd = "[etcd]\naddrs=\"http://a\"\n";
    assert_eq!(meant(""), [Program::Standalone]);
    assert_eq!(meant("[signal]\nlisten=\"0.0.0.0:80\""), [Program::Standalone]);
    assert_eq!(meant(etcd), [Program::Signal, Program::Register, Program::Sfu]);
    assert_eq!(meant(&format!("{etcd}[sfu]\nport=1")), [Program::Sfu]);
    assert_eq!(
        meant(&format!("{etcd}[redis]\naddrs=\"redis://a\"\n[signal]\nurls=[]")),
        [Program::Signal, Program::Register]
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = PathBuf::from("/nowhere/a.toml");
    let error = Config::load(&Sources { file: Some(&path), ..Sources::default() }).unwrap_err();
    assert!(error.to_string().starts_with("file /nowhere/a.toml: cannot be read: "), "{error}");
}
