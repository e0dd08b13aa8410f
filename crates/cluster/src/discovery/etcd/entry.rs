//! What stands in etcd: `/anabranch/nodes/ROLE/ID`, the id encoded, and a JSON object about the node.
//!
//! Other programs may write there, too: what is no such entry is as if it were not there.

use std::fmt;

use model::NodeId;
use serde::{Deserialize, Serialize};

use crate::encode::encode;
use crate::{NodeInfo, Role};

/// What all keys begin with.
pub(super) const PREFIX: &str = "/anabranch/nodes/";

/// The first key after all that begin with [`PREFIX`].
pub(super) const PREFIX_END: &str = "/anabranch/nodes0";

/// The longest value that is read; ours have less than 1000 bytes.
const MAX_VALUE_BYTES: usize = 4096;

/// The longest address and name of a data centre.
const MAX_TEXT_BYTES: usize = 300;

/// Which node an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeKey {
    pub(super) role: Role,
    pub(super) id: NodeId,
}

/// The object; members that are not known are left for later versions.
#[derive(Serialize, Deserialize)]
struct Value<'a> {
    id: &'a str,
    role: &'a str,
    dc: std::borrow::Cow<'a, str>,
    address: std::borrow::Cow<'a, str>,
    load: f32,
    draining: bool,
}

impl NodeKey {
    pub(super) fn of(node: &NodeInfo) -> Self {
        Self { role: node.role, id: node.id.clone() }
    }

    /// Reads a key.
    pub(super) fn parse(key: &[u8]) -> Option<Self> {
        let (role, id) = std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?.split_once('/')?;
        let role = [Role::Signal, Role::Register, Role::Sfu].into_iter().find(|one| one.as_str() == role)?;
        let id = NodeId::parse(&id.replace("%2E", ".")).ok()?;
        let key_of = Self { role, id };
        (key_of.to_string().as_bytes() == key).then_some(key_of)
    }
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.role, encode(self.id.as_str()))
    }
}

/// The value that says this. The load is rounded to a thousandth, so that little changes are none.
pub(super) fn write(node: &NodeInfo) -> Vec<u8> {
    let value = Value {
        id: node.id.as_str(),
        role: node.role.as_str(),
        dc: (&*node.dc).into(),
        address: (&*node.address).into(),
        load: if node.load.is_finite() { (node.load * 1000.0).round() / 1000.0 } else { 1.0 },
        draining: node.draining,
    };
    // Texts, a finite number and a truth value always have a JSON.
    serde_json::to_vec(&value).unwrap_or_default()
}

/// Reads the value of a key, and says what is wrong where it is none of ours.
pub(super) fn read(key: &NodeKey, value: &[u8]) -> Result<NodeInfo, &'static str> {
    if value.len() > MAX_VALUE_BYTES {
        return Err("too long");
    }
    let value: Value<'_> = serde_json::from_slice(value).map_err(|_| "not the expected JSON")?;
    if value.id != key.id.as_str() || value.role != key.role.as_str() {
        return Err("another id or role than the key's");
    }
    if value.address.is_empty() || value.address.len() > MAX_TEXT_BYTES || value.dc.len() > MAX_TEXT_BYTES {
        return Err("an address or data centre of a wrong length");
    }
    if !value.load.is_finite() {
        return Err("a load that is no number");
    }
    Ok(NodeInfo {
        id: key.id.clone(),
        dc: value.dc.into(),
        role: key.role,
        address: value.address.into(),
        load: value.load.clamp(0.0, 1.0),
        draining: value.draining,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeInfo {
        NodeInfo {
            id: NodeId::parse("sfu-1.eu_west").unwrap(),
            dc: "Köln \"1\"".into(),
            role: Role::Sfu,
            address: "https://10.0.0.1:9700".into(),
            load: 0.123_456,
            draining: true,
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let key = NodeKey::of(&node());
        assert_eq!(key.to_string(), "/anabranch/nodes/sfu/sfu-1%2Eeu_west");
        assert_eq!(NodeKey::parse(key.to_string().as_bytes()), Some(key.clone()));
        let read = read(&key, &write(&node())).unwrap();
        assert_eq!(read, NodeInfo { load: 0.123, ..node() });
    }

    #[test]
    fn no_other_key_is_one() {
        for key in ["", "/anabranch/nodes/", "/anabranch/nodes/sfu", "/anabranch/nodes/sfu/", "/x/sfu/a"] {
            assert_eq!(NodeKey::parse(key.as_bytes()), None, "{key}");
        }
        for id in ["mixer/a", "sfu/a/b", "sfu/a.b", "sfu/a%2e", "sfu/a%2Fb", "sfu/\u{e9}", "SFU/a"] {
            assert_eq!(NodeKey::parse(format!("{PREFIX}{id}").as_bytes()), None, "{id}");
        }
        assert_eq!(NodeKey::parse(b"/anabranch/nodes/sfu/\xff"), None);
    }

    #[test]
    fn no_other_value_is_one() {
        let key = NodeKey::of(&node());
        let good = String::from_utf8(write(&node())).unwrap();
        assert!(read(&key, good.replace('{', r#"{"later":[1],"#).as_bytes()).is_ok());
        for (from, to) in [
            ("sfu-1.eu_west", "sfu-2"),
            (r#""role":"sfu""#, r#""role":"signal""#),
            ("https://10.0.0.1:9700", ""),
            ("0.123", "null"),
            ("0.123", "1e999"),
            ("true", "1"),
            ("}", ""),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(read(&key, bad.as_bytes()).is_err(), "{bad}");
        }
        let long = good.replace('{', &format!(r#"{{"x":"{}","#, "x".repeat(MAX_VALUE_BYTES)));
        assert_eq!(read(&key, long.as_bytes()), Err("too long"));
        assert_eq!(read(&key, good.replace("0.123", "-7").as_bytes()).unwrap().load, 0.0);
    }
}
