//! Which layers of an offered simulcast are agreed on (RFC 8853, section 5.3.2).

use crate::codec::Kind;
use crate::limits::MAX_LAYERS;
use crate::negotiate::Capabilities;
use crate::offer::MediaSection;
use crate::session::Line;
use crate::simulcast::{Layer, RidDirection};

/// The layers that can be received, none where simulcast is not to be had: then the peer sends one picture.
///
/// Left out is a layer that has no `a=rid`, or one for the other direction or for other payload types than the agreed one,
/// and a name that is there already: the answer does not name them, so they are not sent.
pub(super) fn agree(section: &MediaSection, line: &Line, capabilities: &Capabilities) -> Vec<Layer> {
    let mut agreed: Vec<Layer> = Vec::new();
    // Without the extension a packet does not tell whose it is.
    if !capabilities.simulcast || line.kind != Kind::Video || line.extensions.rid.is_none() {
        return agreed;
    }
    let is_sent = |layer: &&Layer| {
        section.rids.iter().any(|rid| {
            rid.id == layer.rid && rid.direction == RidDirection::Send && rid.allows(line.payload_type)
        })
    };
    for layer in section.simulcast.iter().flatten().filter(is_sent) {
        if agreed.len() < MAX_LAYERS && agreed.iter().all(|known| known.rid != layer.rid) {
            agreed.push(layer.clone());
        }
    }
    agreed
}
