//! Simulcast: one picture sent in several layers (RFC 8853), each with a name and restrictions (RFC 8851).

use crate::limits::MAX_RIDS;
use crate::name::RtpStreamId;

/// A layer of a simulcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, which its packets carry (RFC 8852).
    pub rid: RtpStreamId,
    /// Not sent at first (`~`): its encoding is not active, until the application says otherwise.
    pub paused: bool,
}

/// The value of `a=rid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rid {
    /// Name of the layer.
    pub id: RtpStreamId,
    /// Which way it goes.
    pub direction: RidDirection,
    /// The payload types that it is restricted to (`pt=`), as many as an m-line can have; empty: all of the m-line's.
    /// Other restrictions, such as `max-width`, are the sender's to keep and not read.
    pub payload_types: Vec<u8>,
}

/// Which way a simulcast layer goes, seen from the offerer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RidDirection {
    /// The offerer sends it.
    Send,
    /// The offerer receives it.
    Recv,
}

impl Rid {
    /// `<id> send|recv [pt=<payload type>,…;<name>=<value>;…]`, RFC 8851, section 10.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (id, rest) = value.split_once(' ')?;
        let rest = rest.trim_start();
        let (direction, restrictions) = rest.split_once(' ').unwrap_or((rest, ""));
        let id = RtpStreamId::parse(id)?;
        let direction = match direction {
            "send" => RidDirection::Send,
            "recv" => RidDirection::Recv,
            _ => return None,
        };
        let listed = restrictions.split(';').find_map(|restriction| restriction.trim().strip_prefix("pt="));
        let payload_types = match listed {
            Some(list) => payload_types(list)?,
            None => Vec::new(),
        };
        Some(Self { id, direction, payload_types })
    }

    /// Whether the layer may be sent with this payload type.
    pub fn allows(&self, payload_type: u8) -> bool {
        self.payload_types.is_empty() || self.payload_types.contains(&payload_type)
    }
}

fn payload_types(list: &str) -> Option<Vec<u8>> {
    let mut payload_types = Vec::new();
    for word in list.split(',') {
        let number = word.trim().parse().ok().filter(|number| *number < 128)?;
        // Each once, so that there are at most 128.
        if !payload_types.contains(&number) {
            payload_types.push(number);
        }
    }
    Some(payload_types)
}

/// Why the value of `a=simulcast` cannot be used.
pub(crate) enum Unreadable {
    Malformed,
    TooMany,
}

/// Reads the value of `a=simulcast`, `send <layers>` and `recv <layers>` in either order (RFC 8853, section 5.1): the
/// layers that the offerer would send. Of alternatives (`a,b`) the first is taken, which is the preferred one.
pub(crate) fn sent_layers(value: &str) -> Result<Vec<Layer>, Unreadable> {
    let mut words = value.split_ascii_whitespace();
    let (mut sent, mut received) = (None, None);
    while let Some(direction) = words.next() {
        let side = match direction {
            "send" => &mut sent,
            "recv" => &mut received,
            _ => return Err(Unreadable::Malformed),
        };
        let layers = layers(words.next().ok_or(Unreadable::Malformed)?)?;
        if side.replace(layers).is_some() {
            return Err(Unreadable::Malformed);
        }
    }
    if sent.is_none() && received.is_none() {
        return Err(Unreadable::Malformed);
    }
    Ok(sent.unwrap_or_default())
}

fn layers(list: &str) -> Result<Vec<Layer>, Unreadable> {
    let mut layers = Vec::new();
    for alternatives in list.split(';') {
        if layers.len() == MAX_RIDS {
            return Err(Unreadable::TooMany);
        }
        let mut alternatives = alternatives.split(',').map(layer);
        let preferred = alternatives.next().flatten();
        if !alternatives.all(|alternative| alternative.is_some()) {
            return Err(Unreadable::Malformed);
        }
        layers.push(preferred.ok_or(Unreadable::Malformed)?);
    }
    Ok(layers)
}

fn layer(text: &str) -> Option<Layer> {
    let name = text.strip_prefix('~');
    Some(Layer { rid: RtpStreamId::parse(name.unwrap_or(text))?, paused: name.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> Option<String> {
        let layer = |layer: Layer| format!("{}{}", if layer.paused { "~" } else { "" }, layer.rid);
        let layers = sent_layers(value).ok()?;
        Some(layers.into_iter().map(layer).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_layers_of_a_simulcast_are_read_in_its_order() {
        for (value, expected) in [
            ("send q;h;f", "q h f"),
            ("send 1;~2;3", "1 ~2 3"),
            ("send a,~b;~c,d,e", "a ~c"),
            ("recv x;y send z_1;z-2", "z_1 z-2"),
            ("send z recv x", "z"),
            ("recv x;~y", ""),
        ] {
            assert_eq!(sent(value).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_simulcast_is_refused() {
        for value in [
            "",
            "send",
            "send ",
            "q;h",
            "send q;;h",
            "send q; h",
            "send ;",
            "send q,",
            "send ~",
            "send q~",
            "send rid=q",
            "send q send h",
            "recv q recv h",
            "sendrecv q",
            "send q;h recv",
            "send é",
        ] {
            assert_eq!(sent(value), None, "{value}");
        }
        let list = |count: usize| format!("send {}", vec!["x"; count].join(";"));
        assert!(sent_layers(&list(MAX_RIDS)).is_ok());
        assert!(matches!(sent_layers(&list(MAX_RIDS + 1)), Err(Unreadable::TooMany)));
    }

    #[test]
    fn of_a_layers_restrictions_its_payload_types_are_read() {
        let allowed = |value: &str| Rid::parse(value).map(|rid| (rid.allows(96), rid.allows(98)));
        assert_eq!(allowed("q send"), Some((true, true)));
        assert_eq!(allowed("q send max-width=1280;max-fps=30"), Some((true, true)));
        assert_eq!(allowed("q send pt=96"), Some((true, false)));
        assert_eq!(allowed("q  recv  max-br=1000; pt=97,98,98"), Some((false, true)));
        for value in ["", "q", "q both", "q send pt=", "q send pt=128", "q send pt=x", " send", "q/ send"] {
            assert_eq!(Rid::parse(value), None, "{value}");
        }
    }
}
