//! Registers that answer and registers that do not, by the clock of the test.

use cluster::discovery::MemoryDiscovery;
use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Discovery, Lease, Store};
use rpc::channel::InProcess;

use super::*;

async fn known(discovery: &dyn Discovery, name: &str, draining: bool) -> Lease {
    let node = NodeInfo {
        id: NodeId::parse(name).unwrap(),
        dc: "here".into(),
        role: Role::Register,
        address: format!("inproc://{name}").into(),
        load: 0.0,
        draining,
    };
    discovery.register(node).await.unwrap()
}

fn serve(in_process: &InProcess, name: &str, store: &Arc<dyn Store>) {
    let service = register::Register::new(Arc::clone(store), Arc::new(MemoryEvents::default())).service();
    let server = rpc::server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(in_process.listen(name).unwrap()));
}

fn registers(discovery: &dyn Discovery, in_process: InProcess) -> Registers {
    let nodes = discovery.watch(Role::Register);
    Registers::new(NodeId::parse("sfu-1").unwrap(), 7, "here".into(), nodes, Dialer::new(in_process))
}

#[tokio::test(start_paused = true)]
async fn a_silent_register_costs_a_second_once_and_then_the_other_one_is_asked() {
    let (discovery, in_process) = (MemoryDiscovery::default(), InProcess::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    // It takes connections, as a stopped process does, and says nothing.
    let _silent = in_process.listen("silent").unwrap();
    serve(&in_process, "speaks", &store);
    let _leases = [known(&discovery, "silent", false).await, known(&discovery, "speaks", true).await];
    let registers = registers(&discovery, in_process);

    let asked = Instant::now();
    registers.beat().await.unwrap();
    assert!(asked.elapsed() >= ATTEMPT && asked.elapsed() < ATTEMPT * 2, "{:?}", asked.elapsed());
    for _ in 0..4 {
        let asked = Instant::now();
        registers.beat().await.unwrap();
        assert!(asked.elapsed() < ATTEMPT / 2, "{:?}", asked.elapsed());
    }
    let (run, _) = store.runs().await.unwrap().remove(0);
    assert_eq!((run.role, run.id.as_str(), run.started), (Role::Sfu, "sfu-1", 7));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_the_call_is_silent_within_the_deadline() {
    let (discovery, in_process) = (MemoryDiscovery::default(), InProcess::default());
    let registers = registers(&discovery, in_process.clone());
    assert!(matches!(registers.beat().await, Err(CallError::Silent(_))), "there is none");
    let _lease = known(&discovery, "nobody", false).await;
    assert!(matches!(registers.beat().await, Err(CallError::Silent(_))), "nobody listens there");
    let _silent = in_process.listen("silent").unwrap();
    let _silent_lease = known(&discovery, "silent", false).await;
    let asked = Instant::now();
    assert!(matches!(registers.beat().await, Err(CallError::Silent(_))));
    assert!(asked.elapsed() <= rpc::DEADLINE + ATTEMPT, "{:?}", asked.elapsed());
}
