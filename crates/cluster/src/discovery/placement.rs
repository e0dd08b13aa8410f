//! Which SFU a new stream goes to.

use super::NodeInfo;

/// Chooses an SFU for a client of data centre `dc`: one of the same data centre where there is one,
/// and of two picked at random the less loaded. Never one that is draining.
///
/// Two random ones and not the least loaded of all: loads are seconds old, and everybody would go to
/// the same node until it says that it is full.
#[must_use]
pub fn choose_sfu<'a>(nodes: &'a [NodeInfo], dc: &str, random: u64) -> Option<&'a NodeInfo> {
    let open = || nodes.iter().filter(|node| !node.draining);
    let near: Vec<&NodeInfo> = open().filter(|node| &*node.dc == dc).collect();
    let candidates = if near.is_empty() { open().collect() } else { near };
    let count = u64::try_from(candidates.len()).ok()?;
    if count < 2 {
        return candidates.first().copied();
    }
    // The second is another one than the first.
    let one = (random >> 32) % count;
    let other = (one + 1 + (random & 0xffff_ffff) % (count - 1)) % count;
    let at = |place: u64| candidates.get(usize::try_from(place).ok()?).copied();
    let (one, other) = (at(one)?, at(other)?);
    Some(if other.load < one.load { other } else { one })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use model::NodeId;

    fn sfu(id: &str, dc: &str, load: f32) -> NodeInfo {
        NodeInfo {
            id: NodeId::parse(id).unwrap(),
            dc: dc.into(),
            role: Role::Sfu,
            address: "inproc://sfu".into(),
            load,
            draining: false,
        }
    }

    fn chosen(nodes: &[NodeInfo], dc: &str) -> Vec<String> {
        let spread = (0..1000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut ids: Vec<_> = spread
            .filter_map(|random| choose_sfu(nodes, dc, random))
            .map(|node| node.id.to_string())
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    #[test]
    fn the_same_data_centre_comes_first_however_loaded() {
        let nodes = [sfu("near", "a", 0.9), sfu("far", "b", 0.0)];
        assert_eq!(chosen(&nodes, "a"), ["near"]);
        assert_eq!(chosen(&nodes, "b"), ["far"]);
        assert_eq!(chosen(&nodes, "c"), ["far"], "none is near: the less loaded of the two");
    }

    #[test]
    fn a_draining_node_is_never_chosen() {
        let mut nodes = [sfu("near", "a", 0.1), sfu("far", "b", 0.1)];
        nodes[0].draining = true;
        assert_eq!(chosen(&nodes, "a"), ["far"]);
        nodes[1].draining = true;
        assert!(chosen(&nodes, "a").is_empty());
        assert!(chosen(&[], "a").is_empty());
    }

    #[test]
    fn all_but_the_most_loaded_get_their_share() {
        let nodes = [sfu("1", "a", 0.1), sfu("2", "a", 0.2), sfu("3", "a", 0.3), sfu("full", "a", 1.0)];
        assert_eq!(chosen(&nodes, "a"), ["1", "2", "3"]);
    }
}
