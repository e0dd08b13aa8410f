//! Inputs to begin with.

use crate::targets::named;

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    // Kind, shape, leap, send time, payload.
    let packet = |kind: u8, shape: u8, payload: &[u8]| {
        [&[15, kind, shape, 0, 0, 1, 2, 3, payload.len() as u8][..], payload].concat()
    };
    let audio = |n: usize| packet(0, 0x08, &[252, 1, 2, 3]).repeat(n);
    let key = packet(1, 0x18, &[0x10, 0, 0x9d, 1, 0x2a, 1, 1, 1, 1]);
    let delta = packet(1, 0x18, &[0x10, 1, 2, 3]);
    let large = packet(1, 0x40, &[0, 2, 3, 4]);
    let repair = packet(2, 0, &[0, 102, 0x10, 1, 2, 3]);
    let call = [audio(3), key.clone(), delta.clone(), large.clone(), delta.clone()].concat();
    let nack = vec![7, 1, 0, 3, 0, 100, 4, 0, 1, 2, 3];
    let rtp = [4, 14, 0x90, 96, 0, 9, 0, 0, 0, 1, 0, 0, 7, 0xd0, 0xbe, 0xde];
    let two_byte =
        [4, 24, 0x90, 96, 0, 10, 0, 0, 0, 1, 0, 0, 7, 0xd0, 0x10, 0, 0, 1, 1, 1, b'1', 0, 0x10, 1, 2, 3];
    let seeds = named([
        ("call", call.clone()),
        ("key-frames", [call.clone(), vec![7, 1, 0, 0, 7, 1, 0, 1, 9], key.clone()].concat()),
        ("repairs", [call.clone(), nack.clone(), nack.clone(), delta.clone()].concat()),
        ("losses", [key.clone(), packet(1, 0x1c, &[0x10, 1]), vec![10, 0xff, 0xff, 3], repair].concat()),
        (
            "reports",
            [
                call.clone(),
                vec![8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 9, 0, 0, 9, 0, 1, 1],
                vec![10, 0xff, 0xff, 9],
            ]
            .concat(),
        ),
        (
            "receiver-report",
            [call.clone(), vec![7, 1, 0, 2, 5, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 5, 1, 2, 3, 4, 0, 0, 0, 1]]
                .concat(),
        ),
        ("branch-and-tap", [vec![13, 1, 13, 0, 1], call.clone(), vec![10, 0xff, 0xff, 8]].concat()),
        ("moves", [call.clone(), vec![12, 0, 3, 1, 12, 1, 4, 1], call.clone()].concat()),
        (
            "other-sources",
            [call.clone(), packet(3, 0x58, &[0x10, 0, 1]), packet(3, 0x98, &[0x10, 0, 1])].concat(),
        ),
        ("raw-rtp", [call.clone(), rtp.to_vec(), two_byte.to_vec()].concat()),
        (
            "raw-rtcp",
            [
                call.clone(),
                vec![5, 8, 0x80, 201, 0, 1, 0, 0, 0, 1, 6, 12, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
            ]
            .concat(),
        ),
        ("goes", [call.clone(), vec![13, 5, 5, 0], call.clone()].concat()),
        ("leaves", [call.clone(), vec![13, 4, 4], call.clone()].concat()),
        (
            "consent-lost",
            [call.clone(), vec![10, 0xff, 0xff, 9], vec![11, 0xff, 0xff, 9], call.clone()].concat(),
        ),
        ("strangers", vec![9, 20, 4, 0x80, 96, 0, 1, 9, 0, 3, 0x80, 200, 0]),
        (
            "repairs-without-rtx",
            [call, vec![10, 0xff, 0xff, 0], nack.clone(), vec![10, 0xff, 0xff, 1], nack].concat(),
        ),
    ]);
    // The first byte: retransmissions as a stream of their own.
    let begun = |(name, seed): (String, Vec<u8>)| {
        let rtx = u8::from(name != "repairs-without-rtx");
        (name, [vec![rtx], seed].concat())
    };
    seeds.into_iter().map(begun).chain(steering()).collect()
}

/// What layers and bandwidth are about. The first byte says who is there: see `Scene`.
fn steering() -> Vec<(String, Vec<u8>)> {
    const TWO: u8 = 0x11;
    const SIMULCAST: u8 = 0x04;
    const VP9: u8 = 0x08;
    const AV1: u8 = 0x0c;
    // Frames, whether the first is a key frame, bytes of a packet in fours, how much later each arrives.
    let a_while = |key: u8, bytes: u8, later: u8| vec![199, 7, key, bytes, later];
    let call = |bytes: u8| [a_while(1, bytes, 0), a_while(0, bytes, 0).repeat(6)].concat();
    let squeezed = |bytes: u8| [a_while(1, bytes, 0), a_while(0, bytes, 200).repeat(30)].concat();
    let burst = vec![197, 2, 0, 63, 250];
    // Who, kind of feedback, and what it takes.
    let feedback = |kind: u8, rest: &[u8]| [&[192, 0, kind][..], rest].concat();
    let remb = |value: u64, shift: u8| [&[194, 0][..], &value.to_be_bytes(), &[shift]].concat();
    let prefer = |rest: &[u8]| [&[195, 0][..], rest].concat();
    let restart = |who: u8, kind: u8| vec![196, who, kind];
    let check = |who: u8, place: u8, bits: u8| vec![12, who, place, bits];
    let restarts = [
        restart(0, 4),
        check(0, 1, 2),
        check(0, 1, 1),
        call(30),
        restart(1, 4),
        restart(1, 5),
        check(1, 2, 1),
        (0..4).flat_map(|kind| restart(1, kind)).collect(),
        call(30),
    ];
    named([
        ("simulcast", [vec![TWO | SIMULCAST], call(50), prefer(&[1, 100]), call(50)].concat()),
        ("simulcast-squeezed", [vec![TWO | SIMULCAST | 0x40], squeezed(250)].concat()),
        ("vp9-layers", [vec![TWO | VP9], call(60), prefer(&[2, 0, 90, 1]), call(60)].concat()),
        ("vp9-squeezed", [vec![TWO | VP9 | 0x40], squeezed(250)].concat()),
        ("av1", [vec![1 | AV1], call(60), burst.clone(), call(60)].concat()),
        ("bursts", [vec![TWO | 0x40], call(40), burst.repeat(20), a_while(0, 100, 0)].concat()),
        ("estimation-off", [vec![TWO | SIMULCAST | 2], squeezed(200), prefer(&[7, 0, 1, 1, 60, 9])].concat()),
        (
            "feedback-made-up",
            [
                vec![TWO],
                call(40),
                feedback(2, &[]),
                feedback(3, &[0xff, 0xff]),
                feedback(4, &[0xff, 0xff, 0xff]),
                feedback(5, &[3, 0x55]),
                feedback(6, &[0, 0, 0x1f, 0xff, 0, 1, 2, 3, 4]),
                feedback(6, &[0, 0, 0, 200, 1, 0x80, 0, 0, 4, 255]),
                feedback(6, &[0, 0, 0, 200, 2, 0, 0, 9, 4, 0x80, 0]),
                call(40),
            ]
            .concat(),
        ),
        (
            "remb",
            [vec![TWO], call(40), remb(u64::MAX, 0), call(20), remb(u64::MAX, 63), remb(0, 0), call(40)]
                .concat(),
        ),
        (
            "networks",
            [vec![TWO | 0x20], call(40), (0..9).flat_map(|n| vec![198, n, n, n, 1, 9]).collect()].concat(),
        ),
        ("restarts", [vec![TWO], call(30), restarts.concat()].concat()),
    ])
}

#[cfg(test)]
mod tests {
    use super::seeds;
    use crate::script::Script;
    use crate::targets::peers::{SUBSCRIBER, Scene, World};

    fn played(name: &str) -> World {
        let (_, input) = seeds().into_iter().find(|(seed, _)| seed == name).unwrap();
        let mut script = Script::new(&input);
        let mut world = World::new(Scene::read(script.byte()));
        while !script.is_empty() {
            world.step(&mut script);
        }
        world
    }

    /// Seeds are bytes, and what they mean changes with the target.
    #[test]
    fn the_seeds_do_what_their_names_say() {
        let world = played("call");
        let stats = world.router.stats();
        assert!(stats.media_out >= 6 && stats.drops == 0, "{stats:?}");
        assert!(played("repairs").router.stats().retransmissions > 0);
        assert!(played("repairs-without-rtx").router.stats().retransmissions > 0);
        assert!(played("key-frames").router.stats().key_frame_requests_received == 2);
        assert!(played("losses").router.stats().nacks_sent > 0);
        assert!(played("branch-and-tap").router.stats().copies_out > 0);
        assert!(played("other-sources").router.stats().media_in >= 8);
        assert!(played("leaves").gone[SUBSCRIBER]);
        assert_eq!(played("goes").gone, [true; 2]);
        assert_eq!(played("consent-lost").gone, [true; 2]);
    }

    #[test]
    fn the_seeds_about_bandwidth_do_too() {
        let estimates = |world: &World| {
            let detail = world.router.describe(&world.mid).unwrap();
            detail.subscriptions.into_iter().map(|one| one.estimate).collect::<Vec<_>>()
        };
        for name in ["simulcast", "vp9-layers"] {
            let world = played(name);
            assert!(
                estimates(&world).iter().all(|one| one > &Some(300_000)),
                "{name} {:?}",
                estimates(&world)
            );
        }
        assert!(played("simulcast").router.stats().layer_changes > 0);
        assert!(played("simulcast-squeezed").router.stats().pauses > 0);
        let squeezed = estimates(&played("vp9-squeezed"));
        assert!(squeezed.iter().any(|one| one < &Some(300_000)), "{squeezed:?}");
        assert_eq!(estimates(&played("estimation-off")), [None; 2]);
        assert!(played("bursts").router.stats().media_out > 1000);
        assert!(played("av1").router.stats().media_out > 100);
        let restarts = played("restarts");
        assert!(restarts.peers.iter().take(2).all(|peer| peer.next_generation() > 1));
        assert_eq!(restarts.gone, [false; 3]);
        assert_eq!(played("networks").router.stats().subscriptions, 4);
    }
}
