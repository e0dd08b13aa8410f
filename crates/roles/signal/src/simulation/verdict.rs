//! At the end: everybody believes the truth.

use super::{
    belief::Belief,
    device::Device,
    world::{ROOMS, World},
};
use cluster::Store;
use model::{RoomId, RoomState};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::sleep;

/// How long it may take until all is right: the longest is a user whose join nobody answered, who expires.
const PATIENCE: u32 = 90;

/// How long what is said may take to be heard.
const HEARD: Duration = Duration::from_millis(500);

/// What is on its way to the store, or from it, when the faults end has arrived by then.
const ON_ITS_WAY: Duration = Duration::from_secs(7);

/// Waits until everybody believes the truth.
pub(super) async fn all_is_right(world: &World, devices: &mut [Device]) {
    sleep(ON_ITS_WAY).await;
    let mut why = String::new();
    for _ in 0..PATIENCE {
        devices.iter_mut().for_each(Device::notice);
        match look(world, devices).await {
            Ok(()) => return,
            Err(still) => why = still,
        }
        sleep(Duration::from_secs(1)).await;
    }
    world.record.wrong(format_args!("it does not come right: {why}"));
}

async fn look(world: &World, devices: &[Device]) -> Result<(), String> {
    for node in &world.nodes {
        node.lock().look(&world.record);
    }
    for rid in ROOMS {
        let truth = world.truth.snapshot(&RoomId::parse(rid).unwrap()).await.unwrap();
        room(world, rid, &truth, devices)?;
    }
    Ok(())
}

fn room(world: &World, rid: &str, truth: &RoomState, devices: &[Device]) -> Result<(), String> {
    let mut spoken_for = BTreeSet::new();
    for device in devices {
        let Some(belief) = device.room(rid) else { continue };
        let owner = device.line().map(|line| &line.owner);
        let user = truth.users.iter().find(|user| user.uid == device.uid);
        if user.map(|user| &user.owner) != owner {
            return Err(format!("{} is in {rid}, and the store has {user:?}", device.listener.name));
        }
        spoken_for.insert(&device.uid);
        believes(rid, &belief, truth, &device.listener.uid)
            .map_err(|why| format!("{} in {rid}: {why}", device.listener.name))?;
    }
    if let Some(ghost) = truth.users.iter().find(|user| !spoken_for.contains(&user.uid)) {
        return Err(format!("a ghost in {rid}: {ghost:?}"));
    }
    match truth.streams.iter().find(|stream| !world.sfu(stream.sfu.as_str()).has(stream.mid.as_str())) {
        Some(ghost) => Err(format!("no SFU has {ghost:?}")),
        None => Ok(()),
    }
}

fn believes(rid: &str, belief: &Belief, truth: &RoomState, me: &str) -> Result<(), String> {
    let entry = |user: &model::User| json!({"rid": rid, "uid": user.uid.as_str()});
    let pubs = |stream: &model::Stream| json!({"uid": stream.uid.as_str(), "mid": stream.mid.as_str(), "sfuid": stream.sfu.as_str()});
    let users: Vec<_> = truth.users.iter().filter(|user| user.uid.as_str() != me).map(entry).collect();
    let (own, streams): (Vec<_>, Vec<_>) = truth.streams.iter().partition(|stream| stream.uid.as_str() == me);
    let streams: Vec<_> = streams.into_iter().map(pubs).collect();
    belief
        .agrees(me, &json!({"users": users, "pubs": streams}))
        .map_err(|why| format!("{why}, and the store has {users:?} and {streams:?}"))?;
    let own: BTreeMap<_, _> =
        own.iter().map(|stream| (stream.mid.to_string(), stream.sfu.to_string())).collect();
    let mut mine = belief.own.clone();
    mine.retain(|mid, _| own.contains_key(mid) || !belief.doubtful.contains(mid));
    if mine == own { Ok(()) } else { Err(format!("has {mine:?} itself, and the store {own:?}")) }
}

/// Everybody in a room is answered the truth, and heard once by all others.
pub(super) async fn all_are_heard(world: &World, devices: &mut [Device]) {
    for rid in ROOMS {
        for nth in 0..devices.len() {
            if devices[nth].room(rid).is_some() {
                speak(world, rid, devices, nth).await;
            }
        }
    }
}

async fn speak(world: &World, rid: &str, devices: &mut [Device], nth: usize) {
    let before: Vec<usize> = devices.iter().map(|device| device.listener.said.lock().len()).collect();
    let speaker = &mut devices[nth];
    for list in ["getusers", "getpubs"] {
        // The replay compares it with what was heard, which is the truth.
        let answer = speaker.ask(list, json!({"rid": rid})).await;
        if !matches!(answer, Some(Ok(_))) {
            world.record.wrong(format_args!("{}: {list}: {answer:?}", speaker.listener.name));
        }
    }
    speaker.say(rid).await;
    sleep(HEARD).await;
    let uid = devices[nth].uid.clone();
    for (device, before) in devices.iter().zip(before) {
        let heard = device.listener.said.lock().len() - before;
        let expected = usize::from(device.room(rid).is_some() && device.uid != uid);
        if heard != expected {
            let (name, speaker) = (&device.listener.name, &devices[nth].listener.name);
            world.record.wrong(format_args!("{name} heard {speaker} {heard} times in {rid}"));
        }
    }
}
