//! Where everything is, and whose.

use super::*;

fn mid(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

fn sid(text: &str) -> SubscriptionId {
    SubscriptionId::parse(text).unwrap()
}

fn rid() -> RoomId {
    RoomId::parse("room").unwrap()
}

fn uid() -> UserId {
    UserId::parse("user").unwrap()
}

fn party() -> Party {
    Party { rid: rid(), uid: uid(), connection: None }
}

/// Where the stream is.
fn at_home(home: usize, _: Option<usize>) -> usize {
    home
}

#[test]
fn a_stream_goes_to_the_least_loaded_worker_and_its_subscribers_follow() {
    let directory = Directory::new(2);
    let now = Instant::now();
    let add = |name| directory.add_stream(&mid(name), party(), now);
    let subscribe = |s, m| directory.add_subscription(&sid(s), &mid(m), party(), 0, at_home);
    assert_eq!(add("a"), Ok(0));
    assert_eq!(add("a"), Err(Exists));
    assert_eq!(add("b"), Ok(1));
    assert_eq!(subscribe("s1", "b"), Ok((1, 1)));
    assert_eq!(subscribe("s1", "b"), Err(CannotSubscribe::Exists));
    assert_eq!(add("c"), Ok(0));
    assert_eq!(subscribe("s2", "c"), Ok((0, 0)));
    directory.remove_subscription(&sid("s1"));
    assert_eq!(add("d"), Ok(1));
    assert_eq!(directory.counts(), (4, 1));
}

#[test]
fn a_stream_of_another_room_is_not_there() {
    let directory = Directory::new(1);
    directory.add_stream(&mid("a"), party(), Instant::now()).unwrap();
    let elsewhere = RoomId::parse("elsewhere").unwrap();
    let result =
        directory.add_subscription(&sid("s"), &mid("a"), Party { rid: elsewhere, ..party() }, 0, at_home);
    assert_eq!(result, Err(CannotSubscribe::NoSuchStream));
    assert_eq!(directory.counts(), (1, 0));
}

#[test]
fn a_lost_worker_takes_its_own_entries_along_and_no_others() {
    let directory = Directory::new(2);
    let now = Instant::now();
    for name in ["a", "b", "c"] {
        directory.add_stream(&mid(name), party(), now).unwrap();
        directory.add_subscription(&sid(name), &mid(name), party(), 0, at_home).unwrap();
    }
    let lost: Vec<_> = directory.remove_worker(1).into_iter().map(|(mid, _)| mid).collect();
    assert_eq!(lost, [mid("b")]);
    assert_eq!(directory.counts(), (2, 2));
    assert!(directory.subscription(&sid("b")).is_none());
    assert_eq!(directory.add_stream(&mid("d"), party(), now), Ok(1));
}

#[test]
fn only_old_streams_are_held() {
    let directory = Directory::new(1);
    let start = Instant::now();
    let age = Duration::from_secs(10);
    directory.add_stream(&mid("old"), party(), start).unwrap();
    directory.add_stream(&mid("young"), party(), start + Duration::from_secs(1)).unwrap();
    assert_eq!(directory.streams_older_than(age, start + age), [(rid(), mid("old"))]);
}

#[test]
fn a_user_claims_what_is_theirs_in_the_room() {
    let directory = Directory::new(1);
    let now = Instant::now();
    let (other, elsewhere) = (UserId::parse("other").unwrap(), RoomId::parse("elsewhere").unwrap());
    for (name, rid, uid) in [("a", rid(), uid()), ("b", rid(), other), ("c", elsewhere, uid())] {
        let party = Party { rid, uid, connection: None };
        directory.add_stream(&mid(name), party.clone(), now).unwrap();
        directory.add_subscription(&sid(name), &mid(name), party, 0, at_home).unwrap();
    }
    let mids = ["a", "b", "c", "d"].map(mid).to_vec();
    let sids = ["a", "b", "c", "d"].map(sid).to_vec();
    let claimed = directory.claim(&rid(), &uid(), None, mids, sids, now);
    assert_eq!(claimed, Claimed { mids: vec![mid("a")], sids: vec![sid("a")], network: 0 });
}

#[test]
fn what_one_connection_has_claimed_obeys_no_other() {
    let directory = Directory::new(1);
    let now = Instant::now();
    let owner = |connection| Owner { signal: model::NodeId::parse("signal-1").unwrap(), connection };
    directory.add_stream(&mid("a"), party(), now).unwrap();
    directory.add_subscription(&sid("s"), &mid("a"), party(), 0, at_home).unwrap();
    let obeyed = |connection| {
        let owner = owner(connection);
        let (stream, subscription) = (directory.stream(&mid("a")), directory.subscription(&sid("s")));
        [stream.unwrap().obeys(Some(&owner)), subscription.unwrap().obeys(Some(&owner))]
    };
    let claim = |owner: Option<&Owner>| {
        directory.claim(&rid(), &uid(), owner, vec![mid("a")], vec![sid("s")], now);
    };
    assert_eq!(obeyed(1), [true; 2]);
    claim(Some(&owner(2)));
    assert_eq!((obeyed(1), obeyed(2)), ([false; 2], [true; 2]));
    claim(None);
    assert_eq!((obeyed(1), obeyed(2)), ([false; 2], [true; 2]), "a question claims nothing");
    claim(Some(&owner(3)));
    assert_eq!((obeyed(2), obeyed(3)), ([false; 2], [true; 2]));
    assert!(directory.stream(&mid("a")).unwrap().obeys(None));
}

#[test]
fn a_stream_is_claimed_or_given_up_and_never_both() {
    let directory = Directory::new(1);
    let start = Instant::now();
    let age = Duration::from_secs(10);
    directory.add_stream(&mid("a"), party(), start).unwrap();
    let claim = |now| !directory.claim(&rid(), &uid(), None, vec![mid("a")], Vec::new(), now).mids.is_empty();
    assert!(claim(start + age), "it is old, and gets its time anew");
    assert!(!directory.give_up(&mid("a"), age, start + age));
    assert!(directory.streams_older_than(age, start + age).is_empty());
    assert!(directory.give_up(&mid("a"), age, start + age * 2));
    assert!(!claim(start + age * 2));
    assert!(directory.give_up(&mid("a"), age, start + age * 2), "the end may be tried again");
    assert!(!directory.give_up(&mid("b"), age, start + age * 2));
}

#[test]
fn the_subscriptions_of_one_network_keep_together_while_any_of_them_lives() {
    let directory = Directory::new(3);
    for name in ["a", "b", "c"] {
        directory.add_stream(&mid(name), party(), Instant::now()).unwrap();
    }
    let subscribe = |s: &str, m: &str, network| {
        let place = |home, together: Option<usize>| together.unwrap_or(home);
        directory.add_subscription(&sid(s), &mid(m), party(), network, place).map(|(_, worker)| worker)
    };
    assert_eq!(subscribe("s1", "b", 7), Ok(1));
    assert_eq!(subscribe("s2", "c", 7), Ok(1));
    assert_eq!(subscribe("s3", "c", 8), Ok(2), "another network");
    assert_eq!((subscribe("s4", "a", 0), subscribe("s5", "b", 0)), (Ok(0), Ok(1)), "networks of their own");
    directory.remove_subscription(&sid("s1"));
    assert_eq!(subscribe("s6", "a", 7), Ok(1));
    directory.remove_subscription(&sid("s2"));
    directory.remove_subscription(&sid("s6"));
    assert_eq!(subscribe("s7", "a", 7), Ok(0), "nobody is left to follow");
    directory.remove_worker(0);
    assert_eq!(subscribe("s8", "c", 7), Ok(2));
}

#[test]
fn a_subscription_that_had_to_go_elsewhere_leaves_the_others_together() {
    let directory = Directory::new(2);
    directory.add_stream(&mid("a"), party(), Instant::now()).unwrap();
    let subscribe = |s: &str, worker| {
        directory.add_subscription(&sid(s), &mid("a"), party(), 7, |_, _| worker).unwrap();
    };
    let together = || {
        let mut found = None;
        let result = directory.add_subscription(&sid("probe"), &mid("a"), party(), 7, |_, together| {
            found = together;
            together.unwrap_or(0)
        });
        result.unwrap();
        directory.remove_subscription(&sid("probe"));
        found
    };
    subscribe("s1", 1);
    subscribe("s2", 0);
    assert_eq!(together(), Some(1));
    directory.remove_subscription(&sid("s2"));
    assert_eq!(together(), Some(1));
    directory.remove_subscription(&sid("s1"));
    assert_eq!(together(), None);
}
