//! The table of all keys: section, key and default, as `docs/config.md` shows them.

/// A key that may be set.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// TOML; `None`: not set by default.
    pub(super) default: Option<&'static str>,
}

const fn key(section: &'static str, name: &'static str, default: Option<&'static str>) -> Key {
    Key { section, name, default }
}

/// All of them, in the order in which people look at them.
pub(super) const KEYS: &[Key] = &[
    key("node", "id", None),
    key("node", "dc", Some("\"local\"")),
    key("node", "drain_timeout", Some("25")),
    key("signal", "listen", Some("\"0.0.0.0:8080\"")),
    key("signal", "cert", None),
    key("signal", "key", None),
    key("signal", "allowed_origins", Some("[]")),
    key("signal", "urls", Some("[]")),
    key("auth", "secret", None),
    key("auth", "keys", None),
    key("auth", "query", Some("false")),
    key("admin", "listen", None),
    key("limits", "connections", Some("16384")),
    key("limits", "connections_per_address", Some("1024")),
    key("limits", "handshakes", Some("1024")),
    key("limits", "handshake", Some("10")),
    key("limits", "request_burst", Some("2000")),
    key("limits", "requests", Some("200")),
    key("limits", "rooms", Some("100")),
    key("limits", "users", Some("2000")),
    key("limits", "streams", Some("16")),
    key("limits", "subscriptions", Some("2000")),
    key("limits", "sdp", Some("65536")),
    key("limits", "sdp_lines", Some("64")),
    key("limits", "queue", Some("8388608")),
    key("limits", "transports", Some("10000")),
    key("limits", "half_open", Some("4000")),
    key("limits", "half_open_per_address", Some("1000")),
    key("limits", "tcp_connections", Some("10000")),
    key("limits", "tcp_connections_per_address", Some("1000")),
    key("limits", "key_frame_interval", Some("200")),
    key("limits", "retransmissions", Some("25")),
    key("limits", "memory", None),
    key("sfu", "ips", Some("[]")),
    key("sfu", "port", Some("40000")),
    key("sfu", "tcp_port", Some("0")),
    key("sfu", "workers", None),
    key("sfu", "coalesce", Some("1")),
    key("sfu", "congestion_control", Some("true")),
    key("sfu", "branch_at", Some("50")),
    key("sfu", "bandwidth", Some("1000")),
    key("rpc", "listen", Some("\"0.0.0.0:9700\"")),
    key("rpc", "advertise", None),
    key("rpc", "cert", None),
    key("rpc", "key", None),
    key("rpc", "ca", None),
    key("etcd", "addrs", None),
    key("etcd", "username", None),
    key("etcd", "password", None),
    key("etcd", "ca", None),
    key("etcd", "cert", None),
    key("etcd", "key", None),
    key("nats", "url", None),
    key("nats", "username", None),
    key("nats", "password", None),
    key("nats", "token", None),
    key("nats", "credentials", None),
    key("nats", "ca", None),
    key("nats", "cert", None),
    key("nats", "key", None),
    key("redis", "addrs", None),
    key("redis", "username", None),
    key("redis", "password", None),
    key("redis", "db", Some("0")),
    key("redis", "sentinel_master", None),
    key("redis", "cluster", Some("false")),
    key("redis", "ca", None),
    key("record", "enabled", Some("false")),
    key("record", "dir", None),
    key("record", "sync_interval", Some("5")),
    key("record", "min_free", Some("512")),
    key("upload", "to", None),
    key("upload", "endpoint", None),
    key("upload", "region", None),
    key("upload", "access_key_id", None),
    key("upload", "secret_access_key", None),
    key("upload", "ca", None),
    key("upload", "keep_local", Some("true")),
    key("webhooks", "urls", Some("[]")),
    key("webhooks", "secret", None),
    key("webhooks", "allow_private", Some("false")),
    key("webhooks", "ca", None),
    key("log", "level", Some("\"info\"")),
    key("log", "format", Some("\"text\"")),
    key("kafka", "brokers", None),
    key("kafka", "topic", Some("\"anabranch-logs\"")),
    key("kafka", "compression", Some("\"lz4\"")),
    key("kafka", "tls", Some("false")),
    key("kafka", "ca", None),
    key("kafka", "mechanism", Some("\"PLAIN\"")),
    key("kafka", "username", None),
    key("kafka", "password", None),
    key("trace", "endpoint", None),
    key("trace", "ca", None),
    key("trace", "share", Some("1.0")),
    key("ops", "listen", Some("\"127.0.0.1:9600\"")),
];

/// Keys whose values nobody may see, in no message.
const SECRETS: &[&str] = &["password", "token", "secret", "secret_access_key"];

/// Whether the value of a key is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// The sections, each once, in the table's order.
pub(super) fn sections() -> impl Iterator<Item = &'static str> + Clone {
    let mut last = "";
    KEYS.iter()
        .map(|key| key.section)
        .filter(move |section| std::mem::replace(&mut last, section) != *section)
}

/// The keys of a section.
pub(super) fn names(section: &str) -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().filter(move |key| key.section == section).map(|key| key.name)
}
