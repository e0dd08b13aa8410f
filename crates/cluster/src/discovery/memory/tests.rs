use super::*;

fn node(id: &str, load: f32) -> NodeInfo {
    NodeInfo {
        id: NodeId::parse(id).unwrap(),
        dc: "dc".into(),
        role: Role::Sfu,
        address: "inproc://sfu".into(),
        load,
        draining: false,
    }
}

#[tokio::test]
async fn who_watches_sees_nodes_come_change_and_go() {
    let discovery = MemoryDiscovery::default();
    let mut sfus = discovery.watch(Role::Sfu);
    assert!(sfus.borrow_and_update().is_empty());

    let lease = discovery.register(node("one", 0.0)).await.unwrap();
    let _other = discovery.register(node("two", 0.5)).await.unwrap();
    assert!(sfus.has_changed().unwrap());
    assert_eq!(**sfus.borrow_and_update(), [node("one", 0.0), node("two", 0.5)]);

    lease.update(0.75, true);
    let busy = NodeInfo { draining: true, ..node("one", 0.75) };
    assert_eq!(**sfus.borrow_and_update(), [busy, node("two", 0.5)]);

    drop(lease);
    assert_eq!(**sfus.borrow_and_update(), [node("two", 0.5)]);
    assert!(discovery.watch(Role::Signal).borrow().is_empty());
}

#[tokio::test]
async fn a_node_that_came_back_is_not_taken_out_by_its_older_self() {
    let discovery = MemoryDiscovery::default();
    let sfus = discovery.watch(Role::Sfu);
    let older = discovery.register(node("one", 0.0)).await.unwrap();
    let _newer = discovery.register(node("one", 0.5)).await.unwrap();
    older.update(1.0, true);
    drop(older);
    assert_eq!(**sfus.borrow(), [node("one", 0.5)]);
}
