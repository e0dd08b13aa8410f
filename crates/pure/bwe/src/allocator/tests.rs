//! Stories of single subscribers, and what holds for all of them.

#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use super::*;
use proptest::prelude::*;

fn layers(kbps: &[u64]) -> Vec<Layer> {
    let layer = |(n, &kbps): (usize, &u64)| Layer {
        bitrate: Bitrate::kbps(kbps),
        height: 180 << (n / 2),
        spatial: (n / 2) as u8,
        temporal: (n % 2) as u8,
    };
    kbps.iter().enumerate().map(layer).collect()
}

fn video(id: u64, priority: u8, layers: &[Layer]) -> Offer<'_> {
    Offer { id, priority, max_height: None, max_bitrate: None, media: Media::Video(layers) }
}

fn audio(id: u64, kbps: u64) -> Offer<'static> {
    let media = Media::Audio(Bitrate::kbps(kbps));
    Offer { id, priority: 0, max_height: None, max_bitrate: None, media }
}

fn chosen(choices: &[Choice]) -> Vec<Option<usize>> {
    choices.iter().map(|choice| choice.layer).collect()
}

/// With nothing chosen before.
fn fresh(kbps: u64, offers: &[Offer<'_>]) -> Vec<Option<usize>> {
    chosen(Allocator::new().allocate(Instant::now(), Bitrate::kbps(kbps), offers.iter().copied()))
}

#[test]
fn audio_first_then_a_picture_of_everybody_then_by_priority() {
    let layers = layers(&[100, 150, 400, 600]);
    let offers = [video(1, 0, &layers), video(2, 9, &layers), video(3, 0, &layers), audio(4, 50)];
    assert_eq!(fresh(40, &offers), [None, None, None, None]);
    assert_eq!(fresh(150, &offers), [None, Some(0), None, None], "the one that matters most");
    assert_eq!(fresh(350, &offers), [Some(0), Some(0), Some(0), None]);
    assert_eq!(fresh(850, &offers), [Some(0), Some(3), Some(0), None]);
    assert_eq!(fresh(950, &offers), [Some(1), Some(3), Some(1), None], "the others side by side");
    assert_eq!(fresh(1450, &offers), [Some(2), Some(3), Some(2), None]);
}

#[test]
fn down_is_at_once_and_up_takes_a_margin_and_a_time() {
    let layers = layers(&[100, 200, 500, 1000]);
    let offers = [video(1, 0, &layers)];
    let (mut allocator, start) = (Allocator::new(), Instant::now());
    let mut at = |millis, kbps| {
        let choices = allocator.allocate(
            start + Duration::from_millis(millis),
            Bitrate::kbps(kbps),
            offers.iter().copied(),
        );
        (choices[0].layer, allocator.poll_timeout().is_some())
    };
    assert_eq!(at(0, 1000), (Some(3), false));
    assert_eq!(at(10, 999), (Some(2), false));
    assert_eq!(at(20, 1100), (Some(2), false), "no margin");
    assert_eq!(at(100, 1200), (Some(2), true));
    assert_eq!(at(600, 1100), (Some(2), false), "it did not last");
    assert_eq!(at(700, 1200), (Some(2), true));
    assert_eq!(at(1700, 1200), (Some(3), false));
    assert_eq!(at(1800, 90), (None, false), "paused, because nothing else is left");
    assert_eq!(at(1900, 118), (None, false), "no margin to resume");
    assert_eq!(at(2000, 122), (None, true));
    assert_eq!(at(3000, 122), (Some(0), false));
}

#[test]
fn what_had_to_be_taken_back_is_tried_again_ever_more_rarely() {
    let layers = layers(&[100, 200, 500, 1000]);
    let offers = [video(1, 0, &layers)];
    let (mut allocator, start) = (Allocator::new(), Instant::now());
    let mut layer = |at: u64, kbps| {
        allocator.allocate(start + Duration::from_millis(at), Bitrate::kbps(kbps), offers.iter().copied())[0]
            .layer
    };
    layer(0, 600);
    let mut tried = Vec::new();
    let (mut up, mut since) = (false, 0);
    for at in (100..80_000).step_by(100) {
        let wanted = if up { 600 } else { 1200 };
        let is_up = layer(at, wanted) == Some(3);
        if is_up && !up {
            tried.push((at - since) / 1000);
        }
        since = if up { at } else { since };
        up = is_up;
    }
    assert_eq!(tried, [1, 2, 4, 8, 16, 16, 16]);
    (80_000..95_000).step_by(100).for_each(|at| assert!(layer(at, 1200).is_some()));
    layer(112_000, 1200);
    layer(125_000, 600);
    layer(126_000, 1200);
    assert_eq!(layer(127_000, 1200), Some(3), "what lasted for ten seconds was none");
}

#[test]
fn caps_hold_but_for_the_lowest_layer() {
    let layers = layers(&[100, 150, 400, 600, 1500, 2000]);
    let capped = |max_height, max_bitrate: Option<u64>| {
        let max_bitrate = max_bitrate.map(Bitrate::kbps);
        fresh(9000, &[Offer { max_height, max_bitrate, ..video(1, 0, &layers) }])[0]
    };
    assert_eq!(capped(Some(360), None), Some(3));
    assert_eq!(capped(None, Some(599)), Some(2));
    assert_eq!(capped(Some(90), Some(1)), Some(0));
}

#[test]
fn who_comes_is_let_in_at_once_and_who_has_no_layer_now_gets_none() {
    let (layers, silent) = (layers(&[100, 800]), layers(&[0, 0]));
    let (mut allocator, now) = (Allocator::new(), Instant::now());
    let budget = Bitrate::kbps(1000);
    let alone = [video(1, 0, &layers)];
    assert_eq!(chosen(allocator.allocate(now, budget, alone.iter().copied())), [Some(1)]);
    let joined = [video(1, 0, &layers), video(2, 5, &layers), video(3, 5, &silent)];
    assert_eq!(chosen(allocator.allocate(now, budget, joined.iter().copied())), [Some(0), Some(1), None]);
}

#[derive(Clone, Debug)]
struct Case {
    streams: Vec<(u8, Vec<u64>)>,
    audio: u64,
    budget: u64,
}

impl Case {
    fn offers<'a>(&self, layers: &'a [Vec<Layer>]) -> Vec<Offer<'a>> {
        let videos = self.streams.iter().zip(layers).zip(1..);
        let videos = videos.map(|(((priority, _), layers), id)| video(id, *priority, layers));
        videos.chain([audio(0, self.audio)]).collect()
    }

    fn layers(&self) -> Vec<Vec<Layer>> {
        let sums = |steps: &Vec<u64>| {
            let sums = steps.iter().scan(0, |sum, step| {
                *sum += step;
                Some(*sum)
            });
            layers(&sums.collect::<Vec<_>>())
        };
        self.streams.iter().map(|(_, steps)| sums(steps)).collect()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let steps = prop::collection::vec(20..600u64, 1..7);
    let streams = prop::collection::vec((0..3u8, steps), 1..9);
    (streams, 0..200u64, 0..9000u64).prop_map(|(streams, audio, budget)| Case { streams, audio, budget })
}

fn takes(offers: &[Offer<'_>], choices: &[Option<usize>]) -> Bitrate {
    let bitrates = offers.iter().zip(choices).map(|(offer, choice)| match (offer.media, choice) {
        (Media::Audio(bitrate), _) => bitrate,
        (Media::Video(layers), Some(layer)) => layers[*layer].bitrate,
        _ => Bitrate::ZERO,
    });
    bitrates.fold(Bitrate::ZERO, Bitrate::saturating_add)
}

proptest! {
    /// Whatever the budget does, no more is sent than it allows; and the same happens again.
    #[test]
    fn never_above_the_budget_and_always_alike(
        case in cases(),
        budgets in prop::collection::vec((0..9000u64, 0..3000u64), 1..30),
    ) {
        let (layers, start) = (case.layers(), Instant::now());
        let offers = case.offers(&layers);
        let (mut one, mut other, mut at) = (Allocator::new(), Allocator::new(), start);
        for (kbps, millis) in budgets {
            at += Duration::from_millis(millis);
            let budget = Bitrate::kbps(kbps);
            let choices = chosen(one.allocate(at, budget, offers.iter().copied()));
            prop_assert_eq!(&choices, &chosen(other.allocate(at, budget, offers.iter().copied())));
            let most = budget.max(Bitrate::kbps(case.audio));
            prop_assert!(takes(&offers, &choices) <= most, "{choices:?}");
        }
    }

    /// A larger budget is never worse: at the first step where the choices part, it has it.
    #[test]
    fn monotone_in_the_budget(case in cases(), more in 0..3000u64) {
        let layers = case.layers();
        let offers = case.offers(&layers);
        let (low, high) = (fresh(case.budget, &offers), fresh(case.budget + more, &offers));
        let mut order = Order::default();
        order.arrange(offers.iter().copied());
        let plan = |choices: &[Option<usize>]| {
            let mut plan = Plan::default();
            choices.iter().for_each(|choice| plan.put(Some(choice.map_or(0, |layer| layer + 1))));
            plan
        };
        prop_assert!(!plan(&low).is_before(&plan(&high), &order), "{low:?} {high:?}");
    }

    /// A stream of lower priority costs the others no more than the room for its lowest layer, and never their first.
    #[test]
    fn the_lower_never_starve_the_higher(case in cases(), steps in prop::collection::vec(20..600u64, 1..7)) {
        let mut with = case.clone();
        with.streams.iter_mut().for_each(|(priority, _)| *priority += 1);
        let without = with.clone();
        with.streams.push((0, steps.clone()));
        let (layers, fewer) = (with.layers(), without.layers());
        let got = fresh(case.budget, &with.offers(&layers));
        let alone = fresh(case.budget, &without.offers(&fewer));
        let reduced = fresh(case.budget.saturating_sub(steps[0]), &without.offers(&fewer));
        let count = case.streams.len();
        let paused = |choices: &[Option<usize>]| {
            choices[..count].iter().map(Option::is_none).collect::<Vec<_>>()
        };
        prop_assert_eq!(paused(&got), paused(&alone));
        let others = if got[count].is_some() { &reduced } else { &alone };
        prop_assert_eq!(&got[..count], &others[..count]);
    }

    /// A budget that wavers by less than the margin: once both ends have lasted, nothing changes any more, and before
    /// that nothing is taken back.
    #[test]
    fn no_flapping(case in cases(), noise in prop::collection::vec(-0.06..0.06f64, 200)) {
        let (layers, start) = (case.layers(), Instant::now());
        let offers = case.offers(&layers);
        // Audio is not part of what wavers by a margin.
        let audio = case.audio;
        let mut allocator = Allocator::new();
        let mut last: Option<Plan> = None;
        let low = Bitrate::kbps(case.budget).scale(0.94).saturating_add(Bitrate::kbps(audio));
        allocator.allocate(start, low, offers.iter().copied());
        let mut order = Order::default();
        order.arrange(offers.iter().copied());
        for (n, noise) in noise.into_iter().enumerate() {
            let budget = Bitrate::kbps(case.budget).scale(1.0 + noise).saturating_add(Bitrate::kbps(audio));
            let at = start + Duration::from_millis(n as u64 * 100);
            let choices = chosen(allocator.allocate(at, budget, offers.iter().copied()));
            let mut plan = Plan::default();
            choices.iter().for_each(|choice| plan.put(Some(choice.map_or(0, |layer| layer + 1))));
            if let Some(last) = &last {
                prop_assert!(!last.is_before(&plan, &order), "{choices:?}");
            }
            last = Some(plan);
        }
    }
}
