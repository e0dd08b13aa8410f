//! Inputs to begin with.

use crate::targets::named;

/// Bitrate, what to shift it by, height, whether the next one is larger or only has more frames.
const LAYERS: [u8; 16] = [3, 0, 100, 0, 22, 1, 1, 44, 0, 45, 1, 3, 232, 0, 90, 0];

/// Packets leave, one each 5 ms.
fn send(packets: u8) -> Vec<u8> {
    vec![1, 0, packets, 0x04, 0xb0, 0x13, 0x88]
}

/// What became of them: how much later each is than the one before, which are lost.
fn truth(later: u8, lost: u8) -> Vec<u8> {
    vec![4, 0, later, lost, 0, 9]
}

fn wait(shift: u8) -> Vec<u8> {
    vec![0, 0xc3, 0x50, shift]
}

fn release() -> Vec<u8> {
    vec![14, 200]
}

/// A tenth of a second of a call.
fn round(later: u8, lost: u8) -> Vec<u8> {
    [send(20), wait(0), truth(later, lost), release()].concat()
}

fn push(packets: u8, what: u8) -> Vec<u8> {
    vec![12, packets, what, 0x04, 0xb0]
}

/// Audio of 40 kbit/s and two videos, one of them no higher than 360, for a budget that is named before.
fn offers() -> Vec<u8> {
    let audio = [0, 100, 0, 0, 0, 0, 0, 0, 0x9c, 0x40, 0];
    let (video, small) = ([1, 100], [3, 200, 1, 0x68]);
    [&[3][..], &audio, &video, &LAYERS, &small, &LAYERS].concat()
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let (target, plenty) = ([15, 1], [15, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 40]);
    let any = [&[6, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1][..], &[0xff; 8], &[0, 1]].concat();
    let made_up = vec![7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff];
    let joins = [11, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
    let second = vec![1, 1, 9, 4, 0xb0, 1, 1, 4, 1, 0, 0, 0, 0];
    let remb = |bits: u8, shift: u8| [&[8, 0][..], &[bits; 8], &[shift]].concat();
    let queue = [push(60, 1), release(), push(9, 0), push(9, 2), release(), wait(0), release()].concat();
    let shares = [
        target.to_vec(),
        offers(),
        wait(6),
        plenty.to_vec(),
        offers(),
        wait(6),
        plenty.to_vec(),
        offers(),
        target.to_vec(),
        offers(),
    ];
    let odd = [&[1][..], &[0xff; 8], &[0], &[0xff; 8], &[20], &[0; 9]].concat();
    let begun = |seed: Vec<u8>| [vec![0], seed].concat();
    named([
        ("carries-all", begun(round(0, 0).repeat(20))),
        ("fills-up", begun([round(0, 0).repeat(10), round(200, 0).repeat(10)].concat())),
        ("loses", begun([round(0, 0).repeat(10), round(0, 2).repeat(20)].concat())),
        ("falls-silent", begun([round(0, 0).repeat(10), send(60), wait(10), round(0, 0)].concat())),
        ("made-up", begun([round(0, 0).repeat(2), any.clone(), any, made_up].concat())),
        ("legs", begun([joins, round(0, 0), second, vec![11, 1], round(0, 0)].concat())),
        ("remb", begun([remb(0xff, 46), round(0, 0), remb(0, 0), round(0, 0)].concat())),
        ("queues", begun(queue)),
        ("overflows", begun([push(255, 1).repeat(5), push(255, 0), release()].concat())),
        ("shares", begun(shares.concat())),
        ("odd-bounds", [odd, round(0, 0).repeat(3)].concat()),
    ])
}

#[cfg(test)]
mod tests {
    use super::seeds;
    use crate::script::Script;
    use crate::targets::bandwidth::World;
    use bwe::Bitrate;

    fn played(name: &str) -> World {
        let (_, input) = seeds().into_iter().find(|(seed, _)| seed == name).unwrap();
        let mut script = Script::new(&input);
        let mut world = World::new(&mut script);
        while !script.is_empty() {
            world.step(&mut script);
            world.check();
        }
        world
    }

    /// Seeds are bytes, and what they mean changes with the target.
    #[test]
    fn the_seeds_do_what_their_names_say() {
        let target = |name: &str| played(name).estimator.target();
        let carried = target("carries-all");
        assert!(carried > Bitrate::kbps(300), "{carried}");
        for less in ["fills-up", "loses", "falls-silent"] {
            assert!(target(less) < carried, "{less}: {} {carried}", target(less));
        }
        assert_eq!(target("remb"), Bitrate::kbps(80));
        assert_eq!(played("legs").legs.len(), 1);
        assert!(played("queues").pacing.waiting() > 0);
        assert_eq!(played("overflows").pacing.refused(), 5 * 255 - 1024);
        let shares = played("shares");
        assert!(shares.sharing.layers().len() == 2 && !shares.sharing.layers().contains(&0));
        assert_eq!(target("odd-bounds").as_bps(), u64::MAX >> 20);
    }
}
