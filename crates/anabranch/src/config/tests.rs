//! The table: what is set where, and what comes of it.

use std::path::PathBuf;

use super::*;

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
    assert!(config.workers() >= 1);
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let file = "[sfu]\nport = 1000\nworkers = 3\n[node]\nid = \"from-file\"\ndc = \"from-file\"";
    let environment = [("ANABRANCH__SFU__PORT", "2000"), ("ANABRANCH__NODE__ID", "from-env"), ("HOME", "/")];
    let config = load(file, &environment, &["sfu.port=3000", "sfu.port = 3001"]).unwrap();
    assert_eq!(config.sfu.port, 3001);
    assert_eq!(config.node.id.as_str(), "from-env");
    assert_eq!(config.node.dc, "from-file");
    assert_eq!(config.workers(), 3);
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
        ("node.id=a-b.c_1", |c| c.node.id.as_str() == "a-b.c_1"),
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
        ("[sfu]\ncolour=1", &[], &[], "file a.toml: unknown key sfu.colour; known are: ips, port, workers"),
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
        ("[etcd]\naddrs=[]", &[], &[], "unknown section etcd"),
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
    for (file, environment, flags, expected) in cases {
        let message = load(file, environment, flags).expect_err(expected);
        assert!(message.contains(expected), "expected: {expected}\n     got: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = PathBuf::from("/nowhere/a.toml");
    let error = Config::load(&Sources { file: Some(&path), ..Sources::default() }).unwrap_err();
    assert!(error.to_string().starts_with("file /nowhere/a.toml: cannot be read: "), "{error}");
}
