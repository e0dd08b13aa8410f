use std::time::{Duration, Instant};

use model::ids::{RoomId, StreamId, SubscriptionId, UserId};
use model::{LayerName, LayerWanted, MediaFact, MediaNotice, Owner};
use tokio::time::timeout;
use tonic::Code;

use super::*;
use crate::directory::Party;

const PATIENCE: Duration = Duration::from_secs(10);

fn node(name: &str) -> NodeId {
    NodeId::parse(name).unwrap()
}

fn mid(n: usize) -> StreamId {
    StreamId::parse(&format!("ann#{n}")).unwrap()
}

fn sid(n: usize) -> SubscriptionId {
    SubscriptionId::parse(&format!("ann#s{n}")).unwrap()
}

/// So many streams of one node's client, who subscribes to each of them.
fn directory(streams: usize) -> Arc<Directory> {
    let directory = Directory::new(1);
    for n in 0..streams {
        let party = Party {
            rid: RoomId::parse("tea").unwrap(),
            uid: UserId::parse("ann").unwrap(),
            connection: Some(Owner { signal: node("signal-1"), connection: 7 }),
        };
        directory.add_stream(&mid(n), party.clone(), Instant::now()).unwrap();
        directory.add_subscription(&sid(n), &mid(n), party, 0, |home, _| home).unwrap();
    }
    Arc::new(directory)
}

fn pause(notices: &Notices, directory: &Directory, n: usize, paused: bool) {
    let node = directory.note_pause(&sid(n), paused).unwrap();
    notices.tell(&node, [Topic::Pause(sid(n))]);
}

type Call = mpsc::Receiver<Result<proto::MediaNotice, Status>>;

async fn heard(call: &mut Call) -> MediaFact {
    let notice = timeout(PATIENCE, call.recv()).await.unwrap().unwrap().unwrap();
    MediaNotice::try_from(notice).unwrap().fact
}

fn paused(n: usize, paused: bool) -> MediaFact {
    MediaFact::Paused { sid: sid(n), paused }
}

#[tokio::test]
async fn who_begins_to_listen_hears_what_is_so_and_then_what_changes() {
    let (notices, directory) = (Notices::default(), directory(2));
    pause(&notices, &directory, 0, true);
    let layers = vec![LayerWanted { rid: LayerName::parse("q").unwrap(), wanted: false }];
    directory.note_layers(&mid(1), layers.clone());
    let mut call = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    assert_eq!(heard(&mut call).await, MediaFact::Layers(layers));
    assert_eq!(heard(&mut call).await, paused(0, true));
    pause(&notices, &directory, 1, true);
    assert_eq!(heard(&mut call).await, paused(1, true));
    pause(&notices, &directory, 0, false);
    assert_eq!(heard(&mut call).await, paused(0, false));
}

#[tokio::test]
async fn who_comes_back_hears_also_what_is_over() {
    let (notices, directory) = (Notices::default(), directory(1));
    let mut call = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    pause(&notices, &directory, 0, true);
    assert_eq!(heard(&mut call).await, paused(0, true));
    drop(call);
    pause(&notices, &directory, 0, false);
    let mut call = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    assert_eq!(heard(&mut call).await, paused(0, false));
}

#[tokio::test]
async fn a_slow_reader_gets_the_latest_of_each_and_never_the_old_after_the_new() {
    const STREAMS: usize = 100;
    let (notices, directory) = (Notices::default(), directory(STREAMS));
    let mut call = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    for round in 0..100 {
        for n in 0..STREAMS {
            pause(&notices, &directory, n, round % 2 == 0);
        }
        tokio::task::yield_now().await;
    }
    assert!(notices.waiting() <= STREAMS as u64);
    let mut last = [true; STREAMS];
    let mut came = 0;
    while last.contains(&true) {
        let MediaFact::Paused { sid: of, paused } = heard(&mut call).await else { panic!("not paused") };
        last[(0..STREAMS).find(|n| sid(*n) == of).unwrap()] = paused;
        came += 1;
    }
    assert!(came <= STREAMS + ON_THEIR_WAY + 1, "{came}");
    assert_eq!(notices.dropped(), 0);
}

#[tokio::test]
async fn a_later_call_of_the_same_node_takes_over() {
    let (notices, directory) = (Notices::default(), directory(1));
    let mut old = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    let mut new = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    let mut other = notices.listen(node("signal-2"), Arc::clone(&directory)).unwrap();
    let ended = timeout(PATIENCE, old.recv()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Aborted);
    pause(&notices, &directory, 0, true);
    assert_eq!(heard(&mut new).await, paused(0, true));
    assert_eq!(notices.watchers(), 2);

    notices.close();
    for call in [&mut new, &mut other] {
        let ended = timeout(PATIENCE, call.recv()).await.unwrap().unwrap().unwrap_err();
        assert_eq!(rpc::status::error_code(&ended), Some(ErrorCode::Draining));
    }
    assert!(notices.listen(node("signal-1"), directory).is_err());
}

#[tokio::test]
async fn who_hangs_up_is_forgotten() {
    let (notices, directory) = (Notices::default(), directory(1));
    let call = notices.listen(node("signal-1"), Arc::clone(&directory)).unwrap();
    assert_eq!(notices.watchers(), 1);
    drop(call);
    let gone = async {
        while notices.watchers() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

#[test]
fn the_oldest_goes_where_there_is_no_room() {
    let mut queue = Queue::default();
    assert!((0..WAITING).all(|n| queue.push(Topic::Pause(sid(n)))));
    assert!(queue.push(Topic::Pause(sid(3))), "it waits already");
    assert!(!queue.push(Topic::Pause(sid(WAITING))));
    assert_eq!(queue.pop(), Some(Topic::Pause(sid(1))));
    assert!(queue.push(Topic::Pause(sid(0))), "it is not taken to wait still");
}
